/** Bytes that have come and were not used yet. */
import { CR, LF } from "./octets.js";

const MIN_CAPACITY = 4096;
/** More than is asked for is taken up to here: hardly anything may follow, for no more is read of whoever has so much. */
const MAX_SPARE = 64 * 1024;

/**
 * A window onto the chunk that came last, as long as nothing is left of the one before: the usual request is read
 * where it lies. What is left is copied together with what follows. Bytes that were taken are never written over,
 * so that views of them stay what they are.
 */
export class Inbox {
  bytes: Buffer = EMPTY;
  /** The unused bytes are `bytes[at..end)`. */
  at = 0;
  end = 0;
  #isOurs = false;

  get size(): number {
    return this.end - this.at;
  }

  add(chunk: Buffer): void {
    const { size } = this;
    if (size === 0) {
      this.bytes = chunk;
      this.at = 0;
      this.end = chunk.length;
      this.#isOurs = false;
      return;
    }
    if (!this.#isOurs || this.end + chunk.length > this.bytes.length) this.#move(size + chunk.length);
    chunk.copy(this.bytes, this.end);
    this.end += chunk.length;
  }

  /**
   * Passes over empty lines before a request (RFC 9112 §2.2), or an end of one that is still to come. They are none of
   * its head: kept, they would be read again with each piece that follows.
   * @returns false when nothing is left
   */
  skipEmptyLines(): boolean {
    const { bytes, end } = this;
    let { at } = this;
    while (at + 1 < end && bytes[at] === CR && bytes[at + 1] === LF) at += 2;
    this.at = at;
    return at + 1 < end || (at < end && bytes[at] !== CR);
  }

  /** What is left may stay for long: it moves out of memory that it shares with what has been read. */
  settle(): void {
    if (this.size > 0 && !this.#isOurs) this.#move(this.size);
  }

  /** Lets go of everything. */
  clear(): void {
    this.bytes = EMPTY;
    this.at = 0;
    this.end = 0;
  }

  #move(wanted: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.max(Math.min(wanted * 2, MAX_SPARE), wanted, MIN_CAPACITY));
    this.bytes.copy(larger, 0, this.at, this.end);
    this.end -= this.at;
    this.at = 0;
    this.bytes = larger;
    this.#isOurs = true;
  }
}

const EMPTY: Buffer = Buffer.alloc(0);
