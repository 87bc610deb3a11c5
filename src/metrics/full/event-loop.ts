/** How late the event loop is: the measure of whether this process still gets to its requests. */
import { type IntervalHistogram, monitorEventLoopDelay, performance } from "node:perf_hooks";

/** How often the loop is looked at. */
const RESOLUTION_MS = 10;
/** Figures cover the last one to two of these, so that a delay is seen by whoever asks once in a while. */
const WINDOW_MS = 30_000;

export interface LoopFigures {
  /** Seconds beyond the time at which the loop should have come round. */
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  /** Seconds since the start in which the loop had something to do. */
  readonly busy: number;
}

export class EventLoopWatch {
  readonly #timer: NodeJS.Timeout;
  #current = started();
  #before: IntervalHistogram | undefined;

  constructor() {
    this.#timer = setInterval(() => this.#turn(), WINDOW_MS).unref();
  }

  figures(): LoopFigures {
    const all = this.#before === undefined ? [this.#current] : [this.#before, this.#current];
    const worst = (read: (one: IntervalHistogram) => number): number =>
      Math.max(...all.filter(({ count }) => count > 0).map((one) => delay(read(one))), 0);
    return {
      p50: worst((one) => one.percentile(50)),
      p99: worst((one) => one.percentile(99)),
      max: worst((one) => one.max),
      busy: performance.eventLoopUtilization().active / 1000,
    };
  }

  close(): void {
    clearInterval(this.#timer);
    this.#current.disable();
  }

  #turn(): void {
    this.#current.disable();
    this.#before = this.#current;
    this.#current = started();
  }
}

function started(): IntervalHistogram {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  return histogram;
}

/** Node measures from one look to the next, in nanoseconds: the pause that was asked for is no delay. */
function delay(nanoseconds: number): number {
  return Math.max(0, nanoseconds / 1e9 - RESOLUTION_MS / 1000);
}
