/** From the words of a command line to a command and its exit code (KES reference §14.1). */
import { ConfigError, KesError, UsageError } from "../errors.js";
import { type CommandContext, CommandError, EXIT } from "./command.js";
import type { CommandEntry, CommandTable } from "./commands.js";
import { Interrupted } from "./interrupt.js";

/** Runs the command that `argv` (without the program's name) asks for. Never rejects. @returns the exit code */
export async function run(
  argv: readonly string[],
  table: CommandTable,
  context: CommandContext,
): Promise<number> {
  try {
    return await dispatch(argv, table, context);
  } catch (error) {
    if (error instanceof Interrupted) return error.exitCode;
    context.output.error(explain(error));
    if (error instanceof CommandError) for (const hint of error.hints) context.output.note(hint);
    return EXIT.failed;
  }
}

async function dispatch(
  argv: readonly string[],
  table: CommandTable,
  context: CommandContext,
): Promise<number> {
  const [first, second] = argv;
  if (first === "-v" || first === "--version") {
    const { versionText } = await import("./version.js");
    context.output.data(versionText());
    return EXIT.done;
  }
  if (first === undefined || isHelp(first)) return showUsage("kes", table, context);
  if (first.startsWith("-")) throw new UsageError(`unknown flag: ${first.split("=")[0]}. See 'kes --help'`);

  const entry = second === undefined ? undefined : entryOf(table, `${first} ${second}`);
  if (entry !== undefined) return (await entry.load()).run(argv.slice(2), context);
  const single = entryOf(table, first);
  if (single !== undefined) return (await single.load()).run(argv.slice(1), context);

  const group = Object.fromEntries(Object.entries(table).filter(([name]) => name.startsWith(`${first} `)));
  if (Object.keys(group).length === 0) {
    throw new UsageError(`"${first}" is not a kes command. See 'kes --help'`);
  }
  if (second === undefined || isHelp(second)) return showUsage(`kes ${first}`, group, context);
  if (second.startsWith("-")) {
    throw new UsageError(`unknown flag: ${second.split("=")[0]}. See 'kes ${first} --help'`);
  }
  throw new UsageError(`"${second}" is not a ${first} command. See 'kes ${first} --help'`);
}

// The table is an object literal: `kes constructor` must not find what every object inherits.
function entryOf(table: CommandTable, name: string): CommandEntry | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}

function isHelp(word: string): boolean {
  return word === "-h" || word === "--help";
}

function showUsage(name: string, table: CommandTable, context: CommandContext): number {
  const options: [string, string][] = [["-h, --help", "Print this help"]];
  if (name === "kes") options.unshift(["-v, --version", "Print version information"]);
  const list = Object.entries(table).map(([command, { summary }]): [string, string] => [command, summary]);
  const width = Math.max(...[...list, ...options].map(([label]) => label.length)) + 4;
  const column = (rows: readonly [string, string][]): string =>
    rows.map(([label, text]) => `    ${label.padEnd(width)}${text}`).join("\n");
  context.output.usage(
    [
      `Usage:\n    ${name} [options] <command>\n`,
      `Commands:\n${column(list)}\n`,
      `Options:\n${column(options)}\n`,
      "See 'kes <command> --help' for the options of a command.\n",
    ].join("\n"),
  );
  return EXIT.usageShown;
}

function explain(error: unknown): string {
  if (error instanceof UsageError || error instanceof CommandError) return error.message;
  if (error instanceof ConfigError || error instanceof KesError) return error.message;
  if (!(error instanceof Error)) return String(error);
  // Errors of the system (ENOENT, EADDRINUSE) explain themselves; anything else is a bug worth its stack.
  return "code" in error && "syscall" in error ? error.message : (error.stack ?? error.message);
}
