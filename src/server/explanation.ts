/**
 * Why the server would let a request in or refuse it, and what would change that. Goes the way of `pipeline.ts` and
 * `authorize.ts` and says the same; a test holds them against each other.
 */
import type { Route } from "../api/route.js";
import { removedPaths, routes } from "../api/routes.js";
import { KesError } from "../errors.js";
import type { Identity } from "../names.js";
import type { Directory, NamedPolicy } from "../policy/directory.js";
import { compilePattern, type PatternMeaning } from "../policy/pattern.js";
import { type CanonicalPath, type Rule, verdict } from "../policy/policy.js";
import { checkArgument } from "./argument.js";
import { readTarget } from "./canonical-path.js";
import { RouteTable } from "./route-table.js";

/** What decided: an identity, a rule, or that there is none. */
export type Reason =
  | "admin"
  | "open-route"
  | "skip-auth"
  | "allow-rule"
  | "deny-rule"
  | "no-rule"
  | "no-policy"
  | "no-route"
  | "removed-route"
  | "invalid-path";

/** A rule and the path that it was held against: of some routes more than the one that was asked for. */
export interface DecidingRule {
  readonly effect: "allow" | "deny";
  readonly rule: Rule;
  readonly path: string;
}

/** One step; all steps together turn the verdict round. */
export type Change =
  | { readonly action: "add"; readonly list: "allow" | "deny"; readonly pattern: string }
  | { readonly action: "remove"; readonly list: "allow" | "deny"; readonly rule: Rule }
  /** Policies that would do as they are come first in `policies`; empty when none would. */
  | { readonly action: "assign"; readonly policies: readonly string[] }
  | { readonly action: "close"; readonly route: string };

export interface Explanation {
  /** `none`: there is no route at the path, so nobody is asked. */
  readonly verdict: "allowed" | "denied" | "none";
  readonly reason: Reason;
  /** As policies see it: decoded, redirects followed. */
  readonly path: string;
  /** Path of the route. */
  readonly route?: string;
  /** Another route whose rules count as well. */
  readonly alsoNeeds?: string;
  readonly policy?: string;
  /** Empty where no rule decided. */
  readonly rules: readonly DecidingRule[];
  readonly changes: readonly Change[];
  /** The request was sent on to {@link path}. */
  readonly isRedirected: boolean;
  /** Why the server refuses what follows the route's path (400) even when the policy allows it. */
  readonly argumentFault?: string;
}

/** Who may do what. */
export interface Rulebook {
  readonly directory: Directory;
  /** Routes that the configuration opens to everybody. */
  readonly openRoutes: ReadonlySet<string>;
  /** How the patterns of a policy are read. */
  readonly meaningOf: (policy: string) => PatternMeaning;
}

/** A redirected path is never redirected again, so one more is enough. */
const MAX_REDIRECTS = 2;

const TABLE = new RouteTable(routes, removedPaths);

/** @param target - a path, escaped or not, with or without a query */
export function explainRequest(target: string, identity: Identity, rulebook: Rulebook): Explanation {
  return follow(target, 0);

  function follow(location: string, redirects: number): Explanation {
    const isRedirected = redirects > 0;
    const read = readTarget(location);
    if (read.kind === "invalid") return unserved("invalid-path", location, isRedirected);
    if (read.kind === "redirect" && redirects < MAX_REDIRECTS) return follow(read.location, redirects + 1);
    if (read.kind === "redirect") return unserved("invalid-path", location, isRedirected);
    const { path, raw } = read;
    const match = TABLE.find(path, raw);
    if (match.kind === "redirect" && redirects < MAX_REDIRECTS) return follow(match.path, redirects + 1);
    if (match.kind !== "route") {
      return unserved(match.kind === "removed" ? "removed-route" : "no-route", path, isRedirected);
    }
    const { route, argument } = match;
    const decided = decide({ route, argument, path, identity, rulebook });
    const fault = argumentFault(route, argument);
    return {
      ...decided,
      path,
      route: route.path,
      ...(route.guardedBy === undefined ? {} : { alsoNeeds: route.guardedBy.path }),
      isRedirected,
      // A pattern for a path that no request can have would be refused as a mistake.
      changes:
        fault === undefined ? decided.changes : decided.changes.filter(({ action }) => action !== "add"),
      ...(fault === undefined ? {} : { argumentFault: fault }),
    };
  }
}

