/** Storing an object in one piece: content sealed into a draft, then content and record published as one. */

import type { MeasuredContent } from "../objects/measured.js";
import type { WrittenObject } from "../objects/object-service.js";
import type { BodyResults } from "../s3/body.js";
import { s3Error } from "../s3/errors.js";
import type { StoredHeaders } from "../s3/headers.js";
import type { ShownChecksum } from "../s3/result-documents.js";
import { sealContent } from "../sse/content.js";
import { sealETag, shownETag } from "../sse/etag.js";
import type { ObjectKey } from "../sse/object-key.js";
import { shownEncryption } from "../sse/response.js";
import type { ObjectPath } from "../sse/seal.js";
import { storedChecksum } from "../sse/stored-checksum.js";
import type { Check, Draft, ObjectRecord } from "../store/object-store.js";
import type { LocalBase } from "./base.js";
import type { Target } from "./target.js";

export interface NewObject {
  readonly path: ObjectPath;
  readonly stored: StoredHeaders;
  readonly target: Target;
  readonly content: MeasuredContent;
  readonly check: Check;
  readonly signal: AbortSignal | undefined;
}

/** Nothing is visible, and nothing left behind, unless this resolves. */
export async function storeObject(base: LocalBase, object: NewObject): Promise<WrittenObject> {
  const { path, target, content, check, signal } = object;
  const draft = await draftContent(base, content, target.key, undefined, signal);
  try {
    const results = content.results();
    signal?.throwIfAborted();
    const etag = storedETag(base, target, results);
    const checksum: ShownChecksum | undefined = results.checksum && {
      algorithm: results.checksum.algorithm,
      type: "FULL_OBJECT",
      value: results.checksum.value.toString("base64"),
    };
    const { headers, storageClass, tags } = object.stored;
    const record: ObjectRecord = {
      ...{ key: path.object, size: results.size, modifiedMs: base.now(), headers, tags },
      ...etag.stored,
      ...(storageClass === undefined ? {} : { storageClass }),
      encryption: target.entries,
      ...(checksum && { checksum: storedChecksum(checksum, target.key, base.random) }),
    };
    await base.store.publish(path.bucket, record, draft, check);
    const encryption = shownEncryption(target.encryption);
    return {
      ...{ etag: etag.shown, modifiedMs: record.modifiedMs, size: record.size },
      ...(encryption && { encryption }),
      ...(checksum && { checksum }),
    };
  } catch (error) {
    await draft.discard();
    throw error;
  }
}

/** Takes content in, sealed if there is a key. @param part - its number in an upload */
export function draftContent(
  { store, random }: LocalBase,
  { bytes }: MeasuredContent,
  key: ObjectKey | undefined,
  part: number | undefined,
  signal: AbortSignal | undefined,
): Promise<Draft> {
  return store.draft(key === undefined ? bytes : sealContent(bytes, key, part, random), signal);
}

/** The ETag of content in one piece, as it is stored and as it is shown. */
export function storedETag(
  { random }: LocalBase,
  { key, encryption, sealForIndex }: Target,
  { md5 }: BodyResults,
): { readonly stored: { readonly etag: string; readonly indexETag?: string }; readonly shown: string } {
  if (key === undefined || encryption === undefined) {
    if (md5 === undefined) throw s3Error("INTERNAL", { cause: new Error("no MD5 for an ETag") });
    return { stored: { etag: md5.toString("hex") }, shown: md5.toString("hex") };
  }
  const etag = sealETag(key, md5, random);
  const indexETag = md5 === undefined ? undefined : sealForIndex?.(md5);
  return {
    stored: { etag, ...(indexETag === undefined ? {} : { indexETag }) },
    shown: shownETag(encryption.kind, etag, key),
  };
}

/** Whether the MD5 has to be computed: of SSE-C and SSE-KMS nothing may be told by their ETags. */
export function needsMd5({ encryption }: Target): boolean {
  return encryption === undefined || encryption.kind === "SSE-S3";
}
