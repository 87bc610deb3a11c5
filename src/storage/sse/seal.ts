/** Sealing an object's key under a DEK, bound to kind, bucket and object (S3 reference §5.1, §5.3). */
import { createHash, createHmac } from "node:crypto";
import { posix } from "node:path";
import { KEY_BYTES } from "../../crypto/algorithm.js";
import { openDareV1 } from "../../crypto/dare-v1.js";
import type { RandomSource } from "../../crypto/random.js";
import { isKesError, KesError } from "../../errors.js";
import { sseError } from "./errors.js";
import { ObjectKey } from "./object-key.js";
import { openValue } from "./sealed-value.js";

/** Who holds the key that the object's key is under; also the domain of the seal. */
export type SseKind = "SSE-C" | "SSE-S3" | "SSE-KMS";

/** How an object's key is sealed. The second was written until 2018, for SSE-C alone, and is only read. */
export type SealAlgorithm = "DAREv2-HMAC-SHA256" | "DARE-SHA256";

/** Bytes of the value that the sealing key is derived with. */
export const IV_BYTES = 32;
/** Bytes of a sealed object key, in either algorithm. */
export const SEALED_KEY_BYTES = 64;

/** Where an object is; its sealed key opens nowhere else. */
export interface ObjectPath {
  readonly bucket: string;
  readonly object: string;
}

export interface SealedObjectKey {
  readonly algorithm: SealAlgorithm;
  /** 32 bytes. */
  readonly iv: Buffer;
  /** 64 bytes. */
  readonly bytes: Buffer;
}

/**
 * `bucket/object` as it is sealed and as it stands in contexts: joined and cleaned like a Unix path. Doubled slashes
 * collapse, `.` and `..` are resolved, a slash at the end goes; so `a//b/../c` is `a/c`, and not everything that is
 * stored under different names is bound to different paths.
 */
export function sealedPath({ bucket, object }: ObjectPath): string {
  return posix.join(bucket, object).replace(/(?<=.)\/$/, "");
}

/**
 * Seals under `dek`, 32 bytes of the key service or of the client.
 * @param iv - 32 bytes; fresh ones when absent
 */
export function sealObjectKey(
  key: ObjectKey,
  dek: Uint8Array,
  kind: SseKind,
  path: ObjectPath,
  random: RandomSource,
  iv: Buffer = random(IV_BYTES),
): SealedObjectKey {
  if (dek.length !== KEY_BYTES || iv.length !== IV_BYTES) throw internal("DEK or iv has the wrong size");
  const secret = sealingKey(dek, iv, kind, path);
  try {
    return { algorithm: "DAREv2-HMAC-SHA256", iv, bytes: key.sealUnder(secret, random) };
  } finally {
    secret.fill(0);
  }
}

/**
 * Opens what {@link sealObjectKey} made, and what was sealed in the older way.
 * @throws S3Error `SSE_C_KEY_WRONG` for SSE-C, else `SSE_ALTERED`: there the key service has vouched for the DEK
 */
export function openObjectKey(
  sealed: SealedObjectKey,
  dek: Uint8Array,
  kind: SseKind,
  path: ObjectPath,
): ObjectKey {
  const { algorithm, iv, bytes } = sealed;
  if (dek.length !== KEY_BYTES) throw internal("DEK has the wrong size");
  if (iv.length !== IV_BYTES || bytes.length !== SEALED_KEY_BYTES) throw sseError("SSE_ALTERED");
  const isOld = algorithm === "DARE-SHA256";
  // Bound to no path: what was never written so must not be read so.
  if (isOld && kind !== "SSE-C") throw sseError("SSE_ALTERED");
  const secret = isOld ? oldSealingKey(dek, iv) : sealingKey(dek, iv, kind, path);
  try {
    return ObjectKey.adopt(isOld ? openDareV1(secret, bytes) : openValue(secret, bytes));
  } catch (cause) {
    if (!isKesError(cause, "DECRYPT_FAILED")) throw cause;
    throw sseError(kind === "SSE-C" ? "SSE_C_KEY_WRONG" : "SSE_ALTERED", { cause });
  } finally {
    secret.fill(0);
  }
}

function sealingKey(dek: Uint8Array, iv: Uint8Array, kind: SseKind, path: ObjectPath): Buffer {
  const text = `${kind}DAREv2-HMAC-SHA256${sealedPath(path)}`;
  return createHmac("sha256", dek).update(iv).update(text).digest();
}

function oldSealingKey(dek: Uint8Array, iv: Uint8Array): Buffer {
  return createHash("sha256").update(dek).update(iv).digest();
}

function internal(reason: string): KesError {
  return new KesError("INTERNAL", [], { cause: new Error(reason) });
}
