/** What the key service is built from, and its limits. */
import type { RandomSource } from "../crypto/random.js";
import type { Keystore } from "../keystore/contract.js";
import type { KeyName } from "../names.js";
import type { Clock } from "./clock.js";

/** Where the key service reports what an operator should know. Messages hold key names, never key bytes. */
export interface KeyLog {
  error(message: string, cause?: unknown): void;
  warn(message: string, cause?: unknown): void;
}

/** How long keys are used from memory; 0 switches a rule off (KES configuration reference §8). */
export interface CacheTimes {
  /** Every key is fetched again after this, however busy. */
  readonly anyMs: number;
  /** A key that is not used for this long is dropped. */
  readonly unusedMs: number;
  /** While the keystore is out, keys are used for this long from the start of the outage. */
  readonly offlineMs: number;
  /**
   * A key that is kept is fetched again in the background before it is so old, used or not: what was deleted elsewhere
   * is not used for longer than this and the time of the fetch. Up to 1,000 keys in a quarter of it. Usual: 0.
   */
  readonly revalidateMs?: number;
}

/** The documented defaults of the configuration. */
export const defaultCacheTimes: CacheTimes = { anyMs: 300_000, unusedMs: 30_000, offlineMs: 0 };

export interface KeyLimits {
  /** Keys in memory; past it those fetched longest ago are dropped. */
  readonly maxEntries: number;
  /** Fetches under way at a time. */
  readonly maxFetches: number;
  /** Fetches that wait for their turn; past it `KEYSTORE_BUSY`. */
  readonly maxWaitingFetches: number;
  /** Creates, imports and deletes under way at a time; as many listings again. */
  readonly maxChanges: number;
  /** Changes or listings that wait for their turn; past it `KEYSTORE_BUSY`. */
  readonly maxWaitingChanges: number;
  /** Keys whose failure is remembered for the back-off. */
  readonly maxBackoffs: number;
  /** Dropped keys that wait to be wiped. */
  readonly maxRetired: number;
  /** One fetch, and one listing. */
  readonly fetchTimeoutMs: number;
  /** One create or delete. Together with `lookUpTimeoutMs` below the 15 s of the routes. */
  readonly changeTimeoutMs: number;
  /** Reading back what was created, and finding out how a change ended. */
  readonly lookUpTimeoutMs: number;
  /** With an offline window: how long a request waits once for a key that is due to be fetched again. */
  readonly graceMs: number;
}

export const defaultKeyLimits: KeyLimits = {
  maxEntries: 65_536,
  maxFetches: 64,
  maxWaitingFetches: 10_000,
  maxChanges: 64,
  maxWaitingChanges: 1_000,
  maxBackoffs: 10_000,
  maxRetired: 10_000,
  fetchTimeoutMs: 10_000,
  changeTimeoutMs: 10_000,
  lookUpTimeoutMs: 2_500,
  graceMs: 500,
};

/** @param by - `here` for a change of this service's own, `elsewhere` for one that it was told of */
export type Changed = (name: KeyName, by: "here" | "elsewhere") => Promise<void>;

export interface KeyServiceOptions {
  readonly keystore: Keystore;
  readonly cache: CacheTimes;
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly log: KeyLog;
  readonly limits?: Partial<KeyLimits>;
  /**
   * Tells others who may hold the key in memory that it was, or may have been, created or deleted; resolves when
   * they have dropped it. Bounded in time, never rejects. A change is answered after that.
   */
  readonly changed?: Changed;
}
