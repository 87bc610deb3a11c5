/** Keys of TLS session tickets: made from one secret, so that all workers of a server resume each other's sessions. */
import { createHmac } from "node:crypto";

/** Bytes of a secret that ticket keys are made from. */
export const TICKET_SECRET_BYTES = 48;

/** A secret lives this long. Sessions made under the one before are not resumed: each of them costs one handshake. */
export const TICKET_ROTATION_MS = 12 * 3_600_000;

/** The 48 bytes that Node takes: HMAC-SHA-384(secret, scope), so that no two scopes share tickets. */
export function ticketKeys(secret: Uint8Array, scope: string): Buffer {
  return createHmac("sha384", secret).update(scope).digest();
}
