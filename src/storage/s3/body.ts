/** Bodies of requests: what the headers promise, and the stream that holds them to it (S3 API reference §3, §4.1, §4.5). */
import { createHash, type Hash, timingSafeEqual } from "node:crypto";
import { type Readable, Transform, type TransformCallback } from "node:stream";
import { decodeBase64 } from "../../crypto/base64.js";
import { type BodyChecksum, readBodyChecksum } from "./checksum-headers.js";
import { type Checksum, type ChecksumAlgorithm, createChecksum, decodeChecksum } from "./checksums.js";
import { s3Error } from "./errors.js";
import type { RequestHeaders } from "./request-headers.js";
import { ChunkDecoder } from "./signature/chunk-decoder.js";
import type { ChunkMemory } from "./signature/chunk-memory.js";
import type { Payload } from "./signature/payload.js";
import type { SignatureChain } from "./signature/verify.js";

/** What a body must be. */
export interface BodyPlan {
  readonly payload: Payload;
  readonly chain: SignatureChain;
  /** Bytes of content; undefined when only the end of the body tells. */
  readonly length: number | undefined;
  /** `Content-MD5`. */
  readonly md5: Buffer | undefined;
  readonly checksum: BodyChecksum | undefined;
}

export interface BodyLimits {
  /** Of content. */
  readonly maxBytes: number;
  /** Set for what is stored: without any length the answer is 411, unless the body is in chunks of S3's own. */
  readonly needsLength: boolean;
}

const MD5_BYTES = 16;
const LENGTH = /^\d{1,15}$/;

/**
 * Reads all that the headers say, before a byte of the body is needed.
 *
 * @throws S3Error `LENGTH_MISSING`, `LENGTH_INVALID`, `ENTITY_TOO_LARGE`, `DIGEST_INVALID`, `TRAILER_UNSUPPORTED`, and
 *   those of `readBodyChecksum`
 */
export function planBody(
  headers: RequestHeaders,
  verified: { readonly payload: Payload; readonly chain: SignatureChain },
  limits: BodyLimits,
): BodyPlan {
  const { payload, chain } = verified;
  const isChunked = payload.kind === "chunked";
  const sent = readLength(headers, "content-length");
  const decoded = readLength(headers, "x-amz-decoded-content-length");
  const isEncoded = headers.has("transfer-encoding");
  if (limits.needsLength && sent === undefined && !(isChunked && isEncoded)) throw s3Error("LENGTH_MISSING");
  const length = isChunked ? decoded : isEncoded ? undefined : (sent ?? 0);
  if ((length ?? 0) > limits.maxBytes) throw tooLarge(length, limits.maxBytes);
  const hasTrailer = isChunked && payload.hasTrailer;
  const trailer = headers.get("x-amz-trailer");
  if (trailer !== undefined && !hasTrailer) throw s3Error("TRAILER_UNSUPPORTED");
  return { payload, chain, length, md5: readMd5(headers), checksum: readBodyChecksum(headers, trailer) };
}

function readLength(headers: RequestHeaders, name: string): number | undefined {
  const text = headers.get(name);
  if (text === undefined) return undefined;
  if (!LENGTH.test(text)) throw s3Error("LENGTH_INVALID", { members: { Header: name } });
  return Number(text);
}

function readMd5(headers: RequestHeaders): Buffer | undefined {
  const text = headers.get("content-md5");
  if (text === undefined) return undefined;
  const bytes = decodeBase64(text.trim());
  if (bytes?.length !== MD5_BYTES) throw s3Error("DIGEST_INVALID");
  return bytes;
}

function tooLarge(size: number | undefined, limit: number): Error {
  return s3Error("ENTITY_TOO_LARGE", {
    members: { ...(size === undefined ? {} : { ProposedSize: String(size) }), MaxSizeAllowed: String(limit) },
  });
}

/** For the calls that demand it (DeleteObjects). @throws S3Error `DIGEST_MISSING` */
export function requireDigest({ md5, checksum }: BodyPlan): void {
  if (md5 === undefined && checksum === undefined) throw s3Error("DIGEST_MISSING");
}

/** What to compute although the request may not ask for it. */
export interface BodyWishes {
  /** For the ETag. */
  readonly md5?: boolean;
  /** Computed when the request names no checksum of its own. */
  readonly checksum?: ChecksumAlgorithm;
}

/** What is known of a body that was whole and right. */
export interface BodyResults {
  readonly size: number;
  /** Where it was asked for or wished for. */
  readonly md5: Buffer | undefined;
  readonly checksum: { readonly algorithm: ChecksumAlgorithm; readonly value: Buffer } | undefined;
}

/**
 * The content of a body, to be read once. `end` means that size, hashes, checksum and signatures were right; until then
 * nothing of it may become visible. Whoever reads applies backpressure; memory is bounded by one chunk.
 *
 * A failure leaves `source` unread and alive, so that an answer can still be sent: whoever owns it discards the rest or
 * closes the connection.
 *
 * @param memory - of the chunks of all bodies together
 *
 * Fails with S3Error `BODY_INCOMPLETE`, `ENTITY_TOO_LARGE`, `CONTENT_SHA256_MISMATCH`, `DIGEST_MISMATCH`,
 * `CHECKSUM_MISMATCH`, `CHECKSUM_INVALID`, and those of {@link ChunkDecoder}.
 */
