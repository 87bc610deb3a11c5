/** An object that is read: held at one moment, its metadata understood, its key not yet opened. */
import { s3Error } from "../s3/errors.js";
import type { ByteRange } from "../s3/ranges.js";
import type { SseUse } from "../sse/access.js";
import { begun } from "../sse/content.js";
import type { CustomerKey } from "../sse/customer-key.js";
import { openEncryption } from "../sse/encryption.js";
import { type Encryption, readEncryption } from "../sse/metadata.js";
import type { ObjectKey } from "../sse/object-key.js";
import type { ObjectPath } from "../sse/seal.js";
import type { HeldObject, ObjectRecord } from "../store/object-store.js";
import type { LocalBase } from "./base.js";
import { contentParts, heldContent } from "./held-content.js";

export interface SourceObject {
  readonly path: ObjectPath;
  readonly held: HeldObject;
  readonly record: ObjectRecord;
  readonly encryption: Encryption | undefined;
  /** Harmless when it was released before. */
  release(): void;
}

/**
 * The caller releases it, unless its content was begun.
 * @throws S3Error `BUCKET_NOT_FOUND`, `KEY_NOT_FOUND`, `SSE_ALTERED`
 */
export async function holdObject({ store }: LocalBase, path: ObjectPath): Promise<SourceObject> {
  const held = await store.hold(path.bucket, path.object);
  if (held === undefined) throw s3Error("KEY_NOT_FOUND");
  let isHeld = true;
  const release = (): void => {
    if (isHeld) held.release();
    isHeld = false;
  };
  try {
    const { record } = held;
    return { path, held, record, encryption: readEncryption(record.encryption), release };
  } catch (error) {
    release();
    throw error;
  }
}

export interface KeyUse {
  readonly use: SseUse;
  readonly customerKey: CustomerKey | undefined;
  readonly signal: AbortSignal | undefined;
}

/** The key of what is stored; undefined for a plain object. The caller wipes it. @throws S3Error those of `openEncryption` */
export async function openKey(
  { keys }: LocalBase,
  path: ObjectPath,
  encryption: Encryption | undefined,
  { use, customerKey, signal }: KeyUse,
): Promise<ObjectKey | undefined> {
  if (encryption === undefined) return undefined;
  return openEncryption(encryption, {
    ...{ path, keys, use, customerKey },
    ...(signal === undefined ? {} : { signal }),
  });
}

/**
 * The content with its first bytes verified. When it ends, in whatever way, `key` is wiped and the object released; when
 * this rejects they are already.
 */
export function beginContent(
  { held, record, encryption, release }: SourceObject,
  key: ObjectKey | undefined,
  range: ByteRange | undefined,
): Promise<AsyncIterableIterator<Buffer>> {
  async function* content(): AsyncGenerator<Buffer, void, undefined> {
    try {
      yield* heldContent(held, contentParts(record, encryption, held.storedSize), key, range);
    } finally {
      key?.wipe();
      release();
    }
  }
  return begun(content());
}

/** Runs `work` with the content of {@link beginContent}, and ends that in any case: `work` may not have come to read it. */
export async function withContent<T>(
  source: SourceObject,
  key: ObjectKey | undefined,
  range: ByteRange | undefined,
  work: (content: AsyncIterable<Buffer>) => Promise<T>,
): Promise<T> {
  const content = await beginContent(source, key, range);
  try {
    return await work(content);
  } finally {
    await content.return?.();
  }
}
