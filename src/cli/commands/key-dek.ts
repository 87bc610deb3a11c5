/** `kes key dek`. */
import { command } from "../command.js";
import { remoteOptions } from "../remote/options.js";

export const keyDekCommand = command({
  usage: "kes key dek [flags] NAME [CONTEXT]",
  description:
    "Makes a data key of 32 random bytes and prints it as base64, in plaintext and encrypted with the key. " +
    "CONTEXT, base64, is what the ciphertext is bound to.",
  options: remoteOptions,
  args: [1, 2],
  examples: ["kes key dek my-key", `kes key dek my-key "$(printf my-context | base64)"`],

  async run({ args: [name = "", encodedContext], options }, context) {
    const { base64Of } = await import("../key/arguments.js");
    const bound =
      encodedContext === undefined ? undefined : await base64Of(context, "context", encodedContext);
    const { withClient } = await import("../remote/connect.js");
    const { printValues } = await import("../remote/print.js");
    return withClient(context, options, async ({ client, signal, attempt }) => {
      const about = {
        what: `failed to generate a data key with key "${name}"`,
        path: `/v1/key/generate/${name}`,
        key: name,
      };
      const { plaintext, ciphertext } = await attempt(about, () =>
        client.generateKey(name, { signal, ...(bound === undefined ? {} : { context: bound }) }),
      );
      printValues(context.output, {
        plaintext: plaintext.toString("base64"),
        ciphertext: ciphertext.toString("base64"),
      });
      plaintext.fill(0);
      return undefined;
    });
  },
});
