/** Requests of the last seconds by route, by identity or by server: bounded rows over a ring of one-second slots. */
import { LATENCY_BUCKETS, latencyBucket, percentile } from "./latencies.js";

/** Rows of the most frequent callers; what finds none free counts as {@link OTHERS}. */
const MAX_ROWS = 64;
/** Name of the row for all that found no row of their own. */
export const OTHERS = "others";

/** What the view shows of a row; rates per second. */
export interface RowFigures {
  readonly name: string;
  readonly requests: number;
  readonly erred: number;
  readonly failed: number;
  /** Nanoseconds; undefined without requests. */
  readonly p50: number | undefined;
  readonly p95: number | undefined;
  readonly p99: number | undefined;
  readonly max: number | undefined;
}

export interface Outcome {
  readonly status: number;
  readonly timeNs: number;
}

/** A row's counts of one second. */
interface Slot {
  second: number;
  requests: number;
  erred: number;
  failed: number;
  maxNs: number;
  readonly latencies: Uint32Array;
}

export class RateWindow {
  readonly #seconds: number;
  readonly #rows = new Map<string, Slot[]>();
  readonly #total: Slot[];
  readonly #startedMs: number;

  /** @param seconds - length of the window @param startedMs - nothing was counted before */
  constructor(seconds: number, startedMs: number) {
    this.#seconds = seconds;
    this.#startedMs = startedMs;
    this.#total = slots(seconds);
  }

  add(name: string, outcome: Outcome, nowMs: number): void {
    const second = Math.floor(nowMs / 1000);
    count(this.#total, second, outcome);
    count(this.#rowFor(name, second), second, outcome);
  }

  /** Rows that had a request within the window. */
  rows(nowMs: number): RowFigures[] {
    return [...this.#rows]
      .map(([name, ring]) => this.#figures(name, ring, nowMs))
      .filter(({ requests }) => requests > 0);
  }

  total(nowMs: number): RowFigures {
    return this.#figures("total", this.#total, nowMs);
  }

  #rowFor(name: string, second: number): Slot[] {
    const known = this.#rows.get(name);
    if (known !== undefined) return known;
    // Whoever was silent for the whole window makes room.
    if (this.#rows.size >= MAX_ROWS) {
      for (const [other, ring] of this.#rows) {
        if (ring.every((slot) => slot.second <= second - this.#seconds)) this.#rows.delete(other);
      }
    }
    const key = this.#rows.size >= MAX_ROWS ? OTHERS : name;
    const ring = this.#rows.get(key) ?? slots(this.#seconds);
    this.#rows.set(key, ring);
    return ring;
  }

  #figures(name: string, ring: readonly Slot[], nowMs: number): RowFigures {
    const now = Math.floor(nowMs / 1000);
    const live = ring.filter(({ second }) => second > now - this.#seconds && second <= now);
    const latencies = new Uint32Array(LATENCY_BUCKETS);
    const sum = { requests: 0, erred: 0, failed: 0, maxNs: 0 };
    for (const slot of live) {
      sum.requests += slot.requests;
      sum.erred += slot.erred;
      sum.failed += slot.failed;
      sum.maxNs = Math.max(sum.maxNs, slot.maxNs);
      for (let i = 0; i < LATENCY_BUCKETS; i++) latencies[i] = (latencies[i] ?? 0) + (slot.latencies[i] ?? 0);
    }
    const span = this.#spanSeconds(nowMs);
    // A bucket's bound may lie above the slowest request in it.
    const at = (share: number): number | undefined => {
      const ns = percentile(latencies, share);
      return ns === undefined ? undefined : Math.min(ns, sum.maxNs);
    };
    return {
      name,
      requests: sum.requests / span,
      erred: sum.erred / span,
      failed: sum.failed / span,
      ...{ p50: at(0.5), p95: at(0.95), p99: at(0.99) },
      max: sum.requests === 0 ? undefined : sum.maxNs,
    };
  }

  /** The window, or what of it has passed since the start; the second under way counts as far as it went. */
  #spanSeconds(nowMs: number): number {
    const whole = this.#seconds - 1 + (nowMs % 1000) / 1000;
    return Math.max(1, Math.min(whole, (nowMs - this.#startedMs) / 1000));
  }
}

function slots(seconds: number): Slot[] {
  return Array.from({ length: seconds }, () => ({
    ...{ second: Number.NEGATIVE_INFINITY, requests: 0, erred: 0, failed: 0, maxNs: 0 },
    latencies: new Uint32Array(LATENCY_BUCKETS),
  }));
}

function count(ring: readonly Slot[], second: number, { status, timeNs }: Outcome): void {
  const slot = ring[second % ring.length];
  // A clock that was set back finds slots of the future; they start anew when their second comes again.
  if (slot === undefined) return;
  if (slot.second !== second) {
    Object.assign(slot, { second, requests: 0, erred: 0, failed: 0, maxNs: 0 });
    slot.latencies.fill(0);
  }
  slot.requests++;
  if (status >= 500) slot.failed++;
  else if (status >= 400) slot.erred++;
  slot.maxNs = Math.max(slot.maxNs, timeNs);
  const bucket = latencyBucket(timeNs);
  slot.latencies[bucket] = (slot.latencies[bucket] ?? 0) + 1;
}
