/** Policy rules from bare patterns, for tests that need no document. */
import { compilePattern } from "../../src/policy/pattern.js";
import type { Policy, Rule } from "../../src/policy/policy.js";

/** One rule with today's meaning of patterns. */
export function compileRule(pattern: string): Rule {
  return { pattern, matches: compilePattern(pattern, "current").matches };
}

/** A policy of patterns. */
export function policyOf(allow: readonly string[], deny: readonly string[] = []): Policy {
  return { allow: allow.map(compileRule), deny: deny.map(compileRule) };
}
