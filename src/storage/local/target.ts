/** How what is stored is encrypted: decided by request, bucket and server, and the key that follows from it. */
import { s3Error } from "../s3/errors.js";
import { encryptObject } from "../sse/encryption.js";
import { sseError } from "../sse/errors.js";
import { type Encryption, writeEncryption } from "../sse/metadata.js";
import type { ObjectKey } from "../sse/object-key.js";
import { type BucketEncryption, bucketEncryption, decideEncryption } from "../sse/precedence.js";
import type { RequestedEncryption, SseRequest } from "../sse/request.js";
import type { ObjectPath } from "../sse/seal.js";
import type { BucketRecord } from "../store/object-store.js";
import type { LocalBase } from "./base.js";

/** Where content goes. */
export interface Target {
  /** Undefined for plain content. Its maker wipes it. */
  readonly key: ObjectKey | undefined;
  readonly encryption: Encryption | undefined;
  /** As it stands in a record. */
  readonly entries: Readonly<Record<string, string>>;
  /** Seals the ETag for listings; for SSE-S3 in one piece. */
  readonly sealForIndex?: (md5: Uint8Array) => string;
}

/** @throws S3Error `BUCKET_NOT_FOUND` */
export function existingBucket({ store }: LocalBase, name: string): BucketRecord {
  const bucket = store.bucket(name);
  if (bucket === undefined) throw s3Error("BUCKET_NOT_FOUND");
  return bucket;
}

/**
 * How an object in that bucket is to be encrypted; undefined: not at all.
 * @throws S3Error `BUCKET_NOT_FOUND`, `SSE_C_BLOCKED`
 */
export function decideFor(base: LocalBase, bucket: string, sse: SseRequest): RequestedEncryption | undefined {
  const { encryption } = existingBucket(base, bucket);
  const isBlocked = encryption?.blockedTypes?.includes("SSE-C") ?? false;
  if (sse.target?.kind === "SSE-C" && isBlocked) throw sseError("SSE_C_BLOCKED");
  const byDefault: BucketEncryption | undefined =
    encryption === undefined ? undefined : bucketEncryption(encryption.algorithm, encryption.keyId);
  return decideEncryption(sse.target, { bucket: byDefault, autoEncryption: base.autoEncryption });
}

/**
 * Makes the key. One `generate`, or none for plain content and SSE-C.
 * @throws S3Error those of `encryptObject` and `IndexKey.sealer`
 */
export async function makeTarget(
  base: LocalBase,
  requested: RequestedEncryption | undefined,
  { path, isMultipart, signal }: { path: ObjectPath; isMultipart: boolean; signal?: AbortSignal | undefined },
): Promise<Target> {
  if (requested === undefined) return { key: undefined, encryption: undefined, entries: {} };
  const { keys, random, index } = base;
  // First, so that no key lies open while it waits.
  const sealForIndex = requested.kind === "SSE-S3" && !isMultipart ? await index.sealer() : undefined;
  const { key, encryption } = await encryptObject(requested, {
    ...{ path, keys, random, isMultipart },
    ...(signal === undefined ? {} : { signal }),
  });
  const entries = writeEncryption(encryption);
  return { key, encryption, entries, ...(sealForIndex === undefined ? {} : { sealForIndex }) };
}
