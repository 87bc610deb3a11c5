/** The OEK: the key of one object or upload, and all keys that are derived from it (S3 reference §5.1, §5.4–5.6). */
import { createHmac } from "node:crypto";
import { KEY_BYTES } from "../../crypto/algorithm.js";
import { DareSealer } from "../../crypto/dare-sealer.js";
import { hmacSha256 } from "../../crypto/hmac.js";
import type { RandomSource } from "../../crypto/random.js";
import { isKesError, KesError } from "../../errors.js";
import { ContentOpener, type ContentOpenerOptions } from "./content-opener.js";
import { sseError } from "./errors.js";
import { openValue, sealValue } from "./sealed-value.js";

const GENERATION = "object-encryption-key generation";
const ETAG_LABEL = "SSE-etag";
const MD5_BYTES = 16;
/** Parts of an upload are numbered from 1 to this. */
export const MAX_PART_NUMBER = 10_000;

/** What other metadata of an object is sealed under: one key for each use. */
export type MetadataLabel = "object-checksum" | "compression-index";

/** 32 bytes that never leave it but sealed. Overwrite it with {@link wipe} when the request is over. */
export class ObjectKey {
  readonly #bytes: Buffer;
  #isWiped = false;

  private constructor(bytes: Buffer) {
    if (bytes.length !== KEY_BYTES) throw internal("an object key has 32 bytes");
    this.#bytes = bytes;
  }

  /** A fresh key: HMAC-SHA-256(DEK, text || 32 random bytes), so that neither source alone decides it. */
  static generate(dek: Uint8Array, random: RandomSource): ObjectKey {
    const salt = random(KEY_BYTES);
    if (dek.length !== KEY_BYTES || salt.length !== KEY_BYTES) throw internal("a DEK has 32 bytes");
    return new ObjectKey(createHmac("sha256", dek).update(GENERATION).update(salt).digest());
  }

  /**
   * The key of these 32 bytes, which are its own from then on: it overwrites them.
   * @throws KesError `INTERNAL` for anything but 32 bytes
   */
  static adopt(bytes: Buffer): ObjectKey {
    return new ObjectKey(bytes);
  }

  /** Sealed under a 32-byte sealing key: 64 bytes. */
  sealUnder(sealingKey: Uint8Array, random: RandomSource): Buffer {
    return sealValue(sealingKey, this.#key, random);
  }

  /**
   * Seals content.
   * @param part - number of the part, 1 to 10,000; undefined for an object stored in one piece
   */
  contentSealer(part: number | undefined, random: RandomSource): DareSealer {
    return this.#withContentKey(part, (key) => new DareSealer(key, random));
  }

  /** Opens content; `part` as in {@link contentSealer}. */
  contentOpener(part: number | undefined, options: ContentOpenerOptions = {}): ContentOpener {
    return this.#withContentKey(part, (key) => new ContentOpener(key, options));
  }

  /** The stored form of a plaintext's 16-byte MD5: 48 bytes. Parts' too are sealed under the upload's key. */
  sealETag(md5: Uint8Array, random: RandomSource): Buffer {
    if (md5.length !== MD5_BYTES) throw internal("an MD5 has 16 bytes");
    return this.#withLabel(ETAG_LABEL, (key) => sealValue(key, md5, random));
  }

  /** @returns 16 bytes @throws S3Error `SSE_ALTERED` */
  openETag(sealed: Buffer): Buffer {
    const md5 = this.#openLabelled(ETAG_LABEL, sealed);
    if (md5.length !== MD5_BYTES) throw sseError("SSE_ALTERED");
    return md5;
  }

  /** Seals other metadata; nothing stays nothing. */
  sealMetadata(label: MetadataLabel, value: Uint8Array, random: RandomSource): Buffer {
    return this.#withLabel(label, (key) => sealValue(key, value, random));
  }

  /** @throws S3Error `SSE_ALTERED` */
  openMetadata(label: MetadataLabel, sealed: Buffer): Buffer {
    return this.#openLabelled(label, sealed);
  }

  /** Overwrites the key: nothing can be sealed or opened with it any more. Streams already begun go on. */
  wipe(): void {
    this.#isWiped = true;
    this.#bytes.fill(0);
  }

  get #key(): Buffer {
    if (this.#isWiped) throw internal("the object key was wiped");
    return this.#bytes;
  }

  #withContentKey<T>(part: number | undefined, use: (key: Buffer) => T): T {
    if (part === undefined) return use(this.#key);
    const key = partKey(this.#key, part);
    try {
      return use(key);
    } finally {
      key.fill(0);
    }
  }

  #withLabel<T>(label: string, use: (key: Buffer) => T): T {
    const key = hmacSha256(this.#key, Buffer.from(label));
    try {
      return use(key);
    } finally {
      key.fill(0);
    }
  }

  #openLabelled(label: string, sealed: Buffer): Buffer {
    try {
      return this.#withLabel(label, (key) => openValue(key, sealed));
    } catch (cause) {
      if (isKesError(cause, "DECRYPT_FAILED")) throw sseError("SSE_ALTERED", { cause });
      throw cause;
    }
  }
}

/** Key of a part's content: HMAC-SHA-256(OEK, part number as 4 bytes, little endian). */
function partKey(objectKey: Uint8Array, part: number): Buffer {
  if (!Number.isInteger(part) || part < 1 || part > MAX_PART_NUMBER) throw internal("no such part number");
  const number = Buffer.alloc(4);
  number.writeUInt32LE(part);
  return hmacSha256(objectKey, number);
}

function internal(reason: string): KesError {
  return new KesError("INTERNAL", [], { cause: new Error(reason) });
}
