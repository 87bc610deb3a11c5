/** Copies of objects, whole or into parts (S3 API reference §4.4, §6). */
import type { CopySource } from "../../objects/object-service.js";
import { readUploadChecksum } from "../../s3/checksum-headers.js";
import { readConditions, readWriteConditions } from "../../s3/conditions.js";
import { readPartNumber } from "../../s3/documents.js";
import { s3Error } from "../../s3/errors.js";
import { readDirective, readStoredHeaders } from "../../s3/headers.js";
import { parseCopySource } from "../../s3/names.js";
import { copyDocument } from "../../s3/result-documents.js";
import { allowsObject } from "../../s3/rights.js";
import { type Answer, documentAnswer } from "../answer.js";
import type { Call } from "../call.js";
import { refuseVersion, refuseVersions } from "./handler.js";

export async function copyObject(call: Call): Promise<Answer> {
  const { headers } = call;
  const source = sourceOf(call);
  const stored = readStoredHeaders(headers);
  const checksum = readUploadChecksum(headers);
  const sse = call.sse("copy");
  const copied = await call.service.copy({
    source,
    path: call.path,
    ...(readDirective(headers, "x-amz-metadata-directive") === "COPY" ? {} : { headers: stored.headers }),
    ...(readDirective(headers, "x-amz-tagging-directive") === "COPY" ? {} : { tags: stored.tags }),
    ...(stored.storageClass === undefined ? {} : { storageClass: stored.storageClass }),
    sse,
    conditions: readWriteConditions(headers),
    ...(checksum === undefined ? {} : { checksum }),
    ...call.options,
  });
  return documentAnswer(
    copyDocument("CopyObjectResult", copied.etag, copied.modifiedMs, copied.checksum),
    call.sseHeaders(copied.encryption, sse),
  );
}

export async function uploadPartCopy(call: Call): Promise<Answer> {
  const { headers, query } = call;
  const source = sourceOf(call);
  const sse = call.sse("part-copy");
  const range = headers.get("x-amz-copy-source-range");
  const copied = await call.service.copyPart({
    source,
    path: call.path,
    uploadId: query.get("uploadId") ?? "",
    number: readPartNumber(query.get("partNumber")),
    ...(range === undefined ? {} : { range }),
    sse,
    ...call.options,
  });
  const { etag, modifiedMs, checksum } = copied;
  return documentAnswer(
    copyDocument("CopyPartResult", etag, modifiedMs, checksum),
    call.sseHeaders(copied.encryption, sse),
  );
}

/** @throws S3Error as `parseCopySource`; `VERSION_NOT_FOUND`, `ACCESS_DENIED` */
function sourceOf({ headers, query, rights }: Call): CopySource {
  refuseVersions(query);
  const { bucket, key, versionId } = parseCopySource(headers.get("x-amz-copy-source") ?? "");
  if (!allowsObject(rights, "read", bucket, key)) throw s3Error("ACCESS_DENIED");
  refuseVersion(versionId);
  return { path: { bucket, object: key }, conditions: readConditions(headers, "x-amz-copy-source-") };
}
