/** The local object service: buckets and objects in a store of this machine, encrypted as MinIO does. */
import type { RandomSource } from "../../crypto/random.js";
import type { KeyService } from "../keys/key-service.js";
import type {
  BucketInfo,
  CallOptions,
  CompleteRequest,
  CopyPartRequest,
  CopyRequest,
  CreatedUpload,
  CreateUploadRequest,
  ObjectService,
  ObjectServiceStatus,
  OpenedObject,
  PartRequest,
  PutRequest,
  ReadRequest,
  ReadResult,
  Resealed,
  UploadRef,
  WrittenObject,
  WrittenPart,
} from "../objects/object-service.js";
import type { WriteConditions } from "../s3/conditions.js";
import type { EncryptionDocument } from "../s3/documents.js";
import type { Tag } from "../s3/headers.js";
import type { Page, PageRequest } from "../s3/listing.js";
import type { ListPartsQuery } from "../s3/listing-query.js";
import type { ListedObject } from "../s3/listing-xml.js";
import type { ListedUpload } from "../s3/result-documents.js";
import type { ManagedRequest } from "../sse/encryption.js";
import type { ObjectPath } from "../sse/seal.js";
import type { ObjectStore } from "../store/object-store.js";
import type { LocalBase } from "./base.js";
import { bucketInfo, createBucket, setBucketEncryption } from "./buckets.js";
import { Calls } from "./calls.js";
import { completeUpload } from "./complete.js";
import { copyObject } from "./copy.js";
import { IndexKey } from "./index-key.js";
import { listObjects } from "./listing.js";
import { putObject } from "./put.js";
import { copyPart, putPart } from "./put-part.js";
import { getObject, headObject } from "./read.js";
import { resealObject } from "./reseal.js";
import { type RotationRequest, type RotationStep, rotateBucket } from "./rotate.js";
import { readTags, writeTags } from "./tags.js";
import { createUpload, listParts, listUploads } from "./uploads.js";
import { type VerifiedObject, type VerifyRequest, verifyObjects } from "./verify.js";
import { prepareCheck } from "./write-check.js";

export interface LocalObjectsOptions {
  /** Closed with the service, as is the key service. */
  readonly store: ObjectStore;
  /** Undefined where none is configured: objects are then stored plain, or under keys of clients. */
  readonly keys: KeyService | undefined;
  readonly random: RandomSource;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** `MINIO_KMS_AUTO_ENCRYPTION`: SSE-KMS with the default key for whatever says nothing. */
  readonly autoEncryption?: boolean;
}

export class LocalObjects implements ObjectService {
  readonly #base: LocalBase;
  readonly #calls = new Calls();

  constructor({ store, keys, random, now, autoEncryption = false }: LocalObjectsOptions) {
    const index = new IndexKey({ store, keys, random, now });
    this.#base = { store, keys, random, now, autoEncryption, index };
  }

  buckets(): Promise<readonly BucketInfo[]> {
    return this.#calls.run(async () => this.#base.store.buckets());
  }

  bucket(name: string): Promise<BucketInfo> {
    return this.#calls.run(async () => bucketInfo(this.#base, name));
  }

  createBucket(name: string): Promise<void> {
    return this.#calls.run(() => createBucket(this.#base, name));
  }

  deleteBucket(name: string): Promise<void> {
    return this.#calls.run(() => this.#base.store.deleteBucket(name));
  }

  setBucketEncryption(
    name: string,
    encryption: EncryptionDocument | undefined,
    { signal }: CallOptions = {},
  ): Promise<void> {
    return this.#calls.run(() => setBucketEncryption(this.#base, name, encryption, signal));
  }

  list(bucket: string, page: PageRequest): Promise<Page<ListedObject>> {
    return this.#calls.run(() => listObjects(this.#base, bucket, page));
  }

  put(request: PutRequest): Promise<WrittenObject> {
    return this.#calls.run(() => putObject(this.#base, request));
  }

  head(request: ReadRequest): Promise<ReadResult> {
    return this.#calls.run(() => headObject(this.#base, request));
  }

  get(request: ReadRequest): Promise<OpenedObject> {
    return this.#calls.run(async () => {
      const opened = await getObject(this.#base, request);
      return { ...opened, content: this.#calls.content(opened.content) };
    });
  }

  copy(request: CopyRequest): Promise<WrittenObject> {
    return this.#calls.run(() => copyObject(this.#base, request));
  }

  delete(path: ObjectPath, conditions: WriteConditions): Promise<void> {
    return this.#calls.run(async () => {
      const check = await prepareCheck(this.#base, path, conditions);
      await this.#base.store.deleteObject(path.bucket, path.object, check);
    });
  }

  tags(path: ObjectPath): Promise<readonly Tag[]> {
    return this.#calls.run(async () => readTags(this.#base, path));
  }

  setTags(path: ObjectPath, tags: readonly Tag[]): Promise<void> {
    return this.#calls.run(() => writeTags(this.#base, path, tags));
  }

  reseal(path: ObjectPath, to: ManagedRequest, { signal }: CallOptions = {}): Promise<Resealed> {
    return this.#calls.run(() => resealObject(this.#base, path, to, signal));
  }

  /** Every object of a bucket in turn; see `rotateBucket`. */
  rotate(request: RotationRequest): AsyncGenerator<RotationStep, void, undefined> {
    return rotateBucket(this.#base, request);
  }

  /** Every object is read and checked; see `verifyObjects`. */
  verify(request: VerifyRequest = {}): AsyncGenerator<VerifiedObject, void, undefined> {
    return verifyObjects(this.#base, request);
  }

  createUpload(request: CreateUploadRequest): Promise<CreatedUpload> {
    return this.#calls.run(() => createUpload(this.#base, request));
  }

  putPart(request: PartRequest): Promise<WrittenPart> {
    return this.#calls.run(() => putPart(this.#base, request));
  }

  copyPart(request: CopyPartRequest): Promise<WrittenPart> {
    return this.#calls.run(() => copyPart(this.#base, request));
  }

  parts(request: UploadRef, query: ListPartsQuery): ReturnType<ObjectService["parts"]> {
    return this.#calls.run(() => listParts(this.#base, request, query));
  }

  uploads(bucket: string, page: PageRequest): Promise<Page<ListedUpload>> {
    return this.#calls.run(() => listUploads(this.#base, bucket, page));
  }

  completeUpload(request: CompleteRequest): Promise<WrittenObject> {
    return this.#calls.run(() => completeUpload(this.#base, request));
  }

  abortUpload({ bucket, object }: ObjectPath, uploadId: string): Promise<void> {
    return this.#calls.run(() => this.#base.store.abortUpload(bucket, object, uploadId));
  }

  async status({ signal }: CallOptions = {}): Promise<ObjectServiceStatus> {
    const { keys } = this.#base;
    const status = await keys?.status(signal === undefined ? {} : { signal });
    return { isStorageOnline: this.#isStorageOnline(), ...(status && { keys: status }) };
  }

  /** Waits for calls on their way (abort their signals to make that short); contents that are being read are cut. */
  async close(): Promise<void> {
    await this.#calls.close();
    this.#base.index.close();
    await this.#base.store.close();
    await this.#base.keys?.close();
  }

  #isStorageOnline(): boolean {
    if (this.#calls.isClosed) return false;
    try {
      this.#base.store.buckets();
      return true;
    } catch {
      // Whatever it is: a store that cannot be read is not online, and that is the whole answer.
      return false;
    }
  }
}
