/** Reading one part of an object, or an object in one piece, to its end, past all that is damaged. */
import { createHash } from "node:crypto";
import { PACKAGE_BYTES, sealedSize } from "../../crypto/dare-sizes.js";
import { createChecksum } from "../s3/checksums.js";
import { S3Error } from "../s3-error.js";
import { ContentDamage, openContent } from "../sse/content.js";
import { type ContentPart, planRead } from "../sse/content-layout.js";
import type { ObjectKey } from "../sse/object-key.js";
import type { StoredChecksum } from "../sse/stored-checksum.js";
import type { SourceObject } from "./source-object.js";

/**
 * What is wrong, where that can be told:
 * - those of `DareFlaw`: a package, or the end of its stream
 * - `storage`: what is stored cannot be read
 * - `record`: sizes, parts or entries of encryption do not fit together
 * - `etag`, `checksum`: another content than was taken in
 */
export interface Damage {
  readonly flaw: ContentDamage["flaw"] | "storage" | "record" | "etag" | "checksum";
  /** Number of the part; absent for an object in one piece, and for the whole. */
  readonly part?: number;
  /** Plaintext of the object before it. */
  readonly offset?: number;
}

export interface ScannedPart {
  readonly damage: readonly Damage[];
  /** Of the content; undefined when it is damaged. */
  readonly md5: Buffer | undefined;
  /** In the algorithm of the part's, or the object's, own. */
  readonly checksum: Buffer | undefined;
  readonly size: number;
  /** Where the next one begins. */
  readonly end: Position;
}

/** Bytes of the object before a part: of plaintext, and as they are stored. */
export interface Position {
  readonly plain: number;
  readonly stored: number;
}

export interface ScanOptions {
  readonly onRead?: (bytes: number) => void;
  readonly signal?: AbortSignal;
}

/** Goes on behind a damaged package, so that all of them are found. */
export async function scanPart(
  { record, held }: SourceObject,
  part: ContentPart,
  start: Position,
  key: ObjectKey | undefined,
  { onRead, signal }: ScanOptions,
): Promise<ScannedPart> {
  const number = part.number === undefined ? {} : { part: part.number };
  const storedBytes = key === undefined ? part.bytes : sealedSize(part.bytes);
  const md5 = createHash("md5");
  const own = storedChecksumOf(record, part);
  const checksum = own === undefined ? undefined : createChecksum(own.algorithm);
  const damage: Damage[] = [];
  let from = 0;
  while (from < part.bytes) {
    let given = from;
    try {
      for await (const chunk of contentFrom(from)) {
        signal?.throwIfAborted();
        md5.update(chunk);
        checksum?.update(chunk);
        given += chunk.length;
        onRead?.(chunk.length);
      }
      if (given < part.bytes) damage.push({ flaw: "truncated", ...number, offset: start.plain + given });
      break;
    } catch (error) {
      if (error instanceof ContentDamage) {
        damage.push({ flaw: error.flaw, ...number, offset: start.plain + error.offset });
        from = (Math.floor(error.offset / PACKAGE_BYTES) + 1) * PACKAGE_BYTES;
        continue;
      }
      if (signal?.aborted === true || !isOfStorage(error)) throw error;
      damage.push({ flaw: "storage", ...number, offset: start.plain + given });
      break;
    }
  }
  const isWhole = damage.length === 0;
  return {
    damage,
    md5: isWhole ? md5.digest() : undefined,
    checksum: isWhole ? await checksum?.digest() : undefined,
    size: part.bytes,
    end: { plain: start.plain + part.bytes, stored: start.stored + storedBytes },
  };

  function contentFrom(first: number): AsyncIterable<Buffer> {
    if (key === undefined) return held.read(start.stored + first, part.bytes - first);
    const plan = planRead([part], { first, last: part.bytes - 1 });
    return openContent(held.read(start.stored + plan.sealedOffset, plan.sealedBytes), key, plan);
  }
}

/** The checksum that is kept of this part, or of an object in one piece. */
export function storedChecksumOf(
  { checksum, parts }: SourceObject["record"],
  { number }: ContentPart,
): StoredChecksum | undefined {
  return parts === undefined ? checksum : parts.find((part) => part.number === number)?.checksum;
}

/** The store's own failures, and those of the file system below it. */
function isOfStorage(error: unknown): boolean {
  return error instanceof S3Error || (error instanceof Error && "syscall" in error);
}
