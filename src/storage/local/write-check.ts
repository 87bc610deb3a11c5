/** `If-Match` and `If-None-Match` of whatever writes, held against what is there in the very step of the change. */
import { checkWrite, type WriteConditions } from "../s3/conditions.js";
import { s3Error } from "../s3/errors.js";
import type { ObjectPath } from "../sse/seal.js";
import type { Check, ObjectRecord } from "../store/object-store.js";
import type { LocalBase } from "./base.js";
import { etagOf, needsIndex } from "./shown.js";

/**
 * Checks at once, so that no body is taken in for nothing, and gives the check that decides.
 * @throws S3Error `PRECONDITION_FAILED`, `KEY_NOT_FOUND`, `BUCKET_NOT_FOUND`, and those of `IndexKey.open`
 */
export async function prepareCheck(
  { store, index }: LocalBase,
  { bucket, object }: ObjectPath,
  conditions: WriteConditions,
): Promise<Check> {
  const { match, noneMatch } = conditions;
  if (match === undefined && noneMatch === undefined) return () => undefined;
  const existing = store.object(bucket, object);
  const comparesETags = [match, noneMatch].some((each) => each !== undefined && each.trim() !== "*");
  const isSealed = comparesETags && existing !== undefined && needsIndex(existing);
  const opened = isSealed ? await index.open() : undefined;
  const check = (record: ObjectRecord | undefined): void => {
    // Became one of SSE-S3 between the look at it and now.
    if (record !== undefined && comparesETags && needsIndex(record) && opened === undefined) {
      throw s3Error("CONDITION_CONFLICT");
    }
    checkWrite(conditions, record && { etag: etagOf(record, opened), modifiedMs: record.modifiedMs });
  };
  check(existing);
  return check;
}