export function openBody(
  source: Readable,
  plan: BodyPlan,
  maxBytes: number,
  wishes: BodyWishes = {},
  memory?: ChunkMemory,
): S3Body {
  const { payload, chain, checksum } = plan;
  const decoder =
    payload.kind !== "chunked"
      ? undefined
      : new ChunkDecoder({
          ...(payload.isSigned ? { chain } : {}),
          ...(memory === undefined ? {} : { memory }),
          ...(payload.hasTrailer ? { trailer: trailersOf(checksum) } : {}),
        });
  const body = new S3Body(plan, maxBytes, wishes, decoder?.trailers);
  const first = decoder ?? body;
  const onGone = (): void => {
    if (!source.readableEnded) body.destroy(s3Error("BODY_INCOMPLETE"));
  };
  const onError = (cause: unknown): void => {
    body.destroy(s3Error("BODY_INCOMPLETE", { cause }));
  };
  source.once("close", onGone);
  source.once("error", onError);
  decoder?.once("error", (error) => body.destroy(error));
  // Whoever reads is told; where nobody does any more, it must not end the process.
  body.on("error", () => undefined);
  body.once("close", () => {
    source.off("close", onGone);
    source.unpipe(first);
    decoder?.destroy();
  });
  if (source.destroyed && !source.readableEnded) onGone();
  else {
    source.pipe(first);
    decoder?.pipe(body);
  }
  return body;
}

function trailersOf(checksum: BodyChecksum | undefined): string[] {
  return checksum !== undefined && "inTrailer" in checksum ? [headerOf(checksum.algorithm)] : [];
}

function headerOf(algorithm: ChecksumAlgorithm): string {
  return `x-amz-checksum-${algorithm.toLowerCase()}`;
}

/** See {@link openBody}. */
export class S3Body extends Transform {
  readonly #plan: BodyPlan;
  readonly #maxBytes: number;
  readonly #trailers: ReadonlyMap<string, string> | undefined;
  readonly #sha256: Hash | undefined;
  readonly #md5: Hash | undefined;
  readonly #algorithm: ChecksumAlgorithm | undefined;
  readonly #checksum: Checksum | undefined;
  #size = 0;
  #results: BodyResults | undefined;

  constructor(
    plan: BodyPlan,
    maxBytes: number,
    wishes: BodyWishes,
    trailers: ReadonlyMap<string, string> | undefined,
  ) {
    super();
    this.#plan = plan;
    this.#maxBytes = maxBytes;
    this.#trailers = trailers;
    this.#sha256 = plan.payload.kind === "hash" ? createHash("sha256") : undefined;
    this.#md5 = plan.md5 !== undefined || wishes.md5 === true ? createHash("md5") : undefined;
    this.#algorithm = plan.checksum?.algorithm ?? wishes.checksum;
    this.#checksum = this.#algorithm === undefined ? undefined : createChecksum(this.#algorithm);
  }

  /** After `end`. @throws S3Error `INTERNAL` before */
  get results(): BodyResults {
    if (this.#results === undefined) {
      throw s3Error("INTERNAL", { cause: new Error("a body was not read to its end") });
    }
    return this.#results;
  }

  override _transform(bytes: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#size += bytes.length;
    if (this.#size > (this.#plan.length ?? Number.POSITIVE_INFINITY)) return done(s3Error("BODY_INCOMPLETE"));
    if (this.#size > this.#maxBytes) return done(tooLarge(undefined, this.#maxBytes));
    this.#sha256?.update(bytes);
    this.#md5?.update(bytes);
    this.#checksum?.update(bytes);
    done(null, bytes);
  }

  override _flush(done: TransformCallback): void {
    this.#finish().then(
      (results) => {
        this.#results = results;
        done();
      },
      (error) => done(error),
    );
  }

  async #finish(): Promise<BodyResults> {
    const { length, payload, md5: promised } = this.#plan;
    if (length !== undefined && this.#size !== length) throw s3Error("BODY_INCOMPLETE");
    if (payload.kind === "hash" && this.#sha256?.digest("hex") !== payload.sha256) {
      throw s3Error("CONTENT_SHA256_MISMATCH");
    }
    const md5 = this.#md5?.digest();
    if (promised !== undefined && !md5?.equals(promised)) throw s3Error("DIGEST_MISMATCH");
    return { size: this.#size, md5, checksum: await this.#finishChecksum() };
  }

  async #finishChecksum(): Promise<BodyResults["checksum"]> {
    const algorithm = this.#algorithm;
    const value = await this.#checksum?.digest();
    if (algorithm === undefined || value === undefined) return undefined;
    const promised = this.#promisedChecksum(algorithm);
    if (promised !== undefined && !timingSafeEqual(promised, value)) {
      throw s3Error("CHECKSUM_MISMATCH", { members: { Algorithm: algorithm } });
    }
    return { algorithm, value };
  }

  #promisedChecksum(algorithm: ChecksumAlgorithm): Buffer | undefined {
    const { checksum } = this.#plan;
    if (checksum === undefined) return undefined;
    if ("value" in checksum) return checksum.value;
    const value = decodeChecksum(algorithm, this.#trailers?.get(headerOf(algorithm)) ?? "");
    if (value === undefined) throw s3Error("CHECKSUM_INVALID");
    return value;
  }
}

/**
 * Reads a small body whole.
 * @throws S3Error as {@link openBody}, and `BODY_TOO_LARGE` beyond `maxBytes`
 */
export function readBody(source: Readable, plan: BodyPlan, maxBytes: number): Promise<Buffer> {
  return collectBody(openBody(source, plan, Number.MAX_SAFE_INTEGER), maxBytes);
}

/** The same of a body that is open already. */
export async function collectBody(body: S3Body, maxBytes: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of body) {
    if (!Buffer.isBuffer(piece)) throw s3Error("INTERNAL");
    size += piece.length;
    if (size > maxBytes) throw s3Error("BODY_TOO_LARGE");
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}
