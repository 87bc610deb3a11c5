/** Long work in short turns, so that it never holds up those who want little: one turn in each round of the event loop. */
import { KesError } from "../errors.js";

/** How long one turn is. A round of the event loop with all else that is in it stays below twice that. */
const TURN_MS = 1;
/** Jobs at a time, and what they were given to read; more are refused. */
const MAX_JOBS = 256;
const MAX_JOB_BYTES = 64 * 1024 * 1024;

export interface TurnsParts {
  /** A clock that only goes forward, in milliseconds. */
  readonly now: () => number;
  /** Calls back in the next round of the event loop. */
  readonly soon: (callback: () => void) => void;
}

interface Waiting {
  readonly begin: () => void;
}

/** Hands out turns to jobs, in the order in which they asked. */
export class Turns {
  readonly #parts: TurnsParts;
  readonly #waiting = new Set<Waiting>();
  #jobs = 0;
  #bytes = 0;
  #endsMs = Number.NEGATIVE_INFINITY;
  #isScheduled = false;

  constructor(
    parts: TurnsParts = { now: () => performance.now(), soon: (callback) => void setImmediate(callback) },
  ) {
    this.#parts = parts;
  }

  /**
   * Runs a job to its end.
   *
   * @param bytes - what it holds in memory, roughly
   * @param work - to be called with the job; waits for its first turn by itself
   * @throws KesError `OVERLOADED` when there are too many jobs already
   */
  async run<T>(bytes: number, signal: AbortSignal, work: (job: Job) => Promise<T>): Promise<T> {
    if (this.#jobs >= MAX_JOBS || this.#bytes + bytes > MAX_JOB_BYTES) throw new KesError("OVERLOADED");
    this.#jobs += 1;
    this.#bytes += bytes;
    try {
      return await work({
        isOver: () => this.#parts.now() >= this.#endsMs,
        turn: () => this.#turn(signal),
      });
    } finally {
      this.#jobs -= 1;
      this.#bytes -= bytes;
    }
  }

  #turn(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(tooLate());
      const giveUp = (): void => {
        this.#waiting.delete(waiting);
        reject(tooLate());
      };
      const waiting = {
        begin: () => {
          signal.removeEventListener("abort", giveUp);
          resolve();
        },
      };
      signal.addEventListener("abort", giveUp, { once: true });
      this.#waiting.add(waiting);
      this.#schedule();
    });
  }

  #schedule(): void {
    if (this.#isScheduled || this.#waiting.size === 0) return;
    this.#isScheduled = true;
    this.#parts.soon(() => {
      this.#isScheduled = false;
      const [next] = this.#waiting;
      if (next === undefined) return;
      this.#waiting.delete(next);
      this.#endsMs = this.#parts.now() + TURN_MS;
      next.begin();
      this.#schedule();
    });
  }
}

/** What a job asks while it works. */
export interface Job {
  /** True when the job is to ask for another turn before it goes on. */
  readonly isOver: () => boolean;
  /** Resolves when the job may go on. @throws KesError `KEYSTORE_TIMEOUT` when nobody waits for it any more */
  readonly turn: () => Promise<void>;
}

function tooLate(): KesError {
  return new KesError("KEYSTORE_TIMEOUT");
}
