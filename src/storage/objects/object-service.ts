/**
 * What S3 does with buckets and objects, whatever stores them: the seam between HTTP and storage. A directory
 * (`local/`) and another S3 service (`gateway/`) stand behind it; the front end (`server/`) and the commands before it.
 *
 * Every failure that a client may be told is an S3Error. Access rights were checked before.
 */

import type { KeyServiceStatus } from "../keys/key-service.js";
import type { BodyPlan, BodyWishes, S3Body } from "../s3/body.js";
import type { UploadChecksum } from "../s3/checksum-headers.js";
import type { ReadConditions, WriteConditions } from "../s3/conditions.js";
import type { EncryptionDocument, NamedPart } from "../s3/documents.js";
import type { StoredHeaders, Tag } from "../s3/headers.js";
import type { Page, PageRequest } from "../s3/listing.js";
import type { ListPartsQuery } from "../s3/listing-query.js";
import type { ListedObject } from "../s3/listing-xml.js";
import type { ObjectPart } from "../s3/object-parts.js";
import type { ByteRange, RangeRequest } from "../s3/ranges.js";
import type { ListedPart, ListedUpload, ShownChecksum } from "../s3/result-documents.js";
import type { ManagedRequest } from "../sse/encryption.js";
import type { SseRequest } from "../sse/request.js";
import type { ShownEncryption } from "../sse/response.js";
import type { ObjectPath } from "../sse/seal.js";

export interface BucketInfo {
  readonly name: string;
  readonly createdMs: number;
  /** The bucket's default, as it was given. */
  readonly encryption?: EncryptionDocument;
}

/** The body of an upload: planned, and not opened before all else is known to be right (100 Continue waits for it). */
export interface UploadBody {
  readonly plan: BodyPlan;
  /** To be called once. Nothing may become visible before the stream has ended well; then its `results` are there. */
  open(wishes?: BodyWishes): S3Body;
}

export interface CallOptions {
  /** The client has gone: what is not published yet must not be. */
  readonly signal?: AbortSignal;
}

/** The object that is read from by a copy, with the copy-source headers. */
export interface CopySource {
  readonly path: ObjectPath;
  readonly conditions: ReadConditions;
}

export interface PutRequest extends CallOptions {
  readonly path: ObjectPath;
  readonly stored: StoredHeaders;
  readonly sse: SseRequest;
  readonly conditions: WriteConditions;
  readonly body: UploadBody;
}

export interface CopyRequest extends CallOptions {
  readonly source: CopySource;
  readonly path: ObjectPath;
  /** Set: the request's instead of the source's (`x-amz-metadata-directive: REPLACE`). */
  readonly headers?: Readonly<Record<string, string>>;
  /** Set: the request's instead of the source's (`x-amz-tagging-directive: REPLACE`). */
  readonly tags?: readonly Tag[];
  /** Of the request; that of the source is not taken over. */
  readonly storageClass?: string;
  readonly sse: SseRequest;
  readonly conditions: WriteConditions;
  /** `x-amz-checksum-algorithm`: computed for the copy; without, the source's is kept, or CRC64NVME. */
  readonly checksum?: UploadChecksum;
}

export interface ReadRequest extends CallOptions {
  readonly path: ObjectPath;
  readonly sse: SseRequest;
  readonly conditions: ReadConditions;
  /** With the header as it came, for the error. Both this and `partNumber` are refused before. */
  readonly range?: { readonly asked: RangeRequest; readonly header: string };
  readonly partNumber?: number;
  readonly wantsChecksum: boolean;
  /** Of a HEAD: all parts of an object uploaded in parts, with their checksums where those can be told without a call for SSE-KMS. */
  readonly wantsParts?: boolean;
}

/** An object as its metadata tell it. */
export interface ShownObject {
  /** Bytes of plaintext. */
  readonly size: number;
  /** Without quotes. */
  readonly etag: string;
  readonly modifiedMs: number;
  /** Headers that are given back, lower-case names; values are bytes, one character each. */
  readonly headers: Readonly<Record<string, string>>;
  readonly storageClass?: string;
  readonly tagCount: number;
  readonly encryption?: ShownEncryption;
  /** Where it was asked for, the whole object is meant, and there is one. */
  readonly checksum?: ShownChecksum;
  /** Of an object uploaded in parts, in their order. */
  readonly parts?: readonly ObjectPart[];
}

/** What a GET or HEAD comes to. */
export interface ReadResult {
  readonly object: ShownObject;
  /** Answer 304. */
  readonly isNotModified: boolean;
  /** Set: answer 206. */
  readonly range?: ByteRange;
}

export interface OpenedObject extends ReadResult {
  /**
   * Verified plaintext of the range, or of all; its first bytes were opened already, so that damage there is an error of
   * the call. Damage further on throws: cut the connection. To be read or returned (`return()`) always. Empty where
   * `isNotModified`.
   */
  readonly content: AsyncIterableIterator<Buffer>;
}

/** What a write comes to. */
export interface WrittenObject {
  readonly etag: string;
  readonly modifiedMs: number;
  readonly size: number;
  readonly encryption?: ShownEncryption;
  readonly checksum?: ShownChecksum;
}

