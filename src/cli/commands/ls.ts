/** `kes ls`: keys, identities or policies. */
import { CommandError, command } from "../command.js";
import { remoteOptions } from "../remote/options.js";
import { colorOption } from "../style.js";

export const lsCommand = command({
  usage: "kes ls [flags] [PREFIX]",
  description: "Lists keys, identities or policies, all or those whose names begin with PREFIX.",
  options: {
    ...remoteOptions,
    identity: { type: "boolean", short: "i", description: "List identities" },
    policy: { type: "boolean", short: "p", description: "List policies" },
    json: { type: "boolean", description: "Print a JSON array" },
    color: colorOption,
  },
  args: [0, 1],
  examples: ["kes ls", "kes ls --policy", "kes ls my- --json"],

  async run({ args: [prefix = ""], options }, context) {
    if (options.identity && options.policy) {
      throw new CommandError("cannot list identities and policies at the same time");
    }
    const kind = options.identity ? "identity" : options.policy ? "policy" : "key";
    const { listNames } = await import("../remote/list-names.js");
    return listNames(context, options, kind, prefix);
  },
});
