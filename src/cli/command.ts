/** What a command is: its usage, its flags, its work. Flags are read by commander, errors worded as KES's. */
import type { Readable } from "node:stream";
import type { CommanderError, Command as Parser } from "commander";
import { UsageError } from "../errors.js";
import type { Output } from "./output.js";
import { plainWords } from "./words.js";

/** Exit codes (KES reference §14.1). */
export const EXIT = { done: 0, failed: 1, usageShown: 2 } as const;

/** A flag. `list` may be repeated and takes comma-separated values. */
export interface OptionSpec {
  readonly type: "boolean" | "string" | "list";
  /** One letter. */
  readonly short?: string;
  /** How the usage names the value, for example `FILE`; for `string` and `list`. */
  readonly value?: string;
  readonly description: string;
  /** Every value there is, for completion; the command itself refuses others. */
  readonly choices?: readonly string[];
  /** Accepted, but not shown in the usage. */
  readonly hidden?: boolean;
}

export type OptionSpecs = Readonly<Record<string, OptionSpec>>;

/** The values of the flags by name: `false`, `undefined` or `[]` where a flag was not given. */
export type OptionValues<O extends OptionSpecs> = {
  readonly [K in keyof O]: O[K]["type"] extends "boolean"
    ? boolean
    : O[K]["type"] extends "list"
      ? readonly string[]
      : string | undefined;
};

/** What a command may use of the world around it. */
export interface CommandContext {
  readonly output: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Working directory, absolute. */
  readonly cwd: string;
  readonly stdin: Input;
}

/** Standard input: of a terminal or of a pipe. */
export type Input = Readable & {
  readonly isTTY?: boolean;
  setRawMode?(mode: boolean): unknown;
};

/** What the documents of a command are made from: help, completion, manual page. */
export interface CommandInfo {
  /** `kes key create`. */
  readonly name: string;
  readonly usage: string;
  readonly description: string;
  readonly options: OptionSpecs;
  readonly args: readonly [least: number, most: number];
  readonly examples: readonly string[];
}

/** What a command is written as. */
export interface CommandSpec<O extends OptionSpecs> {
  /** `kes key create [-k] NAME...`: the lower-case words at its start are the command's name. */
  readonly usage: string;
  readonly description: string;
  /** By long name; kebab-case where two words. */
  readonly options: O;
  /** Fewest and most positional arguments. */
  readonly args: readonly [least: number, most: number];
  /** Command lines that work as they stand, given a server and its environment variables. */
  readonly examples?: readonly string[];
  /** @returns the exit code; nothing means 0 */
  run(
    input: { readonly args: readonly string[]; readonly options: OptionValues<O> },
    context: CommandContext,
  ): Promise<number | undefined>;
}

/** A command as the dispatcher runs it. */
export interface Command {
  readonly info: CommandInfo;
  /** @throws UsageError, or what the command throws */
  run(argv: readonly string[], context: CommandContext): Promise<number>;
}

/** An expected failure: its message is the whole explanation. Exit code 1 unless it says otherwise. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  /** What to do about it, a line each: notes behind the error. */
  readonly hints: readonly string[];

  constructor(
    message: string,
    options: { readonly hints?: readonly string[]; readonly cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.hints = options.hints ?? [];
  }
}

export function command<const O extends OptionSpecs>(spec: CommandSpec<O>): Command {
  const name = /^kes(?:-s3)?(?: [a-z][a-z-]*(?= |$))*/.exec(spec.usage)?.[0] ?? "kes";
  const { usage, description, options: optionSpecs, args: bounds, examples = [] } = spec;
  return {
    info: { name, usage, description, options: optionSpecs, args: bounds, examples },

    async run(argv, context) {
      // Not at the top: what lists or completes commands loads them without ever reading flags.
      const commander = await import("commander");
      const parser = parserOf(commander, name, spec, context.output);
      try {
        parser.parse(plainWords(argv, spec.options), { from: "user" });
      } catch (error) {
        if (!(error instanceof commander.CommanderError)) throw error;
        if (error.code === "commander.helpDisplayed") return EXIT.usageShown;
        throw await misuse(error, name, spec.options);
      }
      const { args } = parser;
      if (args.length > spec.args[1]) throw new UsageError(`too many arguments. See '${name} --help'`);
      if (args.length < spec.args[0]) throw new UsageError(`not enough arguments. See '${name} --help'`);
      return (await spec.run({ args, options: valuesOf(spec.options, parser) }, context)) ?? EXIT.done;
    },
  };
}