export interface CreateUploadRequest extends CallOptions {
  readonly path: ObjectPath;
  readonly stored: StoredHeaders;
  readonly sse: SseRequest;
  readonly checksum?: UploadChecksum;
}

export interface CreatedUpload {
  /** Printable ASCII, opaque. */
  readonly uploadId: string;
  readonly encryption?: ShownEncryption;
  readonly checksum?: UploadChecksum;
}

/** An upload that a request names. */
export interface UploadRef extends CallOptions {
  readonly path: ObjectPath;
  readonly uploadId: string;
  readonly sse: SseRequest;
}

export interface PartRequest extends UploadRef {
  readonly number: number;
  readonly body: UploadBody;
}

export interface CopyPartRequest extends UploadRef {
  readonly number: number;
  readonly source: CopySource;
  /** `x-amz-copy-source-range` as it came: it can be read only with the source's size. */
  readonly range?: string;
}

/** What a part comes to. */
export type WrittenPart = Omit<WrittenObject, "checksum"> & {
  readonly checksum?: { readonly algorithm: ShownChecksum["algorithm"]; readonly value: string };
};

export interface CompleteRequest extends UploadRef {
  readonly parts: readonly NamedPart[];
  readonly conditions: WriteConditions;
  /** Of the whole object, where the client says it: checked. Base64, with `-N` for a composite one. */
  readonly checksum?: { readonly algorithm: ShownChecksum["algorithm"]; readonly value: string };
  /** `x-amz-checksum-type`. */
  readonly checksumType?: ShownChecksum["type"];
  /** `x-amz-mp-object-size`: checked. */
  readonly size?: number;
}

/** What became of an object whose key was to be sealed anew. */
export type Resealed = "resealed" | "plain" | "refused" | "customer-key";

export interface ObjectServiceStatus {
  /** Undefined where none is configured. */
  readonly keys?: KeyServiceStatus;
  /** False: reads or writes fail for a reason that lies behind (disk, back end). */
  readonly isStorageOnline: boolean;
}

export interface ObjectService {
  /** In the order of their names. */
  buckets(options?: CallOptions): Promise<readonly BucketInfo[]>;
  /** @throws S3Error `BUCKET_NOT_FOUND` */
  bucket(name: string, options?: CallOptions): Promise<BucketInfo>;
  /** @throws S3Error `BUCKET_OWNED` */
  createBucket(name: string, options?: CallOptions): Promise<void>;
  /** Uploads do not keep it. @throws S3Error `BUCKET_NOT_FOUND`, `BUCKET_NOT_EMPTY` */
  deleteBucket(name: string, options?: CallOptions): Promise<void>;
  /**
   * @param encryption - undefined takes it away
   * @throws S3Error `BUCKET_NOT_FOUND`; `KMS_NOT_CONFIGURED`, and those of a generate under the key, which is tried
   */
  setBucketEncryption(
    name: string,
    encryption: EncryptionDocument | undefined,
    options?: CallOptions,
  ): Promise<void>;

  list(bucket: string, page: PageRequest, options?: CallOptions): Promise<Page<ListedObject>>;

  put(request: PutRequest): Promise<WrittenObject>;
  /** No key service for SSE-KMS and SSE-C, and none for SSE-S3 unless the checksum is wanted. */
  head(request: ReadRequest): Promise<ReadResult>;
  get(request: ReadRequest): Promise<OpenedObject>;
  /** @throws S3Error `COPY_TO_ITSELF` when nothing would change */
  copy(request: CopyRequest): Promise<WrittenObject>;
  /** Nothing there is no failure, but with `conditions.match`. */
  delete(path: ObjectPath, conditions: WriteConditions, options?: CallOptions): Promise<void>;
  tags(path: ObjectPath, options?: CallOptions): Promise<readonly Tag[]>;
  setTags(path: ObjectPath, tags: readonly Tag[], options?: CallOptions): Promise<void>;
  /** The object's key sealed anew, content untouched (S3 reference §3.5); nothing happens to plain objects. */
  reseal(path: ObjectPath, to: ManagedRequest, options?: CallOptions): Promise<Resealed>;

  createUpload(request: CreateUploadRequest): Promise<CreatedUpload>;
  putPart(request: PartRequest): Promise<WrittenPart>;
  copyPart(request: CopyPartRequest): Promise<WrittenPart>;
  parts(
    request: UploadRef,
    query: ListPartsQuery,
  ): Promise<{
    readonly upload: ListedUpload;
    readonly parts: readonly ListedPart[];
    readonly isTruncated: boolean;
  }>;
  uploads(bucket: string, page: PageRequest, options?: CallOptions): Promise<Page<ListedUpload>>;
  /** Said again after it was done, it gives the same answer for a while. */
  completeUpload(request: CompleteRequest): Promise<WrittenObject>;
  /** @throws S3Error `UPLOAD_NOT_FOUND` */
  abortUpload(path: ObjectPath, uploadId: string, options?: CallOptions): Promise<void>;

  status(options?: CallOptions): Promise<ObjectServiceStatus>;
  /** Calls on their way end well or reject; afterwards nothing is open. */
  close(): Promise<void>;
}
