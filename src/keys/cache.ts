/** Keys in memory: how long they may be used, and what happens when the keystore cannot be asked. */
import type { KeyVersion } from "../crypto/key-version.js";
import { isKesError, KesError } from "../errors.js";
import type { Keystore } from "../keystore/contract.js";
import type { KeyName } from "../names.js";
import type { Cancel, Clock } from "./clock.js";
import { type Call, untilAborted } from "./deadline.js";
import { Fetches, type Flight, type Landing } from "./fetches.js";
import type { KeystoreHealth } from "./health.js";
import { type Entry, Lifetimes } from "./lifetimes.js";
import type { CacheTimes, KeyLimits, KeyLog } from "./options.js";
import { RetiredKeys } from "./retired.js";

/** Keys fetched again by one sweep after an outage. */
const MAX_REFRESHED_BY_SWEEP = 1000;
/** Pause before a background fetch that could not begin is tried again. */
const REFRESH_PAUSE_MS = 1000;
/** A request that finds its key wiped asks again, this often. */
const MAX_ATTEMPTS = 5;

/** A change under way whose result may be put into the cache, unless the key is invalidated before. */
export interface Reservation {
  overtaken: boolean;
}

/** Figures for metrics and tests. */
export interface CacheStats {
  readonly entries: number;
  /** Requests served from memory, stale ones too. */
  readonly hits: number;
  /** Requests that had to wait for the keystore. */
  readonly misses: number;
  /** Values asked of the keystore. */
  readonly fetches: number;
  /** When the outage began that is still on, by the monotonic clock. */
  readonly offlineSinceMs: number | undefined;
}

export interface KeyCacheOptions {
  readonly keystore: Keystore;
  readonly times: CacheTimes;
  readonly clock: Clock;
  readonly health: KeystoreHealth;
  readonly limits: KeyLimits;
  readonly log: KeyLog;
}

export class KeyCache {
  readonly #entries = new Map<KeyName, Entry>();
  readonly #reservations = new Map<KeyName, Set<Reservation>>();
  readonly #retired: RetiredKeys;
  readonly #fetches: Fetches;
  readonly #health: KeystoreHealth;
  readonly #clock: Clock;
  readonly #limits: KeyLimits;
  readonly #lifetimes: Lifetimes;
  #cancelSweep: Cancel = () => {};
  #hits = 0;
  #misses = 0;
  #closed = false;

  constructor(options: KeyCacheOptions) {
    const { times, clock, health, limits } = options;
    this.#clock = clock;
    this.#health = health;
    this.#limits = limits;
    this.#fetches = new Fetches(options, (landing) => this.#land(landing));
    this.#retired = new RetiredKeys(limits.maxRetired, clock);
    this.#lifetimes = new Lifetimes(times);
    this.#scheduleSweep();
  }

  /** The key, if it may be used without waiting. */
  peek(name: KeyName): KeyVersion | undefined {
    const entry = this.#entries.get(name);
    if (entry === undefined) return undefined;
    const now = this.#clock.now();
    if (this.#lifetimes.expired(entry, now)) return this.#peekExpired(name, entry, now);
    entry.usedMs = now;
    if (now >= entry.refreshAtMs) this.#refresh(name, entry, now);
    this.#hits += 1;
    return entry.keyVersion;
  }

  /**
   * What `use` makes of the key, fetched if need be; all who wait for one key share one fetch. `use` must be
   * done with the key when it returns: keys that left the cache are wiped.
   * @throws KesError `KEY_NOT_FOUND`, `KEY_READ_FAILED`, `KEYSTORE_TIMEOUT`, `KEYSTORE_BUSY`
   */
  async use<T>(name: KeyName, use: (keyVersion: KeyVersion) => T, call?: Call): Promise<T> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const keyVersion = this.peek(name) ?? (await this.#load(name, call));
      // Whoever resumes after a wait may find that the key was dropped and wiped meanwhile.
      if (!keyVersion.destroyed) return use(keyVersion);
    }
    throw new KesError("INTERNAL", [], {
      cause: new Error(`key ${name} is dropped as fast as it is fetched`),
    });
  }

