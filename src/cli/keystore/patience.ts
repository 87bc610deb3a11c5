/** Calls of work that goes on for long: an outage that passes is waited for, a key that is not there yet, too. */
import { setMaxListeners } from "node:events";
import { isKesError } from "../../errors.js";
import type { Ticker } from "../terminal/ticker.js";

/** Between attempts, in milliseconds: a Vault that is restarted comes back within them. */
const OUTAGE_WAITS_MS = [250, 500, 1_000, 2_000, 4_000, 8_000] as const;
/** Some keystores show a key a moment after they have said that it is stored. */
const ARRIVAL_WAITS_MS = [50, 100, 200, 400, 800, 1_600] as const;
/** A call that has not ended after this long never will. */
const CALL_TIMEOUT_MS = 60_000;

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
    return this.#repeat(call, (error) => isKesError(error, "KEYSTORE_UNREACHABLE", "KEYSTORE_BUSY"), {
      waits: OUTAGE_WAITS_MS,
      onWait: this.#onWait,
    });
  }

  /** A read of what was just written. @throws as {@link call}; `KEY_NOT_FOUND` when it has not arrived in time */
  arrival<T>(call: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return this.#repeat(
      () => this.call(call),
      (error) => isKesError(error, "KEY_NOT_FOUND"),
      {
        waits: ARRIVAL_WAITS_MS,
        onWait: () => {},
      },
    );
  }

  async #repeat<T>(
    call: (signal: AbortSignal) => Promise<T>,
    mayPass: (error: unknown) => boolean,
    { waits, onWait }: { readonly waits: readonly number[]; readonly onWait: (error: Error) => void },
  ): Promise<T> {
    for (let attempt = 0; ; attempt++) {
      this.#signal.throwIfAborted();
      try {
        return await this.#bounded(call);
      } catch (error) {
        this.#signal.throwIfAborted();
        const waitMs = waits[attempt];
        if (waitMs === undefined || !mayPass(error) || !(error instanceof Error)) throw error;
        onWait(error);
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
