/** Counts durations in nanoseconds in buckets that grow with what they hold: 128 to each power of two. */
import type { Buckets } from "../compare/statistics.js";

const SUB_BITS = 7;
const SUB_BUCKETS = 2 ** SUB_BITS;

export class Histogram {
  readonly #counts = new Map<number, number>();
  count = 0;
  maxNanos = 0;
  sumNanos = 0;

  add(nanos: number): void {
    const value = Math.max(0, Math.floor(nanos));
    const upper = upperOf(value);
    this.#counts.set(upper, (this.#counts.get(upper) ?? 0) + 1);
    this.count += 1;
    this.sumNanos += value;
    this.maxNanos = Math.max(this.maxNanos, value);
  }

  buckets(): Buckets {
    const all = [...this.#counts].sort(([a], [b]) => a - b);
    return all.map(([upper, count]) => [Math.min(upper, this.maxNanos), count]);
  }
}

/** The greatest value in the bucket of `value`. */
function upperOf(value: number): number {
  if (value < SUB_BUCKETS) return value;
  const step = 2 ** (Math.floor(Math.log2(value)) - SUB_BITS);
  return (Math.floor(value / step) + 1) * step - 1;
}
