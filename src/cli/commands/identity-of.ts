/** `kes identity of`: the identity of an API key or a certificate. */
import { CommandError, command } from "../command.js";
import { styleOf } from "../style.js";

const MAX_SOURCES = 1000;

export const identityOfCommand = command({
  usage: "kes identity of KEY|CERT...",
  description:
    "Prints the identity of an API key or of a certificate file, of which the first certificate counts. KEY or CERT " +
    "may be '-' for standard input. Of several, prints one identity a line.",
  options: {},
  args: [1, MAX_SOURCES],
  examples: [
    'echo "$MINIO_KES_API_KEY" | kes identity of -',
    "kes identity of client.crt",
    "openssl x509 -in client.crt | kes identity of -",
  ],

  async run({ args }, context) {
    const { output } = context;
    const { identityOf, isStandardInput, readSource } = await import("../identity/source.js");
    const { block } = await import("../identity/text.js");
    if (args.filter(isStandardInput).length > 1) throw new CommandError("standard input can be read once");

    const found: { readonly word: string; readonly identity: string }[] = [];
    for (const word of args) {
      const source = await readSource(context, word);
      if (source.kind === "private-key") {
        throw new CommandError(`'${word}' contains a private key, no certificate`, {
          hints: ["'kes identity FILE' prints the API key of an Ed25519 private key"],
        });
      }
      if (source.kind === "certificate" && source.isMixed) {
        throw new CommandError(`'${word}' contains other data than certificates`);
      }
      found.push({ word, identity: identityOf(source, word, output) });
    }
    const [first, ...more] = found;
    if (first === undefined) return undefined;
    if (more.length > 0) output.data(found.map(({ identity }) => `${identity}\n`).join(""));
    else if (!output.isStdoutTerminal) output.data(first.identity);
    else output.data(`${block(styleOf(output), "Identity", first.identity)}\n`);
    return undefined;
  },
});
