/** An object's tags. They change neither its time nor its ETag. */
import { s3Error } from "../s3/errors.js";
import type { Tag } from "../s3/headers.js";
import type { ObjectPath } from "../sse/seal.js";
import type { LocalBase } from "./base.js";

/** @throws S3Error `BUCKET_NOT_FOUND`, `KEY_NOT_FOUND` */
export function readTags({ store }: LocalBase, { bucket, object }: ObjectPath): readonly Tag[] {
  const record = store.object(bucket, object);
  if (record === undefined) throw s3Error("KEY_NOT_FOUND");
  return record.tags;
}

/** @throws S3Error as {@link readTags} */
export function writeTags(
  { store }: LocalBase,
  { bucket, object }: ObjectPath,
  tags: readonly Tag[],
): Promise<void> {
  return store.changeObject(bucket, object, (existing) => {
    if (existing === undefined) throw s3Error("KEY_NOT_FOUND");
    return { ...existing, tags };
  });
}
