/** Resealing the objects of a whole bucket: interrupted at any moment, each object is under its old key or the new one. */
import type { Resealed } from "../objects/object-service.js";
import { isS3Error } from "../s3/errors.js";
import { S3Error } from "../s3-error.js";
import type { ManagedRequest } from "../sse/encryption.js";
import { isSseError, sseError } from "../sse/errors.js";
import { readEncryption } from "../sse/metadata.js";
import { keyNameOfId } from "../sse/request.js";
import type { ObjectRecord } from "../store/object-store.js";
import type { LocalBase } from "./base.js";
import { inOrder } from "./in-order.js";
import { resealObject } from "./reseal.js";
import { existingBucket } from "./target.js";
import { walkObjects } from "./walk.js";

export interface RotationRequest {
  readonly bucket: string;
  /** As of `ObjectService.reseal`. */
  readonly to: ManagedRequest;
  readonly prefix?: string;
  /** Resumes behind this key, which was the last that was told of. */
  readonly after?: string;
  /** Objects that are under the key of this name already are passed over. */
  readonly skipsDone?: boolean;
  /** Objects at once, at least 1. */
  readonly parallel?: number;
  readonly signal?: AbortSignal;
}

/** What became of one object: `already` was passed over, `gone` was deleted meanwhile. */
export type RotationStep =
  | { readonly key: string; readonly outcome: Resealed | "already" | "gone" }
  | { readonly key: string; readonly outcome: "failed"; readonly error: S3Error };

const PARALLEL = 8;
/** MinIO's context of this purpose, which policies and audit logs of key servers know. */
const TRIAL_CONTEXT = { "MinIO batch API": "batchrotate" };

/**
 * In the order of the keys. Uploads that are not complete are left alone: they are under the key they began with.
 * @throws S3Error `BUCKET_NOT_FOUND`; those of a generate under the new key, which is tried first; `KMS_UNAVAILABLE` and
 *   whatever else would befall every further object as well
 */
export async function* rotateBucket(
  base: LocalBase,
  { bucket, to, prefix, after, skipsDone = false, parallel = PARALLEL, signal }: RotationRequest,
): AsyncGenerator<RotationStep, void, undefined> {
  existingBucket(base, bucket);
  const { keys, store } = base;
  if (keys === undefined) throw sseError("KMS_NOT_CONFIGURED");
  const options = signal === undefined ? {} : { signal };
  const trial = await keys.generate(keyNameOfId(to.keyId), TRIAL_CONTEXT, options);
  trial.plaintext.fill(0);
  yield* inOrder(walkObjects(store, bucket, { prefix, after }), parallel, (record) => {
    signal?.throwIfAborted();
    const done = skipsDone ? (keyNameOfId(to.keyId) ?? keys.defaultKey) : undefined;
    return rotateOne(base, bucket, record, to, done, signal);
  });
}

async function rotateOne(
  base: LocalBase,
  bucket: string,
  record: ObjectRecord,
  to: ManagedRequest,
  done: string | undefined,
  signal: AbortSignal | undefined,
): Promise<RotationStep> {
  const { key } = record;
  try {
    const encryption = readEncryption(record.encryption);
    const isManaged = encryption !== undefined && encryption.kind !== "SSE-C";
    if (isManaged && encryption.dek.keyName === done) return { key, outcome: "already" };
    return { key, outcome: await resealObject(base, { bucket, object: key }, to, signal) };
  } catch (error) {
    if (isS3Error(error, "KEY_NOT_FOUND")) return { key, outcome: "gone" };
    const isOfAll = isSseError(error, "KMS_UNAVAILABLE") || isS3Error(error, "STORAGE_FULL", "UNAVAILABLE");
    if (!(error instanceof S3Error) || isOfAll) throw error;
    return { key, outcome: "failed", error };
  }
}
