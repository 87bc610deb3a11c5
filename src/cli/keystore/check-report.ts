/** What `kes keystore check` found, for people and for programs. */
import type { Output } from "../output.js";
import { printJson } from "../remote/print.js";
import type { Style } from "../style.js";
import type { ProbeName, ProbeResult } from "./check.js";

const WORDS: Readonly<Record<ProbeName, string>> = {
  open: "log in",
  status: "reach and read",
  read: "read a key",
  list: "list keys",
  delete: "delete keys",
  create: "create a key",
  guard: "refuse to overwrite a key",
  remove: "remove the key of this check",
};

export interface CheckFacts {
  readonly file: string;
  /** Description of the keystore; undefined when it could not be opened. */
  readonly keystore: string | undefined;
  readonly results: readonly ProbeResult[];
  /** A key of the check that could not be removed. */
  readonly leftover: string | undefined;
}

export function isUsable({ results, leftover }: CheckFacts): boolean {
  return leftover === undefined && results.every(({ outcome }) => outcome === "ok");
}

export function printCheck(output: Output, style: Style, facts: CheckFacts): void {
  const mark = { ok: style.green("ok     "), failed: style.red("FAILED "), skipped: style.dim("skipped") };
  const lines = [`Key store  ${facts.keystore ?? "could not be opened"}`];
  for (const { probe, outcome, timesMs, reason } of facts.results) {
    const times = timesMs.length === 0 || outcome !== "ok" ? "" : `  ${timesText(timesMs)}`;
    lines.push(`${mark[outcome]}    ${WORDS[probe]}${times}`);
    if (reason !== undefined) lines.push(`           ${reason}`);
  }
  const remedies = remediesOf(facts);
  if (remedies.length > 0) lines.push("", "Missing in the policy of the log-in:", ...remedies);
  output.data(`${lines.join("\n")}\n`);
  if (facts.leftover !== undefined)
    output.note(`the key '${facts.leftover}' of this check is left over: remove it`);
}

export function printCheckJson(output: Output, facts: CheckFacts): void {
  printJson(output, {
    config: facts.file,
    keystore: facts.keystore ?? null,
    usable: isUsable(facts),
    probes: facts.results.map(({ probe, outcome, timesMs, reason, remedy }) => ({
      ...{ probe, outcome },
      ...(timesMs.length === 0 ? {} : { ms: latencyOf(timesMs) }),
      ...(reason === undefined ? {} : { reason }),
      ...(remedy === undefined ? {} : { remedy }),
    })),
    missing: remediesOf(facts),
    leftover: facts.leftover ?? null,
  });
}

function remediesOf({ results }: CheckFacts): readonly string[] {
  return [...new Set(results.flatMap(({ remedy }) => remedy ?? []))];
}

function latencyOf(timesMs: readonly number[]): {
  readonly min: number;
  readonly median: number;
  readonly max: number;
} {
  const sorted = [...timesMs].sort((a, b) => a - b);
  const at = (index: number): number => Math.round((sorted[index] ?? 0) * 100) / 100;
  return { min: at(0), median: at(Math.floor((sorted.length - 1) / 2)), max: at(sorted.length - 1) };
}

function timesText(timesMs: readonly number[]): string {
  const { min, median, max } = latencyOf(timesMs);
  if (timesMs.length === 1) return `${min} ms`;
  return `${min} / ${median} / ${max} ms (least, median, most of ${timesMs.length})`;
}
