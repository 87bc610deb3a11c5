/** Objects: storing, reading, removing (S3 API reference §4.1 to §4.3). */
import type { ReadRequest, ReadResult, ShownObject, WrittenObject } from "../../objects/object-service.js";
import { checksumHeaders, wantsChecksums } from "../../s3/checksum-headers.js";
import { checksumAlgorithms } from "../../s3/checksums.js";
import { readConditions, readWriteConditions } from "../../s3/conditions.js";
import { readPartNumber } from "../../s3/documents.js";
import { s3Error } from "../../s3/errors.js";
import { readStoredHeaders, responseOverrides } from "../../s3/headers.js";
import { formatHttpDate } from "../../s3/http-date.js";
import { partsPage, readObjectParts } from "../../s3/object-parts.js";
import { contentRange, parseRange } from "../../s3/ranges.js";
import { attributesDocument, type ShownChecksum } from "../../s3/result-documents.js";
import type { SseRequest } from "../../sse/request.js";
import { type Answer, documentAnswer, NO_CONTENT } from "../answer.js";
import type { Call } from "../call.js";
import { MAX_OBJECT_BYTES } from "../request-body.js";
import { quoted, refuseVersions } from "./handler.js";
import { readIfRange } from "./if-range.js";

export async function putObject(call: Call): Promise<Answer> {
  const sse = call.sse("store");
  const written = await call.service.put({
    path: call.path,
    stored: readStoredHeaders(call.headers),
    sse,
    conditions: readWriteConditions(call.headers),
    body: call.body.upload(MAX_OBJECT_BYTES),
    ...call.options,
  });
  return { status: 200, headers: writtenHeaders(call, written, sse) };
}

/** What an answer tells of an object that was written. */
export function writtenHeaders(call: Call, written: WrittenObject, sse: SseRequest): Record<string, string> {
  return {
    etag: quoted(written.etag),
    ...call.sseHeaders(written.encryption, sse),
    ...shownChecksum(written.checksum),
  };
}

export async function getObject(call: Call): Promise<Answer> {
  const request = readRequest(call, true);
  const opened = await readIfRange(call.headers.get("if-range"), request, (each) => call.service.get(each));
  const { object, range, isNotModified } = opened;
  try {
    const answer = readAnswer(call, opened, request);
    if (isNotModified) {
      await opened.content.return?.();
      return answer;
    }
    const length = range === undefined ? object.size : range.last - range.first + 1;
    return { ...answer, content: { bytes: opened.content, length } };
  } catch (error) {
    await opened.content.return?.();
    throw error;
  }
}

export async function headObject(call: Call): Promise<Answer> {
  const request = readRequest(call, true);
  const read = await readIfRange(call.headers.get("if-range"), request, (each) => call.service.head(each));
  const answer = readAnswer(call, read, request);
  if (read.isNotModified) return answer;
  const { range, object } = read;
  const length = range === undefined ? object.size : range.last - range.first + 1;
  return { ...answer, headers: { ...answer.headers, "content-length": String(length) } };
}

/** @param ranged - whether a part of the object may be asked for */
function readRequest(call: Call, ranged: boolean): ReadRequest {
  const { headers, query } = call;
  refuseVersions(query);
  const header = headers.get("range");
  const number = query.filled("partNumber");
  if (ranged && header !== undefined && number !== undefined) throw s3Error("PART_AND_RANGE");
  const asked = ranged && header !== undefined ? parseRange(header) : undefined;
  return {
    path: call.path,
    sse: call.sse("read"),
    conditions: readConditions(headers),
    ...(asked === undefined || header === undefined ? {} : { range: { asked, header } }),
    ...(ranged && number !== undefined ? { partNumber: readPartNumber(number) } : {}),
    wantsChecksum: wantsChecksums(headers),
    ...call.options,
  };
}