/** Widest help text: longer lines are hard to read on any terminal. */
const MAX_HELP_COLUMNS = 100;

function parserOf(
  { Command: ParserClass, Option }: typeof import("commander"),
  name: string,
  spec: CommandSpec<OptionSpecs>,
  output: Output,
): Parser {
  const parser = new ParserClass(name)
    .usage(spec.usage.slice(name.length).trim())
    .description(spec.description)
    .helpOption("-h, --help", "Print this help")
    .showSuggestionAfterError(false)
    .allowExcessArguments()
    .argument("[arguments...]")
    .exitOverride()
    .configureHelp({ visibleArguments: () => [] })
    .configureOutput({
      writeOut: (text) => output.usage(text),
      writeErr: () => {},
      getOutHelpWidth: () => Math.min(output.size.columns, MAX_HELP_COLUMNS),
    });
  for (const [long, { short, type, value = "VALUE", description, hidden = false }] of Object.entries(
    spec.options,
  )) {
    const flags = `${short ? `-${short}, ` : ""}--${long}${type === "boolean" ? "" : ` <${value}>`}`;
    const option = new Option(flags, description).hideHelp(hidden);
    if (type === "list") option.argParser(collect);
    parser.addOption(option);
  }
  if (spec.examples !== undefined && spec.examples.length > 0) {
    parser.addHelpText("after", `\nExamples:\n${spec.examples.map((line) => `  $ ${line}\n`).join("")}`);
  }
  return parser;
}

function collect(value: string, earlier: unknown): string[] {
  const list = Array.isArray(earlier) ? earlier.map(String) : [];
  return [...list, ...value.split(",").map((part) => part.trim())];
}

function valuesOf<O extends OptionSpecs>(specs: O, parser: Parser): OptionValues<O> {
  const given = parser.opts<Record<string, unknown>>();
  const values = Object.entries(specs).map(([long, { type }]) => {
    const value = given[camelCase(long)];
    if (type === "boolean") return [long, value === true];
    if (type === "list") return [long, Array.isArray(value) ? value : []];
    return [long, typeof value === "string" ? value : undefined];
  });
  // Each value was checked against its flag's type above; the mapped type says the same for all at once.
  return Object.fromEntries(values) as OptionValues<O>;
}

/** The name under which commander keeps the value of `--api-key`: `apiKey`. */
function camelCase(long: string): string {
  return long.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** commander's error, with the flag that was probably meant. */
async function misuse(error: CommanderError, name: string, specs: OptionSpecs): Promise<Error> {
  const message = `${wording(error)}. See '${name} --help'`;
  const flag = /'--([^'=]+)/.exec(error.message)?.[1];
  if (error.code !== "commander.unknownOption" || flag === undefined) return new UsageError(message);
  const { nearest } = await import("./suggest.js");
  const known = Object.keys(specs).filter((long) => specs[long]?.hidden !== true);
  const hints = nearest(flag, known).map((long) => `did you mean '--${long}'?`);
  return new CommandError(message, { hints });
}

/** commander's error in the words of KES's flag library. */
function wording(error: CommanderError): string {
  const flag = /'([^']*)'/.exec(error.message)?.[1] ?? "";
  if (error.code === "commander.unknownOption") {
    if (flag.startsWith("--")) return `unknown flag: ${flag.split("=")[0]}`;
    return `unknown shorthand flag: '${flag.slice(1, 2)}' in ${flag}`;
  }
  if (error.code === "commander.optionMissingArgument") {
    const long = /--[A-Za-z0-9-]+/.exec(flag)?.[0] ?? flag;
    return `flag needs an argument: ${long}`;
  }
  return error.message.replace(/^error: /, "");
}
