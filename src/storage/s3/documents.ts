/** The XML documents that requests carry (S3 API reference §4.3, §6, §7; S3 encryption reference §4). */

import { type ChecksumAlgorithm, checksumAlgorithms, checksumNames, decodeChecksum } from "./checksums.js";
import { unquoteETag } from "./conditions.js";
import { s3Error } from "./errors.js";
import { checkTags, type Tag } from "./headers.js";
import { childrenOf, oneOf, parseLargeXml, parseXml, textOf, type XmlElement } from "./xml-reader.js";

const MIB = 1024 * 1024;
const MAX_DELETES = 1000;
export const MAX_PARTS = 10_000;

/** Largest body of each document, bytes. A key may be a thousand bytes, each as a reference of ten. */
export const documentBytes = {
  delete: 12 * MIB,
  complete: 8 * MIB,
  encryption: 1 * MIB,
  small: 64 * 1024,
} as const;

/** What DeleteObjects asks for. */
export interface DeleteRequest {
  /** Only errors are reported. */
  readonly quiet: boolean;
  readonly objects: readonly DeleteTarget[];
}

export interface DeleteTarget {
  /** Not checked: each bad one is an error of its own in the answer. */
  readonly key: string;
  readonly versionId?: string;
  /** Without quotes: only the object that has it is to be deleted. */
  readonly etag?: string;
}

/** @throws S3Error `XML_MALFORMED`, also for none and for more than 1000 keys; `NOT_IMPLEMENTED` for other conditions */
export async function readDelete(body: Uint8Array): Promise<DeleteRequest> {
  const limits = { maxDepth: 4, maxElements: MAX_DELETES * 6 + 10 };
  const root = named(await parseLargeXml(body, limits), "Delete");
  const objects = childrenOf(root, "Quiet", "Object").filter((child) => child.name === "Object");
  if (objects.length === 0 || objects.length > MAX_DELETES) throw s3Error("XML_MALFORMED");
  return { quiet: booleanOf(root, "Quiet"), objects: objects.map(deleteTarget) };
}

function deleteTarget(element: XmlElement): DeleteTarget {
  childrenOf(element, "Key", "VersionId", "ETag", "LastModifiedTime", "Size");
  if (oneOf(element, "LastModifiedTime") !== undefined || oneOf(element, "Size") !== undefined) {
    throw s3Error("NOT_IMPLEMENTED");
  }
  const key = textOf(element, "Key");
  const versionId = textOf(element, "VersionId")?.trim();
  const etag = textOf(element, "ETag");
  if (!key) throw s3Error("XML_MALFORMED");
  return { key, ...(versionId ? { versionId } : {}), ...(etag ? { etag: unquoteETag(etag) } : {}) };
}

/** A part as CompleteMultipartUpload names it. */
export interface NamedPart {
  readonly number: number;
  /** Without quotes. */
  readonly etag: string;
  readonly checksum?: { readonly algorithm: ChecksumAlgorithm; readonly value: Buffer };
}

/**
 * @throws S3Error `XML_MALFORMED` also for no parts; `PART_ORDER_INVALID` when numbers do not ascend;
 *   `PART_NUMBER_INVALID`, `PART_INVALID` for a checksum that is none, `NOT_IMPLEMENTED` for one that is not known
 */
export async function readComplete(body: Uint8Array): Promise<NamedPart[]> {
  const limits = { maxDepth: 4, maxElements: MAX_PARTS * 8 + 10 };
  const root = named(await parseLargeXml(body, limits), "CompleteMultipartUpload");
  const parts = childrenOf(root, "Part").map(namedPart);
  if (parts.length === 0 || parts.length > MAX_PARTS) throw s3Error("XML_MALFORMED");
  let previous = 0;
  for (const { number } of parts) {
    if (number <= previous) throw s3Error("PART_ORDER_INVALID");
    previous = number;
  }
  return parts;
}

const CHECKSUM = /^Checksum/;

function namedPart(element: XmlElement): NamedPart {
  const known = checksumNames.map((name): string => checksumAlgorithms[name].element);
  const strange = element.children.find(({ name }) => CHECKSUM.test(name) && !known.includes(name));
  if (strange !== undefined) throw s3Error("NOT_IMPLEMENTED");
  childrenOf(element, "PartNumber", "ETag", ...known);
  const number = readPartNumber(textOf(element, "PartNumber")?.trim());
  const etag = textOf(element, "ETag");
  if (!etag) throw s3Error("XML_MALFORMED");
  const checksums = checksumNames.flatMap((algorithm) => {
    const text = textOf(element, checksumAlgorithms[algorithm].element)?.trim();
    if (!text) return [];
    const value = decodeChecksum(algorithm, text);
    if (value === undefined) throw s3Error("PART_INVALID");
    return [{ algorithm, value }];
  });
  const [checksum, second] = checksums;
  if (second !== undefined) throw s3Error("CHECKSUM_SEVERAL");
  return { number, etag: unquoteETag(etag), ...(checksum === undefined ? {} : { checksum }) };
}

/** 1 to 10 000. @throws S3Error `PART_NUMBER_INVALID` */
export function readPartNumber(text: string | undefined): number {
  const number = /^\d{1,5}$/.test(text ?? "") ? Number(text) : 0;
  if (number < 1 || number > MAX_PARTS) throw s3Error("PART_NUMBER_INVALID");
  return number;
}

