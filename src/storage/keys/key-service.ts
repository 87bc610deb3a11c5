/** What the storage module needs of a key service, whichever kind it is. */
import type { KmsContext } from "../sse/kms-context.js";

/** A fresh DEK. The caller overwrites `plaintext` when it is done. */
export interface GeneratedDek {
  /** The key that it is sealed under: the one asked for, or the default. */
  readonly keyName: string;
  /** 32 bytes. */
  readonly plaintext: Buffer;
  /** Opaque; needed whole to have the DEK again. */
  readonly ciphertext: Buffer;
}

export interface KeyCallOptions {
  /** The call then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** One place where keys are served. */
export interface KeyEndpoint {
  /** URL, or what stands for one: `127.0.0.1` for a key in this process. */
  readonly endpoint: string;
  readonly isOnline: boolean;
}

export interface KeyServiceStatus {
  /** What to call it. */
  readonly name: "KES" | "static key" | "master key" | "Vault";
  readonly defaultKey: string;
  readonly endpoints: readonly KeyEndpoint[];
}

/**
 * A key service. An outage is `KMS_UNAVAILABLE`, never `KMS_KEY_NOT_FOUND`. Nothing is cached: locking a key takes
 * effect with the next call.
 */
export interface KeyService {
  /** For SSE-S3, and SSE-KMS that names none. */
  readonly defaultKey: string;

  /**
   * A fresh DEK under the named key, or the default one, bound to `context`.
   * @throws S3Error `KMS_KEY_NOT_FOUND`, `KMS_DENIED`, `KMS_UNAVAILABLE`, `KMS_FAILED`
   */
  generate(keyName: string | undefined, context: KmsContext, options?: KeyCallOptions): Promise<GeneratedDek>;

  /**
   * The 32 bytes of a DEK; the caller overwrites them.
   * @throws S3Error as {@link generate}, and `KMS_ALTERED` for another key, ciphertext or context
   */
  decrypt(
    keyName: string,
    ciphertext: Uint8Array,
    context: KmsContext,
    options?: KeyCallOptions,
  ): Promise<Buffer>;

  /** @throws S3Error `KMS_KEY_EXISTS`, `KMS_NOT_SUPPORTED`, `KMS_DENIED`, `KMS_UNAVAILABLE`, `KMS_FAILED` */
  createKey(keyName: string, options?: KeyCallOptions): Promise<void>;

  /** Never rejects for an outage: what cannot be reached is not online. */
  status(options?: KeyCallOptions): Promise<KeyServiceStatus>;

  /** Open calls reject. */
  close(): Promise<void>;
}
