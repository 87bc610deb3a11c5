/**
 * A place for buckets, objects and uploads that knows nothing of encryption or HTTP: contents are bytes, records are
 * what stands beside them. A promise that resolves means: durable, a crash included.
 */

import type { ChecksumAlgorithm, ChecksumType } from "../s3/checksums.js";
import type { EncryptionDocument } from "../s3/documents.js";
import type { Tag } from "../s3/headers.js";
import type { StoredChecksum } from "../sse/stored-checksum.js";

export interface BucketRecord {
  readonly name: string;
  readonly createdMs: number;
  readonly encryption?: EncryptionDocument;
}

/** What stands beside an object's content. All of it survives in the index and in the files alike. */
export interface ObjectRecord {
  readonly key: string;
  /** Bytes of plaintext. */
  readonly size: number;
  /** As it is stored: hex of an MD5, of its sealed form, or with the number of parts. */
  readonly etag: string;
  /** The ETag of an SSE-S3 object under the index's own key, so that listings need no call; hex. */
  readonly indexETag?: string;
  readonly modifiedMs: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly storageClass?: string;
  readonly tags: readonly Tag[];
  /** As `writeEncryption` gives it; empty for a plain object. */
  readonly encryption: Readonly<Record<string, string>>;
  readonly checksum?: StoredChecksum;
  /** In ascending order of their numbers; absent for one piece. */
  readonly parts?: readonly PartRecord[];
  /** The upload that became the object: who asks for its completion again gets the same answer. */
  readonly uploadId?: string;
}

export interface PartRecord {
  readonly number: number;
  /** Bytes of plaintext. */
  readonly size: number;
  /** Bytes of content as it is stored. */
  readonly storedSize: number;
  /** As it is stored. */
  readonly etag: string;
  readonly modifiedMs: number;
  readonly checksum?: StoredChecksum;
}

export interface UploadRecord {
  readonly key: string;
  readonly id: string;
  readonly createdMs: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly storageClass?: string;
  readonly tags: readonly Tag[];
  readonly encryption: Readonly<Record<string, string>>;
  readonly checksum?: { readonly algorithm: ChecksumAlgorithm; readonly type: ChecksumType };
}

/** Content that is written and durable, but belongs to nothing yet. Either it is published or it is discarded. */
export interface Draft {
  /** Bytes. */
  readonly storedSize: number;
  /** Gives it up. Harmless after it was published. */
  discard(): Promise<void>;
}

/** An object as it was at one moment: its content stays readable while it is held, whatever happens to the object. */
export interface HeldObject {
  readonly record: ObjectRecord;
  /** Bytes of all content: that of the parts one behind the other. */
  readonly storedSize: number;
  /** `offset` and `length` within `storedSize`; across parts' borders too. Stops reading when its consumer does. */
  read(offset: number, length: number): AsyncIterable<Buffer>;
  /** To be called once; harmless while a read is open, which then goes on. */
  release(): void;
}

/** Looks at what is there (undefined: nothing) in the same step as the change; what it throws undoes the change. */
export type Check = (existing: ObjectRecord | undefined) => void;

/** As {@link Check}, of an upload and its parts. */
export type UploadCheck = (upload: UploadRecord, parts: readonly PartRecord[]) => void;

export interface ObjectStore {
  bucket(name: string): BucketRecord | undefined;
  /** In the order of their names. */
  buckets(): readonly BucketRecord[];
  /** @throws S3Error `BUCKET_OWNED` */
  createBucket(record: BucketRecord): Promise<void>;
  /** @throws S3Error `BUCKET_NOT_FOUND` */
  changeBucket(name: string, change: (record: BucketRecord) => BucketRecord): Promise<void>;
  /** Its uploads go with it. @throws S3Error `BUCKET_NOT_FOUND`, `BUCKET_NOT_EMPTY` */
  deleteBucket(name: string): Promise<void>;

  /** @throws S3Error `BUCKET_NOT_FOUND` here and below */
  object(bucket: string, key: string): ObjectRecord | undefined;
  hold(bucket: string, key: string): Promise<HeldObject | undefined>;
  /**
   * Records from a position on, in the order of the bytes of their keys; reads no more than is taken. Without their
   * parts, which a listing would read for nothing. Changes meanwhile may be seen or not.
   */
  scan(bucket: string, start: Buffer): Iterable<Omit<ObjectRecord, "parts">>;

  /** Takes in content; durable when it resolves. Rejects with the source's error, or `STORAGE_FULL`; nothing stays then. */
  draft(source: AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<Draft>;
  /**
   * The object, with this content and this record, whole and at once. The draft is used up, also when this fails.
   * `check` may be called twice: once before anything is written, and in the step that counts.
   */
  publish(bucket: string, record: ObjectRecord, draft: Draft, check: Check): Promise<void>;
  /**
   * Another record for the same content; `change` gets what is there and may throw. It is called again when somebody
   * else was quicker. @throws S3Error `KEY_NOT_FOUND` when there is nothing and `change` did not throw
   */
  changeObject(
    bucket: string,
    key: string,
    change: (existing: ObjectRecord | undefined) => ObjectRecord,
  ): Promise<void>;
  /** Nothing there is no failure. */
  deleteObject(bucket: string, key: string, check: Check): Promise<void>;

  createUpload(bucket: string, record: UploadRecord): Promise<void>;
  upload(bucket: string, key: string, id: string): UploadRecord | undefined;
  /** In the order of keys, then ids. */
  scanUploads(bucket: string, start: Buffer): Iterable<UploadRecord>;
  /** Replaces an earlier part of the number; uses the draft up, also when it fails. @throws S3Error `UPLOAD_NOT_FOUND` */
  putPart(bucket: string, key: string, id: string, part: PartRecord, draft: Draft): Promise<void>;
  /** In ascending order. */
  parts(bucket: string, key: string, id: string): readonly PartRecord[];
  /**
   * The upload becomes the object: `record.parts` are those that are taken, without a copy of their content; all others
   * are dropped. `record.parts` must still be there as they are (number and etag), else `PART_INVALID`.
   */
  completeUpload(bucket: string, id: string, record: ObjectRecord, check: Check): Promise<void>;
  /**
   * @param check - looks at what is there in the same step; what it throws keeps the upload
   * @throws S3Error `UPLOAD_NOT_FOUND`
   */
  abortUpload(bucket: string, key: string, id: string, check?: UploadCheck): Promise<void>;

  /** Small values of the layer above, for example the index's key. */
  setting(name: string): string | undefined;
  /** @param expected - what must be there now; undefined for nothing. @returns false when it is something else */
  changeSetting(name: string, expected: string | undefined, value: string): Promise<boolean>;

  close(): Promise<void>;
}
