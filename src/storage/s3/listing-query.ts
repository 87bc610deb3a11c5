/** What a listing is asked for (S3 API reference §5, §6, §7). Empty values equal absent ones. */
import { s3Error } from "./errors.js";
import type { PageRequest } from "./listing.js";
import { decodeUtf8, percentEncode } from "./percent.js";
import type { Query } from "./query.js";

/** Entries of a page at most; who asks for more gets so many. */
export const MAX_PAGE = 1000;
const TOKEN = /^[A-Za-z0-9_-]+$/;

/** How names are written in the answer. */
export type NameEncoding = "url" | undefined;

interface ListQuery extends PageRequest {
  readonly encoding: NameEncoding;
}

/** ListObjects (V1). */
export interface ListV1Query extends ListQuery {
  readonly version: 1;
}

export interface ListV2Query extends ListQuery {
  readonly version: 2;
  /** As they came, for the answer; a token may be there and empty. */
  readonly token: string | undefined;
  readonly startAfter: string | undefined;
  readonly fetchOwner: boolean;
}

/** @throws S3Error `MAX_KEYS_INVALID`, `ENCODING_INVALID` */
export function readListV1(query: Query): ListV1Query {
  return { version: 1, ...readCommon(query), after: query.filled("marker") ?? "" };
}

/** @throws S3Error `MAX_KEYS_INVALID`, `ENCODING_INVALID`, `CONTINUATION_TOKEN_INVALID` */
export function readListV2(query: Query): ListV2Query {
  const token = query.get("continuation-token");
  const startAfter = query.filled("start-after");
  return {
    version: 2,
    ...readCommon(query),
    after: token ? openToken(token) : (startAfter ?? ""),
    token,
    startAfter,
    fetchOwner: query.get("fetch-owner") === "true",
  };
}

/** ListObjectVersions: every object is its one version, `null`. */
export interface ListVersionsQuery extends ListQuery {
  readonly keyMarker: string;
  readonly versionIdMarker: string;
}

/** @throws S3Error `MAX_KEYS_INVALID`, `ENCODING_INVALID`, `VERSION_MARKER_INVALID`, `VERSION_ID_INVALID` */
export function readListVersions(query: Query): ListVersionsQuery {
  const keyMarker = query.filled("key-marker") ?? "";
  const versionIdMarker = query.filled("version-id-marker") ?? "";
  if (versionIdMarker !== "" && keyMarker === "") throw s3Error("VERSION_MARKER_INVALID");
  if (versionIdMarker !== "" && versionIdMarker !== "null") throw s3Error("VERSION_ID_INVALID");
  return { ...readCommon(query), after: keyMarker, keyMarker, versionIdMarker };
}

/** ListMultipartUploads: by key, then by upload id. */
export interface ListUploadsQuery extends ListQuery {
  /** As it came, for the answer; empty without. */
  readonly uploadIdMarker: string;
}

/** @throws S3Error `MAX_KEYS_INVALID`, `ENCODING_INVALID` */
export function readListUploads(query: Query): ListUploadsQuery {
  const after = query.filled("key-marker") ?? "";
  // Alone it means nothing (AWS ignores it as well).
  const uploadIdMarker = after === "" ? "" : (query.filled("upload-id-marker") ?? "");
  const afterId = uploadIdMarker === "" ? {} : { afterId: uploadIdMarker };
  return { ...readCommon(query, "max-uploads"), after, ...afterId, uploadIdMarker };
}

/** ListParts. */
export interface ListPartsQuery {
  readonly maxParts: number;
  /** Parts follow whose number is greater. */
  readonly marker: number;
  readonly encoding: NameEncoding;
}

/** @throws S3Error `MAX_KEYS_INVALID`, `ENCODING_INVALID` */
export function readListParts(query: Query): ListPartsQuery {
  return {
    maxParts: Math.min(readNumber(query, "max-parts") ?? MAX_PAGE, MAX_PAGE),
    marker: readNumber(query, "part-number-marker") ?? 0,
    encoding: readEncoding(query),
  };
}

/** ListBuckets. */
export interface ListBucketsQuery {
  readonly prefix: string;
  readonly after: string;
  readonly maxBuckets: number;
}

const MAX_BUCKETS = 10_000;

/** @throws S3Error `MAX_KEYS_INVALID`, `CONTINUATION_TOKEN_INVALID` */
export function readListBuckets(query: Query): ListBucketsQuery {
  const token = query.filled("continuation-token");
  return {
    prefix: query.filled("prefix") ?? "",
    after: token === undefined ? "" : openToken(token),
    maxBuckets: Math.min(readNumber(query, "max-buckets") ?? MAX_BUCKETS, MAX_BUCKETS),
  };
}

function readCommon(query: Query, sizeName = "max-keys"): Omit<ListQuery, "after" | "afterId"> {
  return {
    prefix: query.filled("prefix") ?? "",
    delimiter: query.filled("delimiter") ?? "",
    maxKeys: Math.min(readNumber(query, sizeName) ?? MAX_PAGE, MAX_PAGE),
    encoding: readEncoding(query),
  };
}

function readNumber(query: Query, name: string): number | undefined {
  const text = query.filled(name);
  if (text === undefined) return undefined;
  if (!/^\d{1,15}$/.test(text)) throw s3Error("MAX_KEYS_INVALID", { members: { ArgumentName: name } });
  return Number(text);
}

function readEncoding(query: Query): NameEncoding {
  const encoding = query.filled("encoding-type");
  if (encoding === undefined || encoding === "url") return encoding;
  throw s3Error("ENCODING_INVALID");
}

/** An opaque token that brings the listing on behind `last`. */
export function makeToken(last: string): string {
  return Buffer.from(last, "utf8").toString("base64url");
}

/** @throws S3Error `CONTINUATION_TOKEN_INVALID` */
function openToken(token: string): string {
  const bytes = Buffer.from(token, "base64url");
  const last = TOKEN.test(token) && bytes.toString("base64url") === token ? decodeUtf8(bytes) : undefined;
  if (last === undefined) throw s3Error("CONTINUATION_TOKEN_INVALID");
  return last;
}

/** A name as the answer holds it: percent-encoded but for the slashes, or as it is. */
export function encodeName(name: string, encoding: NameEncoding): string {
  return encoding === "url" ? percentEncode(name, true) : name;
}
