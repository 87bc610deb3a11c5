/** How long a call may go on: the caller's signal, its deadline and the end of the client, as one. */
import { KesError } from "../errors.js";
import { onAbort } from "./abort.js";
import type { Clock } from "./clock.js";

/** Why an attempt at one endpoint was given up, while the call as a whole goes on. */
export class AttemptLate extends Error {
  override readonly name = "AttemptLate";
}

/** The deadline of the call has passed. Told to nobody: the transport says what that means. */
export class CallLate extends Error {
  override readonly name = "CallLate";
}

/** A timer of Node's that is set to more runs at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export class CallScope {
  readonly timeoutMs: number;
  readonly #clock: Clock;
  readonly #startMs: number;
  readonly #leaveSignal: () => void;
  #cancelDeadline: (() => void) | undefined;
  #cancelAttempt: (() => void) | undefined;
  #interrupt: ((reason: unknown) => void) | undefined;
  #ended: { readonly reason: unknown } | undefined;

  /**
   * @param timeoutMs - 0 for none
   * @throws the signal's reason when it is aborted already; KesError `CLIENT_OPTIONS_INVALID` for no such time
   */
  constructor(signal: AbortSignal | undefined, timeoutMs: number, clock: Clock) {
    signal?.throwIfAborted();
    if (!(timeoutMs >= 0)) throw new KesError("CLIENT_OPTIONS_INVALID", ["timeoutMs is not 0 or more"]);
    this.timeoutMs = Math.min(timeoutMs, MAX_TIMER_MS);
    this.#clock = clock;
    this.#startMs = clock.now();
    this.#leaveSignal = signal === undefined ? () => {} : onAbort(signal, () => this.end(signal.reason));
    if (timeoutMs > 0) this.#cancelDeadline = clock.after(this.timeoutMs, () => this.end(new CallLate()));
  }

  /** Milliseconds until the deadline; infinite without one. */
  get leftMs(): number {
    return this.timeoutMs > 0
      ? this.timeoutMs - (this.#clock.now() - this.#startMs)
      : Number.POSITIVE_INFINITY;
  }

  /** Begins an attempt, which must end within `ms`; infinite for no bound of its own. */
  beginAttempt(ms: number): void {
    this.endAttempt();
    if (ms < this.leftMs)
      this.#cancelAttempt = this.#clock.after(ms, () => this.#interrupt?.(new AttemptLate()));
  }

  endAttempt(): void {
    this.#cancelAttempt?.();
    this.#cancelAttempt = undefined;
  }

  /**
   * Settles as `work` does. When the call or its attempt ends first, `cancel` is called and the result is rejected
   * at once; `work` goes on without anybody to hear of it. One at a time.
   */
  during<T>(work: Promise<T>, cancel?: (reason: unknown) => void): Promise<T> {
    if (this.#ended !== undefined) {
      cancel?.(this.#ended.reason);
      work.catch(() => undefined);
      return Promise.reject(this.#ended.reason);
    }
    return new Promise((resolve, reject) => {
      const interrupt = (reason: unknown): void => {
        settled();
        cancel?.(reason);
        reject(reason);
      };
      // Work that was given up may settle while the call waits for other work.
      const settled = (): void => {
        if (this.#interrupt === interrupt) this.#interrupt = undefined;
      };
      this.#interrupt = interrupt;
      work.then(
        (value) => {
          settled();
          resolve(value);
        },
        (cause: unknown) => {
          settled();
          reject(cause);
        },
      );
    });
  }

  /** Waits. @throws what the call ends with */
  async pause(ms: number): Promise<void> {
    let cancel: (() => void) | undefined;
    const over = new Promise<void>((resolve) => {
      cancel = this.#clock.after(ms, resolve);
    });
    return this.during(over, cancel);
  }

  /** Ends the call: whatever it waits for rejects with `reason`. */
  end(reason: unknown): void {
    if (this.#ended !== undefined) return;
    this.#ended = { reason };
    this.#interrupt?.(reason);
  }

  /** No deadline any more: the answer has begun, and may go on for ever. */
  forgetDeadline(): void {
    this.#cancelDeadline?.();
    this.#cancelDeadline = undefined;
  }

  /** To be called when the call has ended. */
  release(): void {
    this.forgetDeadline();
    this.endAttempt();
    this.#leaveSignal();
  }
}
