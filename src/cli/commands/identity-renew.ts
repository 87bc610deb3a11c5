/** `kes identity renew`: a new certificate for the same key, and so for the same identity. */
import { command } from "../command.js";
import { styleOf } from "../style.js";

export const identityRenewCommand = command({
  usage: "kes identity renew [--key FILE] [--expiry DURATION] [--out FILE] CERT",
  description:
    "Replaces CERT by a certificate with the same key, subject, names and usages, so that no configuration needs to " +
    "change: the identity stays. The old file is kept as CERT.old. A chain behind the certificate stays as it is.",
  options: {
    key: {
      type: "string",
      value: "FILE",
      description: "Its private key (default: CERT with the ending .key)",
    },
    expiry: {
      type: "string",
      value: "DURATION",
      description: "How long the new certificate is valid (default: as long as the old one was)",
    },
    out: {
      type: "string",
      value: "FILE",
      description: "Write the new certificate to FILE and leave CERT alone",
    },
    "ca-cert": { type: "string", value: "FILE", description: "Certificate of the CA that issued CERT" },
    "ca-key": { type: "string", value: "FILE", description: "Private key of the CA that issued CERT" },
    force: { type: "boolean", short: "f", description: "Overwrite the file of --out" },
    json: { type: "boolean", description: "Print a JSON object" },
  },
  args: [1, 1],
  examples: [
    "kes identity renew client.crt",
    "kes identity renew server.crt --expiry 8760h",
    "kes identity renew client.crt --key client.key --out new.crt",
  ],

  async run({ args: [cert = ""], options }, context) {
    const { output } = context;
    const { renew } = await import("../identity/renew.js");
    const renewed = await renew(context, cert, options, Date.now());
    const { before, after, file, kept } = renewed;
    const { dateOf } = await import("../identity/text.js");
    const [was, is] = [dateOf(before.notAfterMs), dateOf(after.notAfterMs)];
    if (options.json) {
      const { printJson } = await import("../remote/print.js");
      const files = { cert: file, ...(kept === undefined ? {} : { old_cert: kept }) };
      printJson(output, { identity: after.identity, ...files, expires_at: is, old_expires_at: was });
    } else {
      const { bold } = styleOf(output);
      const rows: readonly (readonly [label: string, value: string])[] = [
        ["Renewed", file],
        ...(kept === undefined ? [] : [["Kept", `${kept} (the old certificate)`] as const]),
        ["Identity", after.identity],
        ["Valid until", `${is} (before: ${was})`],
      ];
      output.data(rows.map(([label, value]) => `${bold(label.padEnd(11))} ${value}\n`).join(""));
    }
    if (renewed.isCutShort) output.note("the CA's own certificate ends then, and so does this one");
    if (after.namesHost) {
      output.note("a running server takes the new certificate after SIGHUP, or by itself within 15 minutes");
      if (renewed.isSelfSigned) {
        output.note("clients that trust the old certificate itself, as their CA, need the new file as well");
      }
    }
    return undefined;
  },
});
