/** What was probably meant by a word that is none of the known ones. */
import { distance } from "fastest-levenshtein";
import type { CommandTable } from "./commands.js";

const MAX_SUGGESTIONS = 3;
/** Longer words are not compared; the work grows with the product of the lengths. */
const MAX_WORD = 200;

/** Words that other programs use for what is called otherwise here. */
const SYNONYMS: Readonly<Record<string, string>> = {
  delete: "rm",
  remove: "rm",
  list: "ls",
  describe: "info",
  show: "info",
  read: "show",
  generate: "dek",
  whoami: "info",
  lint: "check",
};

/** The known words that `word` is a slip or a beginning of: three at most, the nearest first. */
export function nearest(word: string, known: readonly string[]): string[] {
  if (word.length > MAX_WORD) return [];
  const synonym = Object.hasOwn(SYNONYMS, word) ? SYNONYMS[word] : undefined;
  // Two letters that changed places count as two; in a short word that is nearly all of it.
  const limit = word.length <= 3 ? 1 : Math.max(2, Math.floor(word.length / 3));
  const rank = (one: string): number => {
    if (one === synonym) return 0;
    return word.length > 1 && one.startsWith(word) ? 1 : distance(word.toLowerCase(), one);
  };
  return known
    .map((one) => ({ one, rank: rank(one) }))
    .filter(({ rank }) => rank <= limit)
    .sort((a, b) => a.rank - b.rank)
    .slice(0, MAX_SUGGESTIONS)
    .map(({ one }) => one);
}

/** Command lines near `kes WORD` or, with a group, `kes GROUP WORD`. */
export function nearestCommands(
  word: string,
  table: CommandTable,
  group?: string,
  program = "kes",
): string[] {
  const names = Object.keys(table).map((name) => name.split(" "));
  if (group !== undefined) {
    const inGroup = names.flatMap(([first, second]) =>
      first === group && second !== undefined ? [second] : [],
    );
    return nearest(word, inGroup).map((second) => `${program} ${group} ${second}`);
  }
  const near = nearest(word, [...new Set(names.map(([first = ""]) => first))]).map(
    (first) => `${program} ${first}`,
  );
  // `kes create` for `kes key create`.
  const below = names.filter(([, second]) => second === word).map((name) => `${program} ${name.join(" ")}`);
  return [...near, ...below].slice(0, MAX_SUGGESTIONS);
}
