/** What S3 does with buckets. */
import type { BucketInfo } from "../objects/object-service.js";
import type { EncryptionDocument } from "../s3/documents.js";
import { checkBucketName } from "../s3/names.js";
import { sseError } from "../sse/errors.js";
import { keyNameOfId } from "../sse/request.js";
import type { LocalBase } from "./base.js";
import { existingBucket } from "./target.js";

/** MinIO's context of this purpose, which policies and audit logs of key servers know. */
const TRIAL_CONTEXT = { "MinIO admin API": "ServerInfoHandler" };

export function bucketInfo(base: LocalBase, name: string): BucketInfo {
  return existingBucket(base, name);
}

/** @throws S3Error `BUCKET_OWNED`, `BUCKET_NAME_INVALID` */
export async function createBucket({ store, now }: LocalBase, name: string): Promise<void> {
  checkBucketName(name);
  await store.createBucket({ name, createdMs: now() });
}

/** @throws S3Error see `ObjectService.setBucketEncryption` */
export async function setBucketEncryption(
  base: LocalBase,
  name: string,
  encryption: EncryptionDocument | undefined,
  signal: AbortSignal | undefined,
): Promise<void> {
  existingBucket(base, name);
  if (encryption !== undefined) await tryKey(base, encryption, signal);
  await base.store.changeBucket(name, ({ encryption: _, ...record }) =>
    encryption === undefined ? record : { ...record, encryption },
  );
}

/** A default that cannot be carried out would have every upload fail. */
async function tryKey(
  { keys }: LocalBase,
  { keyId }: EncryptionDocument,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (keys === undefined) throw sseError("KMS_NOT_CONFIGURED");
  const options = signal === undefined ? {} : { signal };
  const dek = await keys.generate(keyNameOfId(keyId), TRIAL_CONTEXT, options);
  dek.plaintext.fill(0);
}
