/** Answers to listings (S3 API reference §5). */
import type { ListedEntry, Page } from "./listing.js";
import {
  encodeName,
  type ListV1Query,
  type ListV2Query,
  type ListVersionsQuery,
  makeToken,
  type NameEncoding,
} from "./listing-query.js";
import { type XmlFields, xmlDocument } from "./xml-writer.js";

/** An object as listings show it: sizes and ETags are those of HEAD. */
export interface ListedObject extends ListedEntry {
  readonly modifiedMs: number;
  /** Without quotes. */
  readonly etag: string;
  /** Of the content, in bytes. */
  readonly size: number;
  /** Absent: `STANDARD`. */
  readonly storageClass?: string | undefined;
  /** For example `CRC32`. */
  readonly checksumAlgorithm?: string | undefined;
  readonly checksumType?: string | undefined;
}

export interface Owner {
  readonly id: string;
  readonly displayName: string;
}

/** `ListBucketResult` of ListObjects. */
export function listV1Document(
  bucket: string,
  query: ListV1Query,
  page: Page<ListedObject>,
  owner: Owner,
): string {
  const { encoding, after } = query;
  return xmlDocument("ListBucketResult", {
    Name: bucket,
    Prefix: encodeName(query.prefix, encoding),
    Marker: encodeName(after, encoding),
    NextMarker: page.next === undefined ? undefined : encodeName(page.next, encoding),
    MaxKeys: query.maxKeys,
    Delimiter: encodeName(query.delimiter, encoding) || undefined,
    EncodingType: encoding,
    IsTruncated: page.isTruncated,
    Contents: page.contents.map((object) => contentsOf(object, encoding, owner)),
    CommonPrefixes: prefixesOf(page, encoding),
  });
}

/** `ListBucketResult` of ListObjectsV2. */
export function listV2Document(
  bucket: string,
  query: ListV2Query,
  page: Page<ListedObject>,
  owner: Owner,
): string {
  const { encoding, startAfter } = query;
  return xmlDocument("ListBucketResult", {
    Name: bucket,
    Prefix: encodeName(query.prefix, encoding),
    MaxKeys: query.maxKeys,
    Delimiter: encodeName(query.delimiter, encoding) || undefined,
    EncodingType: encoding,
    IsTruncated: page.isTruncated,
    KeyCount: page.contents.length + page.commonPrefixes.length,
    ContinuationToken: query.token,
    NextContinuationToken: page.next === undefined ? undefined : makeToken(page.next),
    StartAfter: startAfter === undefined ? undefined : encodeName(startAfter, encoding),
    Contents: page.contents.map((object) =>
      contentsOf(object, encoding, query.fetchOwner ? owner : undefined),
    ),
    CommonPrefixes: prefixesOf(page, encoding),
  });
}

/** `ListVersionsResult` of a bucket without versions. */
export function listVersionsDocument(
  bucket: string,
  query: ListVersionsQuery,
  page: Page<ListedObject>,
  owner: Owner,
): string {
  const { encoding } = query;
  const next = page.next === undefined ? undefined : encodeName(page.next, encoding);
  return xmlDocument("ListVersionsResult", {
    Name: bucket,
    Prefix: encodeName(query.prefix, encoding),
    KeyMarker: encodeName(query.keyMarker, encoding),
    VersionIdMarker: query.versionIdMarker,
    NextKeyMarker: next,
    NextVersionIdMarker: next === undefined ? undefined : "null",
    MaxKeys: query.maxKeys,
    Delimiter: encodeName(query.delimiter, encoding) || undefined,
    EncodingType: encoding,
    IsTruncated: page.isTruncated,
    Version: page.contents.map((object) => {
      const { Key, ...rest } = contentsOf(object, encoding, owner);
      return { Key, VersionId: "null", IsLatest: true, ...rest };
    }),
    CommonPrefixes: prefixesOf(page, encoding),
  });
}

function contentsOf(object: ListedObject, encoding: NameEncoding, owner: Owner | undefined): XmlFields {
  return {
    Key: encodeName(object.key, encoding),
    LastModified: new Date(object.modifiedMs),
    ETag: `"${object.etag}"`,
    ChecksumAlgorithm: object.checksumAlgorithm,
    ChecksumType: object.checksumType,
    Size: object.size,
    Owner: owner === undefined ? undefined : ownerFields(owner),
    StorageClass: object.storageClass ?? "STANDARD",
  };
}

/** The content of `Owner` and `Initiator`. */
export function ownerFields({ id, displayName }: Owner): XmlFields {
  return { ID: id, DisplayName: displayName };
}

/** The elements `CommonPrefixes`. */
export function prefixesOf(
  { commonPrefixes }: { readonly commonPrefixes: readonly string[] },
  encoding: NameEncoding,
): XmlFields[] {
  return commonPrefixes.map((prefix) => ({ Prefix: encodeName(prefix, encoding) }));
}
