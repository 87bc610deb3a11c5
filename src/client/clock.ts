/** Time and chance as the client sees them: arguments, so that tests decide both. */

export interface Clock {
  /** Milliseconds on a clock that never jumps. */
  now(): number;
  /** Milliseconds since 1970. */
  wallNow(): number;
  /** Runs `task` once after `delayMs`. @returns cancels it; without effect once it ran */
  after(delayMs: number, task: () => void): () => void;
  /** From 0 to below 1. */
  random(): number;
}

/** The machine's clocks. A waiting task keeps the process alive, for somebody waits for it. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wallNow: () => Date.now(),
  after(delayMs, task) {
    const timer = setTimeout(task, delayMs);
    return () => clearTimeout(timer);
  },
  random: () => Math.random(),
};
