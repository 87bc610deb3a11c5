/** The object key of a request: made for what is stored, opened for what is read. One key-service call, or none. */
import type { RandomSource } from "../../crypto/random.js";
import type { KeyService } from "../keys/key-service.js";
import { checkCustomerKey, type SseUse, wrongKeyFailure } from "./access.js";
import type { CustomerKey } from "./customer-key.js";
import { isSseError, sseError } from "./errors.js";
import { dekContext, type KmsContext } from "./kms-context.js";
import type { Encryption, ManagedDek } from "./metadata.js";
import { ObjectKey } from "./object-key.js";
import { keyNameOfId, type RequestedEncryption } from "./request.js";
import { type ObjectPath, openObjectKey, sealObjectKey } from "./seal.js";

/** An object key, and what is stored to have it again. */
export interface SealedObject {
  /** The caller wipes it. */
  readonly key: ObjectKey;
  readonly encryption: Encryption;
}

export interface EncryptOptions {
  readonly path: ObjectPath;
  /** Undefined where none is configured. */
  readonly keys: KeyService | undefined;
  readonly random: RandomSource;
  /** An upload in parts. */
  readonly isMultipart?: boolean;
  readonly signal?: AbortSignal;
}

/**
 * A fresh object key, sealed as the request asks. SSE-S3 and SSE-KMS cost one `generate`, SSE-C nothing.
 * @throws S3Error `KMS_NOT_CONFIGURED`, and those of {@link KeyService.generate}
 */
export async function encryptObject(
  requested: RequestedEncryption,
  { path, keys, random, isMultipart = false, signal }: EncryptOptions,
): Promise<SealedObject> {
  if (requested.kind === "SSE-C") {
    return requested.key.use((dek) => {
      const key = ObjectKey.generate(dek, random);
      const objectKey = sealObjectKey(key, dek, "SSE-C", path, random);
      return { key, encryption: { kind: "SSE-C", objectKey, isMultipart } };
    });
  }
  if (keys === undefined) throw sseError("KMS_NOT_CONFIGURED");
  const { dek, stored } = await managedDek(requested, path, keys, signal);
  try {
    const key = ObjectKey.generate(dek, random);
    const objectKey = sealObjectKey(key, dek, requested.kind, path, random);
    return { key, encryption: { ...stored, objectKey, isMultipart } };
  } finally {
    dek.fill(0);
  }
}

/** SSE-S3 or SSE-KMS, and under which key. SSE-S3 has no context of the client. */
export interface ManagedRequest {
  readonly kind: "SSE-S3" | "SSE-KMS";
  readonly keyId?: string;
  readonly context?: KmsContext;
}

/** A fresh DEK of the key service, and what is stored of it. The caller wipes `dek`. */
export async function managedDek(
  { kind, keyId, context }: ManagedRequest,
  path: ObjectPath,
  keys: KeyService,
  signal: AbortSignal | undefined,
): Promise<{ readonly dek: Buffer; readonly stored: ManagedDek }> {
  const bound = dekContext(path, kind === "SSE-KMS" ? context : undefined);
  const made = await keys.generate(keyNameOfId(keyId), bound, signal === undefined ? {} : { signal });
  const { keyName, plaintext, ciphertext } = made;
  const dek = { keyName, ciphertext };
  if (kind === "SSE-S3") return { dek: plaintext, stored: { kind, dek } };
  const given = {
    ...(context === undefined ? {} : { context }),
    ...(keyId === undefined || keyId === keyName ? {} : { keyId }),
  };
  return { dek: plaintext, stored: { kind, dek, ...given } };
}

export interface OpenOptions {
  readonly path: ObjectPath;
  readonly keys: KeyService | undefined;
  /** For what; decides which error a missing, stray or wrong client's key is. */
  readonly use: SseUse;
  /** Of the request; of its copy-source headers for `copy-source`. */
  readonly customerKey?: CustomerKey | undefined;
  readonly signal?: AbortSignal;
}

/**
 * The object key of what is stored, which the caller wipes. SSE-S3 and SSE-KMS cost one `decrypt`, SSE-C nothing; check
 * a request without need of the key (HEAD of SSE-KMS) by `checkCustomerKey` alone.
 * @throws S3Error those of `checkCustomerKey`; `SSE_C_KEY_WRONG`, `SSE_C_PART_KEY_WRONG`; `SSE_ALTERED`;
 *   `KMS_NOT_CONFIGURED` and those of {@link KeyService.decrypt}
 */
export async function openEncryption(
  encryption: Encryption,
  { path, keys, use, customerKey, signal }: OpenOptions,
): Promise<ObjectKey> {
  checkCustomerKey(encryption.kind, customerKey, use);
  if (encryption.kind === "SSE-C") {
    if (customerKey === undefined) throw sseError("SSE_C_PART_KEY_NEEDED");
    try {
      return customerKey.use((dek) => openObjectKey(encryption.objectKey, dek, "SSE-C", path));
    } catch (cause) {
      if (!isSseError(cause, "SSE_C_KEY_WRONG")) throw cause;
      throw sseError(wrongKeyFailure(use), { cause: cause.cause });
    }
  }
  if (keys === undefined) throw sseError("KMS_NOT_CONFIGURED");
  const { kind, dek: sealed, objectKey } = encryption;
  const context = dekContext(path, encryption.kind === "SSE-KMS" ? encryption.context : undefined);
  const options = signal === undefined ? {} : { signal };
  const dek = await keys.decrypt(sealed.keyName, sealed.ciphertext, context, options);
  try {
    return openObjectKey(objectKey, dek, kind, path);
  } finally {
    dek.fill(0);
  }
}
