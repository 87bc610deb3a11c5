/** A clock for loops: time passes when a test says so. */
import type { Ticker } from "../../src/cli/terminal/ticker.js";

export class ManualTicker implements Ticker {
  #nowMs: number;
  #waiting: { readonly untilMs: number; readonly wake: () => void }[] = [];

  constructor(nowMs = Date.UTC(2026, 0, 2, 3, 4, 5)) {
    this.#nowMs = nowMs;
  }

  /** Loops that wait at present. */
  get waiting(): number {
    return this.#waiting.length;
  }

  now(): number {
    return this.#nowMs;
  }

  wait(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const wake = (): void => {
        signal.removeEventListener("abort", wake);
        this.#waiting = this.#waiting.filter((one) => one.wake !== wake);
        resolve();
      };
      signal.addEventListener("abort", wake);
      this.#waiting.push({ untilMs: this.#nowMs + ms, wake });
    });
  }

  /** Lets `ms` pass, then everything that follows from it without further waiting. */
  async pass(ms: number): Promise<void> {
    await settled();
    const endMs = this.#nowMs + ms;
    for (;;) {
      const [next] = this.#waiting
        .filter(({ untilMs }) => untilMs <= endMs)
        .sort((a, b) => a.untilMs - b.untilMs);
      if (next === undefined) break;
      this.#nowMs = Math.max(this.#nowMs, next.untilMs);
      next.wake();
      await settled();
    }
    this.#nowMs = endMs;
  }
}

/** Resolves when promises that hang on nothing outside have run. */
export async function settled(): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
}
