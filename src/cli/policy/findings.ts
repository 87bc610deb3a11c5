/** Everything that `kes policy check` has to say of a file. */
import type { Inspection } from "../../config/inspect.js";
import type { ConfigFault } from "../../errors.js";
import { reviewPolicy } from "../../policy/review.js";
import type { PolicyApi } from "../../policy/route-space.js";

/** Error: the server refuses the file, or nobody can use it. Warning: hardly meant. Note: asks for nothing. */
export type Severity = "error" | "warning" | "note";

export interface Finding extends ConfigFault {
  readonly severity: Severity;
  readonly rule: string;
}

/** Of a fault that has no name of its own. */
const GENERAL = "configuration";

/**
 * What is wrong with a file, by file and line; the same said twice, of a document that two policies use, counts once.
 * @param others - of certificates
 */
export function findingsOf(
  inspection: Inspection,
  api: PolicyApi,
  others: readonly Finding[] = [],
): readonly Finding[] {
  const findings = [
    ...inspection.errors.map((fault) => findingOf("error", fault)),
    ...inspection.warnings.map((fault) => findingOf("warning", fault)),
    ...reviewFindings(inspection, api),
    ...others,
  ];
  return sorted(new Map(findings.map((finding) => [JSON.stringify(finding), finding])).values());
}

function findingOf(severity: Severity, fault: ConfigFault): Finding {
  return { ...fault, severity, rule: fault.rule ?? GENERAL };
}

function reviewFindings({ written }: Inspection, api: PolicyApi): Finding[] {
  return written.flatMap(({ name, place, source, holders }) => {
    // Within a document, the policy that uses it says nothing.
    const path = holders === undefined ? {} : { path: `policy.${name}` };
    const findings = reviewPolicy({ ...source, name }, api).map(({ source: rule, ...finding }): Finding => {
      const { file, line, column } = { ...place, ...rule?.place };
      return { file, line, column, ...(file === place.file ? path : {}), ...finding };
    });
    if (holders !== 0) return findings;
    const message = "the policy has no identities, so it holds for nobody";
    return [...findings, { ...place, ...path, severity: "note", rule: "no-identities", message }];
  });
}

function sorted(findings: Iterable<Finding>): readonly Finding[] {
  const all = [...findings];
  const files = [...new Set(all.map(({ file }) => file))];
  return all.sort(
    (a, b) =>
      files.indexOf(a.file) - files.indexOf(b.file) ||
      (a.line ?? 0) - (b.line ?? 0) ||
      (a.column ?? 0) - (b.column ?? 0),
  );
}
