/** UploadPart and UploadPartCopy. */

import { bodyContent, type MeasuredContent, measured } from "../objects/measured.js";
import type { CopyPartRequest, PartRequest, UploadRef, WrittenPart } from "../objects/object-service.js";
import type { ChecksumAlgorithm } from "../s3/checksums.js";
import { s3Error } from "../s3/errors.js";
import { parseCopyRange } from "../s3/ranges.js";
import type { ShownChecksum } from "../s3/result-documents.js";
import { checkCustomerKey } from "../sse/access.js";
import { MAX_PART_NUMBER, type ObjectKey } from "../sse/object-key.js";
import { customerKeyOf } from "../sse/request.js";
import { shownEncryption } from "../sse/response.js";
import { storedChecksum } from "../sse/stored-checksum.js";
import type { PartRecord } from "../store/object-store.js";
import type { LocalBase } from "./base.js";
import { holdSource } from "./copy.js";
import { type KeyUse, openKey, withContent } from "./source-object.js";
import { draftContent, needsMd5, storedETag } from "./store-object.js";
import type { Target } from "./target.js";
import { findUpload, type KnownUpload } from "./uploads.js";

/** One `decrypt`, or none for plain uploads and SSE-C. */
export async function putPart(base: LocalBase, request: PartRequest): Promise<WrittenPart> {
  const { body } = request;
  checkNumber(request.number);
  const upload = findUpload(base, request);
  const algorithm = upload.record.checksum?.algorithm;
  const sent = body.plan.checksum?.algorithm;
  if (algorithm !== undefined && sent !== undefined && sent !== algorithm) {
    throw s3Error("CHECKSUM_ALGORITHM_INVALID");
  }
  const target = await openTarget(base, request, upload);
  try {
    const content = bodyContent(
      body.open({ md5: needsMd5(target), ...(algorithm === undefined ? {} : { checksum: algorithm }) }),
    );
    return await storePart(base, request, target, content);
  } finally {
    target.key?.wipe();
  }
}

/** One call for the source and one for the upload, each where it has a key of the key service. */
export async function copyPart(base: LocalBase, request: CopyPartRequest): Promise<WrittenPart> {
  const { sse, range: header, signal } = request;
  checkNumber(request.number);
  const upload = findUpload(base, request);
  checkCustomerKey(upload.encryption?.kind, customerKeyOf(sse), "part");
  const source = await holdSource(base, request);
  try {
    const range = header === undefined ? undefined : parseCopyRange(header, source.record.size);
    const target = await openTarget(base, request, upload);
    try {
      const keyUse: KeyUse = { use: "copy-source", customerKey: sse.source, signal };
      const key = await openKey(base, source.path, source.encryption, keyUse);
      const checksum: ChecksumAlgorithm | undefined = upload.record.checksum?.algorithm;
      const wishes = { md5: needsMd5(target), ...(checksum === undefined ? {} : { checksum }) };
      return await withContent(source, key, range, (bytes) =>
        storePart(base, request, target, measured(bytes, wishes)),
      );
    } finally {
      target.key?.wipe();
    }
  } finally {
    source.release();
  }
}

function checkNumber(number: number): void {
  if (!Number.isInteger(number) || number < 1 || number > MAX_PART_NUMBER) {
    throw s3Error("PART_NUMBER_INVALID");
  }
}

async function openTarget(
  base: LocalBase,
  { path, sse, signal }: UploadRef,
  { record, encryption }: KnownUpload,
): Promise<Target> {
  checkCustomerKey(encryption?.kind, customerKeyOf(sse), "part");
  const key = await openKey(base, path, encryption, { use: "part", customerKey: customerKeyOf(sse), signal });
  return { key, encryption, entries: record.encryption };
}

async function storePart(
  base: LocalBase,
  request: UploadRef & { readonly number: number },
  target: Target,
  content: MeasuredContent,
): Promise<WrittenPart> {
  const { path, uploadId, number, signal } = request;
  const draft = await draftContent(base, content, target.key, number, signal);
  try {
    const results = content.results();
    signal?.throwIfAborted();
    const etag = storedETag(base, target, results);
    const checksum = results.checksum && {
      algorithm: results.checksum.algorithm,
      value: results.checksum.value.toString("base64"),
    };
    const part: PartRecord = {
      ...{ number, size: results.size, storedSize: draft.storedSize, modifiedMs: base.now() },
      etag: etag.stored.etag,
      ...(checksum && { checksum: partChecksum(base, checksum, target.key) }),
    };
    await base.store.putPart(path.bucket, path.object, uploadId, part, draft);
    const encryption = shownEncryption(target.encryption);
    return {
      ...{ etag: etag.shown, modifiedMs: part.modifiedMs, size: part.size },
      ...(encryption && { encryption }),
      ...(checksum && { checksum }),
    };
  } catch (error) {
    await draft.discard();
    throw error;
  }
}

/** Of the part by itself it is the checksum of all of it, whatever becomes of it in the object. */
function partChecksum(
  { random }: LocalBase,
  { algorithm, value }: Pick<ShownChecksum, "algorithm" | "value">,
  key: ObjectKey | undefined,
): NonNullable<PartRecord["checksum"]> {
  return storedChecksum({ algorithm, type: "FULL_OBJECT", value }, key, random);
}
