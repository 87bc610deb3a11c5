/** Shared by the tests of the local object service: one with a store in memory, and short forms of its calls. */
import { createHash } from "node:crypto";
import { secureRandom } from "../../../../src/crypto/random.js";
import type { KeyService } from "../../../../src/storage/keys/key-service.js";
import { LocalObjects } from "../../../../src/storage/local/local-objects.js";
import type {
  CompleteRequest,
  CopyPartRequest,
  CopyRequest,
  OpenedObject,
  PartRequest,
  PutRequest,
  ReadRequest,
  WrittenObject,
  WrittenPart,
} from "../../../../src/storage/objects/object-service.js";
import type { S3Failure } from "../../../../src/storage/s3/errors.js";
import type { PageRequest } from "../../../../src/storage/s3/listing.js";
import type { ListedObject } from "../../../../src/storage/s3/listing-xml.js";
import { S3Error } from "../../../../src/storage/s3-error.js";
import { CustomerKey } from "../../../../src/storage/sse/customer-key.js";
import type { SseFailure } from "../../../../src/storage/sse/errors.js";
import type { RequestedEncryption, SseRequest } from "../../../../src/storage/sse/request.js";
import type { SseKind } from "../../../../src/storage/sse/seal.js";
import type { ObjectStore } from "../../../../src/storage/store/object-store.js";
import { MemoryStore } from "../../../support/memory-store.js";
import { uploadBody } from "../../../support/upload-body.js";
import { CountingKeyService, SeveralKeys } from "../keys/support.js";

export type Kind = SseKind | "none";
export const kinds: readonly Kind[] = ["none", "SSE-S3", "SSE-KMS", "SSE-C"];
export const customerKey = new CustomerKey(Buffer.alloc(32, 5));
export const otherCustomerKey = new CustomerKey(Buffer.alloc(32, 6));
export const BUCKET = "bucket";
export const MIB = 1024 * 1024;
export const PART_BYTES = 5 * MIB;
export const plainHeaders = { headers: { "content-type": "text/plain" }, tags: [] };
export const allKeys: PageRequest = { prefix: "", delimiter: "", after: "", maxKeys: 1000 };

const requests: Readonly<Record<Kind, RequestedEncryption | undefined>> = {
  none: undefined,
  "SSE-C": { kind: "SSE-C", key: customerKey },
  "SSE-S3": { kind: "SSE-S3" },
  "SSE-KMS": { kind: "SSE-KMS", keyId: "other", context: { tenant: "north" } },
};

/** What a request that stores asks for. */
export const asks = (kind: Kind): SseRequest => ({ target: requests[kind], source: undefined });
/** What a request that reads brings along. */
export const brings = (kind: Kind): SseRequest => ({
  target: kind === "SSE-C" ? { kind: "SSE-C", key: customerKey } : undefined,
  source: undefined,
});
/** What a copy says of source and target. */
export const copies = (from: Kind, to: Kind): SseRequest => ({
  target: requests[to],
  source: from === "SSE-C" ? customerKey : undefined,
});

export const at = (object: string, bucket = BUCKET) => ({ bucket, object });
export const md5 = (bytes: Uint8Array): string => createHash("md5").update(bytes).digest("hex");

export type Opened = Omit<OpenedObject, "content"> & { readonly bytes: Buffer };

export async function collect(content: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of content) pieces.push(piece);
  return Buffer.concat(pieces);
}

export interface SiteOptions<Store extends ObjectStore> {
  readonly store: Store;
  /** `none`: no key service is configured. */
  readonly keys?: KeyService | "none";
  readonly autoEncryption?: boolean;
}

/** A service over a store, with short forms of its calls. */
export class LocalSite<Store extends ObjectStore> {
  readonly store: Store;
  readonly counted: CountingKeyService;
  readonly objects: LocalObjects;
  /** Milliseconds since 1970. */
  nowMs = Date.UTC(2026, 0, 1);

  constructor({
    store,
    keys = new SeveralKeys("default", "other"),
    autoEncryption = false,
  }: SiteOptions<Store>) {
    this.store = store;
    this.counted = new CountingKeyService(keys === "none" ? new SeveralKeys("unused") : keys);
    this.objects = new LocalObjects({
      ...{ store, random: secureRandom, now: () => this.nowMs, autoEncryption },
      keys: keys === "none" ? undefined : this.counted,
    });
  }

