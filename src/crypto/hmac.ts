/** HMAC-SHA-256 of the HMAC API and of key derivation. */
import { createHmac } from "node:crypto";

/**
 * HMAC-SHA-256 of `message` under a 32-byte key: 32 bytes (KES reference §3.15).
 *
 * Callers derive credentials of their own from the result, so the key behind a name must never change.
 */
export function hmacSha256(key: Uint8Array, message: Uint8Array): Buffer {
  return createHmac("sha256", key).update(message).digest();
}
