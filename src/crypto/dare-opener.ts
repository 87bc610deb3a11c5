/** Opening a DARE 2.0 stream: packages in, verified bytes out, no input and output of its own. */
import { createSecretKey, type KeyObject } from "node:crypto";
import { KesError } from "../errors.js";
import { KEY_BYTES } from "./algorithm.js";
import { type DareHeader, decryptFailed, openPackage, readHeader } from "./dare.js";
import { MAX_PACKAGES, PACKAGE_BYTES, PACKAGE_OVERHEAD_BYTES, SEALED_PACKAGE_BYTES } from "./dare-sizes.js";

export interface DareOpenerOptions {
  /** Number of the first package: not 0 where reading begins inside of a stream. */
  readonly sequence?: number;
  /** A part of a stream: it may end after any package, and whether more was there cannot be told. */
  readonly isRange?: boolean;
}

/** {@link DareOpener.update} of n bytes gives at most this many. */
export function mostOpenBytes(sealedBytes: number): number {
  return sealedBytes + PACKAGE_BYTES;
}

/**
 * Opens chunks of any size, used like a decipher of `node:crypto`. What it gives was verified; that the stream is
 * whole is known only when {@link final} has returned. After an error it opens nothing more.
 *
 * Refused: another version, an unknown or changed cipher, another nonce than the first one, a package before the last
 * that is not full, anything after the last, an end before it, a tag that fails.
 */
export class DareOpener {
  readonly #key: KeyObject;
  readonly #isRange: boolean;
  readonly #held = Buffer.allocUnsafeSlow(SEALED_PACKAGE_BYTES);
  #heldBytes = 0;
  #sequence: number;
  #first: DareHeader | undefined;
  #lastSeen = false;
  #isUsable = true;

  /** @throws KesError `INTERNAL` for a key of the wrong size or a number out of range */
  constructor(key: Uint8Array, options: DareOpenerOptions = {}) {
    const { sequence = 0, isRange = false } = options;
    if (key.length !== KEY_BYTES || !Number.isInteger(sequence) || sequence < 0 || sequence >= MAX_PACKAGES) {
      throw internal("key or sequence number cannot be used");
    }
    this.#key = createSecretKey(key);
    this.#sequence = sequence;
    this.#isRange = isRange;
  }

  /**
   * Takes the next bytes.
   * @param target - where to write, at least {@link mostOpenBytes}; a new buffer when absent
   * @returns the plaintext of the packages that became complete, a part of `target`
   * @throws KesError `DECRYPT_FAILED` with a `DareFault` as cause; `INTERNAL` after {@link final} or an error
   */
  update(sealed: Buffer, target?: Buffer): Buffer {
    this.#enter();
    const packages = Math.floor((this.#heldBytes + sealed.length) / SEALED_PACKAGE_BYTES);
    const output = target ?? Buffer.allocUnsafeSlow(packages * PACKAGE_BYTES);
    let taken = 0;
    let written = 0;
    for (let i = 0; i < packages; i++) {
      let next: Buffer;
      if (this.#heldBytes > 0) {
        taken += this.#hold(sealed);
        next = this.#held;
        this.#heldBytes = 0;
      } else {
        next = sealed.subarray(taken, taken + SEALED_PACKAGE_BYTES);
        taken += SEALED_PACKAGE_BYTES;
      }
      written += this.#open(next, output.subarray(written));
    }
    this.#hold(sealed.subarray(taken));
    this.#isUsable = true;
    return output.subarray(0, written);
  }

  /**
   * The input has ended.
   * @returns the plaintext of the last package, unless {@link update} gave it
   * @throws KesError `DECRYPT_FAILED` with a `DareFault` as cause when the stream is not whole
   */
  final(): Buffer {
    this.#enter();
    const rest = this.#held.subarray(0, this.#heldBytes);
    const output = Buffer.allocUnsafeSlow(Math.max(0, rest.length - PACKAGE_OVERHEAD_BYTES));
    if (rest.length > 0) this.#open(rest, output);
    if (this.#first !== undefined && !this.#lastSeen && !this.#isRange) {
      throw decryptFailed("truncated", this.#sequence);
    }
    return output;
  }

  /** Until the caller's work succeeds, nothing else may be opened. */
  #enter(): void {
    if (!this.#isUsable) throw internal("stream has ended");
    this.#isUsable = false;
  }

  /** Keeps what there is room for. @returns how many bytes that was */
  #hold(bytes: Buffer): number {
    const copied = bytes.copy(this.#held, this.#heldBytes);
    this.#heldBytes += copied;
    return copied;
  }

  /** @param sealed - a package of full size, or all that is left. @returns its plaintext size */
  #open(sealed: Buffer, target: Buffer): number {
    const sequence = this.#sequence;
    if (this.#lastSeen) throw decryptFailed("trailing", sequence);
    const header = readHeader(sealed, sequence);
    const size = header.length + PACKAGE_OVERHEAD_BYTES;
    if (size > sealed.length) throw decryptFailed("truncated", sequence);
    if (size < sealed.length) throw decryptFailed(header.isLast ? "trailing" : "altered", sequence);
    const first = this.#first ?? header;
    const isOfStream = header.algorithm === first.algorithm && header.nonce.equals(first.nonce);
    const isFullOrLast = header.length === PACKAGE_BYTES || header.isLast;
    if (!isOfStream || !isFullOrLast || sequence >= MAX_PACKAGES) throw decryptFailed("altered", sequence);
    openPackage(this.#key, sequence, header, sealed, target);
    this.#first = first;
    this.#lastSeen = header.isLast;
    this.#sequence = sequence + 1;
    return header.length;
  }
}

function internal(reason: string): KesError {
  return new KesError("INTERNAL", [], { cause: new Error(reason) });
}
