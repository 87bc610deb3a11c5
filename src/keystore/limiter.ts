/** A bound on calls under way at once, so that a burst of requests cannot use up the process's open files. */
import { unusable } from "./faults.js";

/** Lets `max` tasks run at a time and `maxWaiting` more wait in the order they came. */
export class Limiter {
  readonly #max: number;
  readonly #maxWaiting: number;
  readonly #waiting: (() => void)[] = [];
  readonly #idle: (() => void)[] = [];
  #running = 0;

  constructor(max: number, maxWaiting: number) {
    this.#max = max;
    this.#maxWaiting = maxWaiting;
  }

  /** @throws KesError `KEYSTORE_UNAVAILABLE` when too many wait already */
  async run<T>(task: () => Promise<T>): Promise<T> {
    if (this.#running < this.#max) this.#running++;
    else if (this.#waiting.length < this.#maxWaiting)
      // Whoever ends hands its place over, so `#running` stays as it is.
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else throw unusable(`more than ${this.#maxWaiting} calls are waiting for the key store`);
    try {
      return await task();
    } finally {
      const next = this.#waiting.shift();
      if (next !== undefined) next();
      else if (--this.#running === 0) for (const resolve of this.#idle.splice(0)) resolve();
    }
  }

  /** Resolves when nothing runs any more. */
  async idle(): Promise<void> {
    if (this.#running > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }
}
