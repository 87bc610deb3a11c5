/** Turns the patterns of a policy document into a policy, and says which of them can never match. */
import { lintPattern, type PatternFinding } from "./lint.js";
import { compilePattern, type PatternMeaning } from "./pattern.js";
import type { Policy, Rule } from "./policy.js";
import type { PolicyApi } from "./route-space.js";

/** A pattern as written. */
export interface PatternSource {
  readonly pattern: string;
  readonly place?: { readonly file: string; readonly line: number; readonly column?: number };
}

/** A policy as written: inline in the configuration, or in a document of its own. */
export interface PolicySource {
  readonly allow: readonly PatternSource[];
  readonly deny: readonly PatternSource[];
  readonly meaning: PatternMeaning;
}

/** A finding, and the pattern that it is about: the very object that was given. */
export interface PolicyFinding extends PatternFinding {
  readonly source: PatternSource;
}

/** A policy with what was found; with an error among the findings the policy must not be used. */
export interface CompiledPolicy {
  readonly policy: Policy;
  readonly findings: readonly PolicyFinding[];
}

/** Compiles `source`; its patterns are held against `api`. */
export function compilePolicy(source: PolicySource, api: PolicyApi): CompiledPolicy {
  const findings: PolicyFinding[] = [];
  const compile = (sources: readonly PatternSource[]): readonly Rule[] =>
    sources.flatMap((one) => {
      const { pattern, place } = one;
      const finding = lintPattern(pattern, source.meaning, api);
      if (finding !== undefined) findings.push({ ...finding, source: one });
      // A pattern with an error may not compile; the policy is not usable anyway.
      if (finding?.severity === "error") return [];
      const { matches } = compilePattern(pattern, source.meaning);
      const rule: Rule = {
        pattern,
        matches,
        ...(source.meaning === "current" ? {} : { meaning: source.meaning }),
      };
      if (place === undefined) return [rule];
      const { file, line } = place;
      return [{ ...rule, place: { file, line } }];
    });
  return { policy: { allow: compile(source.allow), deny: compile(source.deny) }, findings };
}
