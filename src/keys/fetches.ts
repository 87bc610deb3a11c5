/** Fetching keys: one fetch for each key at a time, so many at a time, and a pause after a failure. */
import { decodeKeyVersion, type KeyVersion } from "../crypto/key-version.js";
import { isKesError, KesError } from "../errors.js";
import type { Keystore } from "../keystore/contract.js";
import type { KeyName } from "../names.js";
import { Backoff } from "./backoff.js";
import type { Clock } from "./clock.js";
import { within } from "./deadline.js";
import type { KeystoreHealth } from "./health.js";
import type { KeyLimits, KeyLog } from "./options.js";
import { Slots } from "./slots.js";

/** A fetch under way, shared by all who want the key. */
export class Flight {
  readonly name: KeyName;
  /** Rejects with `KEY_NOT_FOUND`, `KEY_READ_FAILED`, `KEYSTORE_TIMEOUT` or `KEYSTORE_BUSY`. */
  readonly landed: Promise<KeyVersion>;
  /** When the keystore was asked; undefined while waiting for a turn. */
  startedMs: number | undefined = undefined;
  /** Requests that wait for it. */
  waiting = 0;
  /** Wanted although no request waits for it. */
  background = false;
  /** The key changed since: nobody joins, and a key that it brings is not used. */
  overtaken = false;

  /** @param fly - must not settle before the caller of the constructor had its turn to wait */
  constructor(name: KeyName, fly: (flight: Flight) => Promise<KeyVersion>) {
    this.name = name;
    this.landed = fly(this);
    // A background flight has nobody who looks at its failure; it was reported by then.
    this.landed.catch(() => {});
  }
}

/** How a flight ended: with a key, or with an error and the time before which it is not repeated. */
export type Landing =
  | { readonly flight: Flight; readonly keyVersion: KeyVersion }
  | { readonly flight: Flight; readonly error: KesError; readonly retryAtMs: number };

export interface FetchesOptions {
  readonly keystore: Keystore;
  readonly clock: Clock;
  readonly health: KeystoreHealth;
  readonly log: KeyLog;
  readonly limits: KeyLimits;
}

export class Fetches {
  readonly #options: FetchesOptions;
  readonly #onLanding: (landing: Landing) => void;
  readonly #flights = new Map<KeyName, Flight>();
  readonly #slots: Slots;
  readonly #backoff: Backoff;
  readonly #closing = new AbortController();
  #started = 0;

  /** @param onLanding - told of every landing before those who wait for it */
  constructor(options: FetchesOptions, onLanding: (landing: Landing) => void) {
    this.#options = options;
    this.#onLanding = onLanding;
    this.#slots = new Slots(options.limits.maxFetches, options.limits.maxWaitingFetches);
    this.#backoff = new Backoff(options.limits.maxBackoffs);
  }

  /** Values asked of the keystore so far. */
  get started(): number {
    return this.#started;
  }

  /**
   * The fetch of this key that is under way, or a new one. Who wants it says so at once, by `waiting` or
   * `background`: a flight that nobody wants any more when its turn comes is not begun.
   * @throws KesError `KEYSTORE_BUSY`, or the last failure of this key while it is not to be repeated
   */
  join(name: KeyName): Flight {
    const known = this.#flights.get(name);
    if (known !== undefined) return known;
    if (this.#closing.signal.aborted) throw closedError();
    const failure = this.#backoff.failure(name, this.#options.clock.now());
    if (failure !== undefined) throw failure;
    const turn = this.#slots.take();
    const flight = new Flight(name, (self) => this.#fly(self, turn));
    this.#flights.set(name, flight);
    return flight;
  }

  /** The key changed: nobody joins the fetch under way any more, and nothing stands against a new one. */
  forget(name: KeyName): void {
    this.#backoff.clear(name);
    const flight = this.#flights.get(name);
    if (flight === undefined) return;
    flight.overtaken = true;
    this.#flights.delete(name);
  }

  /** Forgets failures that are over. */
  sweep(): void {
    this.#backoff.sweep(this.#options.clock.now());
  }

  /** Aborts fetches under way; none begins after this. */
  close(): void {
    this.#closing.abort();
  }

  async #fly(flight: Flight, turn: Promise<void> | undefined): Promise<KeyVersion> {
    await turn;
    try {
      return await this.#fetch(flight);
    } finally {
      this.#slots.give();
      if (this.#flights.get(flight.name) === flight) this.#flights.delete(flight.name);
    }
  }

  async #fetch(flight: Flight): Promise<KeyVersion> {
    if (this.#closing.signal.aborted) throw closedError();
    if (flight.waiting === 0 && !flight.background) throw new KesError("KEYSTORE_TIMEOUT");
    const keyVersion = this.#decode(flight, await this.#read(flight));
    if (!flight.overtaken) this.#backoff.clear(flight.name);
    this.#onLanding({ flight, keyVersion });
    return keyVersion;
  }

  async #read(flight: Flight): Promise<Uint8Array> {
    const { keystore, clock, health, limits } = this.#options;
    const startedMs = clock.now();
    flight.startedMs = startedMs;
    this.#started += 1;
    const get = (signal: AbortSignal): Promise<Uint8Array> => keystore.get(flight.name, signal);
    try {
      const value = await within(clock, limits.fetchTimeoutMs, get, this.#closing.signal);
      health.succeeded();
      return value;
    } catch (cause) {
      health.observe(startedMs, cause);
      throw this.#crash(flight, cause);
    }
  }

  #decode(flight: Flight, value: Uint8Array): KeyVersion {
    try {
      return decodeKeyVersion(value);
    } catch (cause) {
      this.#options.log.error(`key ${flight.name}: what the key store holds cannot be used`, cause);
      throw this.#crash(flight, cause);
    }
  }

  #crash(flight: Flight, cause: unknown): KesError {
    const error = isKesError(cause, "KEY_NOT_FOUND", "KEYSTORE_BUSY", "KEYSTORE_TIMEOUT")
      ? cause
      : new KesError("KEY_READ_FAILED", [], { cause });
    const now = this.#options.clock.now();
    // A missing key is an answer, not a failure: whoever asks again gets an answer of that moment.
    const repeatable = flight.overtaken || error.code === "KEY_NOT_FOUND";
    if (error.code === "KEY_NOT_FOUND" && !flight.overtaken) this.#backoff.clear(flight.name);
    const retryAtMs = repeatable ? now : this.#backoff.failed(flight.name, error, now);
    this.#onLanding({ flight, error, retryAtMs });
    return error;
  }
}

function closedError(): KesError {
  return new KesError("KEY_READ_FAILED", [], { cause: new Error("key service is closed") });
}
