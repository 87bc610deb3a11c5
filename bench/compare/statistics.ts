/** Medians, spreads, and percentiles of histograms. */

/** Pairs of the greatest value of a bucket in nanoseconds and how many there were, in ascending order. */
export type Buckets = readonly (readonly [nanos: number, count: number])[];

/** The middle of some figures, with the least and the greatest. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export function spreadOf(figures: readonly number[]): Spread {
  const sorted = [...figures].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  const median = sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
  return { median, min: sorted[0] ?? Number.NaN, max: sorted.at(-1) ?? Number.NaN };
}

/** All values of several histograms in one. */
export function merged(all: readonly Buckets[]): Buckets {
  const counts = new Map<number, number>();
  for (const buckets of all) {
    for (const [nanos, count] of buckets) counts.set(nanos, (counts.get(nanos) ?? 0) + count);
  }
  return [...counts].sort(([a], [b]) => a - b);
}

/** The value in microseconds that `share` of all values do not exceed. */
export function quantileMicros(buckets: Buckets, share: number): number {
  const total = buckets.reduce((sum, [, count]) => sum + count, 0);
  let seen = 0;
  for (const [nanos, count] of buckets) {
    seen += count;
    if (seen >= total * share) return nanos / 1_000;
  }
  return Number.NaN;
}
