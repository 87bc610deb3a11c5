/** `If-Range`: a part of the object that the client knows, or the whole of the one there is now (RFC 9110 §13.1.5). */
import type { ReadRequest } from "../../objects/object-service.js";
import { type ReadConditions, unquoteETag } from "../../s3/conditions.js";
import { isS3Error } from "../../s3/errors.js";
import { parseHttpDate } from "../../s3/http-date.js";

/**
 * Reads; downloads that are resumed are not put together of two objects.
 * @param ifRange - the header; undefined without
 * @throws whatever `read` throws
 */
export async function readIfRange<Result>(
  ifRange: string | undefined,
  request: ReadRequest,
  read: (request: ReadRequest) => Promise<Result>,
): Promise<Result> {
  if (ifRange === undefined || request.range === undefined) return read(request);
  const { range: _, ...whole } = request;
  const conditions = conditionsOf(ifRange, request.conditions);
  if (conditions === undefined) return read(whole);
  try {
    return await read({ ...request, conditions });
  } catch (error) {
    if (!isS3Error(error, "PRECONDITION_FAILED")) throw error;
    return read(whole);
  }
}

/** Those under which a part may be given; undefined when no part may be. */
function conditionsOf(ifRange: string, own: ReadConditions): ReadConditions | undefined {
  const dateMs = parseHttpDate(ifRange);
  // A weak ETag says nothing about bytes.
  if (dateMs === undefined && ifRange.startsWith("W/")) return undefined;
  const isFree = own.match === undefined && own.unmodifiedSinceMs === undefined;
  if (dateMs !== undefined) return isFree ? { ...own, unmodifiedSinceMs: dateMs } : undefined;
  const etag = unquoteETag(ifRange);
  return isFree || (own.match !== undefined && unquoteETag(own.match) === etag)
    ? { ...own, match: `"${etag}"` }
    : undefined;
}
