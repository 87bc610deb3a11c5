/** Short values sealed by themselves as one DARE 2.0 stream: object keys, ETags, checksums. */
import { createSecretKey } from "node:crypto";
import { KEY_BYTES } from "../../crypto/algorithm.js";
import { decryptFailed, openPackage, readHeader, sealPackage } from "../../crypto/dare.js";
import { DareOpener } from "../../crypto/dare-opener.js";
import { DareSealer } from "../../crypto/dare-sealer.js";
import { PACKAGE_BYTES, SEALED_PACKAGE_BYTES, sealedSize } from "../../crypto/dare-sizes.js";
import type { RandomSource } from "../../crypto/random.js";
import { NONCE_BYTES } from "../../crypto/seal.js";
import { KesError } from "../../errors.js";

/** Seals `plaintext` under a 32-byte key; n bytes become n + 32, and nothing becomes nothing. */
export function sealValue(key: Uint8Array, plaintext: Uint8Array, random: RandomSource): Buffer {
  if (plaintext.length > PACKAGE_BYTES) {
    const sealer = new DareSealer(key, random);
    return Buffer.concat([sealer.update(plaintext), sealer.final()]);
  }
  const sealed = Buffer.alloc(sealedSize(plaintext.length));
  if (plaintext.length === 0) return sealed;
  // Without the stream's buffer of 64 KiB, which is a thousand times the size of these values.
  const stream = { key: secretKey(key), algorithm: "AES256", nonce: random(NONCE_BYTES) } as const;
  sealPackage(stream, 0, true, plaintext, sealed);
  return sealed;
}

/** Opens what {@link sealValue} made. @throws KesError `DECRYPT_FAILED` with a `DareFault` */
export function openValue(key: Uint8Array, sealed: Buffer): Buffer {
  if (sealed.length > SEALED_PACKAGE_BYTES) {
    const opener = new DareOpener(key);
    return Buffer.concat([opener.update(sealed), opener.final()]);
  }
  if (sealed.length === 0) return Buffer.alloc(0);
  const header = readHeader(sealed, 0);
  if (!header.isLast) throw decryptFailed("truncated", 0);
  const plaintext = Buffer.alloc(header.length);
  openPackage(secretKey(key), 0, header, sealed, plaintext);
  return plaintext;
}

function secretKey(key: Uint8Array): ReturnType<typeof createSecretKey> {
  if (key.length !== KEY_BYTES) {
    throw new KesError("INTERNAL", [], { cause: new Error("key has the wrong size") });
  }
  return createSecretKey(key);
}
