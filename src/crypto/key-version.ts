/** A key version in memory: seals, opens and makes HMACs; its key bytes never leave it but as a stored value. */
import { inspect } from "node:util";
import { KesError } from "../errors.js";
import { type Algorithm, KEY_BYTES } from "./algorithm.js";
import { hmacSha256 } from "./hmac.js";
import { formatKeyRecord, type KeyRecord, newMessage, parseKeyRecord } from "./key-encoding.js";
import { readLegacy } from "./legacy.js";
import type { RandomSource } from "./random.js";
import { open, seal } from "./seal.js";
import { formatTimestamp, type Timestamp, timestampOfMs } from "./timestamp.js";

/** What a new key version is made from. */
export interface NewKeyVersion {
  readonly algorithm: Algorithm;
  /** Identity of the creator. */
  readonly createdBy: string;
  /** Milliseconds since 1970. */
  readonly nowMs: number;
  readonly random: RandomSource;
  /** The 32 bytes of an imported key, copied; fresh random ones when absent. */
  readonly keyBytes?: Uint8Array;
  /** The 32 bytes of the HMAC key that belongs to an imported key, copied; fresh random ones when absent. */
  readonly hmacKeyBytes?: Uint8Array;
}

/** The material and metadata stored under a key name. */
export class KeyVersion {
  readonly algorithm: Algorithm;
  /** False when the stored form does not say which algorithm: legacy ciphertexts then say it. */
  readonly algorithmRecorded: boolean;
  readonly createdAt: Timestamp;
  /** Identity of the creator; empty when not recorded. */
  readonly createdBy: string;
  readonly #record: KeyRecord;
  readonly #kek: Buffer;
  #destroyed = false;

  private constructor(record: KeyRecord) {
    this.algorithm = record.algorithm;
    this.algorithmRecorded = record.algorithmRecorded;
    this.createdAt = record.createdAt;
    this.createdBy = record.createdBy;
    this.#record = record;
    this.#kek = record.kek;
  }

  /**
   * A new key version.
   * @throws KesError `KEY_SIZE_INVALID` when imported bytes are not 32
   */
  static create(options: NewKeyVersion): KeyVersion {
    const { algorithm, createdBy, nowMs, random, keyBytes, hmacKeyBytes } = options;
    if (keyBytes !== undefined && keyBytes.length !== KEY_BYTES) {
      throw new KesError("KEY_SIZE_INVALID", [algorithm]);
    }
    if (hmacKeyBytes !== undefined && hmacKeyBytes.length !== KEY_BYTES) {
      throw new KesError("KEY_SIZE_INVALID", ["SHA256"]);
    }
    const kek = keyBytes === undefined ? freshKey(random) : copyOf(keyBytes);
    const hmacKey = hmacKeyBytes === undefined ? freshKey(random) : copyOf(hmacKeyBytes);
    const fields = { algorithm, kek, hmacKey, createdAt: timestampOfMs(nowMs), createdBy };
    return new KeyVersion({ ...fields, algorithmRecorded: true, message: newMessage(fields) });
  }

  /** Reads a stored value. @throws KeyFormatError */
  static decode(value: Uint8Array): KeyVersion {
    return new KeyVersion(parseKeyRecord(value));
  }

  /** True when it can make HMACs; keys in the older JSON form cannot. */
  get hasHmacKey(): boolean {
    return this.#record.hmacKey !== undefined;
  }

  /** True after {@link destroy}: every other method throws from then on. */
  get destroyed(): boolean {
    return this.#destroyed;
  }

  /** Seals in the current form, see `seal`. @throws KesError `INTERNAL` after destroy */
  seal(plaintext: Uint8Array, context: Uint8Array, random: RandomSource): Buffer {
    if (this.#destroyed) throw destroyedError();
    return seal(this.algorithm, this.#kek, plaintext, context, random);
  }

  /**
   * Opens a ciphertext in the current form or a legacy one.
   *
   * A legacy ciphertext names its algorithm. It decides when the stored key names none; when the stored key
   * names another, the ciphertext is not of this key.
   * @throws KesError `DECRYPT_FAILED`, `INTERNAL` after destroy
   */
  open(ciphertext: Uint8Array, context: Uint8Array): Buffer {
    if (this.#destroyed) throw destroyedError();
    const legacy = readLegacy(ciphertext);
    if (legacy === undefined) return open(this.algorithm, this.#kek, ciphertext, context);
    if (this.algorithmRecorded && legacy.algorithm !== this.algorithm) throw new KesError("DECRYPT_FAILED");
    return open(legacy.algorithm, this.#kek, legacy.sealed, context);
  }

  /** HMAC-SHA-256 of `message`. @throws KesError `HMAC_UNSUPPORTED` without HMAC key, `INTERNAL` after destroy */
  hmac(message: Uint8Array): Buffer {
    if (this.#destroyed) throw destroyedError();
    const { hmacKey } = this.#record;
    if (hmacKey === undefined) throw new KesError("HMAC_UNSUPPORTED");
    return hmacSha256(hmacKey, message);
  }

  /**
   * The value to store, with all fields that were read, known here or not.
   * @throws KesError `INTERNAL` for a key of the older JSON form: it has no HMAC key, and one made up now would
   *   change what the HMAC API answers; and after destroy
   */
  encode(): Buffer {
    if (this.#destroyed) throw destroyedError();
    const { message } = this.#record;
    if (message === undefined) {
      throw new KesError("INTERNAL", [], { cause: new Error("keys of the older form are not rewritten") });
    }
    return formatKeyRecord(message);
  }

  /** Overwrites the key bytes with zeros. Idempotent. */
  destroy(): void {
    this.#destroyed = true;
    this.#kek.fill(0);
    this.#record.hmacKey?.fill(0);
  }

  /** The metadata; keeps key bytes out of logs that serialise what they are given. */
  toJSON(): { algorithm: Algorithm; createdAt: string; createdBy: string } {
    return {
      algorithm: this.algorithm,
      createdAt: formatTimestamp(this.createdAt),
      createdBy: this.createdBy,
    };
  }

  [inspect.custom](): string {
    return `KeyVersion(${this.algorithm})`;
  }
}

/** Reads a stored value. @throws KeyFormatError for anything that is not a whole, valid key */
export function decodeKeyVersion(value: Uint8Array): KeyVersion {
  return KeyVersion.decode(value);
}

/** The value to store, see {@link KeyVersion.encode}. */
export function encodeKeyVersion(keyVersion: KeyVersion): Buffer {
  return keyVersion.encode();
}

function freshKey(random: RandomSource): Buffer {
  const bytes = random(KEY_BYTES);
  if (bytes.length !== KEY_BYTES) {
    throw new KesError("INTERNAL", [], { cause: new Error("random source gave the wrong number of bytes") });
  }
  return copyOf(bytes);
}

/** A copy in memory of its own, so that destroying it harms nobody and it is no slice of a shared pool. */
function copyOf(bytes: Uint8Array): Buffer {
  const copy = Buffer.alloc(bytes.length);
  copy.set(bytes);
  return copy;
}

function destroyedError(): KesError {
  return new KesError("INTERNAL", [], { cause: new Error("key version was destroyed") });
}
