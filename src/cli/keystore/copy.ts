/** Copies keys into a keystore: bytes unchanged, each read back, nothing overwritten unless that is asked for. */
import { isKesError } from "../../errors.js";
import type { KeyName } from "../../names.js";
import { isKeyValue } from "./canary.js";
import { mapOrdered } from "./pipeline.js";
import { reasonOf } from "./reason.js";
import type { Tally } from "./tally.js";
import { isSameValue, type Target } from "./target.js";

/** A key that is to be copied. */
export interface KeyEntry {
  readonly name: KeyName;
  /** Whether the target's listing has the name; a hint, for listings may lag. */
  readonly isListed: boolean;
  /** The value, owned by the caller. @throws KesError `KEY_NOT_FOUND`, outage codes */
  read(): Promise<Uint8Array>;
}

/** What becomes of a key whose value at the target is another one. */
export type OnConflict = "abort" | "keep" | "replace";

/** A key to be replaced. */
export interface Conflict {
  readonly name: KeyName;
  /** The new value. */
  readonly value: Uint8Array;
}

export interface CopyOptions {
  readonly entries: AsyncIterable<KeyEntry>;
  readonly target: Target;
  /** `plan` and `compare` change nothing. */
  readonly mode: "copy" | "plan" | "compare";
  readonly onConflict: OnConflict;
  /** For `replace`: keeps the target's values, durably, then replaces them. Gets a bounded number at a time. */
  readonly replaceAll: (conflicts: readonly Conflict[]) => Promise<void>;
  readonly tally: Tally;
  /** Keys under way at a time. */
  readonly parallel: number;
  readonly signal: AbortSignal;
}

/** Conflicts that are held, with their values, before they are replaced. */
const MAX_CONFLICTS = 1_000;
/** So many failures in a row are no matter of single keys any more. */
const MAX_FAILURES_IN_A_ROW = 16;

/** The work stopped before its end: the tally says how far it came. */
export class CopyStopped extends Error {
  override readonly name = "CopyStopped";
  readonly reason: "conflict" | "failure";
  constructor(message: string, reason: "conflict" | "failure" = "failure") {
    super(message);
    this.reason = reason;
  }
}

type Outcome =
  | { readonly kind: "copied" | "same" | "missing" | "gone" | "differs" }
  /** To be replaced by `value`. */
  | { readonly kind: "conflict"; readonly value: Uint8Array }
  | { readonly kind: "failed"; readonly error: unknown };

/**
 * Copies or compares all entries and counts in `tally` what became of each.
 * @throws CopyStopped; what `entries` throws; the signal's reason
 */
export async function copyKeys(options: CopyOptions): Promise<void> {
  const { entries, parallel, mode, onConflict, replaceAll, signal } = options;
  const conflicts: Conflict[] = [];
  let failuresInARow = 0;
  // Counted where it is done: of a work that stops, too, what was under way is told.
  const results = mapOrdered(entries, parallel, async (entry) => {
    const outcome = await copyOne(entry, options);
    count(entry.name, outcome, options);
    return { name: entry.name, outcome };
  });
  for await (const { name, outcome } of results) {
    signal.throwIfAborted();
    if (outcome.kind === "conflict") {
      conflicts.push({ name, value: outcome.value });
      if (conflicts.length >= MAX_CONFLICTS) await replaceAll(conflicts.splice(0));
    }
    if (outcome.kind === "differs" && mode === "copy" && onConflict === "abort") {
      throw new CopyStopped(`key "${name}" exists at the target with another value`, "conflict");
    }
    failuresInARow = outcome.kind === "failed" ? failuresInARow + 1 : 0;
    if (outcome.kind !== "failed") continue;
    const reason = reasonOf(outcome.error);
    // An outage that did not pass is the keystore's, whichever key it met first.
    if (isKesError(outcome.error, "KEYSTORE_UNREACHABLE")) throw new CopyStopped(`key "${name}": ${reason}`);
    if (failuresInARow >= MAX_FAILURES_IN_A_ROW) {
      throw new CopyStopped(`${failuresInARow} keys in a row failed, the last, "${name}": ${reason}`);
    }
  }
  if (conflicts.length > 0) await replaceAll(conflicts);
}

function count(name: KeyName, outcome: Outcome, { tally }: CopyOptions): void {
  if (outcome.kind === "failed") tally.failed.add(name, reasonOf(outcome.error));
  else if (outcome.kind === "differs") tally.differing.add(name);
  // Replaced or failed, later.
  else if (outcome.kind !== "conflict") tally[outcome.kind]++;
}

async function copyOne(entry: KeyEntry, options: CopyOptions): Promise<Outcome> {
  const { target, mode, onConflict, tally } = options;
  let value: Uint8Array | undefined;
  let isHandedOn = false;
  try {
    value = await entry.read();
    if (!isKeyValue(value)) tally.notKeys.add(entry.name);
    const kind = mode === "copy" ? await put(entry, value, target) : await compare(entry, value, target);
    if (kind !== "differs" || mode !== "copy" || onConflict !== "replace") return { kind };
    isHandedOn = true;
    return { kind: "conflict", value };
  } catch (error) {
    if (value === undefined && isKesError(error, "KEY_NOT_FOUND")) return { kind: "gone" };
    return { kind: "failed", error };
  } finally {
    if (!isHandedOn) value?.fill(0);
  }
}

async function put(
  { name, isListed }: KeyEntry,
  value: Uint8Array,
  target: Target,
): Promise<"copied" | "same" | "differs"> {
  if (isListed) {
    const there = await target.find(name);
    if (there !== undefined) return isSameValue(there, value) ? "same" : "differs";
  }
  const end = await target.store(name, value);
  if (end === "stored") return "copied";
  return end === "same" ? "same" : "differs";
}

async function compare(
  { name }: KeyEntry,
  value: Uint8Array,
  target: Target,
): Promise<"same" | "differs" | "missing"> {
  const there = await target.find(name);
  if (there === undefined) return "missing";
  return isSameValue(there, value) ? "same" : "differs";
}
