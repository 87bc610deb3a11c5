/** How long each request waits for the key service, whoever asks it on the request's behalf. */
import { AsyncLocalStorage } from "node:async_hooks";
import type { GeneratedDek, KeyCallOptions, KeyService, KeyServiceStatus } from "../keys/key-service.js";
import { S3Error } from "../s3-error.js";
import type { KmsContext } from "../sse/kms-context.js";

/** What one request has had of the key service. */
export interface KeyServiceUse {
  calls: number;
  ms: number;
}

/** How a call ended: as MinIO counts them, failures of the service apart from refusals. */
export type KeyCallOutcome = "success" | "error" | "failure";

export class KeyServiceTimes {
  readonly #uses = new AsyncLocalStorage<KeyServiceUse>();
  readonly #observe: (outcome: KeyCallOutcome, ms: number) => void;

  /** @param observe - told of every call, on a request's behalf or not */
  constructor(observe: (outcome: KeyCallOutcome, ms: number) => void = () => undefined) {
    this.#observe = observe;
  }

  /** Runs `work`; what it has of the key service is added to `use`. */
  run<T>(use: KeyServiceUse, work: () => T): T {
    return this.#uses.run(use, work);
  }

  /** The same key service, measured. */
  measured(keys: KeyService): KeyService {
    return new MeasuredKeyService(keys, (call) => this.#measure(call));
  }

  async #measure<T>(call: () => Promise<T>): Promise<T> {
    const use = this.#uses.getStore();
    const started = performance.now();
    let outcome: KeyCallOutcome = "success";
    try {
      return await call();
    } catch (error) {
      outcome = error instanceof S3Error && error.status < 500 ? "error" : "failure";
      throw error;
    } finally {
      const ms = performance.now() - started;
      if (use !== undefined) {
        use.calls++;
        use.ms += ms;
      }
      this.#observe(outcome, ms);
    }
  }
}

type Measure = <T>(call: () => Promise<T>) => Promise<T>;

class MeasuredKeyService implements KeyService {
  readonly #keys: KeyService;
  readonly #measure: Measure;

  constructor(keys: KeyService, measure: Measure) {
    this.#keys = keys;
    this.#measure = measure;
  }

  get defaultKey(): string {
    return this.#keys.defaultKey;
  }

  generate(
    keyName: string | undefined,
    context: KmsContext,
    options?: KeyCallOptions,
  ): Promise<GeneratedDek> {
    return this.#measure(() => this.#keys.generate(keyName, context, options));
  }

  decrypt(
    keyName: string,
    ciphertext: Uint8Array,
    context: KmsContext,
    options?: KeyCallOptions,
  ): Promise<Buffer> {
    return this.#measure(() => this.#keys.decrypt(keyName, ciphertext, context, options));
  }

  createKey(keyName: string, options?: KeyCallOptions): Promise<void> {
    return this.#measure(() => this.#keys.createKey(keyName, options));
  }

  status(options?: KeyCallOptions): Promise<KeyServiceStatus> {
    return this.#keys.status(options);
  }

  close(): Promise<void> {
    return this.#keys.close();
  }
}
