/** How long a key may be used from memory, and for how long one that may not is kept (KES configuration reference §8). */
import type { KeyVersion } from "../crypto/key-version.js";
import { PROBE_EVERY_MS, PROBE_TIMEOUT_MS } from "./health.js";
import type { CacheTimes } from "./options.js";

/** From this part of `anyMs` on, a use fetches the key again in the background, so that no request pays for it. */
const REFRESH_AHEAD = 0.9;
/** The same part of `revalidateMs`, and how often in that time it is looked for keys that are due. */
const REVALIDATE_AHEAD = 0.5;
const REVALIDATE_LOOKS = 4;
/** An outage may be this old before the probe notices it; keys are kept so much longer for it. */
const UNNOTICED_MS = PROBE_EVERY_MS + PROBE_TIMEOUT_MS;

const MIN_SWEEP_MS = 50;

/** A key in memory. All times are of the monotonic clock. */
export interface Entry {
  readonly keyVersion: KeyVersion;
  /** Start of its fetch: the value is at least that old. */
  readonly fetchedMs: number;
  /** When `any` is over, measured from the start of the fetch: the value is at least that old. */
  readonly expiresMs: number;
  /** From here on a use fetches the key again in the background. */
  readonly refreshAtMs: number;
  usedMs: number;
  /** Before this no such fetch begins; infinite while one is under way. */
  retryAtMs: number;
  /** Start of the first fetch that failed to replace this entry. */
  failedSinceMs: number | undefined;
  /** Until when requests wait for the fetch that is to replace this entry. */
  graceEndsMs: number | undefined;
}

/** The three times of the configuration as rules over entries. */
export class Lifetimes {
  readonly #anyMs: number;
  readonly #unusedMs: number;
  readonly #offlineMs: number;
  readonly #revalidateMs: number;

  constructor({ anyMs, unusedMs, offlineMs, revalidateMs = 0 }: CacheTimes) {
    this.#anyMs = anyMs > 0 ? anyMs : Number.POSITIVE_INFINITY;
    this.#unusedMs = unusedMs > 0 ? unusedMs : Number.POSITIVE_INFINITY;
    this.#offlineMs = Math.max(0, offlineMs);
    this.#revalidateMs = revalidateMs > 0 ? revalidateMs : Number.POSITIVE_INFINITY;
  }

  /** How often it is worth looking for entries to drop. */
  get sweepMs(): number {
    const usual = Math.min(30_000, Math.max(1000, Math.min(this.#anyMs, this.#unusedMs) / 2));
    return Math.min(usual, Math.max(MIN_SWEEP_MS, this.#revalidateMs / REVALIDATE_LOOKS));
  }

  /**
   * True when the key is to be fetched again although nobody asks for it: what somebody else deleted must not come to
   * light only with its next use, which would be served.
   */
  mustRevalidate(entry: Entry, nowMs: number): boolean {
    return Number.isFinite(this.#revalidateMs) && nowMs >= entry.refreshAtMs && !this.expired(entry, nowMs);
  }

  entry(keyVersion: KeyVersion, fetchedMs: number, usedMs: number): Entry {
    return {
      keyVersion,
      fetchedMs,
      expiresMs: fetchedMs + this.#anyMs,
      refreshAtMs: fetchedMs + Math.min(this.#anyMs * REFRESH_AHEAD, this.#revalidateMs * REVALIDATE_AHEAD),
      usedMs,
      retryAtMs: 0,
      failedSinceMs: undefined,
      graceEndsMs: undefined,
    };
  }

  /** True when the keystore is to be asked before the key is used again. */
  expired(entry: Entry, nowMs: number): boolean {
    return nowMs >= entry.expiresMs || nowMs - entry.usedMs >= this.#unusedMs;
  }

  /**
   * What an expired entry is good for: `serve` within the offline window of an outage, `ask` the keystore but
   * keep the entry in case it does not answer, or `drop`.
   * @param outSinceMs - start of the outage of the whole keystore, if there is one
   */
  useOfExpired(entry: Entry, nowMs: number, outSinceMs: number | undefined): "serve" | "ask" | "drop" {
    if (this.#offlineMs === 0) return "drop";
    const sinceMs = outageOf(entry, outSinceMs);
    if (sinceMs === undefined) return "ask";
    return nowMs < sinceMs + this.#offlineMs ? "serve" : "drop";
  }

  /** True when nothing can make the entry useful again. Parameters as for {@link useOfExpired}. */
  mayDrop(entry: Entry, nowMs: number, outSinceMs: number | undefined): boolean {
    if (!this.expired(entry, nowMs)) return false;
    const use = this.useOfExpired(entry, nowMs, outSinceMs);
    if (use !== "ask") return use === "drop";
    const idleLimitMs = Number.isFinite(this.#unusedMs) ? this.#unusedMs : this.#anyMs;
    return nowMs - entry.usedMs >= idleLimitMs + UNNOTICED_MS;
  }
}

/** Start of the outage as this key sees it: of the keystore, or of this key alone. */
function outageOf(entry: Entry, outSinceMs: number | undefined): number | undefined {
  const own = entry.failedSinceMs;
  return outSinceMs !== undefined && own !== undefined ? Math.min(outSinceMs, own) : (outSinceMs ?? own);
}
