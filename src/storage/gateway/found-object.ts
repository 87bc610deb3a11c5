/** An object of the back end, understood: what of it clients see, and what is needed to open it. */
import { HeadObjectCommand, type HeadObjectCommandOutput } from "@aws-sdk/client-s3";
import { openSize } from "../../crypto/dare-sizes.js";
import type { ShownObject } from "../objects/object-service.js";
import { s3Error } from "../s3/errors.js";
import type { SseUse } from "../sse/access.js";
import { type ContentPart, contentPart } from "../sse/content-layout.js";
import type { CustomerKey } from "../sse/customer-key.js";
import { openEncryption } from "../sse/encryption.js";
import { sseError } from "../sse/errors.js";
import { isSealedETag, shownETag } from "../sse/etag.js";
import type { ObjectKey } from "../sse/object-key.js";
import type { ShownEncryption } from "../sse/response.js";
import { shownEncryption } from "../sse/response.js";
import type { ObjectPath, SseKind } from "../sse/seal.js";
import type { GatewayBase } from "./base.js";
import { headFailure } from "./head-failure.js";
import { readMetadata, type SealedMetadata } from "./metadata.js";
import { backEndEncryption, type CustomerFields, customerFields, passesThrough } from "./twice.js";

export interface FoundObject {
  readonly path: ObjectPath;
  /** As the back end has it, with quotes: for its conditions. */
  readonly backEndETag: string;
  readonly storedSize: number;
  readonly modifiedMs: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly sealed: SealedMetadata;
  readonly storageClass: string | undefined;
  readonly tagCount: number;
  /** The back end's own, where that is all there is. */
  readonly backEndEncryption: ShownEncryption | undefined;
  readonly customer: CustomerFields;
}

/** The output of a HEAD or GET, as far as both have it. */
type Found = Omit<HeadObjectCommandOutput, "$metadata">;

export function foundObject(
  base: GatewayBase,
  path: ObjectPath,
  found: Found,
  customer: CustomerFields,
  storedSize = found.ContentLength,
): FoundObject {
  if (storedSize === undefined || found.ETag === undefined) {
    throw s3Error("INTERNAL", { cause: new Error("the back end told no size or no ETag") });
  }
  const { headers, sealed } = readMetadata(found);
  const isPassed = passesThrough(base);
  return {
    ...{ path, backEndETag: found.ETag, storedSize, headers, customer },
    // An object that a gateway with keys has encrypted must not be taken for plain by one without.
    sealed,
    modifiedMs: found.LastModified?.getTime() ?? 0,
    storageClass: found.StorageClass,
    tagCount: tagCountOf(found),
    backEndEncryption: isPassed ? backEndEncryption(found) : undefined,
  };
}

function tagCountOf(found: Found): number {
  const count: unknown = Reflect.get(found, "TagCount");
  return typeof count === "number" ? count : 0;
}

/** @throws S3Error `KEY_NOT_FOUND`, `BUCKET_NOT_FOUND`, and those of `checkCustomerKey` */
export async function findObject(
  base: GatewayBase,
  path: ObjectPath,
  customerKey: CustomerKey | undefined,
  use: SseUse,
  signal: AbortSignal | undefined,
): Promise<FoundObject> {
  const customer = customerFields(base, customerKey, path);
  try {
    const found = await headRaw(base, path, customer, signal);
    return foundObject(base, path, found, customer);
  } catch (error) {
    throw await headFailure(base, error, { path, customer, customerKey, use, signal });
  }
}

function headRaw(
  { backEnd }: GatewayBase,
  { bucket, object }: ObjectPath,
  customer: CustomerFields,
  signal: AbortSignal | undefined,
): Promise<HeadObjectCommandOutput> {
  return backEnd.call(signal, (client, options) =>
    client.send(new HeadObjectCommand({ Bucket: bucket, Key: object, ...customer }), options),
  );
}

/** Whoever encrypted it. */
export function kindOf({ sealed, backEndEncryption: theirs }: FoundObject): SseKind | undefined {
  return sealed.encryption?.kind ?? theirs?.kind;
}

/** Whether the ETag that is shown can be told only with the object's key. */
export function needsKeyForETag({ sealed: { encryption, etag } }: FoundObject): boolean {
  return encryption?.kind === "SSE-S3" && etag !== undefined && isSealedETag(etag);
}

/** Without quotes. @param key - needed where {@link needsKeyForETag} says so */
export function shownETagOf(
  { sealed: { encryption, etag }, backEndETag }: FoundObject,
  key?: ObjectKey,
): string {
  if (encryption === undefined || etag === undefined) return unquoted(backEndETag);
  return shownETag(encryption.kind, etag, key);
}

/** As a copy names its source. */
export function copySourceOf({ path: { bucket, object } }: Pick<FoundObject, "path">): string {
  return `${bucket}/${object.split("/").map(encodeURIComponent).join("/")}`;
}

export function unquoted(etag: string): string {
  return etag.replace(/^"|"$/g, "");
}

/** The caller wipes it; undefined for what the gateway did not encrypt. */
export async function openKeyOf(
  { keys }: GatewayBase,
  { path, sealed: { encryption } }: FoundObject,
  customerKey: CustomerKey | undefined,
  use: SseUse,
  signal: AbortSignal | undefined,
): Promise<ObjectKey | undefined> {
  if (encryption === undefined) return undefined;
  return openEncryption(encryption, {
    ...{ path, keys, use, customerKey },
    ...(signal === undefined ? {} : { signal }),
  });
}

/** The streams of packages that the content is made of; for a plain object, its parts. Only parts cost calls. */
export async function partsOf(
  { backEnd, partSizes }: GatewayBase,
  found: FoundObject,
  signal: AbortSignal | undefined,
): Promise<readonly ContentPart[]> {
  const { sealed, storedSize, path, backEndETag, customer } = found;
  const { encryption, parts } = sealed;
  if (encryption !== undefined && !encryption.isMultipart) return [contentPart(storedSize)];
  if (parts !== undefined) {
    return Array.from({ length: parts.count }, (_, i) => ({
      number: i + 1,
      bytes: i === parts.count - 1 ? parts.lastSize : parts.size,
    }));
  }
  const sizes = await partSizes.of(backEnd, { path, backEndETag, storedSize, customer, signal });
  return sizes.map((size, i) =>
    encryption === undefined ? { number: i + 1, bytes: size } : contentPart(size, i + 1),
  );
}

/** Bytes of plaintext. Only an encrypted object in parts may cost calls. */
export async function sizeOf(
  base: GatewayBase,
  found: FoundObject,
  signal: AbortSignal | undefined,
): Promise<number> {
  const { encryption } = found.sealed;
  if (encryption === undefined) return found.storedSize;
  if (!encryption.isMultipart) {
    const size = openSize(found.storedSize);
    if (size === undefined) throw sseError("SSE_CONTENT_DAMAGED", { cause: new Error("impossible size") });
    return size;
  }
  const parts = await partsOf(base, found, signal);
  return parts.reduce((sum, { bytes }) => sum + bytes, 0);
}

export function shownObject(found: FoundObject, size: number, etag: string): ShownObject {
  const { modifiedMs, headers, storageClass, tagCount, sealed, backEndEncryption: theirs } = found;
  const encryption = shownEncryption(sealed.encryption) ?? theirs;
  return {
    ...{ size, etag, modifiedMs, headers, tagCount },
    ...(storageClass === undefined ? {} : { storageClass }),
    ...(encryption && { encryption }),
  };
}
