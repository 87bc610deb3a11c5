/** `kes identity ls`. */
import { command } from "../command.js";
import { remoteOptions } from "../remote/options.js";
import { colorOption } from "../style.js";

export const identityLsCommand = command({
  usage: "kes identity ls [flags] [PATTERN]",
  description:
    "Lists the identities that the server knows: the admin and those of its policies, all or those that begin with " +
    "PATTERN; a final * changes nothing.",
  options: {
    ...remoteOptions,
    json: { type: "boolean", description: "Print a JSON array" },
    color: colorOption,
  },
  args: [0, 1],
  examples: ["kes identity ls", "kes identity ls 3ec --json"],

  async run({ args: [pattern = ""], options }, context) {
    const { listNames } = await import("../remote/list-names.js");
    return listNames(context, options, "identity", pattern);
  },
});