function unserved(reason: Reason, path: string, isRedirected: boolean): Explanation {
  return { verdict: "none", reason, path, rules: [], changes: [], isRedirected };
}

function argumentFault(route: Route, argument: string): string | undefined {
  try {
    checkArgument(route.argument, argument);
    return undefined;
  } catch (error) {
    if (error instanceof KesError) return error.message;
    throw error;
  }
}

interface Question {
  readonly route: Route;
  readonly argument: string;
  readonly path: CanonicalPath;
  readonly identity: Identity;
  readonly rulebook: Rulebook;
}

type Decided = Pick<Explanation, "verdict" | "reason" | "policy" | "rules" | "changes">;

function decide(question: Question): Decided {
  const { route, identity, rulebook } = question;
  const { directory } = rulebook;
  const decided = (reason: Reason, changes: readonly Change[] = []): Decided => {
    return { verdict: reason === "no-policy" ? "denied" : "allowed", reason, rules: [], changes };
  };
  if (route.access !== "policy") return decided("open-route");
  if (route.maySkipAuth && rulebook.openRoutes.has(route.path)) {
    return decided("skip-auth", [{ action: "close", route: route.path }]);
  }
  if (identity === directory.admin) return decided("admin");
  const named = directory.policyOf(identity);
  if (named !== undefined) return decideByRules(named, question);
  const fitting = directory.policyNames("").filter((name) => {
    const policy = directory.policy(name);
    return policy !== undefined && decideByRules(policy, question).verdict === "allowed";
  });
  return decided("no-policy", [{ action: "assign", policies: fitting }]);
}

function decideByRules(
  { name, policy }: NamedPolicy,
  { route, argument, path, rulebook }: Question,
): Decided {
  const guard = route.guardedBy;
  const paths = guard === undefined ? [path] : [path, (guard.path + argument) as CanonicalPath];
  const verdicts = paths.map((one) => verdict(policy, one));
  const pattern = (one: string): string => narrowest(one, rulebook.meaningOf(name));
  const allowing = (): DecidingRule[] => paths.flatMap((one) => firstHit("allow", policy.allow, one));

  // Each of the paths must be allowed, or with "either" one of them.
  const lacking = paths.filter((_, index) => verdicts[index] !== "allow");
  const isEither = guard?.mode === "either";
  if (!verdicts.includes("deny")) {
    if (lacking.length === 0 || (isEither && lacking.length < paths.length)) {
      const changes: Change[] = [{ action: "add", list: "deny", pattern: pattern(path) }];
      return { verdict: "allowed", reason: "allow-rule", policy: name, rules: allowing(), changes };
    }
    const changes = additions(isEither ? [path] : lacking);
    return { verdict: "denied", reason: "no-rule", policy: name, rules: [], changes };
  }
  const denying = paths.flatMap((one) => allHits("deny", policy.deny, one));
  const removals = [...new Set(denying.map(({ rule }) => rule))].map((rule): Change => {
    return { action: "remove", list: "deny", rule };
  });
  const unallowed = paths.filter((one) => firstHit("allow", policy.allow, one).length === 0);
  const needed = isEither ? (unallowed.length === paths.length ? [path] : []) : unallowed;
  const changes = [...removals, ...additions(needed)];
  return { verdict: "denied", reason: "deny-rule", policy: name, rules: denying, changes };

  function additions(all: readonly string[]): Change[] {
    return all.map((one): Change => ({ action: "add", list: "allow", pattern: pattern(one) }));
  }
}

function allHits(effect: "allow" | "deny", rules: readonly Rule[], path: string): DecidingRule[] {
  return rules.filter((rule) => rule.matches(path)).map((rule) => ({ effect, rule, path }));
}

function firstHit(effect: "allow" | "deny", rules: readonly Rule[], path: string): DecidingRule[] {
  return allHits(effect, rules, path).slice(0, 1);
}

/** The pattern that matches `path` and as little else as can be said. */
export function narrowest(path: string, meaning: PatternMeaning): string {
  if (meaning === "current") return path;
  const escaped = path.replace(/[*?[\\]/g, "\\$&");
  return compilePattern(escaped, meaning).matches(path) ? escaped : path;
}
