/** What came of a migration, a comparison or a restore: in words and as JSON. */
import type { Output } from "../output.js";
import { printJson } from "../remote/print.js";
import type { NameList, Tally } from "./tally.js";

export interface CopyFacts {
  readonly from: string;
  readonly to: string;
  readonly mode: "copy" | "plan" | "compare";
  /** Whether values that differ are left at the target on purpose. */
  readonly isMerge: boolean;
  readonly tally: Tally;
  readonly seconds: number;
  /** Bundles with the values that were replaced, and the file with the key that opens them. */
  readonly oldValues: readonly string[];
  readonly oldValuesKey: string | undefined;
  /** False when it stopped before its end. */
  readonly isComplete: boolean;
}

/** True when every key of the source is at the target, byte for byte. */
export function isGood({ tally, isComplete, mode }: CopyFacts): boolean {
  const isMissing = mode === "compare" && tally.missing > 0;
  return isComplete && tally.differing.count === 0 && tally.failed.count === 0 && !isMissing;
}

/** Names that are listed one by one; the others are counted. */
const SHOWN = 10;

/** The last lines on standard error, and KES's own on standard output (KES reference §14.3). */
export function printCopyReport(output: Output, facts: CopyFacts): void {
  const { tally, mode, isMerge } = facts;
  const note = (list: NameList, what: string): void => {
    for (const { name, reason } of list.entries.slice(0, SHOWN)) {
      output.note(`key "${name}" ${what}${reason === undefined ? "" : `: ${reason}`}`);
    }
    if (list.count > SHOWN) output.note(`… and ${list.count - SHOWN} more: all are in the report of --json`);
  };
  const kept = mode === "copy" && isMerge ? ", which was kept" : "";
  note(tally.differing, `has another value at the target${kept}`);
  note(tally.failed, "failed");
  note(
    tally.notKeys,
    mode === "compare" ? "is no key to this version" : "is no key to this version; copied as it is",
  );
  if (tally.gone > 0) output.note(`${keys(tally.gone)} deleted at the source meanwhile`);
  if (facts.oldValues.length > 0) {
    output.note(`the values that were replaced are in ${facts.oldValues.join(", ")}`);
    const key = facts.oldValuesKey;
    if (key !== undefined)
      output.note(`their key is in ${key}: keep it apart, or delete both once all is well`);
  }
  output.data(`${lastLine(facts)}\n`);
}

function lastLine(facts: CopyFacts): string {
  const { tally, mode } = facts;
  const six = (count: number): string => String(count).padStart(6);
  const extra = tally.extra.count > 0 ? `, ${tally.extra.count} only at the target` : "";
  if (mode === "compare") {
    const wrong = `${tally.differing.count} different, ${tally.missing} missing, ${tally.failed.count} failed`;
    return `Compared ${six(tally.done)} keys: ${tally.same} identical, ${wrong}${extra}`;
  }
  const moved = tally.copied + tally.replaced;
  if (mode === "plan") {
    const there = `${tally.same} there already, ${tally.differing.count} different`;
    return `Would migrate ${six(tally.missing)} keys; ${there}, ${tally.failed.count} failed`;
  }
  if (!isGood(facts)) {
    return `Migrated ${six(moved)} keys; ${tally.same} there already, ${tally.differing.count} different, ${tally.failed.count} failed`;
  }
  return moved === 0 ? "Migration succeeded! No keys migrated." : `Migrated ${six(moved)} keys successfully!`;
}

function keys(count: number): string {
  return count === 1 ? "1 key was" : `${count} keys were`;
}

/** One object; lists hold the first thousand names. */
export function printCopyJson(output: Output, facts: CopyFacts): void {
  const { tally, seconds } = facts;
  const mode = facts.mode === "plan" ? "dry-run" : facts.mode === "compare" ? "verify-only" : "migrate";
  printJson(output, {
    ...{ mode, from: facts.from, to: facts.to },
    complete: facts.isComplete,
    identical: facts.mode !== "plan" && isGood(facts),
    migrated: tally.copied,
    replaced: tally.replaced,
    same: tally.same,
    missing: tally.missing,
    deleted_meanwhile: tally.gone,
    differing: namesOf(tally.differing),
    failed: { count: tally.failed.count, keys: tally.failed.entries },
    not_keys: namesOf(tally.notKeys),
    only_at_target: namesOf(tally.extra),
    old_values: facts.oldValues,
    ...(facts.oldValuesKey === undefined ? {} : { old_values_key: facts.oldValuesKey }),
    seconds: Number(seconds.toFixed(3)),
    keys_per_second: seconds > 0 ? Math.round(tally.done / seconds) : 0,
  });
}

function namesOf(list: NameList): { readonly count: number; readonly names: readonly string[] } {
  return { count: list.count, names: list.names };
}
