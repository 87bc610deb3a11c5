/** What every object service is alike in: its calls are counted while they run, so that closing leaves nothing open. */
import type { EncryptionDocument } from "../s3/documents.js";
import type { Tag } from "../s3/headers.js";
import type { Page, PageRequest } from "../s3/listing.js";
import type { ListPartsQuery } from "../s3/listing-query.js";
import type { ListedObject } from "../s3/listing-xml.js";
import type { ListedUpload } from "../s3/result-documents.js";
import { Calls } from "./calls.js";
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
} from "./object-service.js";

type ObjectPath = PutRequest["path"];
type WriteConditions = PutRequest["conditions"];
type ManagedRequest = Parameters<ObjectService["reseal"]>[1];

/** The operations themselves. Whatever they throw rejects; options are always given. */
export type ObjectOperations = {
  readonly [Name in Exclude<keyof ObjectService, "status" | "close">]: (
    ...args: Required<Parameters<ObjectService[Name]>>
  ) => ReturnType<ObjectService[Name]>;
};

export abstract class TrackedObjects implements ObjectService {
  readonly #operations: ObjectOperations;
  readonly #calls = new Calls();

  constructor(operations: ObjectOperations) {
    this.#operations = operations;
  }

  buckets(options: CallOptions = {}): Promise<readonly BucketInfo[]> {
    return this.#calls.run(() => this.#operations.buckets(options));
  }

  bucket(name: string, options: CallOptions = {}): Promise<BucketInfo> {
    return this.#calls.run(() => this.#operations.bucket(name, options));
  }

  createBucket(name: string, options: CallOptions = {}): Promise<void> {
    return this.#calls.run(() => this.#operations.createBucket(name, options));
  }

  deleteBucket(name: string, options: CallOptions = {}): Promise<void> {
    return this.#calls.run(() => this.#operations.deleteBucket(name, options));
  }

  setBucketEncryption(
    name: string,
    encryption: EncryptionDocument | undefined,
    options: CallOptions = {},
  ): Promise<void> {
    return this.#calls.run(() => this.#operations.setBucketEncryption(name, encryption, options));
  }

  list(bucket: string, page: PageRequest, options: CallOptions = {}): Promise<Page<ListedObject>> {
    return this.#calls.run(() => this.#operations.list(bucket, page, options));
  }

  put(request: PutRequest): Promise<WrittenObject> {
    return this.#calls.run(() => this.#operations.put(request));
  }

  head(request: ReadRequest): Promise<ReadResult> {
    return this.#calls.run(() => this.#operations.head(request));
  }

  get(request: ReadRequest): Promise<OpenedObject> {
    return this.#calls.run(async () => {
      const opened = await this.#operations.get(request);
      return { ...opened, content: this.#calls.content(opened.content) };
    });
  }

  copy(request: CopyRequest): Promise<WrittenObject> {
    return this.#calls.run(() => this.#operations.copy(request));
  }

  delete(path: ObjectPath, conditions: WriteConditions, options: CallOptions = {}): Promise<void> {
    return this.#calls.run(() => this.#operations.delete(path, conditions, options));
  }

  tags(path: ObjectPath, options: CallOptions = {}): Promise<readonly Tag[]> {
    return this.#calls.run(() => this.#operations.tags(path, options));
  }

  setTags(path: ObjectPath, tags: readonly Tag[], options: CallOptions = {}): Promise<void> {
    return this.#calls.run(() => this.#operations.setTags(path, tags, options));
  }

  reseal(path: ObjectPath, to: ManagedRequest, options: CallOptions = {}): Promise<Resealed> {
    return this.#calls.run(() => this.#operations.reseal(path, to, options));
  }

  createUpload(request: CreateUploadRequest): Promise<CreatedUpload> {
    return this.#calls.run(() => this.#operations.createUpload(request));
  }

  putPart(request: PartRequest): Promise<WrittenPart> {
    return this.#calls.run(() => this.#operations.putPart(request));
  }

  copyPart(request: CopyPartRequest): Promise<WrittenPart> {
    return this.#calls.run(() => this.#operations.copyPart(request));
  }

  parts(request: UploadRef, query: ListPartsQuery): ReturnType<ObjectService["parts"]> {
    return this.#calls.run(() => this.#operations.parts(request, query));
  }

  uploads(bucket: string, page: PageRequest, options: CallOptions = {}): Promise<Page<ListedUpload>> {
    return this.#calls.run(() => this.#operations.uploads(bucket, page, options));
  }

  completeUpload(request: CompleteRequest): Promise<WrittenObject> {
    return this.#calls.run(() => this.#operations.completeUpload(request));
  }

  abortUpload(path: ObjectPath, uploadId: string, options: CallOptions = {}): Promise<void> {
    return this.#calls.run(() => this.#operations.abortUpload(path, uploadId, options));
  }

  abstract status(options?: CallOptions): Promise<ObjectServiceStatus>;

  /** Waits for calls on their way (abort their signals to make that short); contents that are being read are cut. */
  async close(): Promise<void> {
    await this.#calls.close();
    await this.closeAll();
  }

  /** What lies behind: called when no call is on its way any more. */
  protected abstract closeAll(): Promise<void>;

  protected get isClosed(): boolean {
    return this.#calls.isClosed;
  }
}
