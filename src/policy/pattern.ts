/** Compiles the patterns of policies (KES reference §6.3). */
import { type GlobToken, matchesGlob, parseGlob } from "./glob.js";

/** How a policy's patterns are read: as KES reads them now, or as it did before October 2023. */
export type PatternMeaning = "current" | "globs";

/** Longer patterns are refused: no path that a route serves is so long. */
export const MAX_PATTERN_LENGTH = 1024;

/** A pattern that {@link matches} can hold against paths. `tokens` are there for globs. */
export interface CompiledPattern {
  readonly matches: (path: string) => boolean;
  readonly tokens?: readonly GlobToken[];
}

const never = (): boolean => false;

/**
 * `pattern` as a function of the canonical path.
 *
 * - `current`: a `*` at the end makes the rest a prefix, which crosses `/`; any other pattern equals the path,
 *   inner `*`, `?` and `[` included; the empty pattern matches nothing.
 * - `globs`: Go's `path.Match`, see `glob.ts`.
 * @throws GlobError when a glob is malformed
 */
export function compilePattern(pattern: string, meaning: PatternMeaning): CompiledPattern {
  if (meaning === "globs") {
    const tokens = parseGlob(pattern);
    return { matches: (path) => matchesGlob(tokens, path), tokens };
  }
  if (pattern === "") return { matches: never };
  if (!pattern.endsWith("*")) return { matches: (path) => path === pattern };
  const prefix = pattern.slice(0, -1);
  return { matches: (path) => path.startsWith(prefix) };
}
