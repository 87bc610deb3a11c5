/** What happened at a server between two readings of its metrics. */
import type { ServerMetrics } from "../../client/types.js";

/** Metrics and when they were read, by a clock that does not jump. */
export interface Reading {
  readonly atMs: number;
  readonly metrics: ServerMetrics;
}

/** Per second, over the time between two readings. */
export interface Change {
  readonly requests: number;
  readonly erred: number;
  readonly failed: number;
  readonly errorEvents: number;
  /** Keys served from memory; undefined when the server does not tell. */
  readonly cacheHits: number | undefined;
  readonly cacheMisses: number | undefined;
  /** Mean time to answer in nanoseconds; undefined without requests. */
  readonly meanNs: number | undefined;
  /** Requests of the span by upper bound of their time, not cumulative. */
  readonly times: readonly { readonly upToNs: number; readonly count: number }[];
}

/** @returns undefined when the server was started anew in between or no time has passed */
export function changeOf(before: Reading, after: Reading): Change | undefined {
  const seconds = (after.atMs - before.atMs) / 1000;
  const [a, b] = [before.metrics, after.metrics];
  if (seconds <= 0 || b.uptimeSeconds < a.uptimeSeconds || requestsOf(b) < requestsOf(a)) return undefined;
  const perSecond = (name: CounterName): number => (b[name] - a[name]) / seconds;
  const sample = (name: string): number | undefined => {
    const [from, to] = [a.samples.get(name), b.samples.get(name)];
    // A reload starts the cache anew; what it counted before is gone.
    return from === undefined || to === undefined ? undefined : (to < from ? to : to - from) / seconds;
  };
  const times = timesBetween(a, b);
  const answered = times.reduce((sum, { count }) => sum + count, 0);
  return {
    requests: (requestsOf(b) - requestsOf(a)) / seconds,
    erred: perSecond("requestsErred"),
    failed: perSecond("requestsFailed"),
    errorEvents: perSecond("errorEvents"),
    cacheHits: sample("kes_cache_hits"),
    cacheMisses: sample("kes_cache_misses"),
    meanNs:
      answered === 0 ? undefined : ((b.responseTimeSumSeconds - a.responseTimeSumSeconds) / answered) * 1e9,
    times,
  };
}

type CounterName = "requestsErred" | "requestsFailed" | "errorEvents";

/** Requests answered since the server was started. */
export function requestsOf(metrics: ServerMetrics): number {
  return metrics.requestsSucceeded + metrics.requestsErred + metrics.requestsFailed;
}

function timesBetween(a: ServerMetrics, b: ServerMetrics): Change["times"] {
  const before = new Map(a.responseTimes.map(({ upToNs, count }) => [upToNs, count]));
  let below = 0;
  return b.responseTimes.map(({ upToNs, count }) => {
    const upTo = count - (before.get(upToNs) ?? 0);
    const own = upTo - below;
    below = upTo;
    return { upToNs, count: Math.max(0, own) };
  });
}
