/** The value that a keystore holds for a key: written in KES's current form, read in all its forms (KES reference §9.4, §9.5). */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { type Algorithm, algorithmIds, algorithmOfId, KEY_BYTES, parseAlgorithm } from "./algorithm.js";
import { decodeBase64 } from "./base64.js";
import { type StoredKeyVersion, StoredKeyVersionSchema } from "./stored-key_pb.js";
import { parseTimestamp, type Timestamp, timestamp, UNSET } from "./timestamp.js";

/** Longest stored value that is read; one with all of KES's fields has 208 bytes. */
export const MAX_STORED_BYTES = 64 * 1024;

/** The number that stands for SHA-256 in a stored HMAC key. */
const HASH_SHA256 = 1;

/** A stored value cannot be read as a key. The message never quotes the value, which may hold key bytes. */
export class KeyFormatError extends Error {
  override readonly name = "KeyFormatError";
}

/** What a stored value says. Holds key bytes in the open: it lives only between decoding and `KeyVersion`. */
export interface KeyRecord {
  readonly algorithm: Algorithm;
  /** False when the stored form leaves the algorithm open, as the older JSON form may. */
  readonly algorithmRecorded: boolean;
  /** 32 bytes. */
  readonly kek: Buffer;
  /** 32 bytes; undefined for keys in the older JSON form. */
  readonly hmacKey: Buffer | undefined;
  readonly createdAt: Timestamp;
  /** Identity of the creator; empty when not recorded. */
  readonly createdBy: string;
  /** The message it was read from, with fields unknown here; undefined for the older JSON form. */
  readonly message: StoredKeyVersion | undefined;
}

/**
 * Reads base64(protobuf), or the older JSON form. CR and LF inside the base64 are skipped.
 *
 * The key bytes of the record are views of one buffer that nothing else uses.
 * @throws KeyFormatError for anything that is not a whole, valid key
 */
export function parseKeyRecord(value: Uint8Array): KeyRecord {
  if (value.length === 0) throw new KeyFormatError("stored key is empty");
  if (value.length > MAX_STORED_BYTES) throw new KeyFormatError("stored key is too large");
  const text = Buffer.from(value.buffer, value.byteOffset, value.length).toString("utf8");
  if (/^[ \t\r\n]*\{/.test(text)) return parseJson(text);
  const bytes = decodeBase64(text);
  if (bytes === undefined) throw new KeyFormatError("stored key is neither JSON nor base64");
  return recordOfMessage(parseMessage(bytes));
}

/** The value to store for a new key: base64 of the message, one line, without line end. */
export function formatKeyRecord(message: StoredKeyVersion): Buffer {
  const bytes = toBinary(StoredKeyVersionSchema, message);
  const encoded = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("base64");
  bytes.fill(0);
  return Buffer.from(encoded, "ascii");
}

/** The message of a new key. It shares the memory of the two keys. */
export function newMessage(
  record: Pick<KeyRecord, "algorithm" | "kek" | "createdAt" | "createdBy"> & { readonly hmacKey: Buffer },
): StoredKeyVersion {
  return create(StoredKeyVersionSchema, {
    key: { key: record.kek, type: algorithmIds[record.algorithm] },
    hmacKey: { key: record.hmacKey, hash: HASH_SHA256 },
    createdAt: { seconds: BigInt(record.createdAt.seconds), nanos: record.createdAt.nanos },
    createdBy: record.createdBy,
  });
}

function parseMessage(bytes: Buffer): StoredKeyVersion {
  try {
    return fromBinary(StoredKeyVersionSchema, bytes);
  } catch {
    // The library's error is not kept as cause: what it quotes is not ours to promise.
    throw new KeyFormatError("stored key is not a valid protobuf message");
  }
}

function recordOfMessage(message: StoredKeyVersion): KeyRecord {
  const { key, hmacKey, createdAt, createdBy } = message;
  if (key === undefined) throw new KeyFormatError("stored key holds no key");
  if (hmacKey === undefined) throw new KeyFormatError("stored key holds no HMAC key");
  const algorithm = algorithmOfId(key.type);
  if (algorithm === undefined) throw new KeyFormatError(`stored key is of unknown type ${key.type}`);
  if (hmacKey.hash !== HASH_SHA256) {
    throw new KeyFormatError(`stored HMAC key is of unknown hash ${hmacKey.hash}`);
  }
  return {
    algorithm,
    algorithmRecorded: true,
    kek: keyBytes(key.key, "key"),
    hmacKey: keyBytes(hmacKey.key, "HMAC key"),
    createdAt: createdAt === undefined ? UNSET : timestamp(Number(createdAt.seconds), createdAt.nanos),
    createdBy,
    message,
  };
}

function keyBytes(bytes: Uint8Array, what: string): Buffer {
  if (bytes.length !== KEY_BYTES) throw new KeyFormatError(`stored ${what} has ${bytes.length} bytes`);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

function parseJson(text: string): KeyRecord {
  const stored = parseObject(text);
  const encoded = decodeBase64(textMember(stored, "bytes"));
  if (encoded === undefined) throw new KeyFormatError("stored key: bytes is not base64");
  const name = textMember(stored, "algorithm");
  const algorithm = name === "" ? "AES256" : parseAlgorithm(name);
  if (algorithm === undefined) throw new KeyFormatError("stored key: algorithm is unknown");
  const time = textMember(stored, "created_at");
  const createdAt = time === "" ? UNSET : parseTimestamp(time);
  if (createdAt === undefined) throw new KeyFormatError("stored key: created_at is not RFC 3339");
  return {
    algorithm,
    algorithmRecorded: name !== "",
    kek: keyBytes(encoded, "key"),
    hmacKey: undefined,
    createdAt,
    createdBy: textMember(stored, "created_by"),
    message: undefined,
  };
}

function parseObject(text: string): object {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return value;
  } catch {
    // The parser's message quotes the text, which holds the key; so it goes no further.
  }
  throw new KeyFormatError("stored key is not valid JSON");
}

/** The string under `name`; empty when it is missing or null, as the original reads it. */
function textMember(stored: object, name: string): string {
  const value: unknown = Object.entries(stored).find(([key]) => key === name)?.[1] ?? "";
  if (typeof value !== "string") throw new KeyFormatError(`stored key: ${name} is not a string`);
  return value;
}
