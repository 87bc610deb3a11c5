/** CopyObject onto itself: what can be changed without a touch of the content. */
import { keyChange, resealed } from "../objects/key-change.js";
import type { CopyRequest, WrittenObject } from "../objects/object-service.js";
import { checkWrite } from "../s3/conditions.js";
import { s3Error } from "../s3/errors.js";
import type { StoredHeaders } from "../s3/headers.js";
import { withoutReserved, writeEncryption } from "../sse/metadata.js";
import type { RequestedEncryption } from "../sse/request.js";
import { shownEncryption } from "../sse/response.js";
import { openChecksum } from "../sse/stored-checksum.js";
import type { ObjectRecord } from "../store/object-store.js";
import type { LocalBase } from "./base.js";
import { unchanged } from "./concurrent-change.js";
import { loadedETag } from "./shown.js";
import type { SourceObject } from "./source-object.js";

/**
 * The object with the request's metadata, its key sealed anew where that is asked for; content, ETag and checksum stay.
 * @returns undefined when the content has to be written anew
 * @throws S3Error `COPY_TO_ITSELF` when nothing would change; `OPERATION_ABORTED` when the object changes meanwhile
 */
export async function copyInPlace(
  base: LocalBase,
  request: CopyRequest,
  source: SourceObject,
  wanted: RequestedEncryption | undefined,
): Promise<WrittenObject | undefined> {
  const { record } = source;
  const change = keyChange(base.keys, request.sse, source.encryption, wanted);
  const isOtherChecksum =
    request.checksum !== undefined && request.checksum.algorithm !== record.checksum?.algorithm;
  if (change === "rewrite" || isOtherChecksum) return undefined;
  if (change === "keep" && !changesMetadata(request, record)) throw s3Error("COPY_TO_ITSELF");

  const etag = await loadedETag(base, record);
  checkWrite(request.conditions, { etag, modifiedMs: record.modifiedMs });
  const encryption =
    change === "keep" || source.encryption === undefined || wanted === undefined
      ? source.encryption
      : await resealed(base, request, source.encryption, wanted);
  request.signal?.throwIfAborted();
  const modifiedMs = base.now();
  const { bucket, object } = request.path;
  await base.store.changeObject(bucket, object, (existing) => {
    const { storageClass: _, ...rest } = unchanged(existing, record);
    return {
      ...{ ...rest, ...storedHeaders(request, rest), modifiedMs },
      encryption: encryption === undefined ? {} : writeEncryption(encryption),
    };
  });
  const checksum = record.checksum && openChecksum(record.checksum, undefined);
  const shown = shownEncryption(encryption);
  return {
    ...{ etag, modifiedMs, size: record.size },
    ...(shown && { encryption: shown }),
    ...(checksum && { checksum }),
  };
}

/** What the copy is stored with: nothing of how the source was encrypted. */
export function storedHeaders(
  { headers, tags, storageClass }: CopyRequest,
  source: Pick<ObjectRecord, "headers" | "tags">,
): StoredHeaders {
  return {
    headers: headers ?? withoutReserved(source.headers),
    tags: tags ?? source.tags,
    ...(storageClass === undefined ? {} : { storageClass }),
  };
}

function changesMetadata({ headers, tags, storageClass }: CopyRequest, record: ObjectRecord): boolean {
  return headers !== undefined || tags !== undefined || storageClass !== record.storageClass;
}
