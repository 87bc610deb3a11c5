/** Keys of the index's tables: numbers are 6 bytes, big-endian, so that they are in order. */
import type { FileName } from "./layout.js";

const NUMBER_BYTES = 6;

export function numberKey(number: number): Buffer {
  const key = Buffer.allocUnsafe(NUMBER_BYTES);
  key.writeUIntBE(number, 0, NUMBER_BYTES);
  return key;
}

export function readNumberKey(key: Buffer): number {
  return key.readUIntBE(0, NUMBER_BYTES);
}

export function textKey(name: string): Buffer {
  return Buffer.from(name, "utf8");
}

/** Objects: number of the bucket, bytes of the key. */
export function objectKey(bucket: number, key: string): Buffer {
  return positionKey(bucket, Buffer.from(key, "utf8"));
}

/** Where objects of the bucket from `position` on begin. */
export function positionKey(bucket: number, position: Buffer): Buffer {
  return Buffer.concat([numberKey(bucket), position]);
}

/** Behind everything of the bucket, or of the upload. */
export function endKey(number: number): Buffer {
  return numberKey(number + 1);
}

/**
 * Uploads: number of the bucket, bytes of the key, zero, id. Each byte of the key is one larger, so that none is zero
 * and the order stays; UTF-8 has no 0xff.
 */
export function uploadKey(bucket: number, key: string, id: string): Buffer {
  return Buffer.concat([uploadPositionKey(bucket, Buffer.from(key, "utf8")), Buffer.of(0), Buffer.from(id)]);
}

/** Where uploads of the bucket from the key `position` on begin. */
export function uploadPositionKey(bucket: number, position: Buffer): Buffer {
  return Buffer.concat([numberKey(bucket), position.map((byte) => Math.min(byte + 1, 0xff))]);
}

/** Parts: number of the upload, number of the part. */
export function partKey(upload: number, part: number): Buffer {
  const key = Buffer.allocUnsafe(NUMBER_BYTES + 2);
  key.writeUIntBE(upload, 0, NUMBER_BYTES);
  key.writeUInt16BE(part, NUMBER_BYTES);
  return key;
}

/**
 * Garbage: 0 for what says that something exists and must go at once, 1 for content, which waits while it is read;
 * then the number.
 */
export function garbageKey(number: number, waits: boolean): Buffer {
  return Buffer.concat([Buffer.of(waits ? 1 : 0), numberKey(number)]);
}

export function readGarbage(key: Buffer, value: string): FileName & { readonly waits: boolean } {
  return {
    number: readNumberKey(key.subarray(1)),
    kind: value === "record" ? "record" : "content",
    waits: key[0] === 1,
  };
}

export const GARBAGE_START = Buffer.of(0);
export const GARBAGE_CONTENT = Buffer.of(1);
export const GARBAGE_END = Buffer.of(2);
