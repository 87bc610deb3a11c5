/** The single key of MinIO's versions before April 2021: `MINIO_SSE_MASTER_KEY` (MinIO client reference §9.5). */
import { canonicalContext } from "../../client/context.js";
import { KEY_BYTES } from "../../crypto/algorithm.js";
import { hmacSha256 } from "../../crypto/hmac.js";
import { type RandomSource, secureRandom } from "../../crypto/random.js";
import { isKesError } from "../../errors.js";
import { sseError } from "../sse/errors.js";
import type { KmsContext } from "../sse/kms-context.js";
import { openValue, sealValue } from "../sse/sealed-value.js";
import type { GeneratedDek, KeyService, KeyServiceStatus } from "./key-service.js";
import { closed, copyOfKey, IN_PROCESS } from "./static-key.js";

/** Bytes of a sealed DEK: one DARE 2.0 package. */
const CIPHERTEXT_BYTES = 64;

/**
 * Seals a DEK under HMAC-SHA-256(master key, key name || context). The name is part of the key, so that every name
 * stands for a key of its own, and none has to be created.
 */
export class MasterKeyService implements KeyService {
  readonly defaultKey: string;
  #masterKey: Buffer | undefined;
  readonly #random: RandomSource;

  /** @param masterKey - 32 bytes, copied */
  constructor(keyName: string, masterKey: Uint8Array, random: RandomSource = secureRandom) {
    this.defaultKey = keyName;
    this.#masterKey = copyOfKey(masterKey);
    this.#random = random;
  }

  async generate(keyName = this.defaultKey, context: KmsContext): Promise<GeneratedDek> {
    const plaintext = this.#random(KEY_BYTES);
    const kek = this.#kek(keyName, context);
    try {
      return { keyName, plaintext, ciphertext: sealValue(kek, plaintext, this.#random) };
    } finally {
      kek.fill(0);
    }
  }

  async decrypt(keyName: string, ciphertext: Uint8Array, context: KmsContext): Promise<Buffer> {
    if (ciphertext.length !== CIPHERTEXT_BYTES) throw sseError("KMS_ALTERED");
    const kek = this.#kek(keyName, context);
    try {
      return openValue(kek, Buffer.from(ciphertext));
    } catch (cause) {
      if (isKesError(cause, "DECRYPT_FAILED")) throw sseError("KMS_ALTERED", { cause });
      throw cause;
    } finally {
      kek.fill(0);
    }
  }

  async createKey(): Promise<void> {
    throw sseError("KMS_NOT_SUPPORTED");
  }

  async status(): Promise<KeyServiceStatus> {
    const { defaultKey } = this;
    return { name: "master key", defaultKey, endpoints: [{ endpoint: IN_PROCESS, isOnline: true }] };
  }

  /** Overwrites the key. */
  async close(): Promise<void> {
    this.#masterKey?.fill(0);
    this.#masterKey = undefined;
  }

  #kek(keyName: string, context: KmsContext): Buffer {
    if (this.#masterKey === undefined) throw closed();
    return hmacSha256(this.#masterKey, Buffer.concat([Buffer.from(keyName), canonicalContext(context)]));
  }
}
