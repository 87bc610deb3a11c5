/** Sealing a stream of bytes as DARE 2.0: bytes in, packages out, no input and output of its own. */
import { createSecretKey } from "node:crypto";
import { KesError } from "../errors.js";
import { type Algorithm, KEY_BYTES } from "./algorithm.js";
import { type DareStream, sealPackage } from "./dare.js";
import { PACKAGE_BYTES, SEALED_PACKAGE_BYTES, sealedSize } from "./dare-sizes.js";
import type { RandomSource } from "./random.js";
import { NONCE_BYTES } from "./seal.js";

/** {@link DareSealer.update} of n bytes gives at most this many. */
export function mostSealedBytes(plaintextBytes: number): number {
  return sealedSize(plaintextBytes + PACKAGE_BYTES);
}

/**
 * Seals chunks of any size, used like a cipher of `node:crypto`. Up to one package is held back, because whether it
 * is the last one shows only later.
 */
export class DareSealer {
  readonly #stream: DareStream;
  readonly #held = Buffer.allocUnsafeSlow(PACKAGE_BYTES);
  #heldBytes = 0;
  #sequence = 0;
  #isDone = false;

  /**
   * @param key - 32 bytes, copied. One for each stream, or for no more streams than 12 random bytes keep apart (2^32)
   * @throws KesError `INTERNAL` for a key or random bytes of the wrong size
   */
  constructor(key: Uint8Array, random: RandomSource, algorithm: Algorithm = "AES256") {
    const nonce = random(NONCE_BYTES);
    if (key.length !== KEY_BYTES || nonce.length !== NONCE_BYTES)
      throw internal("key or nonce has the wrong size");
    this.#stream = { key: createSecretKey(key), algorithm, nonce };
  }

  /**
   * Takes the next bytes.
   * @param target - where to write, at least {@link mostSealedBytes}; a new buffer when absent
   * @returns the packages that became complete, a part of `target`
   * @throws KesError `INTERNAL` after {@link final}, or beyond 2^32 packages
   */
  update(plaintext: Uint8Array, target?: Buffer): Buffer {
    if (this.#isDone) throw internal("stream has ended");
    const total = this.#heldBytes + plaintext.length;
    const packages = total === 0 ? 0 : Math.floor((total - 1) / PACKAGE_BYTES);
    const output = target ?? Buffer.allocUnsafeSlow(packages * SEALED_PACKAGE_BYTES);
    let taken = 0;
    let written = 0;
    for (let i = 0; i < packages; i++) {
      let next: Uint8Array;
      if (this.#heldBytes > 0) {
        taken += this.#hold(plaintext);
        next = this.#held;
        this.#heldBytes = 0;
      } else {
        next = plaintext.subarray(taken, taken + PACKAGE_BYTES);
        taken += PACKAGE_BYTES;
      }
      written += sealPackage(this.#stream, this.#sequence++, false, next, output.subarray(written));
    }
    this.#hold(plaintext.subarray(taken));
    return output.subarray(0, written);
  }

  /** Ends the stream. @returns the last package; nothing when nothing was sealed */
  final(): Buffer {
    if (this.#isDone) throw internal("stream has ended");
    this.#isDone = true;
    const last = this.#held.subarray(0, this.#heldBytes);
    const output = Buffer.allocUnsafeSlow(sealedSize(last.length));
    if (last.length > 0) sealPackage(this.#stream, this.#sequence, true, last, output);
    this.#held.fill(0);
    return output;
  }

  /** Keeps what there is room for. @returns how many bytes that was */
  #hold(bytes: Uint8Array): number {
    const part = bytes.subarray(0, PACKAGE_BYTES - this.#heldBytes);
    this.#held.set(part, this.#heldBytes);
    this.#heldBytes += part.length;
    return part.length;
  }
}

function internal(reason: string): KesError {
  return new KesError("INTERNAL", [], { cause: new Error(reason) });
}