function readAnswer(call: Call, { object, range, isNotModified }: ReadResult, request: ReadRequest): Answer {
  const validators = {
    etag: quoted(object.etag),
    "last-modified": formatHttpDate(object.modifiedMs),
  };
  if (isNotModified) return { status: 304, headers: validators };
  const isPart = request.partNumber !== undefined;
  const headers = { ...object.headers, ...responseOverrides(call.query) };
  return {
    status: range === undefined ? 200 : 206,
    headers: {
      ...headers,
      ...(call.isBesideConsole ? sandbox(headers["content-type"]) : {}),
      ...validators,
      "accept-ranges": "bytes",
      ...(range === undefined ? {} : { "content-range": contentRange(range, object.size) }),
      ...countHeaders(object, isPart),
      ...call.sseHeaders(object.encryption, request.sse),
      ...shownChecksum(object.checksum),
    },
  };
}

/**
 * A page that somebody stored runs its scripts in an origin of its own: in that of the console, browsers would fill the
 * root's saved password into a form of its making. Others show as they always do, and clients of S3 do not look.
 */
function sandbox(contentType = ""): Record<string, string> {
  return /html|xml/i.test(contentType) ? { "content-security-policy": SANDBOX } : {};
}

const SANDBOX = "sandbox allow-downloads allow-forms allow-modals allow-popups allow-scripts";

function countHeaders(object: ShownObject, isPart: boolean): Record<string, string> {
  const { storageClass, tagCount, parts } = object;
  return {
    ...(storageClass === undefined ? {} : { "x-amz-storage-class": storageClass }),
    ...(tagCount === 0 ? {} : { "x-amz-tagging-count": String(tagCount) }),
    ...(isPart && parts !== undefined ? { "x-amz-mp-parts-count": String(parts.length) } : {}),
  };
}

function shownChecksum(checksum: ShownChecksum | undefined): Record<string, string> {
  return checksum === undefined ? {} : checksumHeaders(checksum.algorithm, checksum.type, checksum.value);
}

const ATTRIBUTES = new Set(["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"]);

export async function getObjectAttributes(call: Call): Promise<Answer> {
  const asked = (call.headers.get("x-amz-object-attributes") ?? "").split(",").map((name) => name.trim());
  if (!asked.every((name) => ATTRIBUTES.has(name))) {
    throw s3Error("ARGUMENT_INVALID", { members: { ArgumentName: "x-amz-object-attributes" } });
  }
  const wantsParts = asked.includes("ObjectParts");
  const page = readObjectParts(call.headers);
  const request = {
    ...readRequest(call, false),
    ...{ wantsChecksum: asked.includes("Checksum"), wantsParts },
  };
  const { object, isNotModified } = await call.service.head(request);
  const headers = { "last-modified": formatHttpDate(object.modifiedMs) };
  if (isNotModified) return { status: 304, headers: { ...headers, etag: quoted(object.etag) } };
  const { etag, checksum, parts, storageClass = "STANDARD", size } = object;
  return documentAnswer(
    attributesDocument({
      ...(asked.includes("ETag") ? { etag } : {}),
      ...(checksum === undefined ? {} : { checksum }),
      ...(wantsParts && parts !== undefined ? { parts: partsPage(parts, page) } : {}),
      ...(asked.includes("StorageClass") ? { storageClass } : {}),
      ...(asked.includes("ObjectSize") ? { size } : {}),
    }),
    headers,
  );
}

export async function deleteObject(call: Call): Promise<Answer> {
  refuseVersions(call.query);
  const { match } = readWriteConditions(call.headers);
  await call.service.delete(call.path, match === undefined ? {} : { match }, call.options);
  return NO_CONTENT;
}

/** Header of a checksum that belongs to a part, where no type is told. */
export function partChecksum(
  checksum: { readonly algorithm: ShownChecksum["algorithm"]; readonly value: string } | undefined,
): Record<string, string> {
  return checksum === undefined ? {} : { [checksumAlgorithms[checksum.algorithm].header]: checksum.value };
}
