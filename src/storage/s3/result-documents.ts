/** The XML documents of answers, but for errors and listings of objects (S3 API reference §4, §6, §7). */
import { type ChecksumAlgorithm, type ChecksumType, checksumAlgorithms } from "./checksums.js";
import type { EncryptionDocument } from "./documents.js";
import type { Tag } from "./headers.js";
import type { ListedEntry, Page } from "./listing.js";
import {
  encodeName,
  type ListPartsQuery,
  type ListUploadsQuery,
  type NameEncoding,
} from "./listing-query.js";
import { type Owner, ownerFields, prefixesOf } from "./listing-xml.js";
import type { ObjectPartsPage } from "./object-parts.js";
import { rootElement, type XmlFields, xmlDocument } from "./xml-writer.js";

/** A checksum as clients see it. */
export interface ShownChecksum {
  readonly algorithm: ChecksumAlgorithm;
  readonly type: ChecksumType;
  /** Base64, with the number of parts for a composite one. */
  readonly value: string;
}

/** That of a part has no type. */
type PartlyShownChecksum = Omit<ShownChecksum, "type"> & { readonly type?: ChecksumType };

/** `ListAllMyBucketsResult`. @param next - token, where there are more */
export function bucketsDocument(
  owner: Owner,
  buckets: readonly { readonly name: string; readonly createdMs: number }[],
  more: { readonly prefix?: string; readonly next?: string } = {},
): string {
  return xmlDocument("ListAllMyBucketsResult", {
    Owner: ownerFields(owner),
    Buckets: {
      Bucket: buckets.map(({ name, createdMs }) => ({ Name: name, CreationDate: new Date(createdMs) })),
    },
    ContinuationToken: more.next,
    Prefix: more.prefix || undefined,
  });
}

/** `LocationConstraint`; empty for us-east-1, which clients take any other text there for another region. */
export function locationDocument(region: string): string {
  return xmlDocument("LocationConstraint", region === "us-east-1" ? "" : region);
}

/** `CopyObjectResult`, or `CopyPartResult`. @param etag - without quotes */
export function copyDocument(
  root: "CopyObjectResult" | "CopyPartResult",
  etag: string,
  modifiedMs: number,
  checksum?: PartlyShownChecksum,
): string {
  return xmlDocument(root, {
    LastModified: new Date(modifiedMs),
    ETag: `"${etag}"`,
    ...checksumFields(checksum),
  });
}

/** `InitiateMultipartUploadResult`. */
export function uploadDocument(bucket: string, key: string, uploadId: string): string {
  return xmlDocument("InitiateMultipartUploadResult", { Bucket: bucket, Key: key, UploadId: uploadId });
}

/** What CompleteMultipartUpload tells. */
export interface CompletedUpload {
  readonly location: string;
  readonly bucket: string;
  readonly key: string;
  readonly etag: string;
  readonly checksum?: ShownChecksum;
}

/** `CompleteMultipartUploadResult` without declaration, which was sent before to keep the connection open. */
export function completeElement({ location, bucket, key, etag, checksum }: CompletedUpload): string {
  return rootElement("CompleteMultipartUploadResult", {
    Location: location,
    Bucket: bucket,
    Key: key,
    ETag: `"${etag}"`,
    ...checksumFields(checksum),
  });
}

/** `PostResponse` of a form that asked for 201. */
export function postDocument(location: string, bucket: string, key: string, etag: string): string {
  return xmlDocument("PostResponse", { Location: location, Bucket: bucket, Key: key, ETag: `"${etag}"` }, "");
}

/** One outcome of DeleteObjects. */
export type DeleteOutcome =
  | { readonly key: string; readonly versionId?: string }
  | { readonly key: string; readonly versionId?: string; readonly code: string; readonly message: string };

/** `DeleteResult`. @param quiet - only errors */
export function deleteDocument(outcomes: readonly DeleteOutcome[], quiet: boolean): string {
  const deleted = outcomes.filter((outcome) => !quiet && !("code" in outcome));
  return xmlDocument("DeleteResult", {
    Deleted: deleted.map(({ key, versionId }) => ({ Key: key, VersionId: versionId })),
    Error: outcomes.flatMap((outcome) =>
      "code" in outcome
        ? [{ Key: outcome.key, VersionId: outcome.versionId, Code: outcome.code, Message: outcome.message }]
        : [],
    ),
  });
}

/** A part as ListParts shows it. */
export interface ListedPart {
  readonly number: number;
  readonly modifiedMs: number;
  readonly etag: string;
  readonly size: number;
  readonly checksum?: { readonly algorithm: ChecksumAlgorithm; readonly value: string };
}

export interface ListedUpload extends ListedEntry {
  readonly id: string;
  readonly createdMs: number;
  readonly storageClass?: string | undefined;
  readonly checksum?: { readonly algorithm: ChecksumAlgorithm; readonly type: ChecksumType } | undefined;
}

/** `ListPartsResult`. @param parts - of this page, in order */
export function partsDocument(
  bucket: string,
  upload: ListedUpload,
  { maxParts, marker, encoding }: ListPartsQuery,
  parts: readonly ListedPart[],
  isTruncated: boolean,
  owner: Owner,
): string {
  return xmlDocument("ListPartsResult", {
    Bucket: bucket,
    Key: encodeName(upload.key, encoding),
    UploadId: upload.id,
    Initiator: ownerFields(owner),
    Owner: ownerFields(owner),
    StorageClass: upload.storageClass ?? "STANDARD",
    PartNumberMarker: marker,
    NextPartNumberMarker: parts.at(-1)?.number ?? marker,
    MaxParts: maxParts,
    EncodingType: encoding,
    IsTruncated: isTruncated,
    ChecksumAlgorithm: upload.checksum?.algorithm,
    ChecksumType: upload.checksum?.type,
    Part: parts.map(({ number, modifiedMs, etag, size, checksum }) => ({
      PartNumber: number,
      LastModified: new Date(modifiedMs),
      ETag: `"${etag}"`,
      Size: size,
      ...(checksum === undefined ? {} : { [checksumAlgorithms[checksum.algorithm].element]: checksum.value }),
    })),
  });
}

