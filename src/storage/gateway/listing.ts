/** ListObjects: the back end's order and pages, with sizes and ETags of the plaintext. */
import {
  type _Object as BackEndEntry,
  ListObjectsV2Command,
  type ListObjectsV2CommandOutput,
} from "@aws-sdk/client-s3";
import { openSize } from "../../crypto/dare-sizes.js";
import { isS3Error, s3Error } from "../s3/errors.js";
import { commonPrefixOf, compareKeys, type Page, type PageRequest } from "../s3/listing.js";
import type { ListedObject } from "../s3/listing-xml.js";
import { S3Error } from "../s3-error.js";
import { isSseError } from "../sse/errors.js";
import { shownETag } from "../sse/etag.js";
import type { GatewayBase } from "./base.js";
import {
  type FoundObject,
  findObject,
  needsKeyForETag,
  openKeyOf,
  shownETagOf,
  sizeOf,
  unquoted,
} from "./found-object.js";
import type { SeenObject } from "./seen-objects.js";
import { passesThrough } from "./twice.js";

/** Objects that are looked at side by side. */
const CONCURRENCY = 16;
/** Pages without an entry that are gone through for one. */
const MAX_EMPTY_PAGES = 100;
/** The last character there is: what begins with a prefix and goes on with this comes after all of the prefix. */
const LAST = "\u{10ffff}";

/** A gateway with keys asks for each object that it has not seen, since nothing of encryption is in the back end's page. */
export async function listObjects(
  base: GatewayBase,
  bucket: string,
  { prefix, delimiter, after, maxKeys }: PageRequest,
  signal: AbortSignal | undefined,
): Promise<Page<ListedObject>> {
  const output = await readPage(base, bucket, { prefix, delimiter, after, maxKeys }, signal);
  const decoded = decoderOf(output);
  const entries = (output.Contents ?? []).map((entry) => ({ ...entry, Key: decoded(entry.Key) }));
  const contents: ListedObject[] = [];
  for (let from = 0; from < entries.length; from += CONCURRENCY) {
    const some = entries.slice(from, from + CONCURRENCY);
    const listed = await Promise.all(some.map((entry) => listedObject(base, bucket, entry, signal)));
    contents.push(...listed.flatMap((each) => (each === undefined ? [] : [each])));
  }
  const commonPrefixes = (output.CommonPrefixes ?? []).map(({ Prefix }) => decoded(Prefix));
  const isTruncated = output.IsTruncated === true && maxKeys > 0;
  // By what the back end gave: an object that went meanwhile is left out, and not read again for ever.
  const last = [entries.at(-1)?.Key ?? "", commonPrefixes.at(-1) ?? ""].sort(compareKeys).at(-1);
  if (isTruncated && (last === undefined || compareKeys(last, after) <= 0)) {
    throw s3Error("UNAVAILABLE", { cause: new Error("the back end's listing does not go on") });
  }
  return { contents, commonPrefixes, isTruncated, next: isTruncated ? last : undefined, nextId: undefined };
}

/** Where to go on behind `after`: behind all of a common prefix, which must not be listed twice. */
export function afterOf(after: string, prefix: string, delimiter: string): string {
  const common = after.startsWith(prefix) ? commonPrefixOf(after, prefix, delimiter) : undefined;
  return common === undefined ? after : common + LAST;
}

