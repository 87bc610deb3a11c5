/** Changes of a record that were worked out from what stood there a moment ago. */
import { isS3Error, s3Error } from "../s3/errors.js";
import type { ObjectRecord } from "../store/object-store.js";

const ATTEMPTS = 4;

/** Does `work` again when the object was changed meanwhile. @throws S3Error `OPERATION_ABORTED` when that goes on */
export async function whenUnchanged<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (attempt === ATTEMPTS || !isS3Error(error, "OPERATION_ABORTED")) throw error;
    }
  }
}

/** The record that is there. @throws S3Error `OPERATION_ABORTED` for content or keys other than those of `known` */
export function unchanged(existing: ObjectRecord | undefined, known: ObjectRecord): ObjectRecord {
  const isSame =
    existing !== undefined &&
    existing.etag === known.etag &&
    existing.modifiedMs === known.modifiedMs &&
    existing.size === known.size &&
    isSameText(existing.encryption, known.encryption);
  if (!isSame) throw s3Error("OPERATION_ABORTED");
  return existing;
}

function isSameText(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
}
