/** Sealing and opening under a key: the current ciphertext form (KES reference §9.2). */
import { createCipheriv, createDecipheriv } from "node:crypto";
import { hchacha } from "@noble/ciphers/chacha.js";
import { KesError } from "../errors.js";
import { type Algorithm, KEY_BYTES } from "./algorithm.js";
import { hmacInto } from "./hmac.js";
import type { RandomSource } from "./random.js";

/** Bytes of the value that a message key is derived from. */
export const IV_BYTES = 16;
/** Bytes of the AEAD nonce. */
export const NONCE_BYTES = 12;
/** Bytes of the AEAD tag. Always demanded in full: a shorter tag is easier to forge. */
export const TAG_BYTES = 16;
/** A sealed message is this much longer than its plaintext. */
export const OVERHEAD_BYTES = TAG_BYTES + IV_BYTES + NONCE_BYTES;

// Scratch of one call: views of a message and a key's memory would each be an object for the collector. OpenSSL has
// copies of its own when the call that they are given to returns.
const scratchKey = Buffer.alloc(KEY_BYTES);
const scratchNonce = Buffer.alloc(NONCE_BYTES);
const scratchTag = Buffer.alloc(TAG_BYTES);
/** By size, because there is no way to say how much of a view is meant. What is sealed is no secret: never wiped. */
const scratchSealed = views(new ArrayBuffer(64));

const AEAD_OPTIONS = { authTagLength: TAG_BYTES } as const;
/** "expand 32-byte k" as four little-endian words, the constant of all ChaCha20 variants. */
const SIGMA = Uint32Array.of(0x61707865, 0x3320646e, 0x79622d32, 0x6b206574);

/**
 * Seals `plaintext` under a 32-byte KEK with a key derived for this message.
 *
 * Layout: `sealed (n) || tag (16) || iv (16) || nonce (12)`, so n + 44 bytes for n.
 * - AES256: AES-256-GCM under HMAC-SHA-256(kek, iv). 28 random bytes a message, where a bare 96-bit nonce
 *   would limit one KEK to 2^32 messages (NIST SP 800-38D, section 8.3).
 * - ChaCha20: ChaCha20-Poly1305 (RFC 8439) under HChaCha20(kek, iv). Not XChaCha20-Poly1305: all 12 bytes of
 *   the nonce are random.
 *
 * @param context - associated data: authenticated, not stored; {@link open} needs the same bytes
 * @throws KesError `INTERNAL` when the random source or the key has the wrong size
 */
export function seal(
  algorithm: Algorithm,
  kek: Uint8Array,
  plaintext: Uint8Array,
  context: Uint8Array,
  random: RandomSource,
): Buffer {
  const salt = random(IV_BYTES + NONCE_BYTES);
  // Too few random bytes would repeat nonces without anybody noticing.
  if (salt.length !== IV_BYTES + NONCE_BYTES) throw internal("random source gave the wrong number of bytes");
  const key = deriveMessageKey(algorithm, kek, salt, 0, scratchKey);
  const nonce = copied(salt, IV_BYTES, scratchNonce);
  const cipher =
    algorithm === "AES256"
      ? createCipheriv("aes-256-gcm", key, nonce, AEAD_OPTIONS)
      : createCipheriv("chacha20-poly1305", key, nonce, AEAD_OPTIONS);
  key.fill(0);
  if (context.length > 0) cipher.setAAD(context, { plaintextLength: plaintext.length });
  const size = plaintext.length;
  const sealed = Buffer.allocUnsafe(size + OVERHEAD_BYTES);
  sealed.set(cipher.update(plaintext), 0);
  cipher.final();
  sealed.set(cipher.getAuthTag(), size);
  sealed.set(salt, size + TAG_BYTES);
  return sealed;
}

/**
 * Opens what {@link seal} made; the plaintext is released only after its tag was verified.
 *
 * @throws KesError `DECRYPT_FAILED` for any ciphertext that is not authentic; why is not told
 */
export function open(
  algorithm: Algorithm,
  kek: Uint8Array,
  ciphertext: Uint8Array,
  context: Uint8Array,
): Buffer {
  const size = ciphertext.length - OVERHEAD_BYTES;
  if (size < 0) throw new KesError("DECRYPT_FAILED");
  const ivAt = size + TAG_BYTES;
  const key = deriveMessageKey(algorithm, kek, ciphertext, ivAt, scratchKey);
  const nonce = copied(ciphertext, ivAt + IV_BYTES, scratchNonce);
  const decipher =
    algorithm === "AES256"
      ? createDecipheriv("aes-256-gcm", key, nonce, AEAD_OPTIONS)
      : createDecipheriv("chacha20-poly1305", key, nonce, AEAD_OPTIONS);
  key.fill(0);
  if (context.length > 0) decipher.setAAD(context, { plaintextLength: size });
  decipher.setAuthTag(copied(ciphertext, size, scratchTag));
  const plaintext = decipher.update(sealedOf(ciphertext, size));
  try {
    decipher.final();
  } catch {
    plaintext.fill(0);
    throw new KesError("DECRYPT_FAILED");
  }
  return plaintext;
}

/**
 * The 32-byte key of one message: HMAC-SHA-256(kek, iv) for AES256, HChaCha20(kek, iv) for ChaCha20.
 *
 * @param source - holds the 16 bytes of the iv from `at` on
 * @param target - memory for it, which need not be used
 */
export function deriveMessageKey(
  algorithm: Algorithm,
  kek: Uint8Array,
  source: Uint8Array,
  at = 0,
  target: Buffer = Buffer.allocUnsafeSlow(KEY_BYTES),
): Buffer {
  if (kek.length !== KEY_BYTES) throw internal("key has the wrong size");
  switch (algorithm) {
    case "AES256": {
      hmacInto(target, kek, source, at);
      return target;
    }
    case "ChaCha20": {
      const words = wordsOf(kek);
      const derived = new Uint32Array(KEY_BYTES / 4);
      hchacha(SIGMA, words, wordsOf(source.subarray(at, at + IV_BYTES)), derived);
      words.fill(0);
      return Buffer.from(derived.buffer);
    }
    default:
      throw internal("algorithm is unknown");
  }
}

/** The first `size` bytes: data keys, which are short, in memory that was there before. */
function sealedOf(ciphertext: Uint8Array, size: number): Uint8Array {
  const view = scratchSealed[size];
  // Not by `subarray`, which makes a Buffer of a Buffer at twice the cost.
  if (view === undefined) return new Uint8Array(ciphertext.buffer, ciphertext.byteOffset, size);
  for (let i = 0; i < size; i++) view[i] = ciphertext[i] ?? 0;
  return view;
}

/** The beginnings of `memory`, by their lengths. */
function views(memory: ArrayBuffer): readonly Uint8Array[] {
  return Array.from({ length: memory.byteLength + 1 }, (_, size) => new Uint8Array(memory, 0, size));
}

/** Fills `target` with what begins at `at`. */
function copied(source: Uint8Array, at: number, target: Buffer): Buffer {
  for (let i = 0; i < target.length; i++) target[i] = source[at + i] ?? 0;
  return target;
}

/** A copy as 32-bit words. A copy, because words must begin at a multiple of four and a slice need not. */
function wordsOf(bytes: Uint8Array): Uint32Array {
  return new Uint32Array(Uint8Array.from(bytes).buffer);
}

function internal(reason: string): KesError {
  return new KesError("INTERNAL", [], { cause: new Error(reason) });
}
