/** Opening and checking every object end to end, without giving a byte of it to anybody. */
import { isS3Error } from "../s3/errors.js";
import { S3Error } from "../s3-error.js";
import type { ContentPart } from "../sse/content-layout.js";
import type { CustomerKey } from "../sse/customer-key.js";
import { isSseError } from "../sse/errors.js";
import type { ObjectKey } from "../sse/object-key.js";
import type { ObjectPath } from "../sse/seal.js";
import type { LocalBase } from "./base.js";
import { contentParts } from "./held-content.js";
import { inOrder } from "./in-order.js";
import { holdObject, openKey, type SourceObject } from "./source-object.js";
import { type Damage, type ScannedPart, scanPart } from "./verify-part.js";
import { checkSums } from "./verify-sums.js";
import { walkObjects } from "./walk.js";

export interface VerifyRequest {
  /** Absent: all buckets, in the order of their names. */
  readonly bucket?: string;
  readonly prefix?: string;
  /** Resumes behind this object, which was the last that was told of. */
  readonly after?: ObjectPath;
  /** Tried in turn on SSE-C objects. */
  readonly customerKeys?: readonly CustomerKey[];
  /** Called with the number of bytes that were read, again and again. */
  readonly onRead?: (bytes: number) => void;
  /** Objects at once, at least 1. */
  readonly parallel?: number;
  readonly signal?: AbortSignal;
}

/**
 * What is known of one object:
 * - `whole`: everything that can be checked is right
 * - `damaged`: see `damage`
 * - `locked`: its key is not to be had, see `error`; nothing is known of its content
 * - `unchecked`: SSE-C, and none of the keys is its own
 */
export interface VerifiedObject extends ObjectPath {
  readonly outcome: "whole" | "damaged" | "locked" | "unchecked";
  /** Bytes of plaintext. */
  readonly size: number;
  /** At most {@link MAX_DAMAGE}. */
  readonly damage: readonly Damage[];
  readonly error?: S3Error;
}

const PARALLEL = 4;
/** More of one object are not told. */
const MAX_DAMAGE = 100;

/**
 * Objects in the order of buckets and keys; those deleted meanwhile are not told of. One `decrypt` for each that needs one.
 * @throws S3Error `BUCKET_NOT_FOUND`, `KMS_UNAVAILABLE`, `KMS_NOT_CONFIGURED`
 */
export async function* verifyObjects(
  base: LocalBase,
  request: VerifyRequest,
): AsyncGenerator<VerifiedObject, void, undefined> {
  const found = inOrder(pathsOf(base, request), request.parallel ?? PARALLEL, (path) => {
    request.signal?.throwIfAborted();
    return verifyOne(base, path, request);
  });
  for await (const verified of found) if (verified !== undefined) yield verified;
}

function* pathsOf(
  { store }: LocalBase,
  { bucket, prefix, after }: VerifyRequest,
): Generator<ListedObject, void, undefined> {
  const names = bucket === undefined ? store.buckets().map(({ name }) => name) : [bucket];
  for (const name of names) {
    if (after !== undefined && name < after.bucket) continue;
    const position = after?.bucket === name ? after.object : undefined;
    try {
      for (const { key, size } of walkObjects(store, name, { prefix, after: position })) {
        yield { bucket: name, object: key, size };
      }
    } catch (error) {
      // Deleted meanwhile.
      if (bucket !== undefined || !isS3Error(error, "BUCKET_NOT_FOUND")) throw error;
    }
  }
}

interface ListedObject extends ObjectPath {
  readonly size: number;
}

async function verifyOne(
  base: LocalBase,
  { size, ...path }: ListedObject,
  request: VerifyRequest,
): Promise<VerifiedObject | undefined> {
  let source: SourceObject;
  try {
    source = await holdObject(base, path);
  } catch (error) {
    if (isS3Error(error, "KEY_NOT_FOUND", "BUCKET_NOT_FOUND")) return undefined;
    if (isSseError(error, "SSE_ALTERED")) return damaged(path, size, [{ flaw: "record" }]);
    // Small contents are read here.
    if (isS3Error(error, "INTERNAL")) return damaged(path, size, [{ flaw: "storage" }]);
    throw error;
  }
  try {
    return await verifyHeld(base, source, request);
  } finally {
    source.release();
  }
}

async function verifyHeld(
  base: LocalBase,
  source: SourceObject,
  request: VerifyRequest,
): Promise<VerifiedObject> {
  const { path, record, encryption, held } = source;
  const { size } = record;
  let parts: readonly ContentPart[];
  try {
    parts = contentParts(record, encryption, held.storedSize);
  } catch (error) {
    if (isSseError(error, "SSE_CONTENT_DAMAGED")) return damaged(path, size, [{ flaw: "record" }]);
    throw error;
  }
  const key = await keyOf(base, source, request);
  if (key === "unchecked") return { ...path, size, outcome: "unchecked", damage: [] };
  if (key instanceof S3Error) {
    if (isSseError(key, "SSE_ALTERED")) return damaged(path, size, [{ flaw: "record" }]);
    return { ...path, size, outcome: "locked", damage: [], error: key };
  }
  try {
    const scanned: ScannedPart[] = [];
    let start = { plain: 0, stored: 0 };
    for (const part of parts) {
      const one = await scanPart(source, part, start, key, request);
      scanned.push(one);
      start = one.end;
    }
    const damage = [...scanned.flatMap((part) => part.damage), ...(await checkSums(source, scanned, key))];
    return damaged(path, size, damage);
  } finally {
    key?.wipe();
  }
}

function damaged(path: ObjectPath, size: number, damage: readonly Damage[]): VerifiedObject {
  const outcome = damage.length === 0 ? "whole" : "damaged";
  return { ...path, size, outcome, damage: damage.slice(0, MAX_DAMAGE) };
}

/** The key; undefined for a plain object; why it is not to be had. @throws S3Error what befalls every object alike */
async function keyOf(
  base: LocalBase,
  { path, encryption }: SourceObject,
  { customerKeys = [], signal }: VerifyRequest,
): Promise<ObjectKey | S3Error | "unchecked" | undefined> {
  const tried = encryption?.kind === "SSE-C" ? customerKeys : [undefined];
  for (const customerKey of tried) {
    try {
      return await openKey(base, path, encryption, { use: "read", customerKey, signal });
    } catch (error) {
      const isOfAll = isSseError(error, "KMS_UNAVAILABLE", "KMS_NOT_CONFIGURED");
      if (!(error instanceof S3Error) || isOfAll) throw error;
      if (!isSseError(error, "SSE_C_KEY_WRONG")) return error;
    }
  }
  return "unchecked";
}
