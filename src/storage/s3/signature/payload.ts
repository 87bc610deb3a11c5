/** What `x-amz-content-sha256` says of the body (S3 API reference §3.1). */
import { s3Error } from "../errors.js";

/** What is to be held against the body. */
export type Payload =
  /** SHA-256 of the whole, lower-case hex. */
  | { readonly kind: "hash"; readonly sha256: string }
  | { readonly kind: "unsigned" }
  /** Chunks, each with a signature or none, and a trailer or none. */
  | { readonly kind: "chunked"; readonly isSigned: boolean; readonly hasTrailer: boolean };

export const UNSIGNED = "UNSIGNED-PAYLOAD";

const KINDS: Readonly<Record<string, Payload>> = {
  [UNSIGNED]: { kind: "unsigned" },
  "STREAMING-AWS4-HMAC-SHA256-PAYLOAD": { kind: "chunked", isSigned: true, hasTrailer: false },
  "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER": { kind: "chunked", isSigned: true, hasTrailer: true },
  "STREAMING-UNSIGNED-PAYLOAD-TRAILER": { kind: "chunked", isSigned: false, hasTrailer: true },
};

const SHA256 = /^[0-9a-f]{64}$/i;

/** @throws S3Error `CONTENT_SHA256_INVALID` */
export function parsePayload(value: string): Payload {
  const kind = Object.hasOwn(KINDS, value) ? KINDS[value] : undefined;
  if (kind !== undefined) return kind;
  if (!SHA256.test(value)) throw s3Error("CONTENT_SHA256_INVALID");
  return { kind: "hash", sha256: value.toLowerCase() };
}
