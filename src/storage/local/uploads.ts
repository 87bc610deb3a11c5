/** Uploads in parts: beginning them, looking at them, giving them up. */

import { checkNames } from "../objects/metadata-names.js";
import type {
  CreatedUpload,
  CreateUploadRequest,
  ObjectService,
  UploadRef,
} from "../objects/object-service.js";
import { s3Error } from "../s3/errors.js";
import { firstOf, listPage, type Page, type PageRequest } from "../s3/listing.js";
import type { ListPartsQuery } from "../s3/listing-query.js";
import type { ListedPart, ListedUpload } from "../s3/result-documents.js";
import { checkCustomerKey } from "../sse/access.js";
import { isSealedETag, shownETag } from "../sse/etag.js";
import { type Encryption, readEncryption } from "../sse/metadata.js";
import type { ObjectKey } from "../sse/object-key.js";
import { customerKeyOf } from "../sse/request.js";
import { shownEncryption } from "../sse/response.js";
import { openChecksum } from "../sse/stored-checksum.js";
import type { PartRecord, UploadRecord } from "../store/object-store.js";
import type { LocalBase } from "./base.js";
import { type KeyUse, openKey } from "./source-object.js";
import { decideFor, existingBucket, makeTarget } from "./target.js";

const ID_BYTES = 16;

/** The object's key is made here; parts and completion open it again. */
export async function createUpload(base: LocalBase, request: CreateUploadRequest): Promise<CreatedUpload> {
  const { path, stored, sse, checksum, signal } = request;
  const wanted = decideFor(base, path.bucket, sse);
  checkNames(stored.headers);
  const target = await makeTarget(base, wanted, { path, isMultipart: true, signal });
  target.key?.wipe();
  signal?.throwIfAborted();
  const { headers, storageClass, tags } = stored;
  const id = base.random(ID_BYTES).toString("hex");
  await base.store.createUpload(path.bucket, {
    ...{ key: path.object, id, createdMs: base.now(), headers, tags },
    ...(storageClass === undefined ? {} : { storageClass }),
    encryption: target.entries,
    ...(checksum && { checksum }),
  });
  const encryption = shownEncryption(target.encryption);
  return { uploadId: id, ...(encryption && { encryption }), ...(checksum && { checksum }) };
}

export interface KnownUpload {
  readonly record: UploadRecord;
  readonly encryption: Encryption | undefined;
}

/** @throws S3Error `BUCKET_NOT_FOUND`, `UPLOAD_NOT_FOUND`, `SSE_ALTERED` */
export function findUpload(
  { store }: LocalBase,
  { path, uploadId }: Pick<UploadRef, "path" | "uploadId">,
): KnownUpload {
  const record = store.upload(path.bucket, path.object, uploadId);
  if (record === undefined) throw s3Error("UPLOAD_NOT_FOUND");
  return { record, encryption: readEncryption(record.encryption) };
}

/** ListParts. One `decrypt` where ETags or checksums are sealed; none for SSE-C, whose checksums need the client's key. */
export async function listParts(
  base: LocalBase,
  request: UploadRef,
  { marker, maxParts }: ListPartsQuery,
): ReturnType<ObjectService["parts"]> {
  const { path, uploadId, sse, signal } = request;
  const { record, encryption } = findUpload(base, request);
  const keyUse: KeyUse = { use: "upload", customerKey: customerKeyOf(sse), signal };
  checkCustomerKey(encryption?.kind, keyUse.customerKey, "upload");
  const all = base.store.parts(path.bucket, path.object, uploadId);
  const page = firstOf(
    all.filter(({ number }) => number > marker),
    maxParts,
  );
  const isOpened =
    encryption?.kind === "SSE-C" ? keyUse.customerKey !== undefined : page.items.some(needsKey(encryption));
  const key = isOpened ? await openKey(base, path, encryption, keyUse) : undefined;
  try {
    const parts = page.items.map((part) => listedPart(part, encryption, key));
    return { upload: listedUpload(record), parts, isTruncated: page.isTruncated };
  } finally {
    key?.wipe();
  }
}

function needsKey(encryption: Encryption | undefined): (part: PartRecord) => boolean {
  return ({ etag, checksum }) =>
    (encryption?.kind === "SSE-S3" && isSealedETag(etag)) || checksum?.isSealed === true;
}

function listedPart(
  { number, modifiedMs, etag, size, checksum: stored }: PartRecord,
  encryption: Encryption | undefined,
  key: ObjectKey | undefined,
): ListedPart {
  const checksum = stored && openChecksum(stored, key);
  return {
    ...{ number, modifiedMs, size, etag: shownETag(encryption?.kind, etag, key) },
    ...(checksum && { checksum }),
  };
}

export async function listUploads(
  base: LocalBase,
  bucket: string,
  request: PageRequest,
): Promise<Page<ListedUpload>> {
  existingBucket(base, bucket);
  const page = await listPage<UploadRecord>((start) => base.store.scanUploads(bucket, start), request);
  return { ...page, contents: page.contents.map(listedUpload) };
}

function listedUpload({ key, id, createdMs, storageClass, checksum }: UploadRecord): ListedUpload {
  return { key, id, createdMs, storageClass, checksum };
}
