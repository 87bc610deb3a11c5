/** `kes completion`: what a shell needs to complete `kes` command lines. */
import { CommandError, command } from "../command.js";

/** Shell → its script, loaded when asked for. */
const scripts = {
  bash: async () => (await import("../completion/bash.js")).bashScript,
  zsh: async () => (await import("../completion/zsh.js")).zshScript,
  fish: async () => (await import("../completion/fish.js")).fishScript,
} as const;

export const completionCommand = command({
  usage: "kes completion bash|zsh|fish",
  description:
    "Prints a script that completes kes command lines. bash: source <(kes completion bash), also in ~/.bashrc; " +
    "zsh: the same behind compinit in ~/.zshrc; fish: into ~/.config/fish/completions/kes.fish.",
  options: {},
  args: [1, 1],
  examples: ["kes completion bash > kes.bash", "kes completion zsh > _kes", "kes completion fish > kes.fish"],

  async run({ args }, { output }) {
    const [shell = ""] = args;
    if (!isShell(shell)) {
      throw new CommandError(`there is no completion for '${shell}'`, {
        hints: [`the shells are ${Object.keys(scripts).join(", ")}`],
      });
    }
    const [{ completionModel }, { commands }, script] = await Promise.all([
      import("../completion/model.js"),
      import("../commands.js"),
      scripts[shell](),
    ]);
    output.data(script(await completionModel(commands)));
    return undefined;
  },
});

function isShell(word: string): word is keyof typeof scripts {
  return Object.hasOwn(scripts, word);
}
