/**
 * A key service whose short outages are waited for: a key server that is started again, a fail-over.
 *
 * S3 clients try a failed request again two or three times, within a second or two. A restart takes longer, so that it
 * would fail requests of every client although nothing is lost by waiting.
 */
import type { Clock } from "../../client/clock.js";
import { isSseError } from "../sse/errors.js";
import type { KmsContext } from "../sse/kms-context.js";
import type { GeneratedDek, KeyCallOptions, KeyService, KeyServiceStatus } from "./key-service.js";

/** Of a call, and since the outage began: of one that lasts, calls are told at once. */
export const PATIENCE_MS = 15_000;
/** Between two attempts of one call, plus as much again at random. */
const PAUSE_MS = 150;
/** Shorter ones are a lost connection, of which nobody need be told. */
const WORTH_TELLING_MS = 1_000;

/** Waits for nothing but `KMS_UNAVAILABLE`; refusals, and creations of keys, are told as they are. */
export class PatientKeyService implements KeyService {
  readonly #keys: KeyService;
  readonly #clock: Clock;
  readonly #ended: (outageMs: number) => void;
  readonly #waiting = new Set<() => void>();
  /** On the clock's `now`; undefined while keys can be had. */
  #outSinceMs: number | undefined;
  #isClosed = false;

  /** @param ended - told of outages that are over, if they took a second or longer */
  constructor(keys: KeyService, clock: Clock, ended: (outageMs: number) => void) {
    this.#keys = keys;
    this.#clock = clock;
    this.#ended = ended;
  }

  get defaultKey(): string {
    return this.#keys.defaultKey;
  }

  generate(
    keyName: string | undefined,
    context: KmsContext,
    options?: KeyCallOptions,
  ): Promise<GeneratedDek> {
    return this.#patiently(options, () => this.#keys.generate(keyName, context, options));
  }

  decrypt(
    keyName: string,
    ciphertext: Uint8Array,
    context: KmsContext,
    options?: KeyCallOptions,
  ): Promise<Buffer> {
    return this.#patiently(options, () => this.#keys.decrypt(keyName, ciphertext, context, options));
  }

  createKey(keyName: string, options?: KeyCallOptions): Promise<void> {
    return this.#keys.createKey(keyName, options);
  }

  status(options?: KeyCallOptions): Promise<KeyServiceStatus> {
    return this.#keys.status(options);
  }

  /** Calls that wait are told of the outage. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const wake of [...this.#waiting]) wake();
    await this.#keys.close();
  }

  async #patiently<T>(options: KeyCallOptions | undefined, call: () => Promise<T>): Promise<T> {
    const calledMs = this.#clock.now();
    for (;;) {
      const begunMs = this.#clock.now();
      try {
        const result = await call();
        this.#available();
        return result;
      } catch (error) {
        if (!isSseError(error, "KMS_UNAVAILABLE")) throw error;
        if (!this.#mayWait(calledMs, begunMs)) throw error;
        await this.#pause(options?.signal);
        if (this.#isClosed) throw error;
      }
    }
  }

  #available(): void {
    if (this.#outSinceMs === undefined) return;
    const ms = this.#clock.now() - this.#outSinceMs;
    this.#outSinceMs = undefined;
    if (ms >= WORTH_TELLING_MS) this.#ended(ms);
  }

  /** @param begunMs - of the attempt that failed: the outage is at least as old as that */
  #mayWait(calledMs: number, begunMs: number): boolean {
    this.#outSinceMs ??= begunMs;
    // An outage of one key alone never gets old: calls for others end it again and again.
    const sinceMs = Math.min(calledMs, this.#outSinceMs);
    return !this.#isClosed && this.#clock.now() - sinceMs < PATIENCE_MS;
  }

  /** @throws the signal's reason */
  async #pause(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        cancel();
        this.#waiting.delete(wake);
        signal?.removeEventListener("abort", wake);
        resolve();
      };
      const cancel = this.#clock.after(PAUSE_MS + this.#clock.random() * PAUSE_MS, wake);
      this.#waiting.add(wake);
      signal?.addEventListener("abort", wake, { once: true });
    });
    signal?.throwIfAborted();
  }
}
