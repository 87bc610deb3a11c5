/** When a worker that ended is replaced, and when workers end too often for that to be a server. */

/** A worker that served for so long did not end because of how it began. */
const STEADY_MS = 3_000;
/** So many ends in a row, of workers that were not steady, are more than an accident. */
const MANY = 5;
const MIN_DELAY_MS = 250;
const MAX_DELAY_MS = 30_000;

export class Respawn {
  /** Ends in a row of workers that were not steady. */
  #streak = 0;
  #ended = 0;

  /** Workers that ended by themselves since the start. */
  get ended(): number {
    return this.#ended;
  }

  /** True while workers end again and again. */
  get failing(): boolean {
    return this.#streak >= MANY;
  }

  /**
   * A worker ended by itself.
   * @param servedMs - since it was up; undefined when it never was
   * @returns the pause before the next one: none at first, then twice as long each time
   */
  endedAfter(servedMs: number | undefined): number {
    this.#ended += 1;
    if (servedMs !== undefined && servedMs >= STEADY_MS) this.#streak = 0;
    else this.#streak += 1;
    if (this.#streak <= 1) return 0;
    return Math.min(MAX_DELAY_MS, MIN_DELAY_MS * 2 ** (this.#streak - 2));
  }

  /** A worker has been up for {@link steadyMs}. */
  steady(): void {
    this.#streak = 0;
  }

  get steadyMs(): number {
    return STEADY_MS;
  }
}
