/** Bodies sent in chunks: framing off, signatures checked (S3 API reference §3.4). */
import { createHash, type Hash } from "node:crypto";
import { Transform, type TransformCallback } from "node:stream";
import type { S3Error } from "../../s3-error.js";
import { s3Error } from "../errors.js";
import { EMPTY_SHA256, sameSignature, signatureOf } from "./canonical.js";
import { ChunkLine } from "./chunk-line.js";
import type { ChunkMemory } from "./chunk-memory.js";
import { PieceStore } from "./piece-store.js";
import type { SignatureChain } from "./verify.js";

/** Largest chunk that is accepted; a signed one is held in memory until its signature is checked. */
export const MAX_CHUNK_BYTES = 16 * 1024 * 1024;
/** Size line, or all lines of the trailer. */
const MAX_LINES_BYTES = 8 * 1024;

export interface ChunkDecoderOptions {
  /** Absent: chunks have no signatures. */
  readonly chain?: SignatureChain;
  /** Lower-case names that the trailer must hold; absent: there is no trailer. */
  readonly trailer?: readonly string[];
  readonly maxChunkBytes?: number;
  /** Shared by all bodies; absent: no common bound. */
  readonly memory?: ChunkMemory;
}

/** What comes next. */
type Expected = "size" | "data" | "data-end" | "trailer" | "nothing";

/**
 * Takes the body as it was sent, gives the content. Of a signed chunk no byte is given before its signature was found
 * right. `end` means that the last chunk, and the trailer where there is one, were there and right, and nothing after.
 *
 * Fails with S3Error `CHUNK_MALFORMED`, `CHUNK_TOO_LARGE`, `CHUNK_SIGNATURE_MISMATCH`, `TRAILER_MALFORMED`,
 * `TRAILER_SIGNATURE_MISMATCH`, `BODY_INCOMPLETE`, `SLOW_DOWN` when chunks hold too much memory.
 */
export class ChunkDecoder extends Transform {
  readonly #chain: SignatureChain | undefined;
  readonly #announced: readonly string[] | undefined;
  readonly #maxChunkBytes: number;
  readonly #memory: ChunkMemory | undefined;
  /** Taken of that memory. */
  #held = 0;
  readonly #line = new ChunkLine(MAX_LINES_BYTES);
  readonly #pieces = new PieceStore();
  readonly #trailers = new Map<string, string>();
  #expected: Expected = "size";
  #previous: string;
  /** Of the chunk being read. */
  #left = 0;
  #signature = "";
  #hash: Hash | undefined;
  #trailerText = "";
  #trailerSignature: string | undefined;

  constructor(options: ChunkDecoderOptions) {
    super();
    this.#chain = options.chain;
    this.#announced = options.trailer;
    this.#maxChunkBytes = options.maxChunkBytes ?? MAX_CHUNK_BYTES;
    this.#memory = options.memory;
    this.#previous = options.chain?.seed ?? "";
  }

  /** Lower-case name → value; whole after `end`. */
  get trailers(): ReadonlyMap<string, string> {
    return this.#trailers;
  }

