/** `kes --auto-completion`: bash and zsh are told, in the file that they read at start, to ask `kes` for candidates. */
import { accessSync, appendFileSync, constants, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { basename, join } from "node:path";
import { type CommandContext, CommandError } from "../command.js";

/** What is running, and where. */
export interface Program {
  readonly platform: NodeJS.Platform;
  /** Node.js itself. */
  readonly node: string;
  /** The script that it runs: `kes`, as found on the search path. */
  readonly script: string;
}

/**
 * Appends KES's lines to `~/.bashrc` or `~/.zshrc`, unless they are there.
 * @throws CommandError on Windows, and for any other shell
 */
export async function installCompletion(
  { env, output }: CommandContext,
  program: Program = { platform: process.platform, node: process.execPath, script: process.argv[1] ?? "kes" },
): Promise<void> {
  if (program.platform === "win32") {
    throw new CommandError(
      "completion cannot be installed on Windows: there is no bash or zsh to install it for",
    );
  }
  const shell = basename(env.SHELL ?? "");
  if (shell !== "bash" && shell !== "zsh") {
    const found = shell === "" ? "$SHELL is not set" : `$SHELL is '${shell}'`;
    throw new CommandError(`completion can be installed for bash and zsh only: ${found}`, {
      hints: ["'kes completion fish > ~/.config/fish/completions/kes.fish' installs it for fish"],
    });
  }
  const file = join(env.HOME || homedir(), `.${shell}rc`);
  const complete = `complete -o default -C ${shellWord(commandOf(program))} kes`;
  const prepare = "autoload -U +X bashcompinit && bashcompinit";
  const wanted = shell === "zsh" ? [prepare, complete] : [complete];
  const text = readIfThere(file);
  const there = new Set(text.split("\n").map((line) => line.trim()));
  if (there.has(complete)) {
    output.note("Completion is already installed.");
    return;
  }
  const missing = wanted.filter((line) => !there.has(line));
  const gap = text === "" || text.endsWith("\n") ? "" : "\n";
  appendFileSync(file, `${gap}${missing.join("\n")}\n`);
  output.note(`Completion is installed in ${file}. It works in shells that are started from now on.`);
}

/** The program by its own path where that can be run; a script that is no executable file by way of Node.js. */
function commandOf({ node, script }: Program): string {
  try {
    accessSync(script, constants.X_OK);
    return shellWord(script);
  } catch {
    return `${shellWord(node)} ${shellWord(script)}`;
  }
}

function shellWord(text: string): string {
  return /^[\w./+@%:,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return "";
    throw error;
  }
}
