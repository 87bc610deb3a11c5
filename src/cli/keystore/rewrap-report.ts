/** What came of a rewrap: in words and as JSON. */
import type { Output } from "../output.js";
import { printJson } from "../remote/print.js";
import type { NameList } from "./tally.js";

/** Keys, by what became of them. */
export interface RewrapTally {
  rewrapped: number;
  /** At the newest version already. */
  current: number;
  /** Not encrypted by the keystore. */
  plain: number;
  /** Deleted after they were listed. */
  gone: number;
  readonly failed: NameList;
}

export interface RewrapFacts {
  /** Description of the keystore. */
  readonly keystore: string;
  readonly isDryRun: boolean;
  /** False when it stopped before its end. */
  readonly isComplete: boolean;
  readonly tally: RewrapTally;
  readonly seconds: number;
}

/** Names that are listed one by one; the others are counted. */
const SHOWN = 10;

export function printRewrap(output: Output, { isDryRun, tally }: RewrapFacts): void {
  const { rewrapped, current, plain, gone, failed } = tally;
  for (const { name, reason } of failed.entries.slice(0, SHOWN)) {
    output.note(`key "${name}" failed: ${reason}`);
  }
  if (failed.count > SHOWN)
    output.note(`… and ${failed.count - SHOWN} more: all are in the report of --json`);
  const others = [
    `${current} at the newest version already`,
    ...(plain > 0 ? [`${plain} not encrypted`] : []),
    ...(gone > 0 ? [`${gone} deleted meanwhile`] : []),
    `${failed.count} failed`,
  ];
  const what = isDryRun ? "Would rewrap" : "Rewrapped";
  output.data(`${what} ${String(rewrapped).padStart(6)} keys; ${others.join(", ")}\n`);
}

/** One object; the list of failures holds the first thousand names. */
export function printRewrapJson(output: Output, facts: RewrapFacts): void {
  const { rewrapped, current, plain, gone, failed } = facts.tally;
  printJson(output, {
    mode: facts.isDryRun ? "dry-run" : "rewrap",
    keystore: facts.keystore,
    complete: facts.isComplete,
    rewrapped,
    current,
    not_encrypted: plain,
    deleted_meanwhile: gone,
    failed: { count: failed.count, keys: failed.entries },
    seconds: Number(facts.seconds.toFixed(3)),
  });
}
