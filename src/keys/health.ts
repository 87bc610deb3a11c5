/** Whether the keystore answers, since when not, and the probe that finds out when nobody asks. */
import { isKesError, KesError } from "../errors.js";
import type { Keystore } from "../keystore/contract.js";
import type { Cancel, Clock } from "./clock.js";
import { within } from "./deadline.js";
import type { KeyLog } from "./options.js";

/** The keystore is asked this often whether it is there. */
export const PROBE_EVERY_MS = 10_000;
/** A probe that takes longer has failed. */
export const PROBE_TIMEOUT_MS = 5_000;
/** While the last probe failed, a caller waits at most this long for a better answer. */
const KNOWN_OUTAGE_WAIT_MS = 500;

/** What a probe found: the time of one round trip, or why there was none. */
export type KeystoreStatus =
  | { readonly ok: true; readonly latencyMs: number }
  | { readonly ok: false; readonly error: KesError };

export class KeystoreHealth {
  readonly #keystore: Keystore;
  readonly #clock: Clock;
  readonly #log: KeyLog;
  #outSinceMs: number | undefined;
  #lastSuccessMs = Number.NEGATIVE_INFINITY;
  #failedProbe: KeystoreStatus | undefined;
  #probe: Promise<KeystoreStatus> | undefined;
  #cancel: Cancel = () => {};
  #closed = false;

  constructor(keystore: Keystore, clock: Clock, log: KeyLog) {
    this.#keystore = keystore;
    this.#clock = clock;
    this.#log = log;
    this.#schedule();
  }

  /** When the outage began that is still on, by the monotonic clock; undefined while the keystore answers. */
  get outSinceMs(): number | undefined {
    return this.#outSinceMs;
  }

  /** The keystore gave a definite answer. */
  succeeded(): void {
    this.#lastSuccessMs = this.#clock.now();
    this.#failedProbe = undefined;
    if (this.#outSinceMs === undefined) return;
    const lastedMs = Math.round(this.#lastSuccessMs - this.#outSinceMs);
    this.#outSinceMs = undefined;
    this.#log.warn(`key store answers again, after an outage of ${lastedMs} ms`);
  }

  /** A call that began at `startedMs` was not answered. */
  failed(startedMs: number, cause: unknown): void {
    // An answer that came meanwhile shows that the outage began later than this call.
    const sinceMs = Math.max(startedMs, this.#lastSuccessMs);
    if (this.#outSinceMs !== undefined) {
      this.#outSinceMs = Math.min(this.#outSinceMs, sinceMs);
      return;
    }
    this.#outSinceMs = sinceMs;
    if (!this.#closed) this.#log.error("key store does not answer", cause);
  }

  /** Notes how a call that began at `startedMs` failed: with an answer of a keystore that works, or with none. */
  observe(startedMs: number, cause: unknown): void {
    if (isKesError(cause, "KEY_NOT_FOUND", "KEY_EXISTS", "KEY_CHANGED")) this.succeeded();
    // A keystore that is busy is there.
    else if (!isKesError(cause, "KEYSTORE_BUSY")) this.failed(startedMs, cause);
  }

  /** Asks the keystore, together with everybody who asks at this moment. */
  async status(): Promise<KeystoreStatus> {
    this.#probe ??= this.#ask().finally(() => {
      this.#probe = undefined;
    });
    const known = this.#failedProbe;
    if (known === undefined) return this.#probe;
    // A keystore that hangs must not make every health check hang: what is known is answered soon.
    let cancel: Cancel = () => {};
    const waited = new Promise<KeystoreStatus>((resolve) => {
      cancel = this.#clock.after(KNOWN_OUTAGE_WAIT_MS, () => resolve(known));
    });
    return Promise.race([this.#probe, waited]).finally(() => cancel());
  }

  close(): void {
    this.#closed = true;
    this.#cancel();
  }

  async #ask(): Promise<KeystoreStatus> {
    const startedMs = this.#clock.now();
    try {
      await within(this.#clock, PROBE_TIMEOUT_MS, (signal) => this.#keystore.status(signal));
      this.succeeded();
      return { ok: true, latencyMs: this.#clock.now() - startedMs };
    } catch (cause) {
      this.failed(startedMs, cause);
      const reachable = isKesError(cause)
        ? !isKesError(cause, "KEYSTORE_UNREACHABLE", "KEYSTORE_TIMEOUT")
        : true;
      const code = reachable ? "KEYSTORE_UNAVAILABLE" : "KEYSTORE_UNREACHABLE";
      const status: KeystoreStatus = { ok: false, error: new KesError(code, [], { cause }) };
      this.#failedProbe = status;
      return status;
    }
  }

  #schedule(): void {
    this.#cancel = this.#clock.after(PROBE_EVERY_MS, () => {
      void this.status().finally(() => {
        if (!this.#closed) this.#schedule();
      });
    });
  }
}