  /** The key changed in the keystore: what is in memory or on its way is of no use to requests from now on. */
  invalidate(name: KeyName): void {
    for (const reservation of this.#reservations.get(name) ?? []) reservation.overtaken = true;
    this.#fetches.forget(name);
    this.#drop(name);
  }

  /** What a fetch under way will say is out of date, but what is in memory is not. */
  forgetFetch(name: KeyName): void {
    this.#fetches.forget(name);
  }

  /** Announces a change that ends in {@link admit} or not; to be released in any case. */
  reserve(name: KeyName): Reservation {
    const reservation: Reservation = { overtaken: false };
    const all = this.#reservations.get(name) ?? new Set();
    this.#reservations.set(name, all.add(reservation));
    return reservation;
  }

  release(name: KeyName, reservation: Reservation): void {
    const all = this.#reservations.get(name);
    all?.delete(reservation);
    if (all?.size === 0) this.#reservations.delete(name);
  }

  /**
   * Puts a key into the cache that was just read back. Fetches that began before may still say that it does
   * not exist, so nobody joins them from now on.
   */
  admit(name: KeyName, reservation: Reservation, keyVersion: KeyVersion, readMs: number): void {
    if (reservation.overtaken || this.#closed) return keyVersion.destroy();
    this.#fetches.forget(name);
    this.#insert(name, keyVersion, readMs, this.#clock.now());
  }

  stats(): CacheStats {
    return {
      entries: this.#entries.size,
      hits: this.#hits,
      misses: this.#misses,
      fetches: this.#fetches.started,
      offlineSinceMs: this.#health.outSinceMs,
    };
  }

  /** Age of the key that was fetched longest ago and would still be used; undefined without one. */
  oldestMs(): number | undefined {
    const now = this.#clock.now();
    let oldest: number | undefined;
    for (const entry of this.#entries.values()) {
      if (oldest !== undefined && entry.fetchedMs >= oldest) continue;
      const isUsable =
        !this.#lifetimes.expired(entry, now) ||
        this.#lifetimes.useOfExpired(entry, now, this.#health.outSinceMs) === "serve";
      if (isUsable) oldest = entry.fetchedMs;
    }
    return oldest === undefined ? undefined : now - oldest;
  }

  /** Drops and wipes all keys. Fetches under way end without effect. */
  close(): void {
    this.#closed = true;
    this.#cancelSweep();
    this.#fetches.close();
    for (const name of this.#entries.keys()) this.#drop(name);
    this.#retired.close();
  }

  #peekExpired(name: KeyName, entry: Entry, now: number): KeyVersion | undefined {
    const use = this.#lifetimes.useOfExpired(entry, now, this.#health.outSinceMs);
    if (use === "drop") this.#drop(name);
    if (use !== "serve") return undefined;
    entry.usedMs = now;
    this.#refresh(name, entry, now);
    this.#hits += 1;
    return entry.keyVersion;
  }

  async #load(name: KeyName, call: Call | undefined): Promise<KeyVersion> {
    this.#misses += 1;
    const stale = this.#entries.get(name);
    try {
      const flight = this.#fetches.join(name);
      if (stale === undefined) return await this.#wait(flight, call);
      return await this.#waitWithGrace(flight, stale, call);
    } catch (error) {
      const gaveUp = call?.signal().aborted === true;
      if (stale === undefined || gaveUp || isKesError(error, "KEY_NOT_FOUND")) throw error;
      // A window without a known outage: this failure is its beginning, unless an earlier one was noted.
      stale.failedSinceMs ??= this.#clock.now();
      const keyVersion = this.peek(name);
      if (keyVersion === undefined) throw error;
      return keyVersion;
    }
  }

  async #wait(flight: Flight, call: Call | undefined): Promise<KeyVersion> {
    flight.waiting += 1;
    try {
      if (call === undefined) return await flight.landed;
      return await untilAborted(flight.landed, call.signal(), () => new KesError("KEYSTORE_TIMEOUT"));
    } finally {
      flight.waiting -= 1;
    }
  }

