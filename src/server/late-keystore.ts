/** A keystore that is opened when it can be: for a server that starts while its keystore is out. */
import { KesError } from "../errors.js";
import type { Keystore, KeystoreAbilities, KeystorePage, ListOptions } from "../keystore/contract.js";
import type { KeyName } from "../names.js";

/** After a failure nobody tries again for so long. */
const PAUSE_MS = 1_000;

export interface LateKeystoreOptions {
  readonly open: () => Promise<Keystore>;
  /** Until it is opened. */
  readonly description: string;
  /** Monotonic clock in milliseconds. */
  readonly nowMs: () => number;
  /** Called for each failure to open it. */
  readonly failed: (error: unknown) => void;
}

export class LateKeystore implements Keystore {
  readonly #options: LateKeystoreOptions;
  #opened: Keystore | undefined;
  #opening: Promise<Keystore> | undefined;
  #failure: unknown;
  #retryMs = Number.NEGATIVE_INFINITY;
  #isClosed = false;

  constructor(options: LateKeystoreOptions) {
    this.#options = options;
  }

  get description(): string {
    return this.#opened?.description ?? this.#options.description;
  }

  /** Nothing is promised before it is known which keystore it is. */
  get abilities(): KeystoreAbilities {
    return this.#opened?.abilities ?? NO_ABILITIES;
  }

  async status(signal?: AbortSignal): Promise<void> {
    await (await this.#keystore()).status(signal);
  }

  async create(name: KeyName, value: Uint8Array, signal?: AbortSignal): Promise<void> {
    await (await this.#keystore()).create(name, value, signal);
  }

  async get(name: KeyName, signal?: AbortSignal): Promise<Uint8Array> {
    return (await this.#keystore()).get(name, signal);
  }

  async replace(name: KeyName, expected: Uint8Array, next: Uint8Array, signal?: AbortSignal): Promise<void> {
    await (await this.#keystore()).replace(name, expected, next, signal);
  }

  async delete(name: KeyName, signal?: AbortSignal): Promise<void> {
    await (await this.#keystore()).delete(name, signal);
  }

  async list(options: ListOptions, signal?: AbortSignal): Promise<KeystorePage> {
    return (await this.#keystore()).list(options, signal);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#opened?.close();
  }

  /** @throws KesError `KEYSTORE_UNREACHABLE` while it cannot be opened */
  async #keystore(): Promise<Keystore> {
    if (this.#isClosed) throw new KesError("KEYSTORE_UNAVAILABLE", [], { cause: new Error("closed") });
    if (this.#opened !== undefined) return this.#opened;
    if (this.#options.nowMs() < this.#retryMs) throw unreachable(this.#failure);
    this.#opening ??= this.#open().finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  async #open(): Promise<Keystore> {
    let opened: Keystore;
    try {
      opened = await this.#options.open();
    } catch (error) {
      this.#failure = error;
      this.#retryMs = this.#options.nowMs() + PAUSE_MS;
      this.#options.failed(error);
      throw unreachable(error);
    }
    if (this.#isClosed) {
      await opened.close();
      throw unreachable(new Error("closed"));
    }
    this.#opened = opened;
    return opened;
  }
}

const NO_ABILITIES: KeystoreAbilities = {
  atomicCreate: false,
  replace: false,
  durable: false,
  reportsMissingDelete: false,
};

function unreachable(cause: unknown): KesError {
  return new KesError("KEYSTORE_UNREACHABLE", [], { cause });
}
