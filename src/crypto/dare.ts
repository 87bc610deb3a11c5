/** One package of DARE 2.0, the format of objects and files (S3 reference §6.1). */
import { createCipheriv, createDecipheriv, type KeyObject } from "node:crypto";
import { KesError } from "../errors.js";
import type { Algorithm } from "./algorithm.js";
import { MAX_PACKAGES, PACKAGE_BYTES, PACKAGE_HEADER_BYTES, PACKAGE_OVERHEAD_BYTES } from "./dare-sizes.js";
import { NONCE_BYTES, TAG_BYTES } from "./seal.js";

/** First byte of every package of version 2.0; 0x10 is version 1.0. */
const VERSION = 0x20;
/** Of byte 4, the first of the nonce: set in the last package of a stream, clear in all others. */
const FINAL_BIT = 0x80;
const CIPHER_IDS: Readonly<Record<Algorithm, number>> = { AES256: 0, ChaCha20: 1 };
/** Version, cipher and length: the associated data. The rest of the header is the nonce. */
const AAD_BYTES = 4;
const AEAD_OPTIONS = { authTagLength: TAG_BYTES } as const;

/**
 * What is wrong with a stream, as far as it can be told:
 * - `unknown-format`: not DARE 2.0, or a cipher that is not known
 * - `truncated`: it ends before its last package does
 * - `trailing`: something follows its last package
 * - `altered`: anything else, a wrong key among them
 */
export type DareFlaw = "unknown-format" | "truncated" | "trailing" | "altered";

/** Cause of a `DECRYPT_FAILED`, for those who may know more than that. */
export class DareFault extends Error {
  override readonly name = "DareFault";
  readonly flaw: DareFlaw;
  /** Of the package that was to be opened. */
  readonly sequence: number;
  constructor(flaw: DareFlaw, sequence: number) {
    super(`${flaw} at package ${sequence}`);
    this.flaw = flaw;
    this.sequence = sequence;
  }
}

/** What is the same in all packages of a stream. */
export interface DareStream {
  readonly key: KeyObject;
  readonly algorithm: Algorithm;
  /** 12 bytes; the top bit of the first is ignored. Never twice for one key. */
  readonly nonce: Uint8Array;
}

/**
 * Seals `plaintext` (1 to 65 536 bytes) as package `sequence` of `stream` into the start of `target`.
 *
 * Layout: `0x20 || cipher (1) || length - 1 (2, little endian) || nonce (12) || sealed (n) || tag (16)`, so n + 32
 * bytes. The AEAD nonce is that of the header, final bit included, its last 4 bytes XORed with the sequence number:
 * neither the order nor the end of a stream can be changed unnoticed.
 *
 * @returns how many bytes were written
 * @throws KesError `INTERNAL` for sizes or numbers out of range
 */
export function sealPackage(
  { key, algorithm, nonce }: DareStream,
  sequence: number,
  isLast: boolean,
  plaintext: Uint8Array,
  target: Buffer,
): number {
  const { length } = plaintext;
  const size = length + PACKAGE_OVERHEAD_BYTES;
  if (length === 0 || length > PACKAGE_BYTES || size > target.length || nonce.length !== NONCE_BYTES) {
    throw internal("package has the wrong size");
  }
  if (!(sequence >= 0 && sequence < MAX_PACKAGES)) throw internal("stream has too many packages");
  target[0] = VERSION;
  target[1] = CIPHER_IDS[algorithm];
  target.writeUInt16LE(length - 1, 2);
  target.set(nonce, AAD_BYTES);
  const first = target.readUInt8(AAD_BYTES);
  target[AAD_BYTES] = isLast ? first | FINAL_BIT : first & ~FINAL_BIT;

  const iv = aeadNonce(target, sequence);
  const cipher =
    algorithm === "AES256"
      ? createCipheriv("aes-256-gcm", key, iv, AEAD_OPTIONS)
      : createCipheriv("chacha20-poly1305", key, iv, AEAD_OPTIONS);
  cipher.setAAD(target.subarray(0, AAD_BYTES), { plaintextLength: length });
  target.set(cipher.update(plaintext), PACKAGE_HEADER_BYTES);
  cipher.final();
  target.set(cipher.getAuthTag(), PACKAGE_HEADER_BYTES + length);
  return size;
}

