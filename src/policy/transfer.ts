/** Policies as plain data, to be sent to another process: functions cannot be. */
import { compilePattern, type PatternMeaning } from "./pattern.js";
import type { Policy, Rule } from "./policy.js";

/** A {@link Rule} without its function. */
interface RuleData {
  readonly pattern: string;
  readonly meaning: PatternMeaning;
  readonly place?: { readonly file: string; readonly line: number };
}

export interface PolicyData {
  readonly allow: readonly RuleData[];
  readonly deny: readonly RuleData[];
}

export function policyToData({ allow, deny }: Policy): PolicyData {
  return { allow: allow.map(ruleToData), deny: deny.map(ruleToData) };
}

/** The same policy again. @throws GlobError when `data` was not made by {@link policyToData} */
export function policyOfData({ allow, deny }: PolicyData): Policy {
  return { allow: allow.map(ruleOfData), deny: deny.map(ruleOfData) };
}

function ruleToData({ pattern, meaning = "current", place }: Rule): RuleData {
  return { pattern, meaning, ...(place === undefined ? {} : { place }) };
}

function ruleOfData({ pattern, meaning, place }: RuleData): Rule {
  const { matches } = compilePattern(pattern, meaning);
  return {
    pattern,
    matches,
    ...(meaning === "current" ? {} : { meaning }),
    ...(place === undefined ? {} : { place }),
  };
}
