/** Times in buckets, from 50 µs on: what is served from memory takes less than a millisecond. */

/** Upper bounds in seconds. */
export const LATENCY_BOUNDS: readonly number[] = [
  ...[0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025],
  ...[0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
];

/** Counts times. An observation adds to two plain numbers. */
export class Latency {
  readonly #counts = new Float64Array(LATENCY_BOUNDS.length + 1);
  #seconds = 0;

  observe(seconds: number): void {
    let i = 0;
    while (i < LATENCY_BOUNDS.length && seconds > (LATENCY_BOUNDS[i] ?? 0)) i++;
    this.#counts[i] = (this.#counts[i] ?? 0) + 1;
    this.#seconds += seconds;
  }

  /** Counts by bucket, not cumulative, and the sum of all times. */
  figures(): { readonly buckets: readonly number[]; readonly seconds: number } {
    return { buckets: [...this.#counts], seconds: this.#seconds };
  }
}
