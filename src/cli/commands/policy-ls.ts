/** `kes policy ls`. */
import { command } from "../command.js";
import { remoteOptions } from "../remote/options.js";
import { colorOption } from "../style.js";

export const policyLsCommand = command({
  usage: "kes policy ls [flags] [PATTERN]",
  description: "Lists policies, all or those whose names begin with PATTERN; a final * changes nothing.",
  options: {
    ...remoteOptions,
    json: { type: "boolean", description: "Print a JSON array" },
    color: colorOption,
  },
  args: [0, 1],
  examples: ["kes policy ls", "kes policy ls 'minio*' --json"],

  async run({ args: [pattern = "*"], options }, context) {
    const { listNames } = await import("../remote/list-names.js");
    return listNames(context, options, "policy", pattern);
  },
});
