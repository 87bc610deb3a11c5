/** The local object service: buckets and objects in a store of this machine, encrypted as MinIO does. */
import type { RandomSource } from "../../crypto/random.js";
import type { KeyService } from "../keys/key-service.js";
import type { CallOptions, ObjectServiceStatus } from "../objects/object-service.js";
import { type ObjectOperations, TrackedObjects } from "../objects/tracked-objects.js";
import { s3Error } from "../s3/errors.js";
import type { ObjectStore } from "../store/object-store.js";
import type { LocalBase } from "./base.js";
import { bucketInfo, createBucket, setBucketEncryption } from "./buckets.js";
import { completeUpload } from "./complete.js";
import { copyObject } from "./copy.js";
import { IndexKey } from "./index-key.js";
import { listObjects } from "./listing.js";
import { putObject } from "./put.js";
import { copyPart, putPart } from "./put-part.js";
import { getObject, headObject } from "./read.js";
import { resealObject } from "./reseal.js";
import { type RotationRequest, type RotationStep, rotateBucket } from "./rotate.js";
import { StaleUploads, type StaleUploadsRemoved } from "./stale-uploads.js";
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

export class LocalObjects extends TrackedObjects {
  readonly #base: LocalBase;
  readonly #staleUploads: StaleUploads;
  readonly #closing = new AbortController();

  constructor({ store, keys, random, now, autoEncryption = false }: LocalObjectsOptions) {
    const index = new IndexKey({ store, keys, random, now });
    const base: LocalBase = { store, keys, random, now, autoEncryption, index };
    const staleUploads = new StaleUploads(store, now);
    super(operationsOf(base, staleUploads));
    this.#base = base;
    this.#staleUploads = staleUploads;
  }

  /** Every object of a bucket in turn; see `rotateBucket`. */
  rotate(request: RotationRequest): AsyncGenerator<RotationStep, void, undefined> {
    return rotateBucket(this.#base, request);
  }

  /** Every object is read and checked; see `verifyObjects`. */
  verify(request: VerifyRequest = {}): AsyncGenerator<VerifiedObject, void, undefined> {
    return verifyObjects(this.#base, request);
  }

  /** See `StaleUploads.remove`. @throws S3Error `UNAVAILABLE` when the service is closed, also in the midst of it */
  async removeStaleUploads(expiryMs: number): Promise<StaleUploadsRemoved> {
    const { signal } = this.#closing;
    signal.throwIfAborted();
    return this.#staleUploads.remove(expiryMs, signal);
  }

  async status({ signal }: CallOptions = {}): Promise<ObjectServiceStatus> {
    const { keys } = this.#base;
    const status = await keys?.status(signal === undefined ? {} : { signal });
    return { isStorageOnline: this.#isStorageOnline(), ...(status && { keys: status }) };
  }

  protected async closeAll(): Promise<void> {
    this.#closing.abort(s3Error("UNAVAILABLE"));
    this.#base.index.close();
    await this.#base.store.close();
    await this.#base.keys?.close();
  }

  #isStorageOnline(): boolean {
    if (this.isClosed) return false;
    try {
      this.#base.store.buckets();
      return true;
    } catch {
      // Whatever it is: a store that cannot be read is not online, and that is the whole answer.
      return false;
    }
  }
}

function operationsOf(base: LocalBase, staleUploads: StaleUploads): ObjectOperations {
  const { store } = base;
  return {
    buckets: async () => store.buckets(),
    bucket: async (name) => bucketInfo(base, name),
    createBucket: (name) => createBucket(base, name),
    deleteBucket: (name) => store.deleteBucket(name),
    setBucketEncryption: (name, encryption, { signal }) =>
      setBucketEncryption(base, name, encryption, signal),
    list: (bucket, page) => listObjects(base, bucket, page),
    put: (request) => putObject(base, request),
    head: (request) => headObject(base, request),
    get: (request) => getObject(base, request),
    copy: (request) => copyObject(base, request),
    async delete(path, conditions) {
      const check = await prepareCheck(base, path, conditions);
      await store.deleteObject(path.bucket, path.object, check);
    },
    tags: async (path) => readTags(base, path),
    setTags: (path, tags) => writeTags(base, path, tags),
    reseal: (path, to, { signal }) => resealObject(base, path, to, signal),
    createUpload: (request) => createUpload(base, request),
    putPart: (request) => staleUploads.using(request, () => putPart(base, request)),
    copyPart: (request) => staleUploads.using(request, () => copyPart(base, request)),
    parts: (request, query) => listParts(base, request, query),
    uploads: (bucket, page) => listUploads(base, bucket, page),
    completeUpload: (request) => staleUploads.using(request, () => completeUpload(base, request)),
    abortUpload: ({ bucket, object }, uploadId) => store.abortUpload(bucket, object, uploadId),
  };
}
