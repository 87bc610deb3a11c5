/** Time as the key service sees it: an argument, so that tests decide what time it is. */

/** Cancels a task that was put off; without effect once it ran. */
export type Cancel = () => void;

export interface Clock {
  /** Milliseconds on a clock that never jumps. */
  now(): number;
  /** Milliseconds since 1970. */
  wallNow(): number;
  /** Runs `task` once after `delayMs`. A waiting task does not keep the process alive. */
  after(delayMs: number, task: () => void): Cancel;
}

/** The machine's clocks. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wallNow: () => Date.now(),
  after(delayMs, task) {
    const timer = setTimeout(task, delayMs).unref();
    return () => clearTimeout(timer);
  },
};
