/** Which paths exist at all: what a pattern must be able to match at least one of. */
import { isName, MAX_NAME_BYTES, patternPrefix } from "../names.js";
import { type GlobToken, nextStates, startStates } from "./glob.js";

/** What policies need to know of a route of the API. */
export interface PolicyRoute {
  /** Ends in `/` when the route takes an argument. */
  readonly path: string;
  /** What follows the path: nothing, a name, or a listing pattern (which may be empty). */
  readonly argument: "none" | "name" | "pattern";
  /** No policy is asked: rules for this route have no effect. */
  readonly open?: boolean;
  /** A path that stands beside of this route's and whose rules count as well. */
  readonly guardedBy?: { readonly path: string; readonly mode: "both" | "either" };
}

/** The API as policies see it. */
export interface PolicyApi {
  readonly routes: readonly PolicyRoute[];
  /** Beginnings of paths that older servers had and this one answers with 501. */
  readonly removedPaths: readonly string[];
}

const NAME_CHARACTERS = [..."0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz-"];
const PATTERN_CHARACTERS = [...NAME_CHARACTERS, "*", "~"];

/** True when a request for exactly `path` can be answered by `route`. */
export function servesPath(route: PolicyRoute, path: string): boolean {
  if (route.argument === "none") return path === route.path;
  if (!path.startsWith(route.path)) return false;
  const argument = path.slice(route.path.length);
  return route.argument === "name" ? isName(argument) : isPattern(argument);
}

/** What a listing takes: a pattern, or the token of a page after the first, `<prefix>~<rest of a name>`. */
function isPattern(argument: string): boolean {
  return (
    patternPrefix(argument) !== undefined || (argument.includes("~") && isName(argument.replace("~", "")))
  );
}

/** True when `route` serves a path that begins with `prefix`. */
export function servesPrefix(route: PolicyRoute, prefix: string): boolean {
  if (route.path.startsWith(prefix)) return true;
  if (route.argument === "none" || !prefix.startsWith(route.path)) return false;
  const begun = prefix.slice(route.path.length);
  if (route.argument === "name") return isName(begun) || isNameBegun(begun);
  return isPattern(begun) || isNameBegun(begun.replace("~", ""));
}

/** A name may go on after a `-`, unless the limit is reached. */
function isNameBegun(begun: string): boolean {
  return begun.length < MAX_NAME_BYTES && isName(`${begun}a`);
}

/** Every character that an argument of `route` can hold. */
export function argumentCharacters(route: PolicyRoute): readonly string[] {
  if (route.argument === "none") return [];
  return route.argument === "pattern" ? PATTERN_CHARACTERS : NAME_CHARACTERS;
}

/** True when `route` serves a path that a glob matches. */
export function servesGlob(route: PolicyRoute, tokens: readonly GlobToken[]): boolean {
  let states = startStates(tokens);
  for (const character of route.path) states = nextStates(tokens, states, character);
  if (route.argument === "none") return states.has(tokens.length);
  if (route.argument === "pattern" && states.has(tokens.length)) return true;
  // Any argument of at least one character will do: whether it may begin or end in '-' is left aside.
  const alphabet = argumentCharacters(route);
  const seen = new Set<number>();
  let frontier = states;
  // One more than a name has, for the `~` of a token.
  const longest = route.argument === "pattern" ? MAX_NAME_BYTES + 1 : MAX_NAME_BYTES;
  for (let length = 0; length < longest && frontier.size > 0; length++) {
    const reached = new Set(alphabet.flatMap((character) => [...nextStates(tokens, frontier, character)]));
    if (reached.has(tokens.length)) return true;
    frontier = new Set([...reached].filter((state) => !seen.has(state)));
    for (const state of reached) seen.add(state);
  }
  return false;
}
