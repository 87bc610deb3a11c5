/** ETags of encrypted objects: stored sealed, shown by kind (S3 reference §3.1, §5.5). */
import { createHash } from "node:crypto";
import type { RandomSource } from "../../crypto/random.js";
import { sseError } from "./errors.js";
import type { ObjectKey } from "./object-key.js";
import type { SseKind } from "./seal.js";

const MD5_HEX = /^[0-9a-f]{32}$/;
/** 48 bytes: the MD5 sealed. */
const SEALED_HEX = /^[0-9a-f]{96}$/;
const MD5_BYTES = 16;

/**
 * The ETag to store, as hex, of an encrypted object in one piece, or of a part.
 * @param md5 - of the plaintext. For SSE-C and SSE-KMS give it only where the client sent `Content-MD5`; without, random
 *   bytes take its place, since what is shown for them must tell nothing of the content
 */
export function sealETag(key: ObjectKey, md5: Uint8Array | undefined, random: RandomSource): string {
  return key.sealETag(md5 ?? random(MD5_BYTES), random).toString("hex");
}

/** True for the stored form of {@link sealETag}; MD5s and the ETags of multipart objects are not sealed. */
export function isSealedETag(stored: string): boolean {
  return SEALED_HEX.test(stored);
}

/** The MD5 as hex. @throws S3Error `SSE_ALTERED` */
export function openETag(key: ObjectKey, stored: string): string {
  return key.openETag(Buffer.from(stored, "hex")).toString("hex");
}

/**
 * What a client is shown, without quotes: an ETag that is not sealed as it is; for SSE-C and SSE-KMS the end of the
 * sealed one, an AEAD tag, for which no key is needed; for SSE-S3 the MD5, for which the object key is.
 *
 * @param key - needed only for SSE-S3 and a sealed ETag
 * @throws S3Error `SSE_ALTERED`, also for SSE-S3 without key
 */
export function shownETag(kind: SseKind | undefined, stored: string, key?: ObjectKey): string {
  if (!isSealedETag(stored)) return stored;
  if (kind === "SSE-C" || kind === "SSE-KMS") return stored.slice(-2 * MD5_BYTES);
  if (key === undefined) throw sseError("SSE_ALTERED", { cause: new Error("a sealed ETag without key") });
  return openETag(key, stored);
}

/**
 * The ETag of a multipart object: MD5 over the parts' binary ETags, `-`, and their number.
 * @param shown - the parts' ETags as clients see them, in the order of the parts
 * @throws S3Error `SSE_ALTERED` for one that is not 32 hex digits
 */
export function multipartETag(shown: readonly string[]): string {
  const hash = createHash("md5");
  for (const etag of shown) {
    if (!MD5_HEX.test(etag)) throw sseError("SSE_ALTERED", { cause: new Error("a part's ETag is no MD5") });
    hash.update(etag, "hex");
  }
  return `${hash.digest("hex")}-${shown.length}`;
}
