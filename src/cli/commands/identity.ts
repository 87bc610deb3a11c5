/** `kes identity`: a new API key, or from one form of an identity to the next. */
import { command } from "../command.js";
import { styleOf } from "../style.js";

export const identityCommand = command({
  usage: "kes identity [KEY|FILE]",
  description:
    "Without an argument makes a new API key. Of an API key or a certificate prints the identity, of an Ed25519 " +
    "private key the API key. KEY or FILE may be '-' for standard input.",
  options: {},
  args: [0, 1],
  examples: [
    "export MINIO_KES_API_KEY=$(kes identity)",
    'echo "$MINIO_KES_API_KEY" | kes identity -',
    "kes identity client.key",
  ],

  async run({ args: [word] }, context) {
    const { output } = context;
    const style = styleOf(output);
    const { apiKeyText, block } = await import("../identity/text.js");
    const show = (value: string, text: string): void =>
      output.data(output.isStdoutTerminal ? `${text}\n` : value);
    if (word === undefined) {
      const { ApiKey } = await import("../../identity/api-key.js");
      const { randomBytes } = await import("node:crypto");
      const apiKey = ApiKey.generate(randomBytes);
      show(apiKey.toString(), apiKeyText(style, apiKey));
      return undefined;
    }
    const { identityOf, readSource, unsupported } = await import("../identity/source.js");
    const source = await readSource(context, word);
    if (source.kind === "private-key") {
      const { ApiKey } = await import("../../identity/api-key.js");
      if (source.key.asymmetricKeyType !== "ed25519") throw unsupported(word);
      const apiKey = ApiKey.ofPrivateKey(source.key).toString();
      show(apiKey, block(style, "API key", apiKey));
    } else {
      const identity = identityOf(source, word, output);
      show(identity, block(style, "Identity", identity));
    }
    return undefined;
  },
});
