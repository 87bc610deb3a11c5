/** Objects of another S3 service: encrypted on their way there by this gateway, or handed through. */
import { DeleteObjectCommand } from "@aws-sdk/client-s3";
import type { RandomSource } from "../../crypto/random.js";
import type { KeyService } from "../keys/key-service.js";
import { Calls } from "../local/calls.js";
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
import { BackEnd, type BackEndOptions } from "./back-end.js";
import type { GatewayBase } from "./base.js";
import { BodyMemory } from "./body-memory.js";
import { createBucket, deleteBucket, findBucket, listBuckets, setBucketEncryption } from "./buckets.js";
import { copyObject } from "./copy.js";
import { listObjects } from "./listing.js";
import { PartSizes } from "./part-sizes.js";
import { putObject } from "./put.js";
import { getObject, headObject } from "./read.js";
import { completeRepeatably } from "./repeated-completion.js";
import { resealObject } from "./reseal.js";
import { SeenObjects } from "./seen-objects.js";
import { readTags, writeTags } from "./tags.js";
import { listParts, listUploads } from "./upload-listing.js";
import { abortUpload, copyPart, createUpload, putPart } from "./uploads.js";
import { writeConditions } from "./write-conditions.js";

export interface GatewayOptions {
  readonly backEnd: BackEndOptions;
  /** Undefined: pass-through. Closed with the service. */
  readonly keys: KeyService | undefined;
  readonly random: RandomSource;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly autoEncryption?: boolean;
  /** `MINIO_GATEWAY_SSE`. */
  readonly twice?: ReadonlySet<"SSE-S3" | "SSE-C">;
}

/** Longest wait for the back end's word on its own health. */
const PROBE_TIMEOUT_MS = 2_000;

export class GatewayObjects implements ObjectService {
  readonly #base: GatewayBase;
  readonly #calls = new Calls();

  constructor({ backEnd, keys, random, now, autoEncryption = false, twice = new Set() }: GatewayOptions) {
    this.#base = {
      ...{ keys, random, now, autoEncryption, twice },
      backEnd: new BackEnd(backEnd),
      memory: new BodyMemory(),
      partSizes: new PartSizes(),
      seen: new SeenObjects(),
    };
  }

  buckets({ signal }: CallOptions = {}): Promise<readonly BucketInfo[]> {
    return this.#calls.run(() => listBuckets(this.#base, signal));
  }

  bucket(name: string, { signal }: CallOptions = {}): Promise<BucketInfo> {
    return this.#calls.run(() => findBucket(this.#base, name, signal));
  }

  createBucket(name: string, { signal }: CallOptions = {}): Promise<void> {
    return this.#calls.run(() => createBucket(this.#base, name, signal));
  }

  deleteBucket(name: string, { signal }: CallOptions = {}): Promise<void> {
    return this.#calls.run(() => deleteBucket(this.#base, name, signal));
  }

  setBucketEncryption(
    name: string,
    encryption: EncryptionDocument | undefined,
    { signal }: CallOptions = {},
  ): Promise<void> {
    return this.#calls.run(() => setBucketEncryption(this.#base, name, encryption, signal));
  }

  list(bucket: string, page: PageRequest, { signal }: CallOptions = {}): Promise<Page<ListedObject>> {
    return this.#calls.run(() => listObjects(this.#base, bucket, page, signal));
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

  delete(path: ObjectPath, conditions: WriteConditions, { signal }: CallOptions = {}): Promise<void> {
    return this.#calls.run(async () => {
      const { match } = conditions;
      const fields =
        match === undefined ? {} : await writeConditions(this.#base, path, { match }, undefined, signal);
      await this.#base.backEnd.call(signal, (client, options) =>
        client.send(
          new DeleteObjectCommand({ Bucket: path.bucket, Key: path.object, ...ifMatch(fields) }),
          options,
        ),
      );
    });
  }

  tags(path: ObjectPath, { signal }: CallOptions = {}): Promise<readonly Tag[]> {
    return this.#calls.run(() => readTags(this.#base, path, signal));
  }

  setTags(path: ObjectPath, tags: readonly Tag[], { signal }: CallOptions = {}): Promise<void> {
    return this.#calls.run(() => writeTags(this.#base, path, tags, signal));
  }

  reseal(path: ObjectPath, to: ManagedRequest, { signal }: CallOptions = {}): Promise<Resealed> {
    return this.#calls.run(() => resealObject(this.#base, path, to, signal));
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

  uploads(bucket: string, page: PageRequest, { signal }: CallOptions = {}): Promise<Page<ListedUpload>> {
    return this.#calls.run(() => listUploads(this.#base, bucket, page, signal));
  }

  completeUpload(request: CompleteRequest): Promise<WrittenObject> {
    return this.#calls.run(() => completeRepeatably(this.#base, request));
  }

  abortUpload(path: ObjectPath, uploadId: string, { signal }: CallOptions = {}): Promise<void> {
    return this.#calls.run(() => abortUpload(this.#base, path, uploadId, signal));
  }

  async status({ signal }: CallOptions = {}): Promise<ObjectServiceStatus> {
    const timeout = AbortSignal.timeout(PROBE_TIMEOUT_MS);
    const bounded = signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
    const [isStorageOnline, keys] = await Promise.all([
      this.buckets({ signal: bounded }).then(
        () => true,
        () => false,
      ),
      this.#base.keys?.status(signal === undefined ? {} : { signal }),
    ]);
    return { isStorageOnline, ...(keys && { keys }) };
  }

  async close(): Promise<void> {
    await this.#calls.close();
    this.#base.backEnd.close();
    await this.#base.keys?.close();
  }
}

function ifMatch({ IfMatch }: { readonly IfMatch?: string }): { readonly IfMatch?: string } {
  return IfMatch === undefined ? {} : { IfMatch };
}
