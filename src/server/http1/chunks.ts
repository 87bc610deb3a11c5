/**
 * Takes chunks apart (RFC 9112 §7.1). Extensions and trailers are read, held to their grammar and thrown away; both
 * are bounded. A line ends in CR LF and in nothing else: readers that also take a bare LF inside of an extension see
 * another chunk there than those that do not (CVE-2025-55315).
 */
import { ownCopy } from "../own-memory.js";
import { readFields } from "./head.js";
import { CR, hexValue, LF } from "./octets.js";
import { Refusal, refusals } from "./refusal.js";

/** Longest line of a chunk's size and extensions, CR LF included. */
const MAX_LINE = 256;
/** Chunks that are read at once: tiny ones take a hundred times as long as what they hold. */
const MAX_AT_ONCE = 256;
/** Digits of a size: 2^48 bytes. */
const MAX_DIGITS = 12;
/** Bytes of extensions that one body may have (CVE-2023-39326: they cost much and say nothing). */
const MAX_EXTENSIONS = 16 * 1024;
/** Bytes of trailer fields. Few, for they are read again from their start with each piece that comes. */
const MAX_TRAILERS = 4 * 1024;
/** `;name`, `;name=token`, `;name="text"`, without white space. */
const EXTENSIONS =
  /^(?:;[!#$%&'*+\-.^_`|~\w]+(?:=(?:[!#$%&'*+\-.^_`|~\w]+|"(?:[\t !#-[\]-~\x80-\xff]|\\[\t -~\x80-\xff])*"))?)+$/;

type State = "size" | "data" | "data-end" | "trailers" | "done";

export class ChunkDecoder {
  readonly #sink: (piece: Buffer) => void;
  #state: State = "size";
  /** Bytes of the chunk's data that are still to come. */
  #left = 0;
  #extensions = 0;
  /** A line, or trailers, of which only a part has come. */
  #part: Buffer = EMPTY;

  constructor(sink: (piece: Buffer) => void) {
    this.#sink = sink;
  }

  get isDone(): boolean {
    return this.#state === "done";
  }

  /**
   * Takes from `bytes[start..end)` what belongs to the body, of many chunks some of it.
   * @returns the position behind what it has taken
   */
  take(bytes: Buffer, start: number, end: number): number | Refusal {
    let at = start;
    let lines = 0;
    while (at < end && this.#state !== "done") {
      if (this.#state === "size" && lines++ >= MAX_AT_ONCE) return at;
      const next = this.#step(bytes, at, end);
      if (next instanceof Refusal) return next;
      at = next;
    }
    return at;
  }

  #step(bytes: Buffer, at: number, end: number): number | Refusal {
    if (this.#state === "data") return this.#data(bytes, at, end);
    if (this.#state === "size") return this.#line(bytes, at, end);
    return this.#state === "data-end" ? this.#dataEnd(bytes, at, end) : this.#trailers(bytes, at, end);
  }

  #data(bytes: Buffer, at: number, end: number): number {
    const stop = Math.min(end, at + this.#left);
    this.#left -= stop - at;
    if (this.#left === 0) this.#state = "data-end";
    this.#sink(bytes.subarray(at, stop));
    return stop;
  }

  #dataEnd(bytes: Buffer, at: number, end: number): number | Refusal {
    const begun = this.#part.length;
    if (begun === 0) {
      if (bytes[at] !== CR) return refusals.chunkEnd;
      if (at + 1 >= end) {
        this.#part = ONE_CR;
        return at + 1;
      }
    }
    const lf = begun === 0 ? at + 1 : at;
    if (bytes[lf] !== LF) return refusals.chunkEnd;
    this.#part = EMPTY;
    this.#state = "size";
    return lf + 1;
  }

  /** The line before a chunk, which ends at the first LF, for no LF may stand in it. */
  #line(bytes: Buffer, at: number, end: number): number | Refusal {
    const found = bytes.indexOf(LF, at);
    const isWhole = found >= 0 && found < end;
    const stop = isWhole ? found + 1 : end;
    if (this.#part.length + stop - at > MAX_LINE) return refusals.chunkExtension;
    if (!isWhole) {
      this.#part = joined(this.#part, bytes, at, stop);
      return startsWell(this.#part) ? stop : refusals.chunkSize;
    }
    const isJoined = this.#part.length > 0;
    const line = isJoined ? joined(this.#part, bytes, at, stop) : bytes;
    const refusal = isJoined ? this.#size(line, 0, line.length) : this.#size(line, at, stop);
    this.#part = EMPTY;
    return refusal ?? stop;
  }

  #size(line: Buffer, start: number, stop: number): Refusal | undefined {
    const lineEnd = stop - 2;
    if (lineEnd < start || line[lineEnd] !== CR) return refusals.chunkSize;
    let at = start;
    let size = 0;
    for (; at < lineEnd; at++) {
      const digit = hexValue(line[at] ?? 0);
      if (digit < 0) break;
      size = size * 16 + digit;
    }
    if (at === start || at - start > MAX_DIGITS) return refusals.chunkSize;
    if (at < lineEnd) {
      this.#extensions += lineEnd - at;
      if (this.#extensions > MAX_EXTENSIONS || !EXTENSIONS.test(line.toString("latin1", at, lineEnd)))
        return refusals.chunkExtension;
    }
    this.#left = size;
    this.#state = size === 0 ? "trailers" : "data";
    return undefined;
  }

  #trailers(bytes: Buffer, at: number, end: number): number | Refusal {
    const had = this.#part.length;
    // Nearly always there are none, and nothing is copied.
    const part = had === 0 ? bytes : joined(this.#part, bytes, at, end);
    const start = had === 0 ? at : 0;
    const stop = had === 0 ? end : part.length;
    // Not beyond what they may be: or what is refused would depend on how the bytes were cut.
    const fieldsEnd = readFields(part, start, Math.min(stop, start + MAX_TRAILERS), 0, []);
    if (fieldsEnd === refusals.headTooLarge) return refusals.trailersTooLarge;
    if (fieldsEnd instanceof Refusal) return refusals.trailer;
    if (fieldsEnd === undefined) {
      if (stop - start > MAX_TRAILERS) return refusals.trailersTooLarge;
      this.#part = had === 0 ? ownCopy(bytes.subarray(at, end)) : part;
      return end;
    }
    this.#part = EMPTY;
    this.#state = "done";
    return at + (fieldsEnd - start) - had;
  }
}

const EMPTY: Buffer = Buffer.alloc(0);
const ONE_CR: Buffer = Buffer.from([CR]);

function joined(part: Buffer, bytes: Buffer, start: number, stop: number): Buffer {
  const both = Buffer.allocUnsafeSlow(part.length + stop - start);
  both.set(part);
  bytes.copy(both, part.length, start, stop);
  return both;
}

/** Of a line without its end: whether it can become one. Or garbage would be waited for. */
function startsWell(part: Buffer): boolean {
  return hexValue(part[0] ?? 0) >= 0;
}
