/** Uploads in parts: those of the back end, each part sealed under its own key. */
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import { sealedSize } from "../../crypto/dare-sizes.js";
import { bodyContent, type MeasuredContent, measured } from "../objects/measured.js";
import { checkNames } from "../objects/metadata-names.js";
import type {
  CompleteRequest,
  CopyPartRequest,
  CreatedUpload,
  CreateUploadRequest,
  PartRequest,
  UploadRef,
  WrittenObject,
  WrittenPart,
} from "../objects/object-service.js";
import { checksumAlgorithms } from "../s3/checksums.js";
import { checkCopySource } from "../s3/conditions.js";
import { s3Error } from "../s3/errors.js";
import { parseCopyRange } from "../s3/ranges.js";
import { checkCustomerKey } from "../sse/access.js";
import { sealContent } from "../sse/content.js";
import { encryptObject, openEncryption } from "../sse/encryption.js";
import { sseError } from "../sse/errors.js";
import type { ObjectKey } from "../sse/object-key.js";
import { customerKeyOf } from "../sse/request.js";
import { shownEncryption } from "../sse/response.js";
import type { ObjectPath } from "../sse/seal.js";
import { isKeptName } from "./back-end-names.js";
import type { GatewayBase } from "./base.js";
import { findObject, kindOf, openKeyOf, shownETagOf, sizeOf, unquoted } from "./found-object.js";
import { writeMetadata } from "./metadata.js";
import { decide } from "./put.js";
import { openSource } from "./raw-object.js";
import { sendBytes } from "./send-bytes.js";
import { tagging, withheld } from "./store-content.js";
import { backEndEncryption, customerFields, encryptionFields, passesThrough } from "./twice.js";
import { type GatewayUpload, readUploadId, writeUploadId } from "./upload-id.js";
import { whileUnchanged } from "./while-unchanged.js";
import { writeConditions } from "./write-conditions.js";

export async function createUpload(base: GatewayBase, request: CreateUploadRequest): Promise<CreatedUpload> {
  const { path, stored, sse, checksum, signal } = request;
  checkNames(stored.headers, isKeptName);
  const wanted = decide(base, sse);
  const { keys, random } = base;
  const isSealed = wanted !== undefined && !passesThrough(base);
  const made = isSealed
    ? await encryptObject(wanted, {
        ...{ path, keys, random, isMultipart: true },
        ...(signal === undefined ? {} : { signal }),
      })
    : undefined;
  made?.key.wipe();
  const output = await base.backEnd.call(signal, (client, options) =>
    client.send(
      new CreateMultipartUploadCommand({
        ...{ Bucket: path.bucket, Key: path.object },
        ...writeMetadata(stored.headers, made === undefined ? {} : { encryption: made.encryption }),
        ...encryptionFields(base, wanted, path),
        ...tagging(stored),
        // Of ciphertext the back end would compute something else.
        ...(checksum === undefined || isSealed
          ? {}
          : { ChecksumAlgorithm: checksum.algorithm, ChecksumType: checksum.type }),
      }),
      options,
    ),
  );
  if (output.UploadId === undefined) throw s3Error("INTERNAL", { cause: new Error("an upload without id") });
  const uploadId = writeUploadId({
    ...{ id: output.UploadId, encryption: made?.encryption },
    ...(checksum === undefined || isSealed ? {} : { checksum: checksum.algorithm }),
  });
  const encryption = made === undefined ? backEndEncryption(output) : shownEncryption(made.encryption);
  return {
    uploadId,
    ...(encryption && { encryption }),
    ...(checksum === undefined || isSealed ? {} : { checksum }),
  };
}

/** One `decrypt`, or none for plain uploads and SSE-C. The ETag is the back end's. */
export async function putPart(base: GatewayBase, request: PartRequest): Promise<WrittenPart> {
  const { body } = request;
  const { length } = body.plan;
  if (length === undefined) throw s3Error("LENGTH_MISSING");
  const upload = knownUpload(base, request);
  const key = await openUpload(base, request, upload, "part");
  try {
    const content = bodyContent(body.open());
    return await sendPart(base, request, upload, key, content, length);
  } finally {
    key?.wipe();
  }
}

export async function copyPart(base: GatewayBase, request: CopyPartRequest): Promise<WrittenPart> {
  const { source, sse, range: header, signal } = request;
  const upload = knownUpload(base, request);
  return whileUnchanged(async () => {
    const found = await findObject(base, source.path, sse.source, "copy-source", signal);
    checkCustomerKey(kindOf(found), sse.source, "copy-source");
    const sourceKey = await openKeyOf(base, found, sse.source, "copy-source", signal);
    try {
      const etag = shownETagOf(found, sourceKey);
      checkCopySource(source.conditions, { etag, modifiedMs: found.modifiedMs });
      const size = await sizeOf(base, found, signal);
      const range = header === undefined ? undefined : parseCopyRange(header, size);
      const length = range === undefined ? size : range.last - range.first + 1;
      const key = await openUpload(base, request, upload, "part");
      try {
        const content = await openSource(base, found, sourceKey, range, signal);
        try {
          return await sendPart(base, request, upload, key, measured(content, {}), length);
        } finally {
          await content.return?.();
        }
      } finally {
        key?.wipe();
      }
    } finally {
      sourceKey?.wipe();
    }
  });
}

