/** Records as clients see them. */
import type { ShownObject } from "../objects/object-service.js";
import type { ListedObject } from "../s3/listing-xml.js";
import { isSealedETag, shownETag } from "../sse/etag.js";
import { type Encryption, encryptionKind } from "../sse/metadata.js";
import { shownEncryption } from "../sse/response.js";
import type { ObjectRecord } from "../store/object-store.js";
import type { LocalBase } from "./base.js";
import type { OpenIndex } from "./index-key.js";

/** True when the ETag that is shown is sealed under the index's key. */
export function needsIndex({ etag, indexETag, encryption }: ObjectRecord): boolean {
  return indexETag !== undefined && isSealedETag(etag) && encryptionKind(encryption) === "SSE-S3";
}

/**
 * Without quotes. Where the index's key was erased, or never was, an SSE-S3 object shows what one of SSE-KMS does.
 * @param index - needed where {@link needsIndex} says so
 * @throws S3Error as `OpenIndex.etag`
 */
export function etagOf(record: ObjectRecord, index: OpenIndex | undefined): string {
  const { indexETag, etag } = record;
  const opened = indexETag !== undefined && needsIndex(record) ? index?.etag(indexETag) : undefined;
  return opened ?? shownETag("SSE-KMS", etag);
}

/** The same, with the index's key opened where that is needed. @throws S3Error as `IndexKey.open` */
export async function loadedETag({ index }: LocalBase, record: ObjectRecord): Promise<string> {
  return etagOf(record, needsIndex(record) ? await index.open() : undefined);
}

/** All but checksums, for which the object's key may be needed. */
export function shownObject(
  record: ObjectRecord,
  etag: string,
  encryption: Encryption | undefined,
): ShownObject {
  const { size, modifiedMs, headers, storageClass, tags, parts } = record;
  const shown = shownEncryption(encryption);
  return {
    ...{ size, etag, modifiedMs, headers, tagCount: tags.length },
    ...(storageClass === undefined ? {} : { storageClass }),
    ...(shown === undefined ? {} : { encryption: shown }),
    ...(parts === undefined
      ? {}
      : { parts: parts.map(({ number, size: bytes }) => ({ number, size: bytes })) }),
  };
}

export function listedObject(record: ObjectRecord, index: OpenIndex | undefined): ListedObject {
  const { key, modifiedMs, size, storageClass, checksum } = record;
  return {
    ...{ key, modifiedMs, size, etag: etagOf(record, index) },
    storageClass,
    checksumAlgorithm: checksum?.algorithm,
    checksumType: checksum?.type,
  };
}
