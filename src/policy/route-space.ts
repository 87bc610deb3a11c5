/** Which paths exist at all: what a pattern must be able to match at least one of. */
import { isName, MAX_NAME_BYTES, patternPrefix } from "../names.js";
import { type GlobToken, nextStates, startStates } from "./glob.js";

/** What policies need to know of a route of the API. */
export interface PolicyRoute {
  /** Ends in `/` when the route takes an argument. */
  readonly path: string;
  /** What follows the path: nothing, a name, or a listing pattern (which may be empty). */
  readonly argument: "none" | "name" | "pattern";
}

/** The API as policies see it. */
export interface PolicyApi {
  readonly routes: readonly PolicyRoute[];
  /** Beginnings of paths that older servers had and this one answers with 501. */
  readonly removedPaths: readonly string[];
}

const NAME_CHARACTERS = [..."0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz-"];

/** True when a request for exactly `path` can be answered by `route`. */
export function servesPath(route: PolicyRoute, path: string): boolean {
  if (route.argument === "none") return path === route.path;
  if (!path.startsWith(route.path)) return false;
  const argument = path.slice(route.path.length);
  return route.argument === "name" ? isName(argument) : patternPrefix(argument) !== undefined;
}

/** True when `route` serves a path that begins with `prefix`. */
export function servesPrefix(route: PolicyRoute, prefix: string): boolean {
  if (route.path.startsWith(prefix)) return true;
  if (route.argument === "none" || !prefix.startsWith(route.path)) return false;
  const begun = prefix.slice(route.path.length);
  // A name may go on after a `-`, unless the limit is reached.
  return isName(begun) || (begun.length < MAX_NAME_BYTES && isName(`${begun}a`));
}

/** True when `route` serves a path that a glob matches. */
export function servesGlob(route: PolicyRoute, tokens: readonly GlobToken[]): boolean {
  let states = startStates(tokens);
  for (const character of route.path) states = nextStates(tokens, states, character);
  if (route.argument === "none") return states.has(tokens.length);
  if (route.argument === "pattern" && states.has(tokens.length)) return true;
  // Any argument of at least one character will do: whether it may begin or end in '-' is left aside.
  const alphabet = route.argument === "pattern" ? [...NAME_CHARACTERS, "*"] : NAME_CHARACTERS;
  const seen = new Set<number>();
  let frontier = states;
  for (let length = 0; length < MAX_NAME_BYTES && frontier.size > 0; length++) {
    const reached = new Set(alphabet.flatMap((character) => [...nextStates(tokens, frontier, character)]));
    if (reached.has(tokens.length)) return true;
    frontier = new Set([...reached].filter((state) => !seen.has(state)));
    for (const state of reached) seen.add(state);
  }
  return false;
}
