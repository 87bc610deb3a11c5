/** `kes key encrypt`. */
import { command } from "../command.js";
import { remoteOptions } from "../remote/options.js";

export const keyEncryptCommand = command({
  usage: "kes key encrypt [flags] NAME MESSAGE",
  description:
    "Encrypts a short message with a key. MESSAGE is taken as it is; - reads it from standard input.",
  options: {
    ...remoteOptions,
    context: {
      type: "string",
      value: "BASE64",
      description: "What the ciphertext is bound to (default nothing)",
    },
  },
  args: [2, 2],
  examples: ["kes key encrypt my-key 'Hello World'", "kes key encrypt my-key - < message.txt"],

  async run({ args: [name = "", text = ""], options }, context) {
    const { base64Of, messageOf } = await import("../key/arguments.js");
    const bound =
      options.context === undefined ? undefined : await base64Of(context, "context", options.context);
    const message = await messageOf(context, text);
    const { withClient } = await import("../remote/connect.js");
    const { printValues } = await import("../remote/print.js");
    return withClient(context, options, async ({ client, signal, attempt }) => {
      const about = {
        what: `failed to encrypt with key "${name}"`,
        path: `/v1/key/encrypt/${name}`,
        key: name,
      };
      const ciphertext = await attempt(about, () =>
        client.encrypt(name, message, { signal, ...(bound === undefined ? {} : { context: bound }) }),
      );
      printValues(context.output, { ciphertext: ciphertext.toString("base64") });
      return undefined;
    }).finally(() => message.fill(0));
  },
});
