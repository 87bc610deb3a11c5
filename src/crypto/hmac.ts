/** HMAC-SHA-256 of the HMAC API and of key derivation. */
import { createHmac, hash } from "node:crypto";
import { KEY_BYTES } from "./algorithm.js";

/**
 * HMAC-SHA-256 of `message` under a 32-byte key: 32 bytes (KES reference §3.15).
 *
 * Callers derive credentials of their own from the result, so the key behind a name must never change.
 */
export function hmacSha256(key: Uint8Array, message: Uint8Array): Buffer {
  return createHmac("sha256", key).update(message).digest();
}

/** Bytes that SHA-256 takes at a time. */
const BLOCK_BYTES = 64;
/** Bytes of a message of {@link hmacInto}. */
const MESSAGE_BYTES = 16;

// Scratch of one call, allocated anew it would cost as much as the hashes. The key's part is all zeros between two calls;
// behind its end a key is padded with zeros, so that the rest of its block never changes.
const inner = Buffer.alloc(BLOCK_BYTES + MESSAGE_BYTES, 0x36);
const outer = Buffer.alloc(BLOCK_BYTES + KEY_BYTES, 0x5c);
// What is wiped in them: four bytes at a time.
const innerKey = new Uint32Array(inner.buffer, inner.byteOffset, KEY_BYTES / 4);
const outerKey = new Uint32Array(outer.buffer, outer.byteOffset, KEY_BYTES / 4);
const innerHash = new Uint32Array(outer.buffer, outer.byteOffset + BLOCK_BYTES, KEY_BYTES / 4);

/**
 * HMAC-SHA-256 of 16 bytes, written to `target`: twice SHA-256 (RFC 2104), each in one call that leaves no object
 * behind. A third of what `createHmac` costs, which every seal and every open pays.
 *
 * The result passes through a string that cannot be wiped. It is the key of one message, whose plaintext the answer
 * carries as a string as well.
 *
 * @param target - 32 bytes
 * @param key - 32 bytes
 * @param source - the message begins at `at`
 */
export function hmacInto(target: Buffer, key: Uint8Array, source: Uint8Array, at: number): void {
  if (key.length !== KEY_BYTES || target.length !== KEY_BYTES)
    throw new RangeError("HMAC: a key or result of another size");
  if (at < 0 || at + MESSAGE_BYTES > source.length) throw new RangeError("HMAC: no message there");
  for (let i = 0; i < KEY_BYTES; i++) {
    const byte = key[i] ?? 0;
    inner[i] = byte ^ 0x36;
    outer[i] = byte ^ 0x5c;
  }
  for (let i = 0; i < MESSAGE_BYTES; i++) inner[BLOCK_BYTES + i] = source[at + i] ?? 0;
  sha256(inner, outer, BLOCK_BYTES);
  sha256(outer, target, 0);
  for (let i = 0; i < KEY_BYTES / 4; i++) {
    innerKey[i] = 0;
    outerKey[i] = 0;
    // The inner hash would give the result away to whoever has the outer block's.
    innerHash[i] = 0;
  }
}

/** Writes the hash to `target`, octet by octet: for so few, a call into C++ costs more. */
function sha256(bytes: Buffer, target: Buffer, at: number): void {
  const octets = hash("sha256", bytes, "binary");
  for (let i = 0; i < KEY_BYTES; i++) target[at + i] = octets.charCodeAt(i);
}
