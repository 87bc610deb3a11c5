/** A limit on calls under way and on those that wait for their turn. */
import { KesError } from "../errors.js";

/** At most `size` holders at a time; the others wait in order, at most `maxWaiting` of them. */
export class Slots {
  #free: number;
  readonly #maxWaiting: number;
  readonly #waiting = new Set<() => void>();

  constructor(size: number, maxWaiting: number) {
    this.#free = size;
    this.#maxWaiting = maxWaiting;
  }

  /**
   * Takes a slot: at once (undefined), or when the promise resolves. Every slot taken must be given back.
   *
   * @param signal - gives up waiting when aborted
   * @throws KesError `KEYSTORE_BUSY` when too many wait; the promise rejects with it when waiting is given up
   */
  take(signal?: AbortSignal): Promise<void> | undefined {
    if (this.#free > 0) {
      this.#free -= 1;
      return undefined;
    }
    if (this.#waiting.size >= this.#maxWaiting) throw new KesError("KEYSTORE_BUSY");
    return new Promise((resolve, reject) => {
      const turn = (): void => {
        signal?.removeEventListener("abort", leave);
        resolve();
      };
      const leave = (): void => {
        this.#waiting.delete(turn);
        reject(new KesError("KEYSTORE_BUSY"));
      };
      if (signal?.aborted) return leave();
      signal?.addEventListener("abort", leave, { once: true });
      this.#waiting.add(turn);
    });
  }

  /** Gives a slot back: to the one who waits longest, if any. */
  give(): void {
    for (const turn of this.#waiting) {
      this.#waiting.delete(turn);
      return turn();
    }
    this.#free += 1;
  }
}
