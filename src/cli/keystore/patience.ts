/** Calls of work that goes on for long: an outage that passes is waited for, a key that is not there yet, too. */
import { setMaxListeners } from "node:events";
import { isKesError } from "../../errors.js";
import type { Ticker } from "../terminal/ticker.js";

/** Between attempts, in milliseconds: a Vault that is restarted comes back within them. */
const OUTAGE_WAITS_MS = [250, 500, 1_000, 2_000, 4_000, 8_000] as const;
/** A key store that answers wrongly may do so once, under load; a missing permission stays missing. */
const REFUSAL_WAITS_MS = [250, 1_000] as const;
/** Some keystores show a key a moment after they have said that it is stored. */
const ARRIVAL_WAITS_MS = [50, 100, 200, 400, 800, 1_600] as const;
/** A call that has not ended after this long never will. */
const CALL_TIMEOUT_MS = 60_000;

function waitsFor(error: unknown): readonly number[] {
  if (isKesError(error, "KEYSTORE_UNREACHABLE", "KEYSTORE_BUSY")) return OUTAGE_WAITS_MS;
  return isKesError(error, "KEYSTORE_UNAVAILABLE") ? REFUSAL_WAITS_MS : [];
}

export class Patience {
  readonly #ticker: Ticker;
  readonly #signal: AbortSignal;
  readonly #onWait: (error: Error) => void;

  /** @param onWait - called before each wait for an outage */
  constructor(ticker: Ticker, signal: AbortSignal, onWait: (error: Error) => void = () => {}) {
    this.#ticker = ticker;
    this.#signal = signal;
    // One for each call under way; Node takes more than ten for a leak.
    setMaxListeners(0, signal);
    this.#onWait = onWait;
  }

  get signal(): AbortSignal {
    return this.#signal;
  }

  /**
   * A call that may be repeated when nothing was changed.
   * @throws what the last attempt threw; the signal's reason once it is aborted
   */
  call<T>(call: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return this.#repeat(call, waitsFor);
  }

  /** A read of what was just written. @throws as {@link call}; `KEY_NOT_FOUND` when it has not arrived in time */
  arrival<T>(call: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return this.#repeat(call, (error) =>
      isKesError(error, "KEY_NOT_FOUND") ? ARRIVAL_WAITS_MS : waitsFor(error),
    );
  }

  async #repeat<T>(
    call: (signal: AbortSignal) => Promise<T>,
    waitsOf: (error: unknown) => readonly number[],
  ): Promise<T> {
    const waited = new Map<readonly number[], number>();
    for (;;) {
      this.#signal.throwIfAborted();
      try {
        return await this.#bounded(call);
      } catch (error) {
        this.#signal.throwIfAborted();
        const waits = waitsOf(error);
        const attempt = waited.get(waits) ?? 0;
        const waitMs = waits[attempt];
        if (waitMs === undefined || !(error instanceof Error)) throw error;
        waited.set(waits, attempt + 1);
        if (waits === OUTAGE_WAITS_MS) this.#onWait(error);
        await this.#ticker.wait(waitMs, this.#signal);
      }
    }
  }

  /** By hand: `AbortSignal.any` keeps what it made for as long as its longest-lived source. */
  async #bounded<T>(call: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const controller = new AbortController();
    const stop = (): void => controller.abort(this.#signal.reason);
    const timer = setTimeout(() => controller.abort(new Error("no answer in time")), CALL_TIMEOUT_MS);
    this.#signal.addEventListener("abort", stop, { once: true });
    try {
      return await call(controller.signal);
    } finally {
      clearTimeout(timer);
      this.#signal.removeEventListener("abort", stop);
    }
  }
}
