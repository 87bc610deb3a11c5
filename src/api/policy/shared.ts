/** How policies are shown: their rules as objects keyed by pattern (KES reference §3.17). */
import { KesError } from "../../errors.js";
import type { Directory, NamedPolicy } from "../../policy/directory.js";
import type { Rule } from "../../policy/policy.js";
import { timeText } from "../wire.js";

/** Schema of the members that every policy reply has. */
export const created = {
  created_at: { type: "string", format: "date-time" },
  created_by: { type: "string" },
} as const;

/** The named policy. @throws KesError `POLICY_NOT_FOUND` */
export function policyNamed(directory: Directory, name: string): NamedPolicy {
  const policy = directory.policy(name);
  if (policy === undefined) throw new KesError("POLICY_NOT_FOUND");
  return policy;
}

/** `created_at` and `created_by` of everything that the configuration file defines. */
export function origin(directory: Directory): { created_at: string; created_by: string } {
  return { created_at: timeText(directory.createdAtMs), created_by: directory.adminText };
}

/** `allow` and `deny`, each left out when empty, patterns sorted. */
export function rules(policy: NamedPolicy): { allow?: object; deny?: object } {
  return {
    ...(policy.policy.allow.length > 0 ? { allow: patterns(policy.policy.allow) } : {}),
    ...(policy.policy.deny.length > 0 ? { deny: patterns(policy.policy.deny) } : {}),
  };
}

function patterns(of: readonly Rule[]): Record<string, object> {
  return Object.fromEntries(
    of
      .map((rule) => rule.pattern)
      .sort()
      .map((pattern) => [pattern, {}]),
  );
}
