/** Objects of another S3 service: encrypted on their way there by this gateway, or handed through. */
import { ListBucketsCommand } from "@aws-sdk/client-s3";
import type { RandomSource } from "../../crypto/random.js";
import type { KeyService } from "../keys/key-service.js";
import type { CallOptions, ObjectServiceStatus } from "../objects/object-service.js";
import { type ObjectOperations, TrackedObjects } from "../objects/tracked-objects.js";
import { isS3Error } from "../s3/errors.js";
import { withinTime } from "../time-limit.js";
import { BackEnd, type BackEndOptions } from "./back-end.js";
import type { GatewayBase } from "./base.js";
import { BodyMemory } from "./body-memory.js";
import { createBucket, deleteBucket, findBucket, listBuckets, setBucketEncryption } from "./buckets.js";
import { copyObject } from "./copy.js";
import { CopyConditions } from "./copy-conditions.js";
import { deleteObject } from "./delete.js";
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

export class GatewayObjects extends TrackedObjects {
  readonly #base: GatewayBase;

  constructor({ backEnd, keys, random, now, autoEncryption = false, twice = new Set() }: GatewayOptions) {
    const reached = new BackEnd(backEnd);
    const base: GatewayBase = {
      ...{ keys, random, now, autoEncryption, twice },
      backEnd: reached,
      copyConditions: new CopyConditions(reached, random),
      memory: new BodyMemory(),
      partSizes: new PartSizes(),
      seen: new SeenObjects(),
    };
    super(operationsOf(base));
    this.#base = base;
  }

  async status({ signal }: CallOptions = {}): Promise<ObjectServiceStatus> {
    const { backEnd, keys } = this.#base;
    const [isStorageOnline, keyStatus] = await Promise.all([
      this.isClosed ? false : withinTime(PROBE_TIMEOUT_MS, signal, (bounded) => answers(backEnd, bounded)),
      keys?.status(signal === undefined ? {} : { signal }),
    ]);
    return { isStorageOnline, ...(keyStatus && { keys: keyStatus }) };
  }

  protected async closeAll(): Promise<void> {
    this.#base.backEnd.close();
    await this.#base.keys?.close();
  }
}

function operationsOf(base: GatewayBase): ObjectOperations {
  return {
    buckets: ({ signal }) => listBuckets(base, signal),
    bucket: (name, { signal }) => findBucket(base, name, signal),
    createBucket: (name, { signal }) => createBucket(base, name, signal),
    deleteBucket: (name, { signal }) => deleteBucket(base, name, signal),
    setBucketEncryption: (name, encryption, { signal }) =>
      setBucketEncryption(base, name, encryption, signal),
    list: (bucket, page, { signal }) => listObjects(base, bucket, page, signal),
    put: (request) => putObject(base, request),
    head: (request) => headObject(base, request),
    get: (request) => getObject(base, request),
    copy: (request) => copyObject(base, request),
    delete: (path, conditions, { signal }) => deleteObject(base, path, conditions, signal),
    tags: (path, { signal }) => readTags(base, path, signal),
    setTags: (path, tags, { signal }) => writeTags(base, path, tags, signal),
    reseal: (path, to, { signal }) => resealObject(base, path, to, signal),
    createUpload: (request) => createUpload(base, request),
    putPart: (request) => putPart(base, request),
    copyPart: (request) => copyPart(base, request),
    parts: (request, query) => listParts(base, request, query),
    uploads: (bucket, page, { signal }) => listUploads(base, bucket, page, signal),
    completeUpload: (request) => completeRepeatably(base, request),
    abortUpload: (path, uploadId, { signal }) => abortUpload(base, path, uploadId, signal),
  };
}

/** Whether the back end takes calls. */
async function answers(backEnd: BackEnd, signal: AbortSignal): Promise<boolean> {
  try {
    await backEnd.call(signal, (client, options) => client.send(new ListBucketsCommand({}), options));
    return true;
  } catch (error) {
    // Who may use one bucket need not see the list of all. All else is no answer, whatever it is.
    return isS3Error(error, "ACCESS_DENIED");
  }
}
