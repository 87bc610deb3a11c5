/** Which operation a request asks for (S3 API reference §1). */
import { s3Error } from "./errors.js";
import {
  type OperationName,
  operationRows,
  parameters,
  type ResourceLevel,
  subResources,
} from "./operations.js";
import type { RequestHeaders } from "./request-headers.js";
import type { S3Target } from "./target.js";

/** A request that is known for what it is. */
export interface RoutedRequest extends S3Target {
  readonly operation: OperationName;
  readonly access: "read" | "write";
}

/**
 * Finds the operation. Methods, names of the query and paths are compared as they are; names of headers are not case
 * sensitive. A sub-resource with an empty value is there: `?acl`, `?acl=`. `list-type=` is not.
 *
 * @throws S3Error `NOT_IMPLEMENTED` for a sub-resource, known or not, that no row of the table has;
 *   `PARAMETERS_CONFLICT` for two that exclude each other; `UPLOAD_PARAMETERS_INCOMPLETE`, `LIST_TYPE_INVALID`,
 *   `FORM_EXPECTED`, `METHOD_NOT_ALLOWED`
 */
export function route(method: string, target: S3Target, headers: RequestHeaders): RoutedRequest {
  const level = levelOf(target);
  const named = namedSubResources(method, level, target);
  const isCopy = headers.has("x-amz-copy-source");
  for (const [operation, row] of operationRows) {
    if (row.method !== method || row.level !== level) continue;
    if (row.copySource !== undefined && row.copySource !== isCopy) continue;
    if (row.query.length !== named.length || !row.query.every((name) => named.includes(name))) continue;
    if (operation === "PostObject" && !isForm(headers)) throw s3Error("FORM_EXPECTED");
    return { ...target, operation, access: row.access };
  }
  if (named.length === 0) throw s3Error("METHOD_NOT_ALLOWED", { members: { Method: method } });
  if (named.length === 1) {
    const isHalfUpload = method === "PUT" && level === "object" && isOfUpload(named[0]);
    throw s3Error(isHalfUpload ? "UPLOAD_PARAMETERS_INCOMPLETE" : "NOT_IMPLEMENTED");
  }
  throw s3Error("PARAMETERS_CONFLICT", { members: { ResourceType: named.join(",") } });
}

function levelOf({ bucket, key }: S3Target): ResourceLevel {
  if (bucket === undefined) return "service";
  return key === undefined ? "bucket" : "object";
}

/** The names of the query that choose an operation. @throws S3Error as {@link route} */
function namedSubResources(method: string, level: ResourceLevel, { query }: S3Target): string[] {
  const named: string[] = [];
  for (const [name, value] of query.pairs) {
    if (/^x-amz-/i.test(name)) continue;
    if (name === "list-type") {
      if (value === "") continue;
      if (value !== "2") throw s3Error("LIST_TYPE_INVALID");
    }
    // A part of an object that is read (§4.2).
    if (name === "partNumber" && level === "object" && (method === "GET" || method === "HEAD")) continue;
    if (subResources.has(name)) named.push(name);
    else if (value === "" && !parameters.has(name)) throw s3Error("NOT_IMPLEMENTED");
  }
  return named;
}

function isOfUpload(name: string | undefined): boolean {
  return name === "uploadId" || name === "partNumber";
}

function isForm(headers: RequestHeaders): boolean {
  return /^multipart\/form-data(?:;|$)/i.test(headers.get("content-type") ?? "");
}
