/** What one process counts, as plain data that can go from process to process, and how several make one server. */
import { type Family, lastingFamilies, mergeFamilies } from "./full/family.js";

/** Keys in memory: how many there are, and requests served from them or not. */
export interface CacheFigures {
  readonly entries: number;
  readonly hits: number;
  readonly misses: number;
}

/** Counters since the start and gauges of the moment. */
export interface MetricFigures {
  /** Counted requests by status. */
  readonly codes: readonly (readonly [status: number, count: number])[];
  /** Counted requests by time to the answer, not cumulative: one more than there are bounds. */
  readonly buckets: readonly number[];
  /** Of all times to the answer. */
  readonly seconds: number;
  /** Counted requests being handled now. */
  readonly active: number;
  readonly errorEvents: number;
  readonly auditEvents: number;
  readonly cache?: CacheFigures;
  /** Milliseconds since the epoch at which the first watched certificate ends; absent without any. */
  readonly firstExpiryMs?: number;
  readonly heapUsedBytes: number;
  readonly stackBytes: number;
  readonly tasks: number;
  /** What `/v1/metrics/full` has on top. */
  readonly full?: readonly Family[];
}

/**
 * Figures of several processes as of one server. Everything adds up but the number of keys in memory, since each
 * process holds the same ones.
 */
export function mergeFigures(all: readonly MetricFigures[]): MetricFigures {
  const codes = new Map<number, number>();
  const buckets: number[] = [];
  for (const figures of all) {
    for (const [status, count] of figures.codes) codes.set(status, (codes.get(status) ?? 0) + count);
    for (const [i, count] of figures.buckets.entries()) buckets[i] = (buckets[i] ?? 0) + count;
  }
  const total = (read: (figures: MetricFigures) => number): number =>
    all.reduce((sum, figures) => sum + read(figures), 0);
  const caches = all.flatMap(({ cache }) => (cache === undefined ? [] : [cache]));
  const expiries = all.flatMap(({ firstExpiryMs }) => (firstExpiryMs === undefined ? [] : [firstExpiryMs]));
  const full = all.flatMap((figures) => (figures.full === undefined ? [] : [figures.full]));
  return {
    codes: [...codes],
    buckets,
    seconds: total((figures) => figures.seconds),
    active: total((figures) => figures.active),
    errorEvents: total((figures) => figures.errorEvents),
    auditEvents: total((figures) => figures.auditEvents),
    ...(caches.length === 0 ? {} : { cache: mergeCaches(caches) }),
    ...(expiries.length === 0 ? {} : { firstExpiryMs: Math.min(...expiries) }),
    heapUsedBytes: total((figures) => figures.heapUsedBytes),
    stackBytes: total((figures) => figures.stackBytes),
    tasks: total((figures) => figures.tasks),
    ...(full.length === 0 ? {} : { full: mergeFamilies(full) }),
  };
}

function mergeCaches(all: readonly CacheFigures[]): CacheFigures {
  return {
    entries: Math.max(...all.map(({ entries }) => entries)),
    hits: all.reduce((sum, { hits }) => sum + hits, 0),
    misses: all.reduce((sum, { misses }) => sum + misses, 0),
  };
}

/** What remains of a process that has ended: counters must not go backwards, gauges are gone. */
export function countersOf(figures: MetricFigures): MetricFigures {
  const { cache, firstExpiryMs, full, ...rest } = figures;
  return {
    ...rest,
    ...(cache === undefined ? {} : { cache: { ...cache, entries: 0 } }),
    ...(full === undefined ? {} : { full: lastingFamilies(full) }),
    active: 0,
    heapUsedBytes: 0,
    stackBytes: 0,
    tasks: 0,
  };
}
