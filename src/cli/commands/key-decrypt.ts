/** `kes key decrypt`. */
import { command } from "../command.js";
import { remoteOptions } from "../remote/options.js";

export const keyDecryptCommand = command({
  usage: "kes key decrypt [flags] NAME CIPHERTEXT [CONTEXT]",
  description:
    "Decrypts what 'kes key encrypt' or 'kes key dek' made and prints its base64. CIPHERTEXT (- reads it from " +
    "standard input) and CONTEXT are base64.",
  options: remoteOptions,
  args: [2, 3],
  examples: [
    `kes key decrypt my-key "$(kes key encrypt my-key 'Hello World' | jq -r .ciphertext)"`,
    "kes key encrypt my-key 'Hello World' | jq -r .ciphertext | kes key decrypt my-key -",
  ],

  async run({ args: [name = "", encoded = "", encodedContext], options }, context) {
    const { base64Of } = await import("../key/arguments.js");
    const bound =
      encodedContext === undefined ? undefined : await base64Of(context, "context", encodedContext);
    const ciphertext = await base64Of(context, "ciphertext", encoded);
    const { withClient } = await import("../remote/connect.js");
    const { printValues } = await import("../remote/print.js");
    return withClient(context, options, async ({ client, signal, attempt }) => {
      const about = {
        what: `failed to decrypt with key "${name}"`,
        path: `/v1/key/decrypt/${name}`,
        key: name,
      };
      const plaintext = await attempt(about, () =>
        client.decrypt(name, ciphertext, { signal, ...(bound === undefined ? {} : { context: bound }) }),
      );
      printValues(context.output, { plaintext: plaintext.toString("base64") });
      plaintext.fill(0);
      return undefined;
    });
  },
});
