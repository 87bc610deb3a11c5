/** Headers that are kept with an object and given back (S3 API reference §4.1, §4.2). */
import { s3Error } from "./errors.js";
import type { Query } from "./query.js";
import type { RequestHeaders } from "./request-headers.js";

/** Names and values of user metadata together. */
const MAX_METADATA_BYTES = 2048;
const MAX_TAGS = 10;
const MAX_TAG_KEY = 128;
const MAX_TAG_VALUE = 256;

const META = "x-amz-meta-";
/** What the store writes beside an object must not be written by a client. */
const INTERNAL = /^x-amz-meta-x-minio-internal-/;
const DEFAULT_CONTENT_TYPE = "binary/octet-stream";

/** The headers of HTTP that are kept as they are. */
const KEPT = [
  "content-type",
  "cache-control",
  "content-disposition",
  "content-encoding",
  "content-language",
  "expires",
] as const;

/** Storage classes whose objects can be read at once. All are kept alike; the name is given back. */
const STORAGE_CLASSES = new Set([
  "STANDARD",
  "REDUCED_REDUNDANCY",
  "STANDARD_IA",
  "ONEZONE_IA",
  "INTELLIGENT_TIERING",
  "GLACIER_IR",
]);

/** Access lists that say no more than that the owner may do everything. */
const PRIVATE_ACLS = new Set(["", "private", "bucket-owner-read", "bucket-owner-full-control"]);

/** What is stored beside an object. Values are bytes of headers, one character a byte. */
export interface StoredHeaders {
  /** Lower-case names of {@link KEPT} and `x-amz-meta-*`. */
  readonly headers: Readonly<Record<string, string>>;
  /** Absent: `STANDARD`. */
  readonly storageClass?: string;
  readonly tags: readonly Tag[];
}

export interface Tag {
  readonly key: string;
  readonly value: string;
}

/**
 * Reads what an object is to be stored with, from headers or the fields of a form.
 *
 * @throws S3Error `METADATA_TOO_LARGE`, `METADATA_INVALID`, `STORAGE_CLASS_INVALID`, `TAG_INVALID`; `NOT_IMPLEMENTED` for
 *   access lists that give something to others and for redirects, `LOCK_UNSUPPORTED` for retention: what is not done
 *   must not look done
 */
export function readStoredHeaders(headers: RequestHeaders): StoredHeaders {
  refuseUnsupported(headers);
  const kept: Record<string, string> = { "content-type": DEFAULT_CONTENT_TYPE };
  for (const name of KEPT) {
    const value = headers.get(name);
    const shown = name === "content-encoding" && value !== undefined ? withoutChunked(value) : value;
    if (shown) kept[name] = shown;
  }
  Object.assign(kept, readMetadata(headers));
  const storageClass = headers.get("x-amz-storage-class");
  if (storageClass !== undefined && !STORAGE_CLASSES.has(storageClass))
    throw s3Error("STORAGE_CLASS_INVALID");
  return {
    headers: kept,
    ...(storageClass === undefined || storageClass === "STANDARD" ? {} : { storageClass }),
    tags: parseTags(headers.get("x-amz-tagging") ?? ""),
  };
}

/** @throws S3Error `NOT_IMPLEMENTED`, `LOCK_UNSUPPORTED` as {@link readStoredHeaders} */
export function refuseUnsupported(headers: RequestHeaders): void {
  if (!PRIVATE_ACLS.has(headers.get("x-amz-acl") ?? "")) throw s3Error("NOT_IMPLEMENTED");
  for (const name of headers.names()) {
    if (name.startsWith("x-amz-grant-") || name === "x-amz-website-redirect-location") {
      throw s3Error("NOT_IMPLEMENTED", { members: { Header: name } });
    }
    if (name.startsWith("x-amz-object-lock-")) throw s3Error("LOCK_UNSUPPORTED");
  }
}

function readMetadata(headers: RequestHeaders): Record<string, string> {
  const metadata: Record<string, string> = {};
  let size = 0;
  for (const name of headers.names()) {
    if (!name.startsWith(META)) continue;
    if (name === META || INTERNAL.test(name)) throw s3Error("METADATA_INVALID");
    const value = headers.get(name) ?? "";
    size += name.length - META.length + value.length;
    metadata[name] = value;
  }
  if (size > MAX_METADATA_BYTES) {
    throw s3Error("METADATA_TOO_LARGE", {
      members: { Size: String(size), MaxSizeAllowed: String(MAX_METADATA_BYTES) },
    });
  }
  return metadata;
}

/** What is left of a `Content-Encoding` when the framing of the body is taken out of it. */
function withoutChunked(value: string): string {
  return value
    .split(",")
    .map((member) => member.trim())
    .filter((member) => member !== "" && member.toLowerCase() !== "aws-chunked")
    .join(", ");
}

/**
 * The header `x-amz-tagging`: pairs as in a query.
 * @throws S3Error `TAG_INVALID`
 */
export function parseTags(header: string): Tag[] {
  const params = new URLSearchParams(header);
  const tags = [...params].map(([key, value]) => ({ key, value }));
  checkTags(tags);
  return tags;
}

/** At most 10, keys of 1 to 128 characters and all different, values up to 256. @throws S3Error `TAG_INVALID` */
export function checkTags(tags: readonly Tag[]): void {
  const keys = new Set(tags.map((tag) => tag.key));
  const isFit = tags.every(
    ({ key, value }) => key !== "" && [...key].length <= MAX_TAG_KEY && [...value].length <= MAX_TAG_VALUE,
  );
  if (!isFit || keys.size !== tags.length || tags.length > MAX_TAGS) throw s3Error("TAG_INVALID");
}

const OVERRIDES = {
  "response-content-type": "content-type",
  "response-content-language": "content-language",
  "response-content-disposition": "content-disposition",
  "response-content-encoding": "content-encoding",
  "response-cache-control": "cache-control",
  "response-expires": "expires",
} as const;

/**
 * Headers of an answer that the query replaces, lower-case names.
 * @throws S3Error `OVERRIDE_INVALID` for what a header cannot hold: it would split the answer in two
 */
export function responseOverrides(query: Query): Record<string, string> {
  const overrides: Record<string, string> = {};
  for (const [parameter, header] of Object.entries(OVERRIDES)) {
    const value = query.filled(parameter);
    if (value === undefined) continue;
    const bytes = Buffer.from(value, "utf8").toString("latin1");
    if (!HEADER_VALUE.test(bytes))
      throw s3Error("OVERRIDE_INVALID", { members: { ArgumentName: parameter } });
    overrides[header] = bytes;
  }
  return overrides;
}

/** Names of headers, in lower case (RFC 9110 §5.6.2). */
export const HEADER_NAME: RegExp = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
/** What a header may hold, one character a byte. */
export const HEADER_VALUE: RegExp = /^[\t\x20-\x7e\x80-\xff]*$/;

/** Where the metadata or the tags of a copy come from. */
export type Directive = "COPY" | "REPLACE";

/** @throws S3Error `DIRECTIVE_INVALID` */
export function readDirective(
  headers: RequestHeaders,
  name: "x-amz-metadata-directive" | "x-amz-tagging-directive",
): Directive {
  const value = headers.get(name) ?? "COPY";
  if (value !== "COPY" && value !== "REPLACE") throw s3Error("DIRECTIVE_INVALID");
  return value;
}