  /** Calls of the key service since the last time. */
  calls(): string[] {
    return this.counted.calls.splice(0);
  }

  put(
    key: string,
    content: Buffer,
    kind: Kind = "none",
    more: Partial<PutRequest> & { readonly bodyHeaders?: Readonly<Record<string, string>> } = {},
  ): Promise<WrittenObject> {
    const { bodyHeaders, ...request } = more;
    const body = uploadBody(content, bodyHeaders);
    return this.objects.put({
      ...{ path: at(key), stored: plainHeaders, sse: asks(kind), conditions: {}, body },
      ...request,
    });
  }

  async get(key: string, kind: Kind = "none", more: Partial<ReadRequest> = {}): Promise<Opened> {
    const { content, ...result } = await this.objects.get(this.reading(key, kind, more));
    return { ...result, bytes: await collect(content) };
  }

  reading(key: string, kind: Kind, more: Partial<ReadRequest> = {}): ReadRequest {
    return { path: at(key), sse: brings(kind), conditions: {}, wantsChecksum: false, ...more };
  }

  head(key: string, kind: Kind = "none", more: Partial<ReadRequest> = {}) {
    return this.objects.head(this.reading(key, kind, more));
  }

  async listed(): Promise<readonly ListedObject[]> {
    return (await this.objects.list(BUCKET, allKeys)).contents;
  }

  copy(from: string, to: string, sse: SseRequest, more: Partial<CopyRequest> = {}): Promise<WrittenObject> {
    const source = { path: at(from), conditions: {} };
    return this.objects.copy({ source, path: at(to), sse, conditions: {}, ...more });
  }

  upload(key: string, kind: Kind, more: Partial<Parameters<LocalObjects["createUpload"]>[0]> = {}) {
    return this.objects.createUpload({ path: at(key), stored: plainHeaders, sse: asks(kind), ...more });
  }

  part(
    key: string,
    uploadId: string,
    number: number,
    content: Buffer,
    kind: Kind = "none",
    more: Partial<PartRequest> = {},
  ): Promise<WrittenPart> {
    const body = uploadBody(content);
    return this.objects.putPart({ path: at(key), uploadId, number, sse: brings(kind), body, ...more });
  }

  copyPart(
    from: string,
    key: string,
    uploadId: string,
    number: number,
    kinds: readonly [from: Kind, to: Kind],
    more: Partial<CopyPartRequest> = {},
  ): Promise<WrittenPart> {
    const [source, target] = kinds;
    const sse = { ...brings(target), source: source === "SSE-C" ? customerKey : undefined };
    return this.objects.copyPart({
      ...{ path: at(key), uploadId, number, sse },
      source: { path: at(from), conditions: {} },
      ...more,
    });
  }

  complete(
    key: string,
    uploadId: string,
    etags: Readonly<Record<number, string>>,
    kind: Kind = "none",
    more: Partial<CompleteRequest> = {},
  ): Promise<WrittenObject> {
    const parts = Object.entries(etags).map(([number, etag]) => ({ number: Number(number), etag }));
    return this.objects.completeUpload({
      ...{ path: at(key), uploadId, sse: brings(kind), parts, conditions: {} },
      ...more,
    });
  }

  /** An object in parts. @returns its ETag */
  async multipart(key: string, kind: Kind, ...contents: readonly Buffer[]): Promise<string> {
    const { uploadId } = await this.upload(key, kind);
    const etags: Record<number, string> = {};
    for (const [i, content] of contents.entries()) {
      etags[i + 1] = (await this.part(key, uploadId, i + 1, content, kind)).etag;
    }
    return (await this.complete(key, uploadId, etags, kind)).etag;
  }
}

/** With an empty bucket. */
export async function memorySite(
  options: Partial<SiteOptions<MemoryStore>> = {},
): Promise<LocalSite<MemoryStore>> {
  const site = new LocalSite({ store: new MemoryStore(), ...options });
  await site.objects.createBucket(BUCKET);
  return site;
}

/** Runs and expects that row. */
export async function rejects(
  run: () => Promise<unknown>,
  failure: S3Failure | SseFailure,
): Promise<S3Error> {
  try {
    await run();
  } catch (error) {
    if (!(error instanceof S3Error) || error.reason !== failure) throw error;
    return error;
  }
  throw new Error(`not refused as ${failure}`);
}
