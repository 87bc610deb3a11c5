/** `kes key ls`. */
import { command } from "../command.js";
import { remoteOptions } from "../remote/options.js";
import { colorOption } from "../style.js";

export const keyLsCommand = command({
  usage: "kes key ls [flags] [PATTERN]",
  description: "Lists keys, all or those whose names begin with PATTERN; a final * changes nothing.",
  options: {
    ...remoteOptions,
    json: { type: "boolean", description: "Print a JSON array" },
    color: colorOption,
  },
  args: [0, 1],
  examples: ["kes key ls", "kes key ls 'my-*' --json"],

  async run({ args: [pattern = "*"], options }, context) {
    const { listNames } = await import("../remote/list-names.js");
    return listNames(context, options, "key", pattern);
  },
});
