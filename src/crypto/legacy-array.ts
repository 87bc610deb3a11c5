/**
 * The MessagePack array of legacy ciphertexts: `[str, str, bin 16, bin 12, bin]`, nothing before or behind.
 *
 * Read by hand because the bytes come from a caller: a general decoder builds whatever nested arrays it is
 * sent (measured: one second and 280 MB for a body of 1 MiB), where this form needs five headers.
 */

/** The five elements; the byte strings are views of the input. */
export interface LegacyArray {
  readonly algorithm: string;
  readonly id: string;
  readonly iv: Uint8Array;
  readonly nonce: Uint8Array;
  readonly sealed: Uint8Array;
}

/** Longest algorithm name or id in bytes; the longest ever written has 32. */
const MAX_TEXT_BYTES = 64;

interface Element {
  readonly bytes: Uint8Array;
  readonly next: number;
}

/** Reads the array, or undefined when `bytes` is not exactly one. */
export function readLegacyArray(bytes: Uint8Array): LegacyArray | undefined {
  if (bytes[0] !== 0x95) return undefined;
  const algorithm = readText(bytes, 1);
  if (algorithm === undefined) return undefined;
  const id = readText(bytes, algorithm.next);
  if (id === undefined) return undefined;
  const iv = readBinary(bytes, id.next);
  if (iv === undefined) return undefined;
  const nonce = readBinary(bytes, iv.next);
  if (nonce === undefined) return undefined;
  const sealed = readBinary(bytes, nonce.next);
  if (sealed?.next !== bytes.length) return undefined;
  return {
    algorithm: textOf(algorithm.bytes),
    id: textOf(id.bytes),
    iv: iv.bytes,
    nonce: nonce.bytes,
    sealed: sealed.bytes,
  };
}

/** A str element: fixstr (0xa0 to 0xbf), str 8, str 16 or str 32. */
function readText(bytes: Uint8Array, at: number): Element | undefined {
  const type = bytes[at];
  if (type === undefined) return undefined;
  const element =
    type >= 0xa0 && type <= 0xbf ? cut(bytes, at + 1, type & 0x1f) : readSized(bytes, at, type - 0xd9);
  return element !== undefined && element.bytes.length <= MAX_TEXT_BYTES ? element : undefined;
}

/** A bin element: bin 8 (0xc4), bin 16 or bin 32. */
function readBinary(bytes: Uint8Array, at: number): Element | undefined {
  const type = bytes[at];
  return type === undefined ? undefined : readSized(bytes, at, type - 0xc4);
}

/** An element whose type byte is followed by a big-endian length of 1, 2 or 4 bytes, for `width` 0, 1 or 2. */
function readSized(bytes: Uint8Array, at: number, width: number): Element | undefined {
  if (width < 0 || width > 2) return undefined;
  const lengthBytes = 1 << width;
  if (at + 1 + lengthBytes > bytes.length) return undefined;
  let length = 0;
  for (let i = 1; i <= lengthBytes; i++) length = length * 256 + (bytes[at + i] ?? 0);
  return cut(bytes, at + 1 + lengthBytes, length);
}

function cut(bytes: Uint8Array, from: number, length: number): Element | undefined {
  const next = from + length;
  return next <= bytes.length ? { bytes: bytes.subarray(from, next), next } : undefined;
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString();
}
