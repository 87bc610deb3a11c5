/** A clock on which waiting takes no time, for code that tries again. */
import type { Ticker } from "../../src/cli/terminal/ticker.js";

export class QuickTicker implements Ticker {
  /** Milliseconds of each wait. */
  readonly waits: number[] = [];
  #nowMs = 0;

  now(): number {
    return this.#nowMs;
  }

  async wait(ms: number, _signal: AbortSignal): Promise<void> {
    this.waits.push(ms);
    this.#nowMs += ms;
  }
}
