/** One key in this process: `MINIO_KMS_SECRET_KEY` (MinIO client reference §9). Whoever holds the server holds the key. */
import { canonicalContext } from "../../client/context.js";
import { KEY_BYTES } from "../../crypto/algorithm.js";
import { readLegacy } from "../../crypto/legacy.js";
import { type RandomSource, secureRandom } from "../../crypto/random.js";
import { open, seal } from "../../crypto/seal.js";
import { isKesError, KesError } from "../../errors.js";
import { sseError } from "../sse/errors.js";
import type { KmsContext } from "../sse/kms-context.js";
import type { GeneratedDek, KeyService, KeyServiceStatus } from "./key-service.js";

/** Where a key of this process is said to be, as MinIO says it. */
export const IN_PROCESS = "127.0.0.1";

/**
 * Seals DEKs as KES does, so that a deployment moves to a key server by importing the key under the same name. Written
 * is the 76-byte form; the JSON form of 2021 to 2024 is read as well, with either cipher.
 */
export class StaticKeyService implements KeyService {
  readonly defaultKey: string;
  #kek: Buffer | undefined;
  readonly #random: RandomSource;

  /** @param kek - 32 bytes, copied */
  constructor(keyName: string, kek: Uint8Array, random: RandomSource = secureRandom) {
    this.defaultKey = keyName;
    this.#kek = copyOfKey(kek);
    this.#random = random;
  }

  async generate(keyName: string | undefined, context: KmsContext): Promise<GeneratedDek> {
    const kek = this.#kekOf(keyName ?? this.defaultKey);
    const plaintext = this.#random(KEY_BYTES);
    const ciphertext = seal("AES256", kek, plaintext, canonicalContext(context), this.#random);
    return { keyName: this.defaultKey, plaintext, ciphertext };
  }

  async decrypt(keyName: string, ciphertext: Uint8Array, context: KmsContext): Promise<Buffer> {
    const kek = this.#kekOf(keyName);
    const { algorithm, sealed } = readLegacy(ciphertext) ?? { algorithm: "AES256", sealed: ciphertext };
    let dek: Buffer;
    try {
      dek = open(algorithm, kek, sealed, canonicalContext(context));
    } catch (cause) {
      if (isKesError(cause, "DECRYPT_FAILED")) throw sseError("KMS_ALTERED", { cause });
      throw cause;
    }
    if (dek.length !== KEY_BYTES) throw sseError("KMS_FAILED");
    return dek;
  }

  /** There is one key, and there will be no other. */
  async createKey(keyName: string): Promise<void> {
    throw sseError(keyName === this.defaultKey ? "KMS_KEY_EXISTS" : "KMS_NOT_SUPPORTED");
  }

  async status(): Promise<KeyServiceStatus> {
    const { defaultKey } = this;
    return { name: "static key", defaultKey, endpoints: [{ endpoint: IN_PROCESS, isOnline: true }] };
  }

  /** Overwrites the key. */
  async close(): Promise<void> {
    this.#kek?.fill(0);
    this.#kek = undefined;
  }

  #kekOf(keyName: string): Buffer {
    if (this.#kek === undefined) throw closed();
    if (keyName !== this.defaultKey) throw sseError("KMS_KEY_NOT_FOUND");
    return this.#kek;
  }
}

/** A copy in memory of its own. @throws KesError `INTERNAL` for another size than 32 bytes */
export function copyOfKey(key: Uint8Array): Buffer {
  if (key.length !== KEY_BYTES) {
    throw new KesError("INTERNAL", [], { cause: new Error("key has the wrong size") });
  }
  const copy = Buffer.alloc(KEY_BYTES);
  copy.set(key);
  return copy;
}

/** An overwritten key must not seal anything: it is known to everybody. */
export function closed(): KesError {
  return new KesError("INTERNAL", [], { cause: new Error("the key service was closed") });
}
