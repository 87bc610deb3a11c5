/** CompleteMultipartUpload asked for again by a client, or by our own retries, that never got the answer. */
import { isDeepStrictEqual } from "node:util";
import type { CompleteRequest, WrittenObject } from "../objects/object-service.js";
import { isS3Error } from "../s3/errors.js";
import { multipartETag } from "../sse/etag.js";
import { type Encryption, writeEncryption } from "../sse/metadata.js";
import { customerKeyOf } from "../sse/request.js";
import { shownEncryption } from "../sse/response.js";
import type { GatewayBase } from "./base.js";
import { findObject, unquoted } from "./found-object.js";
import { readUploadId } from "./upload-id.js";
import { completeUpload } from "./uploads.js";

/**
 * The back end has forgotten an upload that is complete. Where the object that is there came of this very upload, the
 * answer is the one that was lost.
 */
export async function completeRepeatably(
  base: GatewayBase,
  request: CompleteRequest,
): Promise<WrittenObject> {
  try {
    return await completeUpload(base, request);
  } catch (error) {
    // The object itself is what a repeated `If-None-Match: *` then finds in its way.
    if (!isS3Error(error, "UPLOAD_NOT_FOUND", "PRECONDITION_FAILED")) throw error;
    const isGone = isS3Error(error, "UPLOAD_NOT_FOUND");
    const done = await answerBefore(base, request, isGone);
    if (done === undefined) throw error;
    return done;
  }
}

/** Undefined where the object is not of this upload, or cannot be shown to be. */
async function answerBefore(
  base: GatewayBase,
  { path, uploadId, parts, sse, size, signal }: CompleteRequest,
  isGone: boolean,
): Promise<WrittenObject | undefined> {
  const { encryption } = readUploadId(uploadId);
  // Of a plain upload only the content is known to be the same, which that of another one may be, too.
  if (!isGone && encryption === undefined) return undefined;
  if (!parts.every(({ etag }) => /^[0-9a-f]{32}$/.test(etag))) return undefined;
  try {
    const found = await findObject(base, path, customerKeyOf(sse), "upload", signal);
    const etag = unquoted(found.backEndETag);
    if (etag !== multipartETag(parts.map((part) => part.etag))) return undefined;
    if (!isSame(found.sealed.encryption, encryption)) return undefined;
    const shown = shownEncryption(encryption) ?? found.backEndEncryption;
    return { etag, modifiedMs: found.modifiedMs, size: size ?? 0, ...(shown && { encryption: shown }) };
  } catch (error) {
    if (isS3Error(error, "KEY_NOT_FOUND")) return undefined;
    throw error;
  }
}

/** No two uploads have the same sealed key. */
function isSame(one: Encryption | undefined, other: Encryption | undefined): boolean {
  if (one === undefined || other === undefined) return one === other;
  return isDeepStrictEqual(writeEncryption(one), writeEncryption(other));
}
