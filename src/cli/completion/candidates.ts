/** Completion by the program itself: the shell runs it with the line typed so far (KES reference §14.5). */
import type { CommandContext } from "../command.js";
import type { CommandTable } from "../commands.js";
import { commandModel, type FlagModel, programFlags, wordModels } from "./model.js";

/** The words behind the program's name: those that are complete, and the one being typed. */
export interface TypedWords {
  readonly before: readonly string[];
  readonly current: string;
}

/** Longest line that is looked at, in characters. */
const MAX_LINE = 65_536;

/** Reads `COMP_LINE` up to `COMP_POINT`; without the latter up to its end. */
export function wordsOf({ COMP_LINE = "", COMP_POINT }: CommandContext["env"]): TypedWords {
  const point = /^\d+$/.test(COMP_POINT ?? "") ? Number(COMP_POINT) : COMP_LINE.length;
  const line = COMP_LINE.slice(0, Math.min(point, MAX_LINE));
  const words = line.match(/(?:"[^"]*"?|'[^']*'?|\\.|[^\s"'\\])+/g) ?? [];
  const typed = words.map((word) => word.replace(/["']|\\(.)/g, "$1"));
  const current = /\s$/.test(line) || typed.length < 2 ? "" : (typed.pop() ?? "");
  return { before: typed.slice(1), current };
}

/** What may stand where the cursor is; nothing where the shell should offer files, or nothing is known. */
export async function candidatesOf(
  { before, current }: TypedWords,
  table: CommandTable,
): Promise<readonly string[]> {
  const begin = (words: readonly string[]): string[] => words.filter((word) => word.startsWith(current));
  const { firstWords, groups } = wordModels(table);
  const [first, second] = before;
  if (first === undefined) {
    return begin(current.startsWith("-") ? longs(programFlags) : firstWords.map(({ word }) => word));
  }
  const below = groups.get(first) ?? [];
  const pair = `${first} ${second}`;
  const name = [pair, first].find((one) => Object.hasOwn(table, one));
  const wordsBelow = before.length === 1 && !current.startsWith("-") ? below.map(({ word }) => word) : [];
  const entry = name === undefined ? undefined : table[name];
  if (name === undefined || entry === undefined) {
    return begin(current.startsWith("-") && below.length > 0 ? ["--help"] : wordsBelow);
  }
  const { flags, argument } = commandModel(name, (await entry.load()).info, table);
  const open = valueBeingTyped(flags, before.at(-1) ?? "", current);
  if (open !== undefined) {
    const { place } = open.flag.value ?? { place: { kind: "text" } as const };
    return place.kind === "words" ? place.words.filter((word) => word.startsWith(open.typed)) : [];
  }
  if (current.startsWith("-")) {
    const given = new Set(before);
    return begin(longs(flags.filter(({ long, repeats }) => repeats || !given.has(`--${long}`))));
  }
  return begin([...wordsBelow, ...(argument.kind === "words" ? argument.words : [])]);
}

/** The flag whose value the cursor is in: `--color al` or `--color=al`. */
function valueBeingTyped(
  flags: readonly FlagModel[],
  previous: string,
  current: string,
): { flag: FlagModel; typed: string } | undefined {
  const withValue = flags.filter(({ value }) => value !== undefined);
  const [, long, typed = ""] = /^--([a-z-]+)=(.*)$/s.exec(current) ?? [];
  const flag = withValue.find((one) =>
    long === undefined ? previous === `--${one.long}` || previous === `-${one.short}` : one.long === long,
  );
  return flag === undefined ? undefined : { flag, typed: long === undefined ? current : typed };
}

function longs(flags: readonly FlagModel[]): string[] {
  return flags.map(({ long }) => `--${long}`);
}
