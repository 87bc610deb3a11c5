/** What can follow on a `kes` command line, from the table of commands: for every shell the same. */
import type { CommandInfo, OptionSpec } from "../command.js";
import type { CommandTable } from "../commands.js";

/** What stands in a place of the command line: words to choose from, the name of a file, or anybody's guess. */
export type Place =
  | { readonly kind: "words"; readonly words: readonly string[] }
  | { readonly kind: "files" }
  | { readonly kind: "text" };

export interface FlagModel {
  /** Without the dashes. */
  readonly long: string;
  readonly short?: string;
  readonly description: string;
  readonly repeats: boolean;
  /** Absent for a switch. */
  readonly value?: { readonly name: string; readonly place: Place };
}

export interface CommandModel {
  /** `key create`. */
  readonly name: string;
  readonly flags: readonly FlagModel[];
  readonly argument: Place;
}

/** A word and what it stands for. */
export interface WordModel {
  readonly word: string;
  readonly summary: string;
}

export interface CompletionModel {
  readonly firstWords: readonly WordModel[];
  /** First word → its second words. */
  readonly groups: ReadonlyMap<string, readonly WordModel[]>;
  readonly commands: readonly CommandModel[];
}

const HELP: FlagModel = { long: "help", short: "h", description: "Print this help", repeats: false };

/** The flags of `kes` itself. */
export const programFlags: readonly FlagModel[] = [
  HELP,
  { long: "version", short: "v", description: "Print version information", repeats: false },
  {
    long: "auto-completion",
    description: "Complete kes command lines in bash and zsh from now on",
    repeats: false,
  },
];

/** Loads every command of the table. */
export async function completionModel(table: CommandTable): Promise<CompletionModel> {
  const loaded = Object.entries(table).map(
    async ([name, { load }]): Promise<CommandModel> => commandModel(name, (await load()).info, table),
  );
  return { ...wordModels(table), commands: await Promise.all(loaded) };
}

/** The words of the table, without loading any command. */
export function wordModels(table: CommandTable): Pick<CompletionModel, "firstWords" | "groups"> {
  const groups = new Map<string, WordModel[]>();
  const singles = new Map<string, string>();
  for (const [name, { summary }] of Object.entries(table)) {
    const [first = "", second] = name.split(" ");
    if (second === undefined) singles.set(first, summary);
    else groups.set(first, [...(groups.get(first) ?? []), { word: second, summary }]);
  }
  const firstWords = [...new Set(Object.keys(table).map((name) => name.split(" ")[0] ?? name))];
  return {
    firstWords: firstWords.map((word) => {
      const below = groups.get(word)?.map((one) => one.word);
      return { word, summary: singles.get(word) ?? `Commands: ${below?.join(", ")}` };
    }),
    groups,
  };
}

export function commandModel(name: string, info: CommandInfo, table: CommandTable): CommandModel {
  const flags = Object.entries(info.options)
    .filter(([, { hidden }]) => hidden !== true)
    .map(([long, spec]): FlagModel => flagModel(long, spec));
  // A third word, `kes policy for minio`, is an argument to the table.
  const third = info.name.slice(`kes ${name}`.length).trim();
  const argument: Place = third === "" ? argumentOf(info, table) : { kind: "words", words: [third] };
  return { name, flags: [...flags, HELP], argument };
}

function flagModel(long: string, spec: OptionSpec): FlagModel {
  const { type, short, value = "VALUE", description, choices } = spec;
  const place: Place = choices === undefined ? placeOf(value) : { kind: "words", words: choices };
  return {
    long,
    description,
    repeats: type === "list",
    ...(short === undefined ? {} : { short }),
    ...(type === "boolean" ? {} : { value: { name: value, place } }),
  };
}

/** Placeholders that stand for a path. */
const PATHS = /\b(?:FILE|PATH|DIR|CERT|CERTIFICATE|IN|OUT)\b/;

function placeOf(placeholder: string): Place {
  return { kind: PATHS.test(placeholder) ? "files" : "text" };
}

/** What the usage says of the arguments: `a|b|c` is a choice, FILE and the like are paths, COMMAND is a command. */
function argumentOf({ usage, name }: CommandInfo, table: CommandTable): Place {
  const rest = usage
    .slice(name.length)
    .replace(/(?<=^|[\s[|(])--?[a-z-]+(?:[ =][A-Z[][A-Z:\][]*[A-Z\]])?/g, "");
  const choices = /\b[a-z]+(?:\|[a-z]+)+\b/.exec(rest)?.[0];
  if (choices !== undefined) return { kind: "words", words: choices.split("|") };
  if (/\bCOMMAND\b/.test(rest)) {
    return { kind: "words", words: [...new Set(Object.keys(table).flatMap((one) => one.split(" ")))] };
  }
  return placeOf(rest);
}