/** The header of a package; nothing of it is proved before {@link openPackage} has returned. */
export interface DareHeader {
  readonly algorithm: Algorithm;
  /** Plaintext, 1 to 65 536. */
  readonly length: number;
  readonly isLast: boolean;
  /** Of the stream: 12 bytes, the final bit cleared. */
  readonly nonce: Buffer;
}

/**
 * Reads the 16 bytes before package `sequence`.
 * @throws KesError `DECRYPT_FAILED` with a {@link DareFault} for anything but DARE 2.0
 */
export function readHeader(bytes: Buffer, sequence: number): DareHeader {
  const algorithm = bytes[1] === 0 ? "AES256" : bytes[1] === 1 ? "ChaCha20" : undefined;
  if (bytes.length < PACKAGE_HEADER_BYTES) throw decryptFailed("truncated", sequence);
  if (bytes[0] !== VERSION || algorithm === undefined) throw decryptFailed("unknown-format", sequence);
  const nonce = Buffer.from(bytes.subarray(AAD_BYTES, PACKAGE_HEADER_BYTES));
  const first = nonce.readUInt8(0);
  nonce[0] = first & ~FINAL_BIT;
  return { algorithm, length: bytes.readUInt16LE(2) + 1, isLast: (first & FINAL_BIT) !== 0, nonce };
}

/**
 * Opens package `sequence`, which `sealed` holds whole and nothing else, into the start of `target`. Nothing is
 * written there before the tag was verified.
 *
 * @param header - what {@link readHeader} gave for it
 * @throws KesError `DECRYPT_FAILED` with a {@link DareFault}; `INTERNAL` when `target` is too small
 */
export function openPackage(
  key: KeyObject,
  sequence: number,
  { algorithm, length }: DareHeader,
  sealed: Buffer,
  target: Buffer,
): void {
  if (target.length < length) throw internal("no room for a package");
  if (sealed.length !== length + PACKAGE_OVERHEAD_BYTES) throw decryptFailed("altered", sequence);
  const iv = aeadNonce(sealed, sequence);
  const decipher =
    algorithm === "AES256"
      ? createDecipheriv("aes-256-gcm", key, iv, AEAD_OPTIONS)
      : createDecipheriv("chacha20-poly1305", key, iv, AEAD_OPTIONS);
  decipher.setAAD(sealed.subarray(0, AAD_BYTES), { plaintextLength: length });
  decipher.setAuthTag(sealed.subarray(PACKAGE_HEADER_BYTES + length));
  const plaintext = decipher.update(sealed.subarray(PACKAGE_HEADER_BYTES, PACKAGE_HEADER_BYTES + length));
  try {
    decipher.final();
  } catch {
    plaintext.fill(0);
    throw decryptFailed("altered", sequence);
  }
  target.set(plaintext);
}

/** The one answer to whatever is wrong, with the flaw as its cause. */
export function decryptFailed(flaw: DareFlaw, sequence: number): KesError {
  return new KesError("DECRYPT_FAILED", [], { cause: new DareFault(flaw, sequence) });
}

function aeadNonce(header: Buffer, sequence: number): Buffer {
  const iv = Buffer.from(header.subarray(AAD_BYTES, PACKAGE_HEADER_BYTES));
  iv.writeUInt32LE((iv.readUInt32LE(8) ^ sequence) >>> 0, 8);
  return iv;
}

function internal(reason: string): KesError {
  return new KesError("INTERNAL", [], { cause: new Error(reason) });
}
