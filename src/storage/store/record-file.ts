/**
 * A record file, byte by byte:
 *
 * ```
 * 0       8  "KSWKREC1"
 * 8       4  bytes of content C, big-endian
 * 12      4  bytes of JSON J, big-endian
 * 16      C  content, where it is small enough to stand here
 * 16+C    J  the record, JSON in UTF-8
 * 16+C+J 32  SHA-256 of all before
 * ```
 */
import { createHash, timingSafeEqual } from "node:crypto";
import { isStoredRecord, type StoredRecord } from "./stored-record.js";

const MAGIC = Buffer.from("KSWKREC1", "latin1");
/** Where content stands in a record file. */
export const CONTENT_OFFSET = 16;
const DIGEST_BYTES = 32;

/** Content of at most so many bytes stands in the record file: one file and one fsync for a small object. */
export const MAX_INLINE_BYTES = 64 * 1024;
/** 10,000 parts with checksums are about 4 MB. */
export const MAX_RECORD_BYTES = 32 * 1024 * 1024;

/** A record file that was read. */
export interface RecordFile {
  readonly stored: StoredRecord;
  readonly content: Buffer;
}

/** @throws RangeError when it is larger than {@link MAX_RECORD_BYTES} */
export function encodeRecordFile(stored: StoredRecord, content: Uint8Array): Buffer {
  const json = Buffer.from(JSON.stringify(stored), "utf8");
  const size = CONTENT_OFFSET + content.length + json.length + DIGEST_BYTES;
  if (size > MAX_RECORD_BYTES) throw new RangeError(`a record of ${size} bytes`);
  const bytes = Buffer.allocUnsafe(size);
  MAGIC.copy(bytes, 0);
  bytes.writeUInt32BE(content.length, 8);
  bytes.writeUInt32BE(json.length, 12);
  bytes.set(content, CONTENT_OFFSET);
  bytes.set(json, CONTENT_OFFSET + content.length);
  bytes.set(digest(bytes.subarray(0, size - DIGEST_BYTES)), size - DIGEST_BYTES);
  return bytes;
}

/** @returns undefined for anything that {@link encodeRecordFile} did not give: cut off, altered, something else */
export function decodeRecordFile(bytes: Buffer): RecordFile | undefined {
  const end = bytes.length - DIGEST_BYTES;
  if (end < CONTENT_OFFSET || !bytes.subarray(0, MAGIC.length).equals(MAGIC)) return undefined;
  const contentEnd = CONTENT_OFFSET + bytes.readUInt32BE(8);
  if (contentEnd + bytes.readUInt32BE(12) !== end) return undefined;
  if (!timingSafeEqual(digest(bytes.subarray(0, end)), bytes.subarray(end))) return undefined;
  const stored = parse(bytes.toString("utf8", contentEnd, end));
  return isStoredRecord(stored) ? { stored, content: bytes.subarray(CONTENT_OFFSET, contentEnd) } : undefined;
}

function digest(bytes: Uint8Array): Buffer {
  return createHash("sha256").update(bytes).digest();
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Under a right digest: of another version. What the caller does with damage it does with this.
    return undefined;
  }
}