async function sendPart(
  base: GatewayBase,
  { path, number, sse, signal }: UploadRef & { readonly number: number },
  upload: GatewayUpload,
  key: ObjectKey | undefined,
  content: MeasuredContent,
  length: number,
): Promise<WrittenPart> {
  const bytes =
    key === undefined ? withheld(content.bytes) : sealContent(content.bytes, key, number, base.random);
  const output = await sendBytes(bytes, signal, (body, aborted) =>
    base.backEnd.call(aborted, (client, options) =>
      client.send(
        new UploadPartCommand({
          ...{ Bucket: path.bucket, Key: path.object, UploadId: upload.id, PartNumber: number },
          ...{ Body: body, ContentLength: key === undefined ? length : sealedSize(length) },
          // Computed anew, and sent behind the content; the client's own was compared before the last byte left.
          ...(upload.checksum === undefined ? {} : { ChecksumAlgorithm: upload.checksum }),
          ...customerFields(base, customerKeyOf(sse), path),
        }),
        options,
      ),
    ),
  );
  const { size, checksum } = content.results();
  const algorithm = upload.checksum;
  const sum =
    algorithm === undefined
      ? checksum && { algorithm: checksum.algorithm, value: checksum.value.toString("base64") }
      : { algorithm, value: output[checksumAlgorithms[algorithm].element] };
  const encryption =
    upload.encryption === undefined ? backEndEncryption(output) : shownEncryption(upload.encryption);
  return {
    ...{ etag: unquoted(output.ETag ?? ""), modifiedMs: base.now(), size },
    ...(encryption && { encryption }),
    ...(sum?.value === undefined ? {} : { checksum: { algorithm: sum.algorithm, value: sum.value } }),
  };
}

/** @throws S3Error `KMS_NOT_CONFIGURED` for an encrypted upload at a gateway without keys */
function knownUpload(base: GatewayBase, { uploadId }: UploadRef): GatewayUpload {
  const upload = readUploadId(uploadId);
  if (upload.encryption !== undefined && passesThrough(base)) throw sseError("KMS_NOT_CONFIGURED");
  return upload;
}

async function openUpload(
  { keys }: GatewayBase,
  { path, sse, signal }: UploadRef,
  { encryption }: GatewayUpload,
  use: "part" | "upload",
): Promise<ObjectKey | undefined> {
  const customerKey = customerKeyOf(sse);
  if (encryption === undefined) {
    // In pass-through the back end decides about the client's key.
    if (keys !== undefined) checkCustomerKey(undefined, customerKey, use);
    return undefined;
  }
  checkCustomerKey(encryption.kind, customerKey, use);
  return openEncryption(encryption, {
    ...{ path, keys, use, customerKey },
    ...(signal === undefined ? {} : { signal }),
  });
}

/**
 * Parts of an encrypted upload must be 1 to n: their keys depend on the numbers, which the back end does not tell again.
 */
export async function completeUpload(base: GatewayBase, request: CompleteRequest): Promise<WrittenObject> {
  const { path, parts, sse, conditions, checksum, checksumType, signal } = request;
  const upload = knownUpload(base, request);
  const isSealed = upload.encryption !== undefined;
  if (isSealed && parts.some(({ number }, i) => number !== i + 1)) {
    throw s3Error("PART_INVALID", { cause: new Error("parts of an encrypted upload have no gaps") });
  }
  // A key of the key service may be gone since the last part: nothing that cannot be opened is to be said to be stored.
  const isOpened = upload.encryption?.kind !== "SSE-C" || customerKeyOf(sse) !== undefined;
  const key = isOpened ? await openUpload(base, request, upload, "upload") : undefined;
  key?.wipe();
  const fields = await writeConditions(base, path, conditions, undefined, signal);
  const output = await base.backEnd.call(signal, (client, options) =>
    client.send(
      new CompleteMultipartUploadCommand({
        ...{ Bucket: path.bucket, Key: path.object, UploadId: upload.id },
        MultipartUpload: {
          Parts: parts.map(({ number, etag, checksum: own }) => ({
            ...{ PartNumber: number, ETag: `"${etag}"` },
            ...(own === undefined || isSealed
              ? {}
              : { [`Checksum${own.algorithm}`]: own.value.toString("base64") }),
          })),
        },
        ...fields,
        ...(checksum === undefined || isSealed ? {} : { [`Checksum${checksum.algorithm}`]: checksum.value }),
        ...(checksumType === undefined || isSealed ? {} : { ChecksumType: checksumType }),
        ...customerFields(base, customerKeyOf(sse), path),
      }),
      options,
    ),
  );
  const encryption = isSealed ? shownEncryption(upload.encryption) : backEndEncryption(output);
  return {
    ...{ etag: unquoted(output.ETag ?? ""), modifiedMs: base.now(), size: request.size ?? 0 },
    ...(encryption && { encryption }),
  };
}

export async function abortUpload(
  { backEnd }: GatewayBase,
  { bucket, object }: ObjectPath,
  uploadId: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { id } = readUploadId(uploadId);
  await backEnd.call(signal, (client, options) =>
    client.send(new AbortMultipartUploadCommand({ Bucket: bucket, Key: object, UploadId: id }), options),
  );
}
