/** Policy matching: which API paths an identity may call (KES reference §6). */

import type { PatternMeaning } from "./pattern.js";

declare const canonical: unique symbol;

/**
 * A request path that was decoded exactly once by `server/canonical-path.ts`. Policy and route lookup see
 * this value and no other, so that no spelling of a path can be routed one way and judged another.
 */
export type CanonicalPath = string & { readonly [canonical]: true };

/** One compiled pattern with its place, so that a verdict can name the rule that decided. */
export interface Rule {
  /** As written in the document. */
  readonly pattern: string;
  readonly matches: (path: string) => boolean;
  /** How the pattern is read; absent for `current`. */
  readonly meaning?: PatternMeaning;
  /** Where the rule stands; absent for rules made in code. */
  readonly place?: { readonly file: string; readonly line: number };
}

/** Allow and deny rules over API paths. */
export interface Policy {
  readonly allow: readonly Rule[];
  readonly deny: readonly Rule[];
}

/** What a policy says of a path: `deny` if a deny rule matches, else `allow` if an allow rule does, else `none`. */
export type Verdict = "allow" | "deny" | "none";

/** The verdict of `policy` for `path`. Deny beats allow, whatever the order of the rules. */
export function verdict(policy: Policy, path: CanonicalPath): Verdict {
  for (const rule of policy.deny) if (rule.matches(path)) return "deny";
  for (const rule of policy.allow) if (rule.matches(path)) return "allow";
  return "none";
}

/** A path is allowed when no deny rule matches it and at least one allow rule does. */
export function allows(policy: Policy, path: CanonicalPath): boolean {
  return verdict(policy, path) === "allow";
}
