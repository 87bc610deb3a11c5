/** `kes key hmac`. */
import { command } from "../command.js";
import { remoteOptions } from "../remote/options.js";

export const keyHmacCommand = command({
  usage: "kes key hmac [flags] NAME MESSAGE",
  description:
    "Computes the HMAC-SHA-256 of a message with the HMAC key that belongs to a key, and prints it as base64. " +
    "MESSAGE is taken as it is; - reads it from standard input.",
  options: remoteOptions,
  args: [2, 2],
  examples: ["kes key hmac my-key 'Hello World'", "kes key hmac my-key - < message.txt"],

  async run({ args: [name = "", text = ""], options }, context) {
    const { messageOf } = await import("../key/arguments.js");
    const message = await messageOf(context, text);
    const { withClient } = await import("../remote/connect.js");
    const { printValues } = await import("../remote/print.js");
    return withClient(context, options, async ({ client, signal, attempt }) => {
      const about = {
        what: `failed to compute an HMAC with key "${name}"`,
        path: `/v1/key/hmac/${name}`,
        key: name,
      };
      const hmac = await attempt(about, () => client.hmac(name, message, { signal }));
      printValues(context.output, { hmac: hmac.toString("base64") });
      return undefined;
    }).finally(() => message.fill(0));
  },
});