  /** Waits for the fetch, but for all requests together no longer than the grace; then the stale key serves. */
  async #waitWithGrace(flight: Flight, stale: Entry, call: Call | undefined): Promise<KeyVersion> {
    const now = this.#clock.now();
    stale.graceEndsMs ??= now + this.#limits.graceMs;
    let cancel: Cancel = () => {};
    const grace = new Promise<undefined>((resolve) => {
      cancel = this.#clock.after(Math.max(0, (stale.graceEndsMs ?? now) - now), () => resolve(undefined));
    });
    const landed = this.#wait(flight, call);
    const keyVersion = await Promise.race([landed, grace]).finally(() => cancel());
    if (keyVersion !== undefined) return keyVersion;
    stale.failedSinceMs ??= flight.startedMs ?? now;
    const served = this.peek(flight.name);
    if (served === undefined) return landed;
    landed.catch(() => {});
    return served;
  }

  /** Fetches in the background. */
  #refresh(name: KeyName, entry: Entry, now: number): void {
    if (now < entry.retryAtMs) return;
    try {
      entry.retryAtMs = Number.POSITIVE_INFINITY;
      this.#fetches.join(name).background = true;
    } catch {
      // Backing off, or too many fetches wait. What failed was reported when it failed.
      entry.retryAtMs = now + REFRESH_PAUSE_MS;
    }
  }

  #land(landing: Landing): void {
    const { flight } = landing;
    const { name } = flight;
    const entry = this.#entries.get(name);
    if ("keyVersion" in landing) {
      // Nobody has seen it yet. Those who wait find it wiped and ask again, so that they too get the truth.
      if (flight.overtaken || this.#closed) return landing.keyVersion.destroy();
      const now = this.#clock.now();
      const usedMs = flight.waiting > 0 ? now : (entry?.usedMs ?? now);
      this.#insert(name, landing.keyVersion, flight.startedMs ?? now, usedMs);
      return;
    }
    if (flight.overtaken || entry === undefined) return;
    if (landing.error.code === "KEY_NOT_FOUND") return this.#drop(name);
    entry.failedSinceMs ??= flight.startedMs;
    entry.retryAtMs = landing.retryAtMs;
  }

  #insert(name: KeyName, keyVersion: KeyVersion, fetchedMs: number, usedMs: number): void {
    this.#drop(name);
    this.#entries.set(name, this.#lifetimes.entry(keyVersion, fetchedMs, usedMs));
    // A map keeps the order of insertion, so its first key was fetched longest ago.
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= this.#limits.maxEntries) break;
      this.#drop(oldest);
    }
  }

  #drop(name: KeyName): void {
    const entry = this.#entries.get(name);
    if (entry === undefined) return;
    this.#entries.delete(name);
    this.#retire(entry.keyVersion);
  }

  #retire(keyVersion: KeyVersion): void {
    if (this.#closed) keyVersion.destroy();
    else this.#retired.add(keyVersion);
  }

  #scheduleSweep(): void {
    this.#cancelSweep = this.#clock.after(this.#lifetimes.sweepMs, () => {
      this.#sweep();
      this.#scheduleSweep();
    });
  }

  #sweep(): void {
    const now = this.#clock.now();
    let refreshed = 0;
    this.#retired.sweep();
    this.#fetches.sweep();
    for (const [name, entry] of this.#entries) {
      if (this.#lifetimes.mayDrop(entry, now, this.#health.outSinceMs)) {
        this.#drop(name);
      } else if (refreshed < MAX_REFRESHED_BY_SWEEP && this.#isDue(entry, now)) {
        refreshed += 1;
        this.#refresh(name, entry, now);
      }
    }
  }

  #isDue(entry: Entry, now: number): boolean {
    if (this.#health.outSinceMs !== undefined) return false;
    // The outage is over. A key that still counts from its beginning would be dropped too early in the next.
    return entry.failedSinceMs !== undefined || this.#lifetimes.mustRevalidate(entry, now);
  }
}
