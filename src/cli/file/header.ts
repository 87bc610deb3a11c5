/**
 * The head of an encrypted file: whose key opens it, and the data key sealed under that (docs/file-format.md).
 *
 * | Bytes | Content |
 * | --- | --- |
 * | 0–7 | `KESWICK` and a zero byte |
 * | 8 | version, 1 |
 * | 9 | flags: bit 0 set when the plaintext is empty; the others are zero |
 * | 10–11 | n: length of the key name, little endian, 1 to 80 |
 * | 12–13 | m: length of the sealed data key, little endian, 1 to 4096 |
 * | 14.. | key name (n), sealed data key (m), header tag (32) |
 */
import { createHash, hkdfSync, timingSafeEqual } from "node:crypto";
import { KEY_BYTES } from "../../crypto/algorithm.js";
import { type KeyName, keyName, MAX_NAME_BYTES } from "../../names.js";
import { CommandError } from "../command.js";

const MAGIC = Buffer.from("KESWICK\0", "latin1");
const VERSION = 1;
const FLAG_EMPTY = 0x01;
const FIXED_BYTES = 14;
const TAG_BYTES = 32;
/** KES's own are 76 bytes, its oldest form about 300. */
const MAX_SEALED_DEK_BYTES = 4096;
/** No head is longer. */
export const MAX_HEADER_BYTES = FIXED_BYTES + MAX_NAME_BYTES + MAX_SEALED_DEK_BYTES + TAG_BYTES;

/**
 * What a file's data key is bound to at the key server: opened with any other context, or none, it is refused. So a
 * sealed data key of MinIO or of another program cannot be passed off as a file's, nor the other way round.
 */
export const FILE_CONTEXT = { keswick: "file" } as const;

export interface FileHeader {
  readonly keyName: KeyName;
  /** As the key server gave it. */
  readonly sealedDek: Uint8Array;
  /** DARE seals nothing to nothing: without this mark, a file cut behind its head would open as empty. */
  readonly isEmpty: boolean;
}

/** A header as it stands in a file. */
export interface ReadHeader extends FileHeader {
  /** All of it, tag included. */
  readonly bytes: Buffer;
}

/** A file's head and the 32-byte key of its content, bound to each other. */
export interface SealedHeader {
  readonly bytes: Buffer;
  readonly contentKey: Buffer;
}

/** @throws CommandError when the key server's sealed data key has no place in a header */
export function sealHeader(header: FileHeader, dek: Uint8Array): SealedHeader {
  const { length } = header.sealedDek;
  if (length === 0 || length > MAX_SEALED_DEK_BYTES) {
    throw new CommandError(
      `the key server's data key is ${length} bytes long, which no file header can hold`,
    );
  }
  const name = Buffer.from(header.keyName, "latin1");
  const fixed = Buffer.alloc(FIXED_BYTES);
  fixed.set(MAGIC);
  fixed.writeUInt8(VERSION, 8);
  fixed.writeUInt8(header.isEmpty ? FLAG_EMPTY : 0, 9);
  fixed.writeUInt16LE(name.length, 10);
  fixed.writeUInt16LE(length, 12);
  const described = Buffer.concat([fixed, name, header.sealedDek]);
  const { tag, contentKey } = keysOf(described, dek);
  return { bytes: Buffer.concat([described, tag]), contentKey };
}

/**
 * Reads the head at the start of `bytes`, which are a whole file or at least {@link MAX_HEADER_BYTES} of it. Nothing
 * of it is proved before {@link openHeader} has returned.
 * @param file - how messages call the file
 * @throws CommandError when it is none, is cut short, or of a later version
 */
export function parseHeader(bytes: Buffer, file: string): ReadHeader {
  const isOurs = bytes.length > 0 && MAGIC.subarray(0, bytes.length).equals(bytes.subarray(0, MAGIC.length));
  if (!isOurs) throw new CommandError(`${file} was not made by 'kes key encrypt-file'`);
  const cutShort = new CommandError(`${file} is truncated: its header is not complete`);
  if (bytes.length < FIXED_BYTES) throw cutShort;
  const version = bytes.readUInt8(8);
  const flags = bytes.readUInt8(9);
  if (version !== VERSION || (flags & ~FLAG_EMPTY) !== 0) {
    throw new CommandError(
      `${file} is of a format that this version of kes does not know (version ${version}, flags ${flags}): it was made by a later one, or is damaged`,
    );
  }
  const nameEnd = FIXED_BYTES + bytes.readUInt16LE(10);
  const dekEnd = nameEnd + bytes.readUInt16LE(12);
  const end = dekEnd + TAG_BYTES;
  const isPossible = nameEnd <= FIXED_BYTES + MAX_NAME_BYTES && dekEnd <= nameEnd + MAX_SEALED_DEK_BYTES;
  if (isPossible && bytes.length < end) throw cutShort;
  const name = isPossible ? keyName(bytes.toString("latin1", FIXED_BYTES, nameEnd)) : undefined;
  if (name === undefined || dekEnd === nameEnd) throw new CommandError(`the header of ${file} is damaged`);
  return {
    keyName: name,
    sealedDek: bytes.subarray(nameEnd, dekEnd),
    isEmpty: (flags & FLAG_EMPTY) !== 0,
    bytes: bytes.subarray(0, end),
  };
}

/**
 * Proves a header with the data key that it names. @returns the key of the content
 * @throws CommandError when the header was altered
 */
export function openHeader(header: ReadHeader, dek: Uint8Array, file: string): Buffer {
  const end = header.bytes.length - TAG_BYTES;
  const { tag, contentKey } = keysOf(header.bytes.subarray(0, end), dek);
  if (!timingSafeEqual(tag, header.bytes.subarray(end))) {
    contentKey.fill(0);
    throw new CommandError(`the header of ${file} was altered`);
  }
  return contentKey;
}

/**
 * Both come from the data key by HKDF-SHA-256 with the header's hash in `info`, which is where RFC 5869 §3.2 wants
 * what a key is for. The content key thereby belongs to this header alone. The tag proves header and data key before
 * anything is opened, and commits the file to that one data key, which AES-GCM by itself does not.
 */
function keysOf(described: Buffer, dek: Uint8Array): { readonly tag: Buffer; readonly contentKey: Buffer } {
  if (dek.length !== KEY_BYTES) throw new CommandError("the key server's data key is not 32 bytes long");
  const hash = createHash("sha256").update(described).digest();
  const derive = (purpose: string, size: number): Buffer => {
    const info = Buffer.concat([Buffer.from(`keswick file 1 ${purpose}\0`, "latin1"), hash]);
    return Buffer.from(hkdfSync("sha256", dek, Buffer.alloc(0), info, size));
  };
  return { tag: derive("header", TAG_BYTES), contentKey: derive("content", KEY_BYTES) };
}
