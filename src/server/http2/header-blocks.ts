/** Header blocks: put together from their frames, decoded, and read as a request or as its trailers. */
import { MAX_HEADER_BYTES } from "../limits.js";
import { ownCopy } from "../own-memory.js";
import { ConnectionError, ErrorCode } from "./errors.js";
import { HpackDecoder } from "./hpack-decoder.js";
import { MAX_CONTINUATIONS } from "./limits.js";
import { type HeadFault, HeadReader, isFault, type RequestHead } from "./request-head.js";

/** What a HEADERS frame says besides its fields. */
export interface HeaderBlock {
  readonly stream: number;
  /** END_STREAM. */
  readonly isEnd: boolean;
  readonly isSelfDependent: boolean;
}

/** Longest block whose head is remembered. */
const MAX_REMEMBERED_BYTES = 32;
const MIN_BYTES = 1024;

export class HeaderBlocks {
  readonly #decoder = new HpackDecoder();
  readonly #reader = new HeadReader();
  /** The block whose rest has not come. */
  #open: HeaderBlock | undefined;
  #bytes: Buffer = NO_BYTES;
  #length = 0;
  #frames = 0;
  /** The last block that consisted of references alone, and its meaning. */
  #lastBytes: Buffer = NO_BYTES;
  #lastHead: RequestHead | undefined;

  get isOpen(): boolean {
    return this.#open !== undefined;
  }

  /** Of the block that is open. */
  get stream(): number {
    return this.#open?.stream ?? 0;
  }

  /** Begins a block whose rest comes in CONTINUATION frames. */
  begin(block: HeaderBlock, bytes: Buffer, start: number, end: number): void {
    this.#open = block;
    this.#bytes = Buffer.allocUnsafeSlow(Math.max(end - start, MIN_BYTES));
    this.#length = bytes.copy(this.#bytes, 0, start, end);
    this.#frames = 0;
  }

  /** @throws ConnectionError `ENHANCE_YOUR_CALM` when the block is larger than any that is served */
  add(bytes: Buffer, start: number, end: number): void {
    const needed = this.#length + end - start;
    // Not a byte more is kept, and the block cannot be decoded without its end: this ends the connection.
    if (needed > MAX_HEADER_BYTES || ++this.#frames > MAX_CONTINUATIONS) {
      throw new ConnectionError(ErrorCode.enhanceYourCalm, "a header block too large");
    }
    if (needed > this.#bytes.length) {
      const larger = Buffer.allocUnsafeSlow(
        Math.max(needed, Math.min(MAX_HEADER_BYTES, 2 * this.#bytes.length)),
      );
      this.#bytes.copy(larger, 0, 0, this.#length);
      this.#bytes = larger;
    }
    this.#length += bytes.copy(this.#bytes, this.#length, start, end);
  }

  /** The block has ended. */
  finish(): { readonly block: HeaderBlock; readonly bytes: Buffer } {
    const block = this.#open;
    if (block === undefined) throw new ConnectionError(ErrorCode.internal, "no header block is open");
    const bytes = this.#bytes.subarray(0, this.#length);
    this.#open = undefined;
    this.#bytes = NO_BYTES;
    return { block, bytes };
  }

  /** Reads a block as the head of a request. @throws ConnectionError when it cannot be decoded */
  request(bytes: Buffer, start: number, end: number): RequestHead | HeadFault {
    // A client that asks the same again sends the same few bytes, all of them references to its table.
    const last = this.#lastHead;
    if (last !== undefined && isSame(this.#lastBytes, bytes, start, end)) return last;
    this.#decoder.decode(bytes, start, end, this.#reader);
    const head = this.#reader.request();
    this.#remember(head, bytes, start, end);
    return head;
  }

  /** Reads a block as trailers. @throws ConnectionError when it cannot be decoded */
  trailers(bytes: Buffer, start: number, end: number): HeadFault | undefined {
    this.#decoder.decode(bytes, start, end, this.#reader);
    if (!this.#decoder.wasPlain) this.#lastHead = undefined;
    return this.#reader.trailers();
  }

  #remember(head: RequestHead | HeadFault, bytes: Buffer, start: number, end: number): void {
    // Anything but references may have changed the table, and with it what references mean.
    if (!this.#decoder.wasPlain) {
      this.#lastHead = undefined;
      return;
    }
    if (isFault(head) || end - start > MAX_REMEMBERED_BYTES) return;
    this.#lastHead = head;
    this.#lastBytes = ownCopy(bytes.subarray(start, end));
  }
}

const NO_BYTES: Buffer = Buffer.alloc(0);

function isSame(last: Buffer, bytes: Buffer, start: number, end: number): boolean {
  if (last.length !== end - start) return false;
  for (let i = 0; i < last.length; i++) if (last[i] !== bytes[start + i]) return false;
  return true;
}
