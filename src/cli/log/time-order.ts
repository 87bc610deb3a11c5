/** Events of several servers in the order of their times, although they arrive over several ways. */
import type { Clock } from "../../client/clock.js";

/** Events that are held back at most; beyond it the oldest is let go before its time. */
const MAX_HELD = 10_000;

interface Held<T> {
  readonly event: T;
  readonly timeMs: number;
  /** When it has waited long enough, on the clock's `now`. */
  readonly dueMs: number;
}

/**
 * Holds each event back for a while, so that one of another server that happened before and arrives after still comes
 * first. Times are the servers' own: clocks that differ by more than that while mix their events up, and lose none.
 */
export class TimeOrder<T> {
  readonly #holdMs: number;
  readonly #clock: Pick<Clock, "now" | "after">;
  readonly #emit: (event: T) => void;
  /** By time, the earliest first. */
  #held: Held<T>[] = [];
  #cancelTimer: (() => void) | undefined;

  /** @param holdMs - 0 passes everything on at once */
  constructor(holdMs: number, clock: Pick<Clock, "now" | "after">, emit: (event: T) => void) {
    this.#holdMs = holdMs;
    this.#clock = clock;
    this.#emit = emit;
  }

  /** @param timeMs - since 1970; NaN for an event without time, which counts as one of this moment */
  add(event: T, timeMs: number, nowMs: number): void {
    if (this.#holdMs === 0) return this.#emit(event);
    const at = Number.isNaN(timeMs) ? nowMs : timeMs;
    this.#held.splice(this.#placeOf(at), 0, {
      ...{ event, timeMs: at },
      dueMs: this.#clock.now() + this.#holdMs,
    });
    if (this.#held.length > MAX_HELD) this.#release(1);
    this.#arm();
  }

  /** Lets go of everything that is held. */
  flush(): void {
    this.#release(this.#held.length);
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  /** Behind all that happened no later: events of one server keep their order. */
  #placeOf(timeMs: number): number {
    let [low, high] = [0, this.#held.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      const there = this.#held[middle];
      if (there !== undefined && there.timeMs <= timeMs) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #release(count: number): void {
    for (const { event } of this.#held.splice(0, count)) this.#emit(event);
  }

  #arm(): void {
    if (this.#cancelTimer !== undefined) return;
    this.#cancelTimer = this.#clock.after(this.#holdMs, () => {
      this.#cancelTimer = undefined;
      const nowMs = this.#clock.now();
      // Whatever happened before one that is due goes with it.
      this.#release(this.#held.findLastIndex(({ dueMs }) => dueMs <= nowMs) + 1);
      if (this.#held.length > 0) this.#arm();
    });
  }
}
