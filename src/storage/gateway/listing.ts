/** ListObjects: the back end's order and pages, with sizes and ETags of the plaintext. */
import { type _Object as BackEndEntry, ListObjectsV2Command } from "@aws-sdk/client-s3";
import { openSize } from "../../crypto/dare-sizes.js";
import { isS3Error } from "../s3/errors.js";
import { commonPrefixOf, compareKeys, type Page, type PageRequest } from "../s3/listing.js";
import type { ListedObject } from "../s3/listing-xml.js";
import { S3Error } from "../s3-error.js";
import type { GatewayBase } from "./base.js";
import { findObject, needsKeyForETag, openKeyOf, shownETagOf, sizeOf, unquoted } from "./found-object.js";
import type { SeenObject } from "./seen-objects.js";
import { passesThrough } from "./twice.js";

/** Objects that are looked at side by side. */
const CONCURRENCY = 16;
/** The last character there is: what begins with a prefix and goes on with this comes after all of the prefix. */
const LAST = "\u{10ffff}";

/** A gateway with keys asks for each object that it has not seen, since nothing of encryption is in the back end's page. */
export async function listObjects(
  base: GatewayBase,
  bucket: string,
  { prefix, delimiter, after, maxKeys }: PageRequest,
  signal: AbortSignal | undefined,
): Promise<Page<ListedObject>> {
  const output = await base.backEnd.call(signal, (client, options) =>
    client.send(
      new ListObjectsV2Command({
        ...{ Bucket: bucket, Prefix: prefix, MaxKeys: maxKeys, EncodingType: "url" },
        ...(delimiter === "" ? {} : { Delimiter: delimiter }),
        ...(after === "" ? {} : { StartAfter: afterOf(after, prefix, delimiter) }),
      }),
      options,
    ),
  );
  const entries = output.Contents ?? [];
  const contents: ListedObject[] = [];
  for (let from = 0; from < entries.length; from += CONCURRENCY) {
    const some = entries.slice(from, from + CONCURRENCY);
    const listed = await Promise.all(some.map((entry) => listedObject(base, bucket, entry, signal)));
    contents.push(...listed.flatMap((each) => (each === undefined ? [] : [each])));
  }
  const commonPrefixes = (output.CommonPrefixes ?? []).map(({ Prefix = "" }) => decoded(Prefix));
  const isTruncated = output.IsTruncated ?? false;
  // By what the back end gave: an object that went meanwhile is left out, and not read again for ever.
  const last = [decoded(entries.at(-1)?.Key ?? ""), commonPrefixes.at(-1) ?? ""].sort(compareKeys).at(-1);
  return { contents, commonPrefixes, isTruncated, next: isTruncated ? last : undefined, nextId: undefined };
}

/** Where to go on behind `after`: behind all of a common prefix, which must not be listed twice. */
export function afterOf(after: string, prefix: string, delimiter: string): string {
  const common = after.startsWith(prefix) ? commonPrefixOf(after, prefix, delimiter) : undefined;
  return common === undefined ? after : common + LAST;
}

/** Names as `EncodingType=url` writes them. */
export function decoded(name: string): string {
  return decodeURIComponent(name.replaceAll("+", " "));
}

/** Undefined for an object that is gone by now. */
async function listedObject(
  base: GatewayBase,
  bucket: string,
  entry: BackEndEntry,
  signal: AbortSignal | undefined,
): Promise<ListedObject | undefined> {
  const { Key = "", ETag = "", Size = 0, LastModified, StorageClass: storageClass } = entry;
  const key = decoded(Key);
  const modifiedMs = LastModified?.getTime() ?? 0;
  const theirs = { key, modifiedMs, etag: unquoted(ETag), size: Size, storageClass };
  if (passesThrough(base)) return theirs;
  const id = JSON.stringify([bucket, key, ETag, Size, modifiedMs]);
  const seen = base.seen.get(id) ?? (await look(base, { bucket, object: key }, Size, signal));
  if (seen === undefined) return undefined;
  base.seen.set(id, seen);
  return { ...theirs, ...seen };
}

async function look(
  base: GatewayBase,
  path: { bucket: string; object: string },
  storedSize: number,
  signal: AbortSignal | undefined,
): Promise<SeenObject | undefined> {
  try {
    const found = await findObject(base, path, undefined, "read", signal);
    const size = await sizeOf(base, found, signal);
    const key = needsKeyForETag(found) ? await openKeyOf(base, found, undefined, "read", signal) : undefined;
    try {
      return { size, etag: shownETagOf(found, key) };
    } finally {
      key?.wipe();
    }
  } catch (error) {
    if (isS3Error(error, "KEY_NOT_FOUND")) return undefined;
    // The back end shows it only to whoever has the client's key: one object under it must not hide all others.
    if (error instanceof S3Error && error.status === 400) {
      return { size: openSize(storedSize) ?? storedSize, etag: "0".repeat(32) };
    }
    throw error;
  }
}