/** @throws S3Error `XML_MALFORMED`, `TAG_INVALID` */
export function readTagging(body: Uint8Array): Tag[] {
  const root = rootOf(body, "Tagging");
  childrenOf(root, "TagSet");
  const set = oneOf(root, "TagSet");
  if (set === undefined) throw s3Error("XML_MALFORMED");
  const tags = childrenOf(set, "Tag").map((element) => {
    childrenOf(element, "Key", "Value");
    const key = textOf(element, "Key");
    const value = textOf(element, "Value");
    if (key === undefined || value === undefined) throw s3Error("XML_MALFORMED");
    return { key, value };
  });
  checkTags(tags);
  return tags;
}

/** A bucket's default encryption as it is set. */
export interface EncryptionDocument {
  readonly algorithm: "AES256" | "aws:kms";
  /** As given, with or without prefix; absent for the default key. */
  readonly keyId?: string;
  /** Kept and given back. */
  readonly bucketKeyEnabled?: boolean;
  /** `SSE-C` or `NONE`, kept and given back. */
  readonly blockedTypes?: readonly ("SSE-C" | "NONE")[];
}

/** @throws S3Error `XML_MALFORMED` for no or several rules, an unknown algorithm, a key id that does not fit */
export function readEncryption(body: Uint8Array): EncryptionDocument {
  const root = rootOf(body, "ServerSideEncryptionConfiguration");
  const [rule, second] = childrenOf(root, "Rule");
  if (rule === undefined || second !== undefined) throw s3Error("XML_MALFORMED");
  childrenOf(rule, "ApplyServerSideEncryptionByDefault", "BucketKeyEnabled", "BlockedEncryptionTypes");
  const apply = oneOf(rule, "ApplyServerSideEncryptionByDefault");
  if (apply === undefined) throw s3Error("XML_MALFORMED");
  childrenOf(apply, "SSEAlgorithm", "KMSMasterKeyID");
  const algorithm = textOf(apply, "SSEAlgorithm")?.trim();
  if (algorithm !== "AES256" && algorithm !== "aws:kms") throw s3Error("XML_MALFORMED");
  const keyId = textOf(apply, "KMSMasterKeyID");
  if (keyId && (algorithm === "AES256" || keyId.trim() !== keyId)) throw s3Error("XML_MALFORMED");
  const blocked = oneOf(rule, "BlockedEncryptionTypes");
  return {
    algorithm,
    ...(keyId ? { keyId } : {}),
    ...(oneOf(rule, "BucketKeyEnabled") === undefined
      ? {}
      : { bucketKeyEnabled: booleanOf(rule, "BucketKeyEnabled") }),
    ...(blocked === undefined
      ? {}
      : { blockedTypes: childrenOf(blocked, "EncryptionType").map(blockedType) }),
  };
}

/** What UpdateObjectEncryption asks for: SSE-KMS is all it knows. @throws S3Error `XML_MALFORMED` */
export function readObjectEncryption(body: Uint8Array): { readonly keyId: string } {
  const root = rootOf(body, "ObjectEncryption");
  childrenOf(root, "SSE-KMS");
  const kms = oneOf(root, "SSE-KMS");
  if (kms === undefined) throw s3Error("XML_MALFORMED");
  childrenOf(kms, "KMSKeyArn", "BucketKeyEnabled");
  const keyId = textOf(kms, "KMSKeyArn");
  if (!keyId || keyId.trim() !== keyId) throw s3Error("XML_MALFORMED");
  return { keyId };
}

/**
 * Whether an access list says no more than that its owner may do everything, which is how things are.
 * @throws S3Error `XML_MALFORMED`
 */
export function isPrivateAcl(body: Uint8Array): boolean {
  const root = rootOf(body, "AccessControlPolicy");
  childrenOf(root, "Owner", "AccessControlList");
  const list = oneOf(root, "AccessControlList");
  const owner = oneOf(root, "Owner");
  if (list === undefined || owner === undefined) throw s3Error("XML_MALFORMED");
  return childrenOf(list, "Grant").every((grant) => {
    const grantee = oneOf(grant, "Grantee");
    const isOwner = grantee !== undefined && textOf(grantee, "ID")?.trim() === textOf(owner, "ID")?.trim();
    return isOwner && textOf(grant, "Permission")?.trim() === "FULL_CONTROL";
  });
}

function blockedType({ text }: XmlElement): "SSE-C" | "NONE" {
  const type = text.trim();
  if (type !== "SSE-C" && type !== "NONE") throw s3Error("XML_MALFORMED");
  return type;
}

/** @throws S3Error `XML_MALFORMED` */
export function readVersioning(body: Uint8Array): "Enabled" | "Suspended" {
  const root = rootOf(body, "VersioningConfiguration");
  childrenOf(root, "Status", "MfaDelete");
  const status = textOf(root, "Status")?.trim();
  if (status !== "Enabled" && status !== "Suspended") throw s3Error("XML_MALFORMED");
  return status;
}

/**
 * The region that CreateBucket names; undefined for an empty body, or none named.
 * @throws S3Error `XML_MALFORMED`
 */
export function readCreateBucket(body: Uint8Array): string | undefined {
  if (body.length === 0) return undefined;
  const root = rootOf(body, "CreateBucketConfiguration");
  // Others (Location, Bucket, Tags) belong to kinds of buckets that are not made here.
  childrenOf(root, "LocationConstraint");
  return textOf(root, "LocationConstraint")?.trim() || undefined;
}

function rootOf(body: Uint8Array, name: string): XmlElement {
  return named(parseXml(body), name);
}

function named(root: XmlElement, name: string): XmlElement {
  if (root.name !== name) throw s3Error("XML_MALFORMED");
  return root;
}

function booleanOf(element: XmlElement, name: string): boolean {
  const text = textOf(element, name)?.trim().toLowerCase();
  if (text !== undefined && text !== "true" && text !== "false" && text !== "")
    throw s3Error("XML_MALFORMED");
  return text === "true";
}
