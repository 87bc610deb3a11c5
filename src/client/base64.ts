/** Base64 of requests; answers are decoded by `crypto/base64.ts`. */

/** Padded standard base64. */
export function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
}
