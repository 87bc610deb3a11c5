/** Checksums of contents: computing, naming, joining (S3 API reference §4.5). */
import { createHash } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import { crc32 } from "node:zlib";
import { Crc32c, Crc64Nvme } from "@aws-sdk/checksums/crc";
import { decodeBase64 } from "../../crypto/base64.js";
import { CrcCombiner } from "./crc-combine.js";

/** What becomes of the parts' checksums: one over them, or the one of the whole. */
export type ChecksumType = "COMPOSITE" | "FULL_OBJECT";

interface AlgorithmRow {
  /** Header and trailer. */
  readonly header: string;
  /** Element of XML documents. */
  readonly element: string;
  readonly bytes: number;
  /** Types of multipart objects; the first is what a client gets that names none. */
  readonly types: readonly ChecksumType[];
  /** Reflected polynomial, where there is one. */
  readonly polynomial?: bigint;
}

export const checksumAlgorithms = {
  CRC32: {
    header: "x-amz-checksum-crc32",
    element: "ChecksumCRC32",
    bytes: 4,
    types: ["COMPOSITE", "FULL_OBJECT"],
    polynomial: 0xedb88320n,
  },
  CRC32C: {
    header: "x-amz-checksum-crc32c",
    element: "ChecksumCRC32C",
    bytes: 4,
    types: ["COMPOSITE", "FULL_OBJECT"],
    polynomial: 0x82f63b78n,
  },
  CRC64NVME: {
    header: "x-amz-checksum-crc64nvme",
    element: "ChecksumCRC64NVME",
    bytes: 8,
    types: ["FULL_OBJECT"],
    polynomial: 0x9a6c9329ac4bc9b5n,
  },
  SHA1: { header: "x-amz-checksum-sha1", element: "ChecksumSHA1", bytes: 20, types: ["COMPOSITE"] },
  SHA256: { header: "x-amz-checksum-sha256", element: "ChecksumSHA256", bytes: 32, types: ["COMPOSITE"] },
} as const satisfies Readonly<Record<string, AlgorithmRow>>;

export type ChecksumAlgorithm = keyof typeof checksumAlgorithms;

export function isChecksumAlgorithm(name: string): name is ChecksumAlgorithm {
  return Object.hasOwn(checksumAlgorithms, name);
}

export const checksumNames: readonly ChecksumAlgorithm[] =
  Object.keys(checksumAlgorithms).filter(isChecksumAlgorithm);

/** Computes one checksum over bytes as they come. */
export interface Checksum {
  update(bytes: Uint8Array): void;
  /** Once, at the end; big-endian. */
  digest(): Promise<Buffer>;
}

export function createChecksum(algorithm: ChecksumAlgorithm): Checksum {
  switch (algorithm) {
    case "CRC32":
      return new Crc32();
    case "CRC32C":
      return new Library(new Crc32c());
    case "CRC64NVME":
      return new Library(new Crc64Nvme());
    case "SHA1":
      return new Hash("sha1");
    case "SHA256":
      return new Hash("sha256");
  }
}

/** zlib's own, ten times as fast as one in JavaScript. */
class Crc32 implements Checksum {
  #value = 0;

  update(bytes: Uint8Array): void {
    this.#value = crc32(bytes, this.#value);
  }

  async digest(): Promise<Buffer> {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(this.#value);
    return bytes;
  }
}

class Library implements Checksum {
  readonly #inner: Crc32c | Crc64Nvme;

  constructor(inner: Crc32c | Crc64Nvme) {
    this.#inner = inner;
  }

  update(bytes: Uint8Array): void {
    this.#inner.update(bytes);
  }

  async digest(): Promise<Buffer> {
    return Buffer.from(await this.#inner.digest());
  }
}

class Hash implements Checksum {
  readonly #hash;

  constructor(name: "sha1" | "sha256") {
    this.#hash = createHash(name);
  }

  update(bytes: Uint8Array): void {
    this.#hash.update(bytes);
  }

  async digest(): Promise<Buffer> {
    return this.#hash.digest();
  }
}

/** Whether multipart objects may have a checksum of this kind. */
export function allowsChecksumType(algorithm: ChecksumAlgorithm, type: ChecksumType): boolean {
  const row: AlgorithmRow = checksumAlgorithms[algorithm];
  return row.types.includes(type);
}

/** What a multipart object has when the client names no type. */
export function defaultChecksumType(algorithm: ChecksumAlgorithm): ChecksumType {
  return checksumAlgorithms[algorithm].types[0];
}

/** The bytes that a header's base64 means; undefined when it is none of the algorithm's size. */
export function decodeChecksum(algorithm: ChecksumAlgorithm, text: string): Buffer | undefined {
  const bytes = decodeBase64(text);
  return bytes?.length === checksumAlgorithms[algorithm].bytes ? bytes : undefined;
}

/** Checksum and size of one part. */
export interface PartChecksum {
  readonly checksum: Uint8Array;
  /** Plaintext bytes. */
  readonly size: number;
}

/**
 * The checksum of a multipart object as clients see it: `<base64>-<parts>` for `COMPOSITE`, else base64.
 * @param parts - in their order, at least one
 * @throws RangeError for a type that the algorithm does not have
 */
export async function multipartChecksum(
  algorithm: ChecksumAlgorithm,
  type: ChecksumType,
  parts: readonly PartChecksum[],
): Promise<string> {
  const row: AlgorithmRow = checksumAlgorithms[algorithm];
  if (!row.types.includes(type)) throw new RangeError(`${algorithm} has no ${type} checksum`);
  if (type === "COMPOSITE") {
    const whole = createChecksum(algorithm);
    for (const { checksum } of parts) whole.update(checksum);
    return `${(await whole.digest()).toString("base64")}-${parts.length}`;
  }
  if (row.polynomial === undefined) throw new RangeError(`${algorithm} cannot be joined`);
  const combiner = new CrcCombiner(row.polynomial, row.bytes * 8);
  let value = 0n;
  for (const [index, { checksum, size }] of parts.entries()) {
    // Ten thousand parts, each of another size, are a second of work: others want to be served meanwhile.
    if (index % PARTS_AT_ONCE === PARTS_AT_ONCE - 1) await setImmediate();
    value = combiner.combine(value, bigOf(checksum), size);
  }
  return Buffer.from(value.toString(16).padStart(row.bytes * 2, "0"), "hex").toString("base64");
}

const PARTS_AT_ONCE = 256;

function bigOf(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).toString("hex")}`);
}
