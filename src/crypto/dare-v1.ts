/** DARE 1.0, the format of objects written before 2018: read for ever, never written (S3 reference §6.2). */
import { createDecipheriv, createSecretKey, type KeyObject } from "node:crypto";
import { KesError } from "../errors.js";
import { type Algorithm, KEY_BYTES } from "./algorithm.js";
import { decryptFailed } from "./dare.js";
import {
  MAX_PACKAGES,
  PACKAGE_BYTES,
  PACKAGE_HEADER_BYTES,
  PACKAGE_OVERHEAD_BYTES,
  SEALED_PACKAGE_BYTES,
} from "./dare-sizes.js";
import { TAG_BYTES } from "./seal.js";

/** First byte of every package of version 1.0. */
export const DARE_V1 = 0x10;
const AAD_BYTES = 4;
/** Behind the sequence number: the same in every package of a stream. */
const RANDOM_AT = 8;
const AEAD_OPTIONS = { authTagLength: TAG_BYTES } as const;

/** What is the same in all packages of a stream; taken from the first one. */
interface StreamV1 {
  readonly algorithm: Algorithm;
  readonly random: Buffer;
}

/**
 * Opens a stream, or a part of one, used like `DareOpener`. What it gives was verified, and in order. The format has no
 * mark on the last package: a stream that ends after any whole package reads as complete, so that whoever reads must
 * know its size.
 *
 * Layout of a package: `0x10 || cipher (1) || length - 1 (2, little endian) || sequence number (4, little endian) ||
 * random (8) || sealed (n) || tag (16)`; the AEAD nonce is the 12 bytes from the sequence number on, the associated
 * data the 4 before.
 */
export class DareV1Opener {
  readonly #key: KeyObject;
  readonly #held = Buffer.allocUnsafeSlow(SEALED_PACKAGE_BYTES);
  #heldBytes = 0;
  #sequence: number;
  #stream: StreamV1 | undefined;
  #isUsable = true;

  /**
   * @param sequence - number of the first package: not 0 where reading begins inside of a stream
   * @throws KesError `INTERNAL` for a key of the wrong size or a number out of range
   */
  constructor(key: Uint8Array, sequence = 0) {
    if (key.length !== KEY_BYTES || !Number.isInteger(sequence) || sequence < 0 || sequence >= MAX_PACKAGES) {
      throw internal("key or sequence number cannot be used");
    }
    this.#key = createSecretKey(key);
    this.#sequence = sequence;
  }

  /**
   * Takes the next bytes. @returns the plaintext of the packages that became complete
   * @throws KesError `DECRYPT_FAILED` with a `DareFault` as cause; `INTERNAL` after {@link final} or an error
   */
  update(sealed: Uint8Array): Buffer {
    this.#enter();
    const opened: Buffer[] = [];
    for (let rest = sealed; rest.length > 0; ) {
      const part = rest.subarray(0, SEALED_PACKAGE_BYTES - this.#heldBytes);
      this.#held.set(part, this.#heldBytes);
      this.#heldBytes += part.length;
      rest = rest.subarray(part.length);
      if (this.#heldBytes === SEALED_PACKAGE_BYTES) opened.push(this.#open());
    }
    this.#isUsable = true;
    return Buffer.concat(opened);
  }

  /** The input has ended. @returns the plaintext of a last package that is not full @throws as {@link update} */
  final(): Buffer {
    this.#enter();
    return this.#heldBytes === 0 ? Buffer.alloc(0) : this.#open();
  }

  #enter(): void {
    if (!this.#isUsable) throw internal("stream has ended");
    this.#isUsable = false;
  }

  #open(): Buffer {
    const sequence = this.#sequence;
    const sealed = this.#held.subarray(0, this.#heldBytes);
    if (sealed.length <= PACKAGE_OVERHEAD_BYTES) throw decryptFailed("truncated", sequence);
    const stream = streamOf(sealed, sequence);
    const size = sealed.readUInt16LE(2) + 1 + PACKAGE_OVERHEAD_BYTES;
    if (size > sealed.length) throw decryptFailed("truncated", sequence);
    // Only the last package may be short, and nothing follows the last.
    if (size < sealed.length || sequence >= MAX_PACKAGES) throw decryptFailed("altered", sequence);
    const first = this.#stream ?? stream;
    const isOfStream = stream.algorithm === first.algorithm && stream.random.equals(first.random);
    if (!isOfStream || sealed.readUInt32LE(AAD_BYTES) !== sequence) throw decryptFailed("altered", sequence);
    const plaintext = openSealed(this.#key, stream.algorithm, sealed, sequence);
    this.#stream = first;
    this.#sequence = sequence + 1;
    this.#heldBytes = 0;
    return plaintext;
  }
}

/** Opens a stream of one package, such as a sealed object key. @throws KesError as {@link DareV1Opener} */
export function openDareV1(key: Uint8Array, sealed: Uint8Array): Buffer {
  if (sealed.length > PACKAGE_BYTES + PACKAGE_OVERHEAD_BYTES) throw internal("more than one package");
  const opener = new DareV1Opener(key);
  return Buffer.concat([opener.update(sealed), opener.final()]);
}

function streamOf(sealed: Buffer, sequence: number): StreamV1 {
  const algorithm = sealed[1] === 0 ? "AES256" : sealed[1] === 1 ? "ChaCha20" : undefined;
  if (sealed[0] !== DARE_V1 || algorithm === undefined) throw decryptFailed("unknown-format", sequence);
  return { algorithm, random: Buffer.from(sealed.subarray(RANDOM_AT, PACKAGE_HEADER_BYTES)) };
}

function openSealed(key: KeyObject, algorithm: Algorithm, sealed: Buffer, sequence: number): Buffer {
  const iv = sealed.subarray(AAD_BYTES, PACKAGE_HEADER_BYTES);
  const decipher =
    algorithm === "AES256"
      ? createDecipheriv("aes-256-gcm", key, iv, AEAD_OPTIONS)
      : createDecipheriv("chacha20-poly1305", key, iv, AEAD_OPTIONS);
  const tagAt = sealed.length - TAG_BYTES;
  decipher.setAAD(sealed.subarray(0, AAD_BYTES), { plaintextLength: tagAt - PACKAGE_HEADER_BYTES });
  decipher.setAuthTag(sealed.subarray(tagAt));
  const plaintext = decipher.update(sealed.subarray(PACKAGE_HEADER_BYTES, tagAt));
  try {
    decipher.final();
  } catch {
    plaintext.fill(0);
    throw decryptFailed("altered", sequence);
  }
  return plaintext;
}

function internal(reason: string): KesError {
  return new KesError("INTERNAL", [], { cause: new Error(reason) });
}
