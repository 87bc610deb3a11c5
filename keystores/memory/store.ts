/** Keys in the memory of this process, lost at exit. */
import { KesError } from "../../src/errors.js";
import { Call } from "../../src/keystore/call.js";
import { checkName, checkValue, closedError, sameBytes } from "../../src/keystore/checks.js";
import type { Keystore, KeystoreAbilities, KeystorePage, ListOptions } from "../../src/keystore/contract.js";
import { PageSelection } from "../../src/keystore/listing.js";
import type { KeyName } from "../../src/names.js";

/** The keystore of `--dev`. Each method does its work in one step of the event loop, so nothing can race. */
export class MemoryKeystore implements Keystore {
  readonly description = "In Memory";
  readonly abilities: KeystoreAbilities = {
    atomicCreate: true,
    replace: true,
    durable: false,
    reportsMissingDelete: true,
  };
  readonly #values = new Map<KeyName, Buffer>();
  #closed = false;

  async status(signal?: AbortSignal): Promise<void> {
    this.#enter(signal);
  }

  async create(name: KeyName, value: Uint8Array, signal?: AbortSignal): Promise<void> {
    checkName(name);
    checkValue(value);
    this.#enter(signal);
    if (this.#values.has(name)) throw new KesError("KEY_EXISTS");
    this.#values.set(name, Buffer.from(value));
  }

  async get(name: KeyName, signal?: AbortSignal): Promise<Uint8Array> {
    checkName(name);
    this.#enter(signal);
    return Buffer.from(this.#stored(name));
  }

  async replace(name: KeyName, expected: Uint8Array, next: Uint8Array, signal?: AbortSignal): Promise<void> {
    checkName(name);
    checkValue(next);
    this.#enter(signal);
    const stored = this.#stored(name);
    if (!sameBytes(stored, expected)) throw new KesError("KEY_CHANGED");
    this.#values.set(name, Buffer.from(next));
    stored.fill(0);
  }

  async delete(name: KeyName, signal?: AbortSignal): Promise<void> {
    checkName(name);
    this.#enter(signal);
    this.#stored(name).fill(0);
    this.#values.delete(name);
  }

  async list(options: ListOptions, signal?: AbortSignal): Promise<KeystorePage> {
    this.#enter(signal);
    const selection = new PageSelection(options);
    for (const name of this.#values.keys()) selection.offer(name);
    return selection.page();
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const value of this.#values.values()) value.fill(0);
    this.#values.clear();
  }

  #enter(signal: AbortSignal | undefined): void {
    if (this.#closed) throw closedError();
    new Call(signal, "memory").proceed();
  }

  #stored(name: KeyName): Buffer {
    const value = this.#values.get(name);
    if (value === undefined) throw new KesError("KEY_NOT_FOUND");
    return value;
  }
}
