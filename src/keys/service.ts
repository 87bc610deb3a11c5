/** The key service: what can be done with named keys. Knows neither requests nor policies. */
import { type Algorithm, DEFAULT_ALGORITHM, KEY_BYTES } from "../crypto/algorithm.js";
import { KeyVersion, type NewKeyVersion } from "../crypto/key-version.js";
import type { RandomSource } from "../crypto/random.js";
import { formatTimestamp } from "../crypto/timestamp.js";
import { isKesError, KesError } from "../errors.js";
import type { Keystore, KeystorePage, ListOptions } from "../keystore/contract.js";
import type { KeyName } from "../names.js";
import { type CacheStats, KeyCache } from "./cache.js";
import { KeyChanges } from "./changes.js";
import type { Clock } from "./clock.js";
import { type Call, untilAborted, within } from "./deadline.js";
import { KeystoreHealth, type KeystoreStatus } from "./health.js";
import { defaultKeyLimits, type KeyLimits, type KeyServiceOptions } from "./options.js";
import { Slots } from "./slots.js";

/** A fresh DEK, and the same sealed under the named key. */
export interface Dek {
  /** 32 random bytes. */
  readonly plaintext: Buffer;
  /** 76 bytes. */
  readonly ciphertext: Buffer;
}

/** What is known of a key without its bytes. */
export interface KeyDescription {
  readonly name: KeyName;
  readonly algorithm: Algorithm;
  /** RFC 3339 in UTC; 0001-01-01T00:00:00Z when not recorded. */
  readonly createdAt: string;
  /** Identity of the creator; empty when not recorded. */
  readonly createdBy: string;
}

/**
 * All methods may be called concurrently. What needs a key answers with a plain value when the key is in
 * memory, and throws at once; otherwise with a promise. `await` suits both.
 *
 * Every method that reads a key fails with `KEY_NOT_FOUND`, `KEY_READ_FAILED`, `KEYSTORE_TIMEOUT` or
 * `KEYSTORE_BUSY` when it cannot get it.
 */
export class KeyService {
  readonly #keystore: Keystore;
  readonly #clock: Clock;
  readonly #random: RandomSource;
  readonly #limits: KeyLimits;
  readonly #health: KeystoreHealth;
  readonly #cache: KeyCache;
  readonly #changes: KeyChanges;
  readonly #listings: Slots;
  #isClosed = false;

