/** How an error becomes an answer (S3 API reference §2). */
import { S3Error } from "../s3-error.js";
import { s3Error } from "./errors.js";
import { unsatisfiedRange } from "./ranges.js";
import { xmlDocument } from "./xml-writer.js";

/** What the answer to a request that failed names. */
export interface FailedRequest {
  readonly method: string;
  /** Path as it came, without query. */
  readonly path: string;
  readonly bucket?: string | undefined;
  readonly key?: string | undefined;
  readonly requestId: string;
  readonly hostId: string;
}

/** Status, headers and body of an answer. */
export interface ErrorReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Absent where HTTP allows none: HEAD, 304. */
  readonly body?: string;
}

/** Codes whose document names the key. */
const KEY_CODES = new Set(["NoSuchKey", "NoSuchVersion", "MethodNotAllowed"]);
const RETRY_AFTER_SECONDS = "1";

/**
 * The answer for whatever was thrown. Only an {@link S3Error} may tell the client anything; all else is `InternalError`.
 *
 * 503 carries `Retry-After`, 416 the size of what was asked for. The headers that every answer has come from `commonHeaders`.
 */
export function errorReply(thrown: unknown, request: FailedRequest): ErrorReply {
  const error = shownError(thrown);
  const more = {
    ...(error.status === 503 ? { "retry-after": RETRY_AFTER_SECONDS } : {}),
    ...sizeHeader(error, request.method),
  };
  if (request.method === "HEAD" || error.status === 304) return { status: error.status, headers: more };
  const body = errorDocument(error, request);
  const headers = { "content-type": "application/xml", "content-length": String(Buffer.byteLength(body)) };
  return { status: error.status, headers: { ...headers, ...more }, body };
}

/** Not of copies, whose range is one of another object. */
function sizeHeader({ status, members }: S3Error, method: string): Record<string, string> {
  const size = Number(members.ActualObjectSize);
  const isOfAnswer = status === 416 && (method === "GET" || method === "HEAD") && Number.isSafeInteger(size);
  return isOfAnswer ? { "content-range": unsatisfiedRange(size) } : {};
}

/** The error that a client is shown for whatever was thrown. */
export function shownError(thrown: unknown): S3Error {
  return thrown instanceof S3Error ? thrown : s3Error("INTERNAL", { cause: thrown });
}

/** The document `Error`, without name space. */
export function errorDocument(error: S3Error, request: FailedRequest): string {
  const { path, bucket, key, requestId, hostId } = request;
  return xmlDocument(
    "Error",
    {
      Code: error.code,
      Message: error.message,
      ...(KEY_CODES.has(error.code) ? { Key: key } : {}),
      BucketName: bucket,
      ...error.members,
      Resource: path,
      RequestId: requestId,
      HostId: hostId,
    },
    "",
  );
}
