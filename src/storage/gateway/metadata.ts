/**
 * An object's own headers, and what is stored of its encryption, as metadata of the one object of the back end: a single
 * PUT is a single step. S3 allows 2 KB of it; encryption takes about 700 bytes.
 */

import { decodeBase64 } from "../../crypto/base64.js";
import { checksumNames } from "../s3/checksums.js";
import type { ShownChecksum } from "../s3/result-documents.js";
import { sseError } from "../sse/errors.js";
import { type Encryption, readEncryption, writeEncryption } from "../sse/metadata.js";
import type { StoredChecksum } from "../sse/stored-checksum.js";
import { backEndName, isKeptName, ownName } from "./back-end-names.js";

const ETAG = "x-keswick-internal-etag";
const PARTS = "x-keswick-internal-parts";
const CHECKSUM = "x-keswick-internal-checksum";
/** Values that are not ASCII: a signature covers them as other bytes than are sent. */
const HEADERS = "x-keswick-internal-headers";
const USER = "x-amz-meta-";
const ASCII = /^[\x20-\x7e]*$/;

/** What the gateway keeps beside the headers. */
export interface SealedMetadata {
  readonly encryption?: Encryption;
  /** As it is stored: sealed, or what is shown. Absent: the back end's. */
  readonly etag?: string;
  readonly checksum?: StoredChecksum;
  /** Plaintext sizes of parts 1 to n: of all but the last, of the last. */
  readonly parts?: { readonly count: number; readonly size: number; readonly lastSize: number };
}

/** Fields of a PUT, of a copy, or of the creation of an upload. */
export interface MetadataFields {
  readonly Metadata: Record<string, string>;
  readonly ContentType?: string;
  readonly CacheControl?: string;
  readonly ContentDisposition?: string;
  readonly ContentEncoding?: string;
  readonly ContentLanguage?: string;
  readonly Expires?: Date;
}

const FIELDS = {
  "content-type": "ContentType",
  "cache-control": "CacheControl",
  "content-disposition": "ContentDisposition",
  "content-encoding": "ContentEncoding",
  "content-language": "ContentLanguage",
} as const;

/** @param headers - lower-case names, one character a byte */
export function writeMetadata(
  headers: Readonly<Record<string, string>>,
  { encryption, etag, checksum, parts }: SealedMetadata,
): MetadataFields {
  const metadata: Record<string, string> = {};
  const fields: Partial<Record<(typeof FIELDS)[keyof typeof FIELDS], string>> = {};
  const others: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    // `Expires` may be anything, but a client of the SDK can send only dates.
    if (!ASCII.test(value) || name === "expires") others[name] = value;
    else if (name.startsWith(USER)) metadata[name.slice(USER.length)] = value;
    else if (isField(name)) fields[FIELDS[name]] = value;
  }
  if (encryption !== undefined) {
    for (const [name, value] of Object.entries(writeEncryption(encryption))) {
      // Services drop entries that are empty.
      metadata[backEndName(name.toLowerCase())] = value === "" ? "true" : value;
    }
  }
  if (Object.keys(others).length > 0) {
    metadata[backEndName(HEADERS)] = Buffer.from(JSON.stringify(others), "utf8").toString("base64");
  }
  if (etag !== undefined) metadata[backEndName(ETAG)] = etag;
  if (checksum !== undefined) {
    const { algorithm, type, value, isSealed } = checksum;
    metadata[backEndName(CHECKSUM)] = [algorithm, type, isSealed ? "sealed" : "open", value].join(":");
  }
  if (parts !== undefined) metadata[backEndName(PARTS)] = [parts.count, parts.size, parts.lastSize].join(":");
  return { Metadata: metadata, ...fields };
}

/** What the back end says of an object that it has. */
export interface BackEndHeaders {
  readonly Metadata?: Record<string, string> | undefined;
  readonly ContentType?: string | undefined;
  readonly CacheControl?: string | undefined;
  readonly ContentDisposition?: string | undefined;
  readonly ContentEncoding?: string | undefined;
  readonly ContentLanguage?: string | undefined;
  readonly ExpiresString?: string | undefined;
}

/** @throws S3Error `SSE_ALTERED` for entries that are none of {@link writeMetadata}'s */
export function readMetadata(found: BackEndHeaders): {
  readonly headers: Readonly<Record<string, string>>;
  readonly sealed: SealedMetadata;
} {
  const headers: Record<string, string> = {};
  for (const [name, field] of Object.entries(FIELDS)) {
    const value = found[field];
    if (value !== undefined) headers[name] = value;
  }
  if (found.ExpiresString !== undefined) headers.expires = found.ExpiresString;
  const metadata = found.Metadata ?? {};
  for (const [name, value] of Object.entries(metadata)) {
    if (!isKeptName(name)) headers[`${USER}${name.toLowerCase()}`] = value;
  }
  const folded = ownEntries(metadata);
  Object.assign(headers, otherHeaders(folded.get(HEADERS)));
  const encryption = readEncryption(Object.fromEntries(folded));
  const etag = folded.get(ETAG);
  const checksum = readChecksum(folded.get(CHECKSUM));
  const parts = readParts(folded.get(PARTS));
  return {
    headers,
    sealed: {
      ...(encryption && { encryption }),
      ...(etag === undefined ? {} : { etag }),
      ...(checksum && { checksum }),
      ...(parts && { parts }),
    },
  };
}

/** The gateway's own, by the names that they have here. */
function ownEntries(metadata: Readonly<Record<string, string>>): ReadonlyMap<string, string> {
  const entries = new Map<string, string>();
  for (const [name, value] of Object.entries(metadata)) {
    if (!isKeptName(name)) continue;
    const own = ownName(name.toLowerCase());
    if (entries.has(own) && entries.get(own) !== value) throw altered(own);
    entries.set(own, value);
  }
  return entries;
}

function isField(name: string): name is keyof typeof FIELDS {
  return Object.hasOwn(FIELDS, name);
}

function otherHeaders(text: string | undefined): Record<string, string> {
  if (text === undefined) return {};
  let value: unknown;
  try {
    value = JSON.parse(decodeBase64(text)?.toString("utf8") ?? "");
  } catch {
    throw altered(HEADERS);
  }
  const headers: Record<string, string> = {};
  if (typeof value !== "object" || value === null) throw altered(HEADERS);
  for (const [name, each] of Object.entries(value)) {
    if (typeof each !== "string" || isKeptName(name)) throw altered(HEADERS);
    headers[name] = each;
  }
  return headers;
}

function readChecksum(text: string | undefined): StoredChecksum | undefined {
  if (text === undefined) return undefined;
  const [name, type, how, value] = text.split(":");
  const algorithm = checksumNames.find((each) => each === name);
  const isKnown = (each: string | undefined): each is ShownChecksum["type"] =>
    each === "COMPOSITE" || each === "FULL_OBJECT";
  if (algorithm === undefined || !isKnown(type) || value === undefined) throw altered(CHECKSUM);
  return { algorithm, type, value, isSealed: how !== "open" };
}

function readParts(text: string | undefined): SealedMetadata["parts"] {
  if (text === undefined) return undefined;
  const [count, size, lastSize, ...more] = text.split(":").map(Number);
  const isSize = (each: number | undefined): each is number =>
    Number.isSafeInteger(each) && Number(each) >= 0;
  if (!isSize(count) || count < 1 || !isSize(size) || !isSize(lastSize) || more.length > 0)
    throw altered(PARTS);
  return { count, size, lastSize };
}

function altered(name: string): Error {
  return sseError("SSE_ALTERED", { cause: new Error(`${name} is not valid`) });
}
