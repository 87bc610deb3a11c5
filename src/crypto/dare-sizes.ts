/** Sizes of DARE streams, in bytes (S3 reference §6.3). */

/** Plaintext of a full package; only the last package of a stream may hold less. */
export const PACKAGE_BYTES = 64 * 1024;
export const PACKAGE_HEADER_BYTES = 16;
/** A sealed package is this much longer than its plaintext: header and tag. */
export const PACKAGE_OVERHEAD_BYTES = PACKAGE_HEADER_BYTES + 16;
export const SEALED_PACKAGE_BYTES = PACKAGE_BYTES + PACKAGE_OVERHEAD_BYTES;
/** The sequence number is a part of the AEAD nonce, 32 bits wide. */
export const MAX_PACKAGES = 2 ** 32;

/** Sealed size of `plaintextBytes`, which are at most 2^48. Nothing seals to nothing. */
export function sealedSize(plaintextBytes: number): number {
  return plaintextBytes + Math.ceil(plaintextBytes / PACKAGE_BYTES) * PACKAGE_OVERHEAD_BYTES;
}

/** Plaintext size of a whole stream of `sealedBytes`, or undefined when no stream has that size. */
export function openSize(sealedBytes: number): number | undefined {
  const rest = sealedBytes % SEALED_PACKAGE_BYTES;
  if (rest > 0 && rest <= PACKAGE_OVERHEAD_BYTES) return undefined;
  const packages = Math.ceil(sealedBytes / SEALED_PACKAGE_BYTES);
  return packages > MAX_PACKAGES ? undefined : sealedBytes - packages * PACKAGE_OVERHEAD_BYTES;
}