  override _transform(bytes: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    // Nothing more comes before what was pushed has been read, nearly all of it.
    if (this.#expected !== "data") this.#giveBack();
    try {
      for (let rest = bytes; rest.length > 0; ) rest = rest.subarray(this.#take(rest));
      done();
    } catch (error) {
      done(asError(error));
    }
  }

  override _flush(done: TransformCallback): void {
    done(this.#expected === "nothing" ? null : s3Error("BODY_INCOMPLETE"));
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#pieces.clear();
    this.#giveBack();
    super._destroy(error, done);
  }

  /** @returns how many bytes were taken, at least one */
  #take(bytes: Buffer): number {
    if (this.#expected === "data") return this.#takeData(bytes);
    if (this.#expected === "nothing") throw s3Error("CHUNK_MALFORMED");
    const { taken, line } = this.#line.take(bytes, this.#expected === "data-end" ? 2 : undefined);
    if (line !== undefined) this.#takeLine(line);
    return taken;
  }

  #takeLine(line: Buffer): void {
    const text = line.toString("latin1");
    if (this.#expected === "size") return this.#begin(text);
    if (this.#expected === "trailer") return this.#takeTrailer(text);
    if (text !== "\r\n") throw s3Error("CHUNK_MALFORMED");
    this.#line.reset();
    this.#expected = "size";
  }

  /** The line before the data of a chunk. */
  #begin(text: string): void {
    const match = (this.#chain === undefined ? UNSIGNED_SIZE : SIGNED_SIZE).exec(text);
    if (match === null) throw s3Error("CHUNK_MALFORMED");
    const size = Number.parseInt(match[1] ?? "", 16);
    if (size > this.#maxChunkBytes) throw s3Error("CHUNK_TOO_LARGE");
    this.#line.reset();
    this.#signature = match[2] ?? "";
    this.#left = size;
    if (size > 0) {
      if (this.#chain !== undefined) this.#hold(size);
      this.#hash = this.#chain === undefined ? undefined : createHash("sha256");
      this.#expected = "data";
      return;
    }
    this.#checkChunk(EMPTY_SHA256);
    this.#expected = "trailer";
  }

  #takeData(bytes: Buffer): number {
    const piece = bytes.subarray(0, this.#left);
    this.#left -= piece.length;
    if (this.#hash === undefined) this.push(piece);
    else {
      this.#hash.update(piece);
      this.#pieces.add(piece);
    }
    if (this.#left === 0) {
      if (this.#hash !== undefined) this.#checkChunk(this.#hash.digest("hex"));
      for (const whole of this.#pieces.drain()) this.push(whole);
      this.#expected = "data-end";
    }
    return piece.length;
  }

  #hold(bytes: number): void {
    this.#giveBack();
    const taken = this.#memory === undefined ? 0 : this.#memory.take(bytes);
    if (taken === undefined) throw s3Error("SLOW_DOWN");
    this.#held = taken;
  }

  #giveBack(): void {
    this.#memory?.giveBack(this.#held);
    this.#held = 0;
  }

  #checkChunk(hash: string): void {
    const chain = this.#chain;
    if (chain === undefined) return;
    const { dateTime, text } = chain.scope;
    const toSign = [CHUNK_ALGORITHM, dateTime, text, this.#previous, EMPTY_SHA256, hash].join("\n");
    const signature = signatureOf(chain.signingKey, toSign);
    if (!sameSignature(this.#signature, signature)) throw s3Error("CHUNK_SIGNATURE_MISMATCH");
    this.#previous = signature;
  }

  /** A line behind the last chunk; the empty one ends the body. */
  #takeTrailer(text: string): void {
    const line = text.replace(/\r?\n$/, "");
    if (line === "") return this.#finish();
    const colon = line.indexOf(":");
    const name = trim(line.slice(0, Math.max(colon, 0))).toLowerCase();
    const value = trim(line.slice(colon + 1));
    if (this.#announced === undefined) throw s3Error("CHUNK_MALFORMED");
    if (name === "" || this.#trailerSignature !== undefined) throw s3Error("TRAILER_MALFORMED");
    if (name === SIGNATURE_NAME && this.#chain !== undefined) {
      this.#trailerSignature = value;
      return;
    }
    if (!this.#announced.includes(name) || this.#trailers.has(name)) throw s3Error("TRAILER_MALFORMED");
    this.#trailers.set(name, value);
    this.#trailerText += `${name}:${value}\n`;
  }

  #finish(): void {
    if (this.#announced?.some((name) => !this.#trailers.has(name))) throw s3Error("TRAILER_MALFORMED");
    const chain = this.#chain;
    if (chain !== undefined && this.#announced !== undefined) {
      const hash = createHash("sha256").update(this.#trailerText, "latin1").digest("hex");
      const { dateTime, text } = chain.scope;
      const toSign = [TRAILER_ALGORITHM, dateTime, text, this.#previous, hash].join("\n");
      if (!sameSignature(this.#trailerSignature ?? "", signatureOf(chain.signingKey, toSign))) {
        throw s3Error("TRAILER_SIGNATURE_MISMATCH");
      }
    }
    this.#expected = "nothing";
  }
}

const CHUNK_ALGORITHM = "AWS4-HMAC-SHA256-PAYLOAD";
const TRAILER_ALGORITHM = "AWS4-HMAC-SHA256-TRAILER";
const SIGNATURE_NAME = "x-amz-trailer-signature";
const SIGNED_SIZE = /^([0-9A-Fa-f]{1,8});chunk-signature=([0-9a-f]{64})\r\n$/;
const UNSIGNED_SIZE = /^([0-9A-Fa-f]{1,8})\r\n$/;

/** Blanks only: what else JavaScript takes for white space is an altered byte here. */
function trim(text: string): string {
  return text.replace(/^[ \t]+|[ \t]+$/g, "");
}

/** What is thrown here is an S3Error, or a defect that ends the request all the same. */
function asError(error: unknown): S3Error | Error {
  return error instanceof Error ? error : s3Error("INTERNAL", { cause: error });
}
