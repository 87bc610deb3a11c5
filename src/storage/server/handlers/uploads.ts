/** Uploads in parts (S3 API reference §6). */
import type { UploadRef } from "../../objects/object-service.js";
import { readChecksumType, readUploadChecksum } from "../../s3/checksum-headers.js";
import { checksumAlgorithms, checksumNames } from "../../s3/checksums.js";
import { readWriteConditions } from "../../s3/conditions.js";
import { documentBytes, readComplete, readPartNumber } from "../../s3/documents.js";
import { s3Error } from "../../s3/errors.js";
import { readStoredHeaders } from "../../s3/headers.js";
import { readListParts } from "../../s3/listing-query.js";
import { RequestHeaders } from "../../s3/request-headers.js";
import {
  completeElement,
  partsDocument,
  type ShownChecksum,
  uploadDocument,
} from "../../s3/result-documents.js";
import { xmlDeclaration } from "../../s3/xml-writer.js";
import { type Answer, documentAnswer, NO_CONTENT } from "../answer.js";
import type { Call } from "../call.js";
import { MAX_PART_BYTES } from "../request-body.js";
import { quoted } from "./handler.js";
import { partChecksum } from "./objects.js";

export async function createMultipartUpload(call: Call): Promise<Answer> {
  const { path, headers } = call;
  const sse = call.sse("store");
  const checksum = readUploadChecksum(headers);
  const created = await call.service.createUpload({
    path,
    stored: readStoredHeaders(headers),
    sse,
    ...(checksum === undefined ? {} : { checksum }),
    ...call.options,
  });
  const told = created.checksum;
  return documentAnswer(uploadDocument(path.bucket, path.object, created.uploadId), {
    ...call.sseHeaders(created.encryption, sse),
    ...(told === undefined
      ? {}
      : { "x-amz-checksum-algorithm": told.algorithm, "x-amz-checksum-type": told.type }),
  });
}

export async function uploadPart(call: Call): Promise<Answer> {
  const number = readPartNumber(call.query.get("partNumber"));
  const upload = uploadOf(call);
  const written = await call.service.putPart({ ...upload, number, body: call.body.upload(MAX_PART_BYTES) });
  return {
    status: 200,
    headers: {
      etag: quoted(written.etag),
      ...call.sseHeaders(written.encryption, upload.sse),
      ...partChecksum(written.checksum),
    },
  };
}

export async function listParts(call: Call): Promise<Answer> {
  const query = readListParts(call.query);
  const { upload, parts, isTruncated } = await call.service.parts(uploadOf(call), query);
  return documentAnswer(partsDocument(call.bucket, upload, query, parts, isTruncated, call.owner));
}

export async function completeMultipartUpload(call: Call): Promise<Answer> {
  const { headers, path } = call;
  const upload = uploadOf(call);
  const checksum = wholeChecksum(headers);
  const checksumType = readChecksumType(headers);
  const size = objectSize(headers.get("x-amz-mp-object-size"));
  const body = await call.body.document(documentBytes.complete, { headers: withoutChecksums(headers) });
  const completed = await call.service.completeUpload({
    ...upload,
    parts: await readComplete(body),
    conditions: readWriteConditions(headers),
    ...(checksum === undefined ? {} : { checksum }),
    ...(checksumType === undefined ? {} : { checksumType }),
    ...(size === undefined ? {} : { size }),
  });
  const location = call.urlOf(path.object);
  const shown = completed.checksum === undefined ? {} : { checksum: completed.checksum };
  const element = completeElement({
    location,
    bucket: path.bucket,
    key: path.object,
    etag: completed.etag,
    ...shown,
  });
  return documentAnswer(`${xmlDeclaration}${element}`, call.sseHeaders(completed.encryption, upload.sse));
}

export async function abortMultipartUpload(call: Call): Promise<Answer> {
  await call.service.abortUpload(call.path, call.query.get("uploadId") ?? "", call.options);
  return NO_CONTENT;
}

function uploadOf(call: Call): UploadRef {
  return {
    path: call.path,
    uploadId: call.query.get("uploadId") ?? "",
    sse: call.sse("part"),
    ...call.options,
  };
}

/** The checksum in the headers of a Complete: that of the whole object, not of the document. */
function wholeChecksum(
  headers: RequestHeaders,
): { readonly algorithm: ShownChecksum["algorithm"]; readonly value: string } | undefined {
  const [first, second] = checksumNames.flatMap((algorithm) => {
    const value = headers.get(checksumAlgorithms[algorithm].header);
    return value === undefined ? [] : [{ algorithm, value }];
  });
  if (second !== undefined) throw s3Error("CHECKSUM_SEVERAL");
  return first;
}

const CHECKSUM = /^x-amz-(?:checksum-|sdk-checksum-)/;

function withoutChecksums(headers: RequestHeaders): RequestHeaders {
  const kept = Object.entries(headers.record).filter(([name]) => !CHECKSUM.test(name));
  return new RequestHeaders(kept.flat());
}

function objectSize(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,15}$/.test(text)) {
    throw s3Error("ARGUMENT_INVALID", { members: { ArgumentName: "x-amz-mp-object-size" } });
  }
  return Number(text);
}
