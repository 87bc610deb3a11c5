/** `kes key create`. */
import { command } from "../command.js";
import { remoteOptions } from "../remote/options.js";

export const keyCreateCommand = command({
  usage: "kes key create [flags] NAME...",
  description: "Creates keys with random bytes on the server. Stops at the first that cannot be created.",
  options: remoteOptions,
  args: [1, Number.POSITIVE_INFINITY],
  examples: ["kes key create my-key"],

  async run({ args, options }, context) {
    const { withClient } = await import("../remote/connect.js");
    return withClient(context, options, async ({ client, signal, attempt }) => {
      for (const name of args) {
        const about = { what: `failed to create key "${name}"`, path: `/v1/key/create/${name}`, key: name };
        await attempt(about, () => client.createKey(name, { signal }));
      }
      return undefined;
    });
  },
});
