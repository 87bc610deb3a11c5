/** From the words of a command line to a command and its exit code (KES reference §14.1). */
import { ConfigError, KesError, UsageError } from "../errors.js";
import { type CommandContext, CommandError, EXIT } from "./command.js";
import type { CommandEntry, CommandTable } from "./commands.js";
import { Interrupted } from "./interrupt.js";

/**
 * Runs the command that `argv` (without the program's name) asks for. Never rejects.
 * @param program - its name, which each command's own begins with
 * @returns the exit code
 */
export async function run(
  argv: readonly string[],
  table: CommandTable,
  context: CommandContext,
  program = "kes",
): Promise<number> {
  try {
    return await dispatch(argv, { table, program }, context);
  } catch (error) {
    if (error instanceof Interrupted) return error.exitCode;
    context.output.error(explain(error));
    if (error instanceof CommandError) for (const hint of error.hints) context.output.note(hint);
    return EXIT.failed;
  }
}

/** What can be run, and what it is called. */
interface Program {
  readonly table: CommandTable;
  readonly program: string;
}

async function dispatch(
  argv: readonly string[],
  { table, program }: Program,
  context: CommandContext,
): Promise<number> {
  if (asksForCandidates(context.env)) {
    const { candidatesOf, wordsOf } = await import("./completion/candidates.js");
    const candidates = await candidatesOf(wordsOf(context.env), table);
    context.output.data(candidates.map((candidate) => `${candidate}\n`).join(""));
    return EXIT.done;
  }
  const [first, second] = argv;
  if (first === "-v" || first === "--version") {
    const { versionText } = await import("./version.js");
    context.output.data(versionText());
    return EXIT.done;
  }
  if (first === "--auto-completion" && program === "kes") {
    const { installCompletion } = await import("./completion/install.js");
    await installCompletion(context);
    return EXIT.done;
  }
  if (first === undefined || isHelp(first)) return showUsage({ table, program }, context);
  if (first.startsWith("-"))
    throw new UsageError(`unknown flag: ${first.split("=")[0]}. See '${program} --help'`);

  const entry = second === undefined ? undefined : entryOf(table, `${first} ${second}`);
  if (entry !== undefined) return (await entry.load()).run(argv.slice(2), context);
  const isGroup = Object.keys(table).some((name) => name.startsWith(`${first} `));
  const single = entryOf(table, first);
  if (isGroup && second !== undefined && isHelp(second)) {
    // `kes identity` is a command by itself, too: its own help stands first.
    const own = await single?.load();
    await own?.run(["--help"], context);
    return showUsage({ table, program }, context, first);
  }
  if (single !== undefined) return (await single.load()).run(argv.slice(1), context);

  if (!isGroup) throw await unknownCommand(first, { table, program });
  if (second === undefined) return showUsage({ table, program }, context, first);
  if (second.startsWith("-")) {
    throw new UsageError(`unknown flag: ${second.split("=")[0]}. See '${program} ${first} --help'`);
  }
  throw await unknownCommand(second, { table, program }, first);
}

/** bash and zsh ask a program for candidates by running it with the line in its environment (KES reference §14.5). */
function asksForCandidates({ COMP_LINE, SHELL = "" }: CommandContext["env"]): boolean {
  return COMP_LINE !== undefined && (SHELL.endsWith("bash") || SHELL.endsWith("zsh"));
}

async function unknownCommand(
  word: string,
  { table, program }: Program,
  group?: string,
): Promise<CommandError> {
  const { nearestCommands } = await import("./suggest.js");
  const name = group === undefined ? program : `${program} ${group}`;
  return new CommandError(`"${word}" is not a ${group ?? program} command. See '${name} --help'`, {
    hints: nearestCommands(word, table, group, program).map((line) => `did you mean '${line}'?`),
  });
}

// The table is an object literal: `kes constructor` must not find what every object inherits.
function entryOf(table: CommandTable, name: string): CommandEntry | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}

function isHelp(word: string): boolean {
  return word === "-h" || word === "--help";
}

async function showUsage(
  { table, program }: Program,
  context: CommandContext,
  group?: string,
): Promise<number> {
  const { usageText } = await import("./help.js");
  context.output.usage(usageText(table, group, program));
  return EXIT.usageShown;
}

function explain(error: unknown): string {
  if (error instanceof UsageError || error instanceof CommandError) return error.message;
  if (error instanceof ConfigError || error instanceof KesError) return error.message;
  if (!(error instanceof Error)) return String(error);
  // Errors of the system (ENOENT, EADDRINUSE) explain themselves; anything else is a bug worth its stack.
  return "code" in error && "syscall" in error ? error.message : (error.stack ?? error.message);
}
