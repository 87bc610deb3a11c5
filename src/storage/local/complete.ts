/** CompleteMultipartUpload: the parts that are named become the object. */
import type { CompleteRequest, WrittenObject } from "../objects/object-service.js";
import { isS3Error, s3Error } from "../s3/errors.js";
import type { ShownChecksum } from "../s3/result-documents.js";
import { checkCustomerKey } from "../sse/access.js";
import { multipartETag } from "../sse/etag.js";
import { type Encryption, readEncryption } from "../sse/metadata.js";
import type { ObjectKey } from "../sse/object-key.js";
import { customerKeyOf } from "../sse/request.js";
import { shownEncryption } from "../sse/response.js";
import { storedChecksum } from "../sse/stored-checksum.js";
import type { ObjectRecord } from "../store/object-store.js";
import type { LocalBase } from "./base.js";
import { chooseParts } from "./chosen-parts.js";
import { completedChecksum } from "./completed-checksum.js";
import { openKey } from "./source-object.js";
import { findUpload, type KnownUpload } from "./uploads.js";
import { prepareCheck } from "./write-check.js";

/** One `decrypt`, or none for plain uploads and SSE-C. */
export async function completeUpload(base: LocalBase, request: CompleteRequest): Promise<WrittenObject> {
  const { path, uploadId } = request;
  try {
    const upload = findUpload(base, request);
    return await complete(base, request, upload);
  } catch (error) {
    if (!isS3Error(error, "UPLOAD_NOT_FOUND")) throw error;
    const done = repeatedAnswer(base.store.object(path.bucket, path.object), uploadId, request);
    if (done === undefined) throw error;
    return done;
  }
}

async function complete(
  base: LocalBase,
  request: CompleteRequest,
  upload: KnownUpload,
): Promise<WrittenObject> {
  const { path, uploadId, sse, conditions, signal } = request;
  const { record: uploaded, encryption } = upload;
  checkCustomerKey(encryption?.kind, customerKeyOf(sse), "upload");
  const check = await prepareCheck(base, path, conditions);
  const key = await completionKey(base, request, upload);
  try {
    const parts = base.store.parts(path.bucket, path.object, uploadId);
    const chosen = await chooseParts(parts, request, encryption?.kind, key);
    const size = chosen.reduce((sum, { record }) => sum + record.size, 0);
    if (request.size !== undefined && request.size !== size) throw s3Error("REQUEST_INVALID");
    const checksum = await completedChecksum(request, uploaded.checksum, chosen);
    signal?.throwIfAborted();
    const record: ObjectRecord = {
      ...{ key: path.object, size, modifiedMs: base.now(), uploadId },
      ...{ headers: uploaded.headers, tags: uploaded.tags, encryption: uploaded.encryption },
      etag: multipartETag(chosen.map(({ etag }) => etag)),
      ...(uploaded.storageClass === undefined ? {} : { storageClass: uploaded.storageClass }),
      ...(checksum && { checksum: storedChecksum(checksum, key, base.random) }),
      parts: chosen.map((part) => part.record),
    };
    await base.store.completeUpload(path.bucket, uploadId, record, check);
    return written(record, encryption, checksum);
  } finally {
    key?.wipe();
  }
}

/**
 * Undefined for SSE-C where nothing that is needed is sealed; the client's key must be right wherever it is sent. Keys of
 * the key service are opened in any case: one may be locked or gone since the last part, and what cannot be opened any
 * more must not be said to be stored.
 */
async function completionKey(
  base: LocalBase,
  request: CompleteRequest,
  { record, encryption }: KnownUpload,
): Promise<ObjectKey | undefined> {
  const { path, sse, signal, parts, checksum } = request;
  const customerKey = customerKeyOf(sse);
  const needsChecksums =
    record.checksum !== undefined ||
    checksum !== undefined ||
    parts.some((part) => part.checksum !== undefined);
  const isNeeded = encryption?.kind !== "SSE-C" || customerKey !== undefined || needsChecksums;
  return isNeeded ? openKey(base, path, encryption, { use: "upload", customerKey, signal }) : undefined;
}

/**
 * The answer of a completion that was done before: the client has not got it. The object itself remembers its upload, so
 * this holds as long as it is there.
 */
function repeatedAnswer(
  record: ObjectRecord | undefined,
  uploadId: string,
  { parts }: CompleteRequest,
): WrittenObject | undefined {
  if (record?.parts === undefined || record.uploadId !== uploadId) return undefined;
  const isSame = isMd5List(parts) && multipartETag(parts.map(({ etag }) => etag)) === record.etag;
  if (!isSame) return undefined;
  const checksum: ShownChecksum | undefined =
    record.checksum?.isSealed === false
      ? { algorithm: record.checksum.algorithm, type: record.checksum.type, value: record.checksum.value }
      : undefined;
  return written(record, readEncryption(record.encryption), checksum);
}

function isMd5List(parts: CompleteRequest["parts"]): boolean {
  return parts.every(({ etag }) => /^[0-9a-f]{32}$/.test(etag));
}

function written(
  { etag, modifiedMs, size }: ObjectRecord,
  encryption: Encryption | undefined,
  checksum: ShownChecksum | undefined,
): WrittenObject {
  const shown = shownEncryption(encryption);
  return { etag, modifiedMs, size, ...(shown && { encryption: shown }), ...(checksum && { checksum }) };
}
