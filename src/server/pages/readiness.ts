/** Whether keys can be served, asked by anybody who completed TLS and therefore not passed on every time. */
import { KesError } from "../../errors.js";
import type { KeyService } from "../../keys/service.js";

/** The part of the key service that knows. */
export type ReadyCheck = Pick<KeyService, "ready">;

export interface ReadinessOptions {
  /** Monotonic clock in milliseconds. */
  readonly nowMs: () => number;
  /** No answer within this time is "not ready". */
  readonly timeoutMs: number;
}

/** An answer is good for this long, so that reloading the page is no way to load the keystore. */
const ANSWER_HOLDS_MS = 1_000;

interface Answer {
  readonly keys: ReadyCheck;
  readonly verdict: Promise<boolean>;
  /** Undefined while the keystore is asked. */
  knownAtMs?: number;
}

export class Readiness {
  readonly #options: ReadinessOptions;
  #last: Answer | undefined;

  constructor(options: ReadinessOptions) {
    this.#options = options;
  }

  /** Never more than one question at a time, and none within a second of the last answer. */
  of(keys: ReadyCheck): Promise<boolean> {
    const last = this.#last;
    // A reload brings another key service, of which the old answer says nothing.
    if (last?.keys === keys && this.#holds(last)) return last.verdict;
    const answer: Answer = {
      keys,
      verdict: this.#ask(keys).finally(() => (answer.knownAtMs = this.#options.nowMs())),
    };
    this.#last = answer;
    return answer.verdict;
  }

  #holds({ knownAtMs }: Answer): boolean {
    return knownAtMs === undefined || this.#options.nowMs() - knownAtMs < ANSWER_HOLDS_MS;
  }

  async #ask(keys: ReadyCheck): Promise<boolean> {
    const controller = new AbortController();
    let stop = (): void => {};
    // Raced, because the page must end in time even when a keystore does not obey the signal.
    const timeout = new Promise<false>((resolve) => {
      const timer = setTimeout(() => {
        controller.abort();
        resolve(false);
      }, this.#options.timeoutMs);
      stop = () => clearTimeout(timer);
    });
    try {
      const ready = keys.ready({ signal: () => controller.signal }).then(() => true);
      return await Promise.race([ready, timeout]);
    } catch (error) {
      if (error instanceof KesError) return false;
      throw error;
    } finally {
      stop();
    }
  }
}
