/** A rule as the routes see it: of which of them it matches a path, and with which arguments. */
import type { PatternSource } from "./documents.js";
import { GlobError, parseGlob } from "./glob.js";
import { type ArgumentPattern, argumentPattern, matchesSome } from "./language.js";
import { MAX_PATTERN_LENGTH, type PatternMeaning } from "./pattern.js";
import { type PolicyApi, type PolicyRoute, servesGlob } from "./route-space.js";

export interface RuleView {
  readonly source: PatternSource;
  /** The routes of which it matches some path. */
  readonly at: ReadonlyMap<PolicyRoute, ArgumentPattern>;
}

/** The rules that can match something; the others are `lint.ts`'s. */
export function viewRules(
  sources: readonly PatternSource[],
  meaning: PatternMeaning,
  { routes }: PolicyApi,
): readonly RuleView[] {
  return sources
    .filter(({ pattern }) => pattern.length <= MAX_PATTERN_LENGTH)
    .map((source) => ({ source, at: argumentsByRoute(source.pattern, meaning, routes) }))
    .filter(({ at }) => at.size > 0);
}

function argumentsByRoute(
  pattern: string,
  meaning: PatternMeaning,
  routes: readonly PolicyRoute[],
): ReadonlyMap<PolicyRoute, ArgumentPattern> {
  const at = new Map<PolicyRoute, ArgumentPattern>();
  try {
    for (const route of routes) {
      const rest = argumentPattern(pattern, meaning, route);
      if (rest !== undefined && matchesSome(route, rest)) at.set(route, rest);
    }
  } catch (error) {
    // A malformed glob matches nothing.
    if (!(error instanceof GlobError)) throw error;
  }
  return at;
}

export function routesOf(rule: RuleView): readonly PolicyRoute[] {
  return [...rule.at.keys()];
}

/**
 * Paths of the routes that the same text matched before October 2023, when a `*` did not cross `/`; undefined when
 * they are those of today.
 */
export function meaningChange(rule: RuleView, routes: readonly PolicyRoute[]): readonly string[] | undefined {
  const before = routesOfGlob(rule.source.pattern, routes);
  const paths = before.map(({ path }) => path);
  // An older path that goes with a newer one was reached by rules for that one, too.
  const isOld = ({ path, guardedBy }: PolicyRoute): boolean =>
    paths.includes(path) || (guardedBy?.mode === "either" && paths.includes(guardedBy.path));
  return routesOf(rule).every(isOld) ? undefined : paths;
}

function routesOfGlob(pattern: string, routes: readonly PolicyRoute[]): readonly PolicyRoute[] {
  try {
    const tokens = parseGlob(pattern);
    return routes.filter((route) => servesGlob(route, tokens));
  } catch (error) {
    // A pattern that was malformed then matched nothing.
    if (error instanceof GlobError) return [];
    throw error;
  }
}