/** `ListMultipartUploadsResult`. */
export function uploadsDocument(
  bucket: string,
  query: ListUploadsQuery,
  page: Page<ListedUpload>,
  owner: Owner,
): string {
  const { encoding } = query;
  return xmlDocument("ListMultipartUploadsResult", {
    Bucket: bucket,
    KeyMarker: encodeName(query.after, encoding),
    UploadIdMarker: query.uploadIdMarker,
    NextKeyMarker: encodeName(page.next ?? "", encoding),
    NextUploadIdMarker: page.nextId ?? "",
    Prefix: encodeName(query.prefix, encoding),
    Delimiter: encodeName(query.delimiter, encoding) || undefined,
    EncodingType: encoding,
    MaxUploads: query.maxKeys,
    IsTruncated: page.isTruncated,
    Upload: page.contents.map((upload) => uploadFields(upload, encoding, owner)),
    CommonPrefixes: prefixesOf(page, encoding),
  });
}

function uploadFields(upload: ListedUpload, encoding: NameEncoding, owner: Owner): XmlFields {
  return {
    Key: encodeName(upload.key, encoding),
    UploadId: upload.id,
    Initiator: ownerFields(owner),
    Owner: ownerFields(owner),
    StorageClass: upload.storageClass ?? "STANDARD",
    Initiated: new Date(upload.createdMs),
    ChecksumAlgorithm: upload.checksum?.algorithm,
    ChecksumType: upload.checksum?.type,
  };
}

/** `Tagging`. */
export function taggingDocument(tags: readonly Tag[]): string {
  return xmlDocument("Tagging", {
    TagSet: { Tag: tags.map(({ key, value }) => ({ Key: key, Value: value })) },
  });
}

/** `ServerSideEncryptionConfiguration`, as it was set. */
export function encryptionDocument(encryption: EncryptionDocument): string {
  const { algorithm, keyId, bucketKeyEnabled, blockedTypes } = encryption;
  return xmlDocument("ServerSideEncryptionConfiguration", {
    Rule: {
      ApplyServerSideEncryptionByDefault: { SSEAlgorithm: algorithm, KMSMasterKeyID: keyId },
      BucketKeyEnabled: bucketKeyEnabled,
      BlockedEncryptionTypes: blockedTypes === undefined ? undefined : { EncryptionType: blockedTypes },
    },
  });
}

/** `AccessControlPolicy`: the owner may do everything. */
export function aclDocument(owner: Owner): string {
  const grantee = 'Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CanonicalUser"';
  return xmlDocument("AccessControlPolicy", {
    Owner: ownerFields(owner),
    AccessControlList: { Grant: { [grantee]: ownerFields(owner), Permission: "FULL_CONTROL" } },
  });
}

/** What GetObjectAttributes was asked for (`x-amz-object-attributes`). */
export interface ObjectAttributes {
  readonly etag?: string;
  readonly checksum?: ShownChecksum;
  readonly parts?: ObjectPartsPage;
  readonly storageClass?: string;
  readonly size?: number;
}

/** `GetObjectAttributesResponse`. The ETag stands there without quotes. */
export function attributesDocument(attributes: ObjectAttributes): string {
  const { etag, checksum, parts, storageClass, size } = attributes;
  return xmlDocument("GetObjectAttributesResponse", {
    ETag: etag,
    Checksum: checksum === undefined ? undefined : checksumFields(checksum),
    ObjectParts: parts === undefined ? undefined : objectPartsFields(parts),
    StorageClass: storageClass,
    ObjectSize: size,
  });
}

/** Sizes are told also where there are no checksums, for which S3 leaves the parts out. */
function objectPartsFields({ count, marker, maxParts, isTruncated, parts }: ObjectPartsPage): XmlFields {
  return {
    PartsCount: count,
    PartNumberMarker: marker,
    NextPartNumberMarker: parts.at(-1)?.number ?? marker,
    MaxParts: maxParts,
    IsTruncated: isTruncated,
    Part: parts.map(({ number, size, checksum }) => ({
      PartNumber: number,
      Size: size,
      ...(checksum === undefined ? {} : { [checksumAlgorithms[checksum.algorithm].element]: checksum.value }),
    })),
  };
}

/** Answers to what a bucket never has, with status 200 (§7): operation → document. */
export const emptyDocuments = {
  GetBucketVersioning: xmlDocument("VersioningConfiguration", {}),
  GetBucketLogging: xmlDocument("BucketLoggingStatus", {}),
  GetBucketNotificationConfiguration: xmlDocument("NotificationConfiguration", {}),
  GetBucketAccelerateConfiguration: xmlDocument("AccelerateConfiguration", {}),
  GetBucketRequestPayment: xmlDocument("RequestPaymentConfiguration", { Payer: "BucketOwner" }),
} as const;

function checksumFields(checksum: PartlyShownChecksum | undefined): XmlFields {
  if (checksum === undefined) return {};
  return { [checksumAlgorithms[checksum.algorithm].element]: checksum.value, ChecksumType: checksum.type };
}
