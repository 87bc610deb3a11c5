/**
 * Compares patterns as sets: which arguments of a route they match, whether one set lies within others, whether two
 * meet. Exact up to the rules that a valid name follows beyond its alphabet (no `-` at its ends, its length): those
 * are left aside, so that sets are taken for larger than they are on both sides.
 */
import { type GlobStates, type GlobToken, nextStates, parseGlob, startStates } from "./glob.js";
import type { PatternMeaning } from "./pattern.js";
import { argumentCharacters, type PolicyRoute } from "./route-space.js";

/** What is left of a pattern once the path of a route has been read: it matches arguments. */
export interface ArgumentPattern {
  readonly tokens: readonly GlobToken[];
  readonly states: GlobStates;
}

/** More combinations than this are not followed; {@link covers} then says no. */
const MAX_COMBINATIONS = 20_000;

const STAR: readonly GlobToken[] = [{ kind: "star" }];

/**
 * What `pattern` says of the arguments of `route`; undefined when it matches no path of that route.
 * @throws GlobError when a glob is malformed
 */
export function argumentPattern(
  pattern: string,
  meaning: PatternMeaning,
  route: PolicyRoute,
): ArgumentPattern | undefined {
  if (meaning === "globs") {
    const tokens = parseGlob(pattern);
    let states = startStates(tokens);
    for (const character of route.path) states = nextStates(tokens, states, character);
    return states.size === 0 ? undefined : { tokens, states };
  }
  const tokens = prefixTokens(pattern, route);
  return tokens && { tokens, states: startStates(tokens) };
}

function prefixTokens(pattern: string, route: PolicyRoute): readonly GlobToken[] | undefined {
  const isPrefix = pattern.endsWith("*");
  const text = isPrefix ? pattern.slice(0, -1) : pattern;
  if (pattern === "") return undefined;
  if (isPrefix && route.path.startsWith(text)) return STAR;
  if (!text.startsWith(route.path)) return undefined;
  const literals = [...text.slice(route.path.length)].map((literal): GlobToken => {
    return { kind: "one", accepts: (character) => character === literal };
  });
  // A prefix crosses '/', which a star does not; arguments of requests that can be answered hold none.
  return isPrefix ? [...literals, ...STAR] : literals;
}

/**
 * True when every argument of `route` that `subject` matches is matched by one of `others`. False may also mean that
 * it could not be found out.
 */
export function covers(
  route: PolicyRoute,
  subject: ArgumentPattern,
  others: readonly ArgumentPattern[],
): boolean {
  const found = search(
    route,
    [subject, ...others],
    ([first, ...rest]) => first === true && !rest.includes(true),
  );
  return found === "no";
}

/** True when some argument of `route` is matched by both, or when that could not be found out. */
export function meets(route: PolicyRoute, one: ArgumentPattern, other: ArgumentPattern): boolean {
  return search(route, [one, other], (accepted) => !accepted.includes(false)) !== "no";
}

/** True when `pattern` matches some argument of `route`. */
export function matchesSome(route: PolicyRoute, pattern: ArgumentPattern): boolean {
  return search(route, [pattern], ([accepted]) => accepted === true) !== "no";
}

/**
 * Looks for an argument of `route` for which `wanted` is true of what each of `patterns` says of it. All of them
 * are followed at once, a character at a time.
 */
function search(
  route: PolicyRoute,
  patterns: readonly ArgumentPattern[],
  wanted: (accepted: readonly boolean[]) => boolean,
): "yes" | "no" | "unknown" {
  const start = patterns.map(({ states }) => states);
  const isWanted = (all: readonly GlobStates[]): boolean =>
    wanted(all.map((states, index) => states.has(patterns[index]?.tokens.length ?? -1)));
  // A name has a character at least; what takes no argument has none.
  if (route.argument !== "name" && isWanted(start)) return "yes";
  const characters = distinct(argumentCharacters(route), patterns);
  const seen = new Set<string>();
  const open: (readonly GlobStates[])[] = [start];
  for (let all = open.pop(); all !== undefined; all = open.pop()) {
    for (const character of characters) {
      const next = all.map((states, index) => nextStates(patterns[index]?.tokens ?? [], states, character));
      // Once the first matches nothing any more, neither caller can want what follows.
      if (next[0]?.size === 0) continue;
      const key = next.map((states) => [...states].sort().join()).join("|");
      if (seen.has(key)) continue;
      if (seen.size >= MAX_COMBINATIONS) return "unknown";
      seen.add(key);
      if (isWanted(next)) return "yes";
      open.push(next);
    }
  }
  return "no";
}

/** One of all characters that no token of `patterns` tells apart. */
function distinct(characters: readonly string[], patterns: readonly ArgumentPattern[]): readonly string[] {
  const tokens = patterns.flatMap((pattern) => pattern.tokens).filter((token) => token.kind === "one");
  const kinds = new Map<string, string>();
  for (const character of characters) {
    const kind = tokens.map((token) => (token.accepts(character) ? "1" : "0")).join("");
    if (!kinds.has(kind)) kinds.set(kind, character);
  }
  return [...kinds.values()];
}
