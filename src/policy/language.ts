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
  /** Every argument that it matches begins so. */
  readonly lead: string;
  /** What comes behind {@link lead}: nothing, anything, or what the tokens say. */
  readonly rest: "nothing" | "anything" | "tokens";
}

/** Steps that comparisons may still take together. When they are spent, nothing is found out any more. */
export interface Budget {
  steps: number;
}

/** Steps of a comparison of its own; about a tenth of a second. */
const ONE_COMPARISON = 200_000;

const STAR: GlobToken = { kind: "star" };

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
    return states.size === 0 ? undefined : withLead(tokens, states);
  }
  const tokens = prefixTokens(pattern, route);
  return tokens && withLead(tokens, startStates(tokens));
}

function prefixTokens(pattern: string, route: PolicyRoute): readonly GlobToken[] | undefined {
  const isPrefix = pattern.endsWith("*");
  const text = isPrefix ? pattern.slice(0, -1) : pattern;
  if (pattern === "") return undefined;
  if (isPrefix && route.path.startsWith(text)) return [STAR];
  if (!text.startsWith(route.path)) return undefined;
  const literals = [...text.slice(route.path.length)].map((literal): GlobToken => {
    return { kind: "one", accepts: (character) => character === literal, literal };
  });
  // A prefix crosses '/', which a star does not; arguments of requests that can be answered hold none.
  return isPrefix ? [...literals, STAR] : literals;
}

function withLead(tokens: readonly GlobToken[], states: GlobStates): ArgumentPattern {
  const [first = 0, ...others] = states;
  let lead = "";
  let at = first;
  // Several positions begin with a star, or are more than one way to go on.
  for (; others.length === 0; at++) {
    const token = tokens[at];
    if (token?.kind !== "one" || token.literal === undefined) break;
    lead += token.literal;
  }
  const isAtEnd = others.length === 0 && at === tokens.length;
  const isAtStar = at === tokens.length - 1 && tokens[at]?.kind === "star";
  const isOnlyStar = isAtStar && others.every((state) => state === tokens.length);
  return { tokens, states, lead, rest: isAtEnd ? "nothing" : isOnlyStar ? "anything" : "tokens" };
}

/**
 * True when every argument of `route` that `subject` matches is matched by one of `others`. False may also mean that
 * it could not be found out.
 */
export function covers(
  route: PolicyRoute,
  subject: ArgumentPattern,
  others: readonly ArgumentPattern[],
  budget: Budget = { steps: ONE_COMPARISON },
): boolean {
  const near = others.filter((other) => !areApart(subject, other));
  if (near.some((other) => includesPlainly(other, subject))) return true;
  const isWanted = ([first, ...rest]: readonly boolean[]): boolean => first === true && !rest.includes(true);
  return search(route, [subject, ...near], isWanted, budget) === "no";
}

/** True when some argument of `route` is matched by both, or when that could not be found out. */
export function meets(
  route: PolicyRoute,
  one: ArgumentPattern,
  other: ArgumentPattern,
  budget: Budget = { steps: ONE_COMPARISON },
): boolean {
  if (areApart(one, other)) return false;
  return search(route, [one, other], (accepted) => !accepted.includes(false), budget) !== "no";
}

/** True when `pattern` matches some argument of `route`. */
export function matchesSome(route: PolicyRoute, pattern: ArgumentPattern): boolean {
  const budget = { steps: ONE_COMPARISON };
  return search(route, [pattern], ([accepted]) => accepted === true, budget) !== "no";
}

/** True when their beginnings show that no argument is matched by both. */
function areApart(one: ArgumentPattern, other: ArgumentPattern): boolean {
  const [short, long] = one.lead.length <= other.lead.length ? [one, other] : [other, one];
  if (!long.lead.startsWith(short.lead)) return true;
  return short.rest === "nothing" && short.lead !== long.lead;
}

function includesPlainly(wide: ArgumentPattern, narrow: ArgumentPattern): boolean {
  if (wide.rest === "anything") return narrow.lead.startsWith(wide.lead);
  return wide.rest === "nothing" && narrow.rest === "nothing" && narrow.lead === wide.lead;
}

/**
 * Looks for an argument of `route` for which `wanted` is true of what each of `patterns` says of it. All of them
 * are followed at once, a character at a time.
 */
function search(
  route: PolicyRoute,
  patterns: readonly ArgumentPattern[],
  wanted: (accepted: readonly boolean[]) => boolean,
  budget: Budget,
): "yes" | "no" | "unknown" {
  const start = patterns.map(({ states }) => states);
  const isWanted = (all: readonly GlobStates[]): boolean =>
    wanted(all.map((states, index) => states.has(patterns[index]?.tokens.length ?? -1)));
  // A name has a character at least; what takes no argument has none.
  if (route.argument !== "name" && isWanted(start)) return "yes";
  budget.steps -= patterns.reduce((sum, { tokens }) => sum + tokens.length, 0);
  if (budget.steps < 0) return "unknown";
  const characters = distinct(argumentCharacters(route), patterns);
  const seen = new Set<string>();
  const open: (readonly GlobStates[])[] = [start];
  for (let all = open.pop(); all !== undefined; all = open.pop()) {
    for (const character of characters) {
      budget.steps -= patterns.length;
      if (budget.steps < 0) return "unknown";
      const next = all.map((states, index) => nextStates(patterns[index]?.tokens ?? [], states, character));
      // Once the first matches nothing any more, no caller can want what follows.
      if (next[0]?.size === 0) continue;
      const key = next.map((states) => [...states].sort().join()).join("|");
      if (seen.has(key)) continue;
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
  const literals = new Set(tokens.flatMap(({ literal }) => literal ?? []));
  const classes = tokens.filter(({ literal }) => literal === undefined);
  const kinds = new Map<string, string>();
  for (const character of characters) {
    const own = literals.has(character) ? character : "";
    const kind = own + classes.map((token) => (token.accepts(character) ? "+" : "-")).join("");
    if (!kinds.has(kind)) kinds.set(kind, character);
  }
  return [...kinds.values()];
}
