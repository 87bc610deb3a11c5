/**
 * `If-Match` and `If-None-Match` towards the back end. A client's ETag is not the back end's: it is compared with what is
 * there, and the back end is asked to store only if exactly that is still there.
 */
import { checkWrite, type WriteConditions } from "../s3/conditions.js";
import { isS3Error } from "../s3/errors.js";
import type { CustomerKey } from "../sse/customer-key.js";
import type { ObjectPath } from "../sse/seal.js";
import type { GatewayBase } from "./base.js";
import { findObject, needsKeyForETag, openKeyOf, shownETagOf } from "./found-object.js";

export interface ConditionFields {
  readonly IfMatch?: string;
  readonly IfNoneMatch?: string;
}

/** @throws S3Error `PRECONDITION_FAILED`, `KEY_NOT_FOUND` */
export async function writeConditions(
  base: GatewayBase,
  path: ObjectPath,
  conditions: WriteConditions,
  customerKey: CustomerKey | undefined,
  signal: AbortSignal | undefined,
): Promise<ConditionFields> {
  const { match, noneMatch } = conditions;
  if (match === undefined && noneMatch === undefined) return {};
  const existing = await whatIsThere(base, path, customerKey, signal);
  checkWrite(conditions, existing);
  return existing === undefined ? { IfNoneMatch: "*" } : { IfMatch: existing.backEndETag };
}

async function whatIsThere(
  base: GatewayBase,
  path: ObjectPath,
  customerKey: CustomerKey | undefined,
  signal: AbortSignal | undefined,
): Promise<{ etag: string; modifiedMs: number; backEndETag: string } | undefined> {
  try {
    const found = await findObject(base, path, customerKey, "read", signal);
    const key = needsKeyForETag(found) ? await openKeyOf(base, found, undefined, "read", signal) : undefined;
    try {
      const { modifiedMs, backEndETag } = found;
      return { etag: shownETagOf(found, key), modifiedMs, backEndETag };
    } finally {
      key?.wipe();
    }
  } catch (error) {
    if (isS3Error(error, "KEY_NOT_FOUND")) return undefined;
    throw error;
  }
}
