/** What is inside of a bundle: one record for each key between a first and a last one (docs/keystore-bundle.md). */
import { MAX_VALUE_BYTES } from "../../../keystore/contract.js";
import { type KeyName, keyName, MAX_NAME_BYTES } from "../../../names.js";

const TYPES = { about: 0, key: 1, end: 255 } as const;
const MAX_ABOUT_BYTES = 4096;
const MAX_CANARY_BYTES = 1024;

/** Where and when a bundle was made; a note for people. */
export interface BundleAbout {
  /** RFC 3339. */
  readonly createdAt: string;
  /** Description of the keystore. */
  readonly keystore: string;
}

export interface BundleKey {
  readonly name: KeyName;
  /** As the keystore held it. */
  readonly value: Buffer;
  /** The name sealed with the key when the bundle was made; empty when it was no key to that version. */
  readonly canary: Buffer;
}

export type BundleRecord =
  | { readonly kind: "about"; readonly about: BundleAbout }
  | ({ readonly kind: "key" } & BundleKey)
  /** How many keys there are. */
  | { readonly kind: "end"; readonly count: number };

/** The inside of a bundle is not what this version writes. The bundle was proved, so it was made so. */
export class BundleFormatError extends Error {
  override readonly name = "BundleFormatError";
}

/** `type (1) || …`; numbers are little endian. */
export function encodeRecord(record: BundleRecord): Buffer {
  if (record.kind === "about") {
    const text = Buffer.from(JSON.stringify(record.about), "utf8");
    if (text.length > MAX_ABOUT_BYTES) throw new RangeError("the note in a bundle is too long");
    return Buffer.concat([Buffer.from([TYPES.about]), uint16(text.length), text]);
  }
  if (record.kind === "end") {
    const bytes = Buffer.alloc(9);
    bytes.writeUInt8(TYPES.end);
    bytes.writeBigUInt64LE(BigInt(record.count), 1);
    return bytes;
  }
  const { name, value, canary } = record;
  const size = Buffer.alloc(4);
  size.writeUInt32LE(value.length);
  const head = Buffer.from([TYPES.key, name.length]);
  return Buffer.concat([head, Buffer.from(name, "latin1"), size, value, uint16(canary.length), canary]);
}

/** Cuts a stream of bytes into records. */
export class RecordReader {
  #held = Buffer.alloc(0);
  #hasEnded = false;

  /** True when nothing is left of the bytes and the last record was the last one. */
  get isComplete(): boolean {
    return this.#hasEnded && this.#held.length === 0;
  }

  /** The records that became complete. Their bytes are copies. @throws BundleFormatError */
  *feed(bytes: Buffer): Generator<BundleRecord> {
    this.#held = Buffer.concat([this.#held, bytes]);
    for (;;) {
      if (this.#held.length === 0) return;
      if (this.#hasEnded) throw new BundleFormatError("something follows the last record");
      const found = parseRecord(this.#held);
      if (found === undefined) return;
      this.#held = this.#held.subarray(found.size);
      this.#hasEnded = found.record.kind === "end";
      yield found.record;
    }
  }
}

/** @returns undefined when more bytes are needed */
function parseRecord(bytes: Buffer): { readonly record: BundleRecord; readonly size: number } | undefined {
  const cursor = new Cursor(bytes);
  try {
    const type = cursor.number(1);
    if (type === TYPES.about) {
      const text = cursor.take(bounded(cursor.number(2), MAX_ABOUT_BYTES)).toString("utf8");
      return { record: { kind: "about", about: parseAbout(text) }, size: cursor.at };
    }
    if (type === TYPES.end) {
      const count = Number(cursor.take(8).readBigUInt64LE());
      return { record: { kind: "end", count }, size: cursor.at };
    }
    if (type !== TYPES.key) throw new BundleFormatError(`a record is of the unknown type ${type}`);
    const name = keyName(cursor.take(bounded(cursor.number(1), MAX_NAME_BYTES)).toString("latin1"));
    if (name === undefined) throw new BundleFormatError("a record names no valid key");
    const value = Buffer.from(cursor.take(bounded(cursor.number(4), MAX_VALUE_BYTES)));
    const canary = Buffer.from(cursor.take(bounded(cursor.number(2), MAX_CANARY_BYTES)));
    if (value.length === 0) throw new BundleFormatError(`the value of the key "${name}" is empty`);
    return { record: { kind: "key", name, value, canary }, size: cursor.at };
  } catch (error) {
    if (error instanceof NotEnough) return undefined;
    throw error;
  }
}

class NotEnough extends Error {}

class Cursor {
  readonly #bytes: Buffer;
  at = 0;
  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** An unsigned number of `size` bytes. */
  number(size: number): number {
    return this.take(size).readUIntLE(0, size);
  }

  take(size: number): Buffer {
    const end = this.at + size;
    if (end > this.#bytes.length) throw new NotEnough();
    const part = this.#bytes.subarray(this.at, end);
    this.at = end;
    return part;
  }
}

function bounded(size: number, most: number): number {
  if (size > most) throw new BundleFormatError(`a part of a record has ${size} bytes, more than ${most}`);
  return size;
}

function parseAbout(text: string): BundleAbout {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new BundleFormatError("the first record is no JSON", { cause });
  }
  const member = (name: string): string => {
    const found: unknown = Object.entries(value ?? {}).find(([key]) => key === name)?.[1];
    return typeof found === "string" ? found : "";
  };
  return { createdAt: member("createdAt"), keystore: member("keystore") };
}

function uint16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}
