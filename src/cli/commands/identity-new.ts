/** `kes identity new`: an API key, and the same as private key and certificate files. */
import { command } from "../command.js";
import { styleOf } from "../style.js";

export const identityNewCommand = command({
  usage: "kes identity new [--key FILE --cert FILE [OPTIONS]] [SUBJECT]",
  description:
    "Makes a new Ed25519 key and prints it as API key, with its identity. With --key and --cert writes it to files, " +
    "too, with a certificate for clients and servers in the name of SUBJECT (default: the identity).",
  options: {
    key: { type: "string", value: "FILE", description: "Write the private key to FILE (PEM, mode 0600)" },
    cert: { type: "string", value: "FILE", description: "Write the certificate to FILE (PEM)" },
    ip: { type: "list", value: "IP", description: "IP addresses of the certificate" },
    dns: { type: "list", value: "NAME", description: "DNS names of the certificate" },
    expiry: {
      type: "string",
      value: "DURATION",
      description: "How long the certificate is valid (default 720h, 30 days)",
    },
    encrypt: { type: "boolean", description: "Encrypt the private key file with a password" },
    force: { type: "boolean", short: "f", description: "Overwrite existing files" },
    json: { type: "boolean", description: "Print a JSON object" },
  },
  args: [0, 1],
  examples: [
    "kes identity new",
    "kes identity new --key client.key --cert client.crt minio",
    "kes identity new --key server.key --cert server.crt --ip 127.0.0.1 --dns localhost",
  ],

  async run({ args: [subject], options }, context) {
    const { output } = context;
    const { createIdentity } = await import("../identity/create.js");
    const made = await createIdentity(context, options, subject, Date.now());
    if (made.files === undefined && subject !== undefined) {
      output.note("the subject is that of a certificate, and without --key and --cert none is made");
    }
    if (options.json) {
      const { printJson } = await import("../remote/print.js");
      const { dateOf } = await import("../identity/text.js");
      const { apiKey, files } = made;
      const stored = files && {
        key: files.key,
        cert: files.cert,
        expires_at: dateOf(files.notAfterMs),
      };
      printJson(output, { api_key: apiKey.toString(), identity: apiKey.identity, ...stored });
      return undefined;
    }
    const { newIdentityText } = await import("../identity/text.js");
    output.data(newIdentityText(styleOf(output), made));
    return undefined;
  },
});
