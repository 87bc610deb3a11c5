/** Waiting between two pictures or two questions. */

/** What a loop waits with; of tests, a clock of their own. */
export interface Ticker {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Resolves after `ms`, at once when `signal` is aborted. */
  wait(ms: number, signal: AbortSignal): Promise<void>;
}

export const systemTicker: Ticker = {
  now: () => Date.now(),
  wait(ms, signal) {
    return new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const end = (): void => {
        clearTimeout(timer);
        signal.removeEventListener("abort", end);
        resolve();
      };
      const timer = setTimeout(end, ms);
      signal.addEventListener("abort", end, { once: true });
    });
  },
};