/** Pages may be empty and yet not the last: of a bucket with many deleted versions, for example. */
async function readPage(
  { backEnd }: GatewayBase,
  bucket: string,
  { prefix, delimiter, after, maxKeys }: PageRequest,
  signal: AbortSignal | undefined,
): Promise<ListObjectsV2CommandOutput> {
  let token: string | undefined;
  for (let page = 0; page < MAX_EMPTY_PAGES; page++) {
    const output = await backEnd.call(signal, (client, options) =>
      client.send(
        new ListObjectsV2Command({
          ...{ Bucket: bucket, Prefix: prefix, MaxKeys: maxKeys, EncodingType: "url" },
          ...(delimiter === "" ? {} : { Delimiter: delimiter }),
          ...(after === "" ? {} : { StartAfter: afterOf(after, prefix, delimiter) }),
          ...(token === undefined ? {} : { ContinuationToken: token }),
        }),
        options,
      ),
    );
    const isEmpty = !output.Contents?.length && !output.CommonPrefixes?.length;
    token = output.NextContinuationToken;
    if (!isEmpty || output.IsTruncated !== true || token === undefined || maxKeys === 0) return output;
  }
  throw s3Error("UNAVAILABLE", { cause: new Error("the back end's pages are all empty") });
}

/** How to read names of an answer: some services leave `EncodingType` out of account. */
export function decoderOf({ EncodingType: encoding }: { readonly EncodingType?: string | undefined }) {
  return (name = ""): string => {
    if (encoding !== "url") return name;
    try {
      return decodeURIComponent(name.replaceAll("+", " "));
    } catch (cause) {
      throw s3Error("UNAVAILABLE", { cause });
    }
  };
}

/** Undefined for an object that is gone by now. */
async function listedObject(
  base: GatewayBase,
  bucket: string,
  entry: BackEndEntry & { readonly Key: string },
  signal: AbortSignal | undefined,
): Promise<ListedObject | undefined> {
  const { Key: key, ETag = "", Size = 0, LastModified, StorageClass: storageClass } = entry;
  const modifiedMs = LastModified?.getTime() ?? 0;
  const theirs = { key, modifiedMs, etag: unquoted(ETag), size: Size, storageClass };
  if (passesThrough(base)) return theirs;
  const id = JSON.stringify([bucket, key, ETag, Size, modifiedMs]);
  const known = base.seen.get(id);
  if (known !== undefined) return { ...theirs, ...known };
  const looked = await look(base, { bucket, object: key }, Size, signal);
  if (looked === undefined) return undefined;
  if (looked.isFinal) base.seen.set(id, looked.seen);
  return { ...theirs, ...looked.seen };
}

interface Look {
  readonly seen: SeenObject;
  /** False: a key that comes back shows more. */
  readonly isFinal: boolean;
}

/** One object that cannot be opened must not hide all others; an outage, which would hide them all, is an error. */
async function look(
  base: GatewayBase,
  path: { bucket: string; object: string },
  storedSize: number,
  signal: AbortSignal | undefined,
): Promise<Look | undefined> {
  const size = openSize(storedSize) ?? storedSize;
  let found: FoundObject;
  try {
    found = await findObject(base, path, undefined, "read", signal);
  } catch (error) {
    if (isS3Error(error, "KEY_NOT_FOUND")) return undefined;
    // The back end shows it only to whoever has the client's key.
    const isHidden = error instanceof S3Error && error.status === 400;
    if (!isHidden && !isSseError(error, "SSE_ALTERED")) throw error;
    return { seen: { size, etag: "0".repeat(32) }, isFinal: false };
  }
  try {
    const key = needsKeyForETag(found) ? await openKeyOf(base, found, undefined, "read", signal) : undefined;
    try {
      const seen = { size: await sizeOf(base, found, signal), etag: shownETagOf(found, key) };
      return { seen, isFinal: true };
    } finally {
      key?.wipe();
    }
  } catch (error) {
    if (!isSseError(error, ...LOCKED)) throw error;
    const { etag } = found.sealed;
    // As one of SSE-KMS: 32 digits that tell nothing.
    const shown = etag === undefined ? unquoted(found.backEndETag) : shownETag("SSE-KMS", etag);
    return { seen: { size, etag: shown }, isFinal: false };
  }
}

/** The key is denied or erased, or the object is damaged. */
const LOCKED = [
  "KMS_KEY_NOT_FOUND",
  "KMS_DENIED",
  "KMS_ALTERED",
  "SSE_ALTERED",
  "SSE_CONTENT_DAMAGED",
] as const;
