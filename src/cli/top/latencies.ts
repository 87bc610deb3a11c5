/** Times of many requests in little room: counted by size, so that percentiles are right to a tenth. */

/** Buckets for each doubling. */
const PER_OCTAVE = 8;
/** Everything below a microsecond is one bucket; 2^30 µs are 18 minutes. */
const SMALLEST_NS = 1000;
export const LATENCY_BUCKETS = 30 * PER_OCTAVE + 1;

/** The bucket of a time. */
export function latencyBucket(ns: number): number {
  if (!(ns > SMALLEST_NS)) return 0;
  return Math.min(LATENCY_BUCKETS - 1, Math.ceil(Math.log2(ns / SMALLEST_NS) * PER_OCTAVE));
}

/** Upper bound of a bucket in nanoseconds. */
export function bucketBoundNs(bucket: number): number {
  return SMALLEST_NS * 2 ** (bucket / PER_OCTAVE);
}

/**
 * The time that `share` (0 to 1) of all requests did not exceed, in nanoseconds; undefined without requests.
 * @param boundNs - upper bound of a bucket
 */
export function percentile(
  counts: ArrayLike<number>,
  share: number,
  boundNs: (bucket: number) => number = bucketBoundNs,
): number | undefined {
  let total = 0;
  for (let i = 0; i < counts.length; i++) total += counts[i] ?? 0;
  if (total === 0) return undefined;
  const wanted = Math.max(1, Math.ceil(total * share));
  let seen = 0;
  for (let i = 0; i < counts.length; i++) {
    seen += counts[i] ?? 0;
    if (seen >= wanted) return boundNs(i);
  }
  return boundNs(counts.length - 1);
}
