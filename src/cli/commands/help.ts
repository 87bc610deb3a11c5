/** `kes help`: what `--help` shows, for those who ask in this order. */
import { command, EXIT } from "../command.js";

export const helpCommand = command({
  usage: "kes help [COMMAND]...",
  description:
    "Prints the options and examples of a command, as 'kes COMMAND --help' does, on standard output.",
  options: {},
  args: [0, 2],
  examples: ["kes help key create", "kes help identity"],

  async run({ args }, context) {
    const [{ run }, { commands }] = await Promise.all([import("../run.js"), import("../commands.js")]);
    context.output.takeUsageAsData();
    const code = await run([...args, "--help"], commands, context);
    // Whoever asks for help by this word gets what he wanted; KES's exit code 2 is that of a misuse.
    return code === EXIT.usageShown ? EXIT.done : code;
  },
});
