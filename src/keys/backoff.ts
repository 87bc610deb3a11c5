/** What keeps an outage from becoming a storm: a key that could not be fetched is not tried again at once. */
import type { KesError } from "../errors.js";
import type { KeyName } from "../names.js";

/** The first failure of a key is repeated this long without asking the keystore; each further one twice as long. */
export const MIN_BACKOFF_MS = 50;
/** The longest that one failure is repeated. */
export const MAX_BACKOFF_MS = 2000;
/** A key that was left alone this long after its last back-off starts anew. */
const FORGET_MS = 10_000;

interface Failure {
  readonly error: KesError;
  readonly delayMs: number;
  readonly untilMs: number;
}

/** Failures by key, the latest `maxKeys` of them. */
export class Backoff {
  readonly #failures = new Map<KeyName, Failure>();
  readonly #maxKeys: number;

  constructor(maxKeys: number) {
    this.#maxKeys = maxKeys;
  }

  /** The failure to answer again at once, or undefined when the keystore may be asked. */
  failure(name: KeyName, nowMs: number): KesError | undefined {
    const failure = this.#failures.get(name);
    return failure !== undefined && nowMs < failure.untilMs ? failure.error : undefined;
  }

  /** Notes a failed fetch. @returns when the keystore may be asked again */
  failed(name: KeyName, error: KesError, nowMs: number): number {
    const last = this.#failures.get(name);
    const again = last !== undefined && nowMs < last.untilMs + FORGET_MS;
    const delayMs = again ? Math.min(last.delayMs * 2, MAX_BACKOFF_MS) : MIN_BACKOFF_MS;
    this.#failures.delete(name);
    this.#failures.set(name, { error, delayMs, untilMs: nowMs + delayMs });
    for (const oldest of this.#failures.keys()) {
      if (this.#failures.size <= this.#maxKeys) break;
      this.#failures.delete(oldest);
    }
    return nowMs + delayMs;
  }

  /** The key was fetched, created or deleted: nothing stands against asking for it. */
  clear(name: KeyName): void {
    this.#failures.delete(name);
  }

  /** Forgets what is over. */
  sweep(nowMs: number): void {
    for (const [name, failure] of this.#failures) {
      if (nowMs >= failure.untilMs + FORGET_MS) this.#failures.delete(name);
    }
  }
}
