/** The client's bytes → frames. What comes whole is read where it lies; only a frame that was split is copied. */
import { ConnectionError, ErrorCode } from "./errors.js";
import { FRAME_HEAD_BYTES, FrameType, PREFACE } from "./frame.js";
import { MAX_FRAME_BYTES } from "./limits.js";

export class FrameReader {
  /** Of the frame that {@link next} found. Its payload lies in `bytes` from `start` to `end`. */
  type = 0;
  flags = 0;
  stream = 0;
  bytes: Buffer = EMPTY;
  start = 0;
  end = 0;

  #chunk: Buffer = EMPTY;
  #at = 0;
  /** Where the chunk's bytes end. */
  #stop = 0;
  /** Bytes of the client's preface that have come. */
  #greeted = 0;
  /** A frame whose rest has not come. */
  #part: Buffer = EMPTY;
  #partBytes = 0;

  /** Takes the next bytes, those of `chunk` from `start` to `end`, behind those that it has been given before. */
  feed(chunk: Buffer, start: number, end: number): void {
    this.#chunk = chunk;
    this.#at = start;
    this.#stop = end;
  }

  /** How many of the bytes have not been looked at: they are to be given again. */
  get left(): number {
    return this.#stop - this.#at;
  }

  /** Lets go of the bytes that have been read: a quiet connection should not hold its last ones. */
  release(): void {
    this.#chunk = EMPTY;
    this.#at = 0;
    this.#stop = 0;
    this.bytes = EMPTY;
  }

  /** True when something has begun that is, or may be, part of a request's headers, and its rest has not come. */
  get waitsForHeaders(): boolean {
    if (this.#greeted < PREFACE.length) return true;
    if (this.#partBytes === 0) return false;
    const type = this.#partBytes > TYPE_AT ? this.#part[TYPE_AT] : FrameType.headers;
    return type === FrameType.headers || type === FrameType.continuation;
  }

  /**
   * Goes to the next frame. @returns false when it has not come yet
   * @throws ConnectionError when it cannot be a frame, or is too large
   */
  next(): boolean {
    if (this.#greeted < PREFACE.length && !this.#readPreface()) return false;
    if (this.#partBytes > 0) return this.#complete();
    const chunk = this.#chunk;
    const at = this.#at;
    const left = this.#stop - at;
    if (left >= FRAME_HEAD_BYTES) {
      const length = payloadLength(chunk, at);
      if (left >= FRAME_HEAD_BYTES + length) {
        this.#at = at + FRAME_HEAD_BYTES + length;
        this.#show(chunk, at, length);
        return true;
      }
    }
    return left > 0 && this.#complete();
  }

  #readPreface(): boolean {
    const chunk = this.#chunk;
    while (this.#greeted < PREFACE.length) {
      if (this.#at === this.#stop) return false;
      if (chunk[this.#at++] !== PREFACE[this.#greeted++]) {
        throw new ConnectionError(ErrorCode.protocol, "the connection does not begin with HTTP/2's preface");
      }
    }
    return true;
  }

  /** Copies what has come of a split frame. */
  #complete(): boolean {
    if (!this.#collect(FRAME_HEAD_BYTES)) return false;
    const length = payloadLength(this.#part, 0);
    if (!this.#collect(FRAME_HEAD_BYTES + length)) return false;
    const whole = this.#part;
    this.#part = EMPTY;
    this.#partBytes = 0;
    this.#show(whole, 0, length);
    return true;
  }

  /** Copies until there are `size` bytes of the frame. @returns whether there are */
  #collect(size: number): boolean {
    const take = Math.min(size - this.#partBytes, this.#stop - this.#at);
    if (take > 0) {
      const needed = this.#partBytes + take;
      if (needed > this.#part.length) {
        // Not the whole frame's size at once: many connections could each announce one that never comes.
        const larger = Buffer.allocUnsafeSlow(
          Math.max(needed, Math.min(size, this.#part.length * 2), MIN_PART_BYTES),
        );
        this.#part.copy(larger, 0, 0, this.#partBytes);
        this.#part = larger;
      }
      this.#chunk.copy(this.#part, this.#partBytes, this.#at, this.#at + take);
      this.#partBytes = needed;
      this.#at += take;
    }
    return this.#partBytes >= size;
  }

  #show(bytes: Buffer, at: number, length: number): void {
    this.type = bytes[at + TYPE_AT] ?? 0;
    this.flags = bytes[at + 4] ?? 0;
    this.stream = readUint31(bytes, at + 5);
    this.bytes = bytes;
    this.start = at + FRAME_HEAD_BYTES;
    this.end = this.start + length;
  }
}

const EMPTY: Buffer = Buffer.alloc(0);
const TYPE_AT = 3;
const MIN_PART_BYTES = 64;

/** @throws ConnectionError when it is more than we have allowed */
function payloadLength(bytes: Buffer, at: number): number {
  const length = ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
  if (length > MAX_FRAME_BYTES) throw new ConnectionError(ErrorCode.frameSize, `a frame of ${length} bytes`);
  return length;
}

/** 31 bits; the first one is reserved and says nothing. */
export function readUint31(bytes: Buffer, at: number): number {
  return (
    (((bytes[at] ?? 0) & 0x7f) << 24) |
    ((bytes[at + 1] ?? 0) << 16) |
    ((bytes[at + 2] ?? 0) << 8) |
    (bytes[at + 3] ?? 0)
  );
}
