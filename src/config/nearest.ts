/** "Did you mean …": the known word nearest to a mistyped one. */
import { closest, distance } from "fastest-levenshtein";

/** Longer words are not compared; the work grows with the product of the lengths. */
const MAX_WORD = 200;

/** The word of `known` that `word` is probably meant to be, or undefined when none is near. */
export function nearest(word: string, known: Iterable<string>): string | undefined {
  const words = [...known];
  if (words.length === 0 || word.length > MAX_WORD) return undefined;
  const folded = word.toLowerCase().replaceAll("-", "_");
  const best = closest(folded, words);
  const allowed = Math.max(2, Math.floor(best.length / 3));
  const near = distance(folded, best) <= allowed && distance(folded, best) < best.length;
  return near ? best : undefined;
}