  constructor({ keystore, cache, clock, random, log, limits, changed }: KeyServiceOptions) {
    this.#keystore = keystore;
    this.#clock = clock;
    this.#random = random;
    this.#limits = { ...defaultKeyLimits, ...limits };
    this.#health = new KeystoreHealth(keystore, clock, log);
    const parts = { keystore, clock, log, health: this.#health, limits: this.#limits };
    this.#cache = new KeyCache({ ...parts, times: cache });
    this.#changes = new KeyChanges({ ...parts, cache: this.#cache, changed: changed ?? (async () => {}) });
    this.#listings = new Slots(this.#limits.maxChanges, this.#limits.maxWaitingChanges);
  }

  /** Kind and place of the keystore, for the banner. */
  get description(): string {
    return this.#keystore.description;
  }

  /**
   * Makes a new random key. Resolves when the keystore has it and it was read back.
   * @throws KesError as {@link KeyChanges.create}
   */
  create(
    name: KeyName,
    options: { readonly algorithm?: Algorithm; readonly createdBy: string },
    call?: Call,
  ): Promise<void> {
    const { algorithm = DEFAULT_ALGORITHM, createdBy } = options;
    return this.#add(name, { algorithm, createdBy }, call);
  }

  /**
   * Makes a key of 32 given bytes, with a given HMAC key or a fresh one.
   * @throws KesError `KEY_SIZE_INVALID`, and as {@link KeyChanges.create}
   */
  import(
    name: KeyName,
    options: {
      readonly keyBytes: Uint8Array;
      readonly hmacKeyBytes?: Uint8Array;
      readonly algorithm: Algorithm;
      readonly createdBy: string;
    },
    call?: Call,
  ): Promise<void> {
    return this.#add(name, options, call);
  }

  /** @throws KesError as {@link KeyChanges.delete} */
  delete(name: KeyName, call?: Call): Promise<void> {
    return this.#changes.delete(name, call);
  }

  /** Another node created or deleted the key. @throws KesError as {@link KeyChanges.recheck} */
  recheck(name: KeyName, call?: Call): Promise<void> {
    return this.#changes.recheck(name, call);
  }

  /** Drops a key from memory alone, because somebody else deleted or created it. */
  forget(name: KeyName): void {
    this.#cache.invalidate(name);
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** A page of names. @throws KesError `KEY_LIST_FAILED`, `KEYSTORE_TIMEOUT`, `KEYSTORE_BUSY` */
  async list(options: ListOptions, call?: Call): Promise<KeystorePage> {
    await this.#listings.take(call?.signal());
    const startedMs = this.#clock.now();
    const list = (signal: AbortSignal): Promise<KeystorePage> => this.#keystore.list(options, signal);
    try {
      const work = within(this.#clock, this.#limits.fetchTimeoutMs, list, call?.signal());
      const page = await (call === undefined ? work : untilAborted(work, call.signal(), timeout));
      this.#health.succeeded();
      return page;
    } catch (cause) {
      if (call?.signal().aborted !== true) this.#health.observe(startedMs, cause);
      if (isKesError(cause, "KEYSTORE_TIMEOUT", "KEYSTORE_BUSY")) throw cause;
      throw new KesError("KEY_LIST_FAILED", [], { cause });
    } finally {
      this.#listings.give();
    }
  }

  /** What is known of the key. Loads it into memory, as a use does. */
  describe(name: KeyName, call?: Call): KeyDescription | Promise<KeyDescription> {
    const key = this.#cache.peek(name);
    if (key !== undefined) return describe(name, key);
    return this.#cache.use(name, (fetched) => describe(name, fetched), call);
  }

  /** A fresh DEK, sealed with `context`. */
  generate(name: KeyName, context: Uint8Array, call?: Call): Dek | Promise<Dek> {
    const key = this.#cache.peek(name);
    if (key !== undefined) return generate(key, context, this.#random);
    return this.#cache.use(name, (fetched) => generate(fetched, context, this.#random), call);
  }

  /** Seals up to a request's worth of bytes: 44 bytes longer than `plaintext`. */
  encrypt(name: KeyName, plaintext: Uint8Array, context: Uint8Array, call?: Call): Buffer | Promise<Buffer> {
    const key = this.#cache.peek(name);
    if (key !== undefined) return key.seal(plaintext, context, this.#random);
    return this.#cache.use(name, (fetched) => fetched.seal(plaintext, context, this.#random), call);
  }

  /** Opens a ciphertext of any form ever written. @throws KesError `DECRYPT_FAILED` */
  decrypt(name: KeyName, ciphertext: Uint8Array, context: Uint8Array, call?: Call): Buffer | Promise<Buffer> {
    const key = this.#cache.peek(name);
    if (key !== undefined) return key.open(ciphertext, context);
    return this.#cache.use(name, (fetched) => fetched.open(ciphertext, context), call);
  }

  /** HMAC-SHA-256 under the key's HMAC key: 32 bytes. @throws KesError `HMAC_UNSUPPORTED` */
  hmac(name: KeyName, message: Uint8Array, call?: Call): Buffer | Promise<Buffer> {
    const key = this.#cache.peek(name);
    if (key !== undefined) return key.hmac(message);
    return this.#cache.use(name, (fetched) => fetched.hmac(message), call);
  }

  /** Asks the keystore how it is. Never rejects but for a caller that gave up: `KEYSTORE_TIMEOUT`. */
  status(call?: Call): Promise<KeystoreStatus> {
    const status = this.#health.status();
    return call === undefined ? status : untilAborted(status, call.signal(), timeout);
  }

  /** Resolves when keys can be read. @throws KesError `KEYSTORE_UNREACHABLE`, `KEYSTORE_UNAVAILABLE` */
  async ready(call?: Call): Promise<void> {
    const status = await this.status(call);
    if (!status.ok) throw status.error;
  }

  stats(): CacheStats {
    return this.#cache.stats();
  }

  /** How long the keystore has not answered, and how old the oldest key in use is: milliseconds. */
  standing(): { readonly outageMs: number | undefined; readonly oldestMs: number | undefined } {
    const sinceMs = this.#health.outSinceMs;
    return {
      outageMs: sinceMs === undefined ? undefined : this.#clock.now() - sinceMs,
      oldestMs: this.#cache.oldestMs(),
    };
  }

  /**
   * Lets changes under way end (bounded by their deadlines), wipes all keys and closes the keystore. Reads that
   * still wait are refused; drain requests first.
   */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#health.close();
    await this.#changes.settled();
    this.#cache.close();
    await this.#keystore.close();
  }

  async #add(
    name: KeyName,
    options: Pick<NewKeyVersion, "algorithm" | "createdBy" | "keyBytes" | "hmacKeyBytes">,
    call: Call | undefined,
  ): Promise<void> {
    const nowMs = this.#clock.wallNow();
    await this.#changes.create(name, KeyVersion.create({ ...options, nowMs, random: this.#random }), call);
  }
}

function generate(key: KeyVersion, context: Uint8Array, random: RandomSource): Dek {
  const plaintext = random(KEY_BYTES);
  if (plaintext.length !== KEY_BYTES) {
    throw new KesError("INTERNAL", [], { cause: new Error("random source gave the wrong number of bytes") });
  }
  return { plaintext, ciphertext: key.seal(plaintext, context, random) };
}

function describe(name: KeyName, key: KeyVersion): KeyDescription {
  return {
    name,
    algorithm: key.algorithm,
    createdAt: formatTimestamp(key.createdAt),
    createdBy: key.createdBy,
  };
}

function timeout(): KesError {
  return new KesError("KEYSTORE_TIMEOUT");
}
