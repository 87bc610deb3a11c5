/** Bytes of one connection that have come and wait for a turn of the event loop that has time for them. */
import type { Turn } from "./turn.js";

const MIN_BYTES = 16 * 1024;
const NONE: Buffer = Buffer.alloc(0);

export class Backlog {
  readonly #turn: Turn;
  #bytes: Buffer = NONE;
  #start = 0;
  #end = 0;

  constructor(turn: Turn) {
    this.#turn = turn;
  }

  get isEmpty(): boolean {
    return this.#end === 0;
  }

  /** What waits lies here, between {@link start} and {@link end}. */
  get bytes(): Buffer {
    return this.#bytes;
  }

  get start(): number {
    return this.#start;
  }

  get end(): number {
    return this.#end;
  }

  /** Copies what waits from now on behind what waits already. @returns false when there is no room for it */
  add(bytes: Buffer, start: number, end: number): boolean {
    const needed = this.#end + end - start;
    if (needed > this.#bytes.length && !this.#grow(needed)) return false;
    bytes.copy(this.#bytes, this.#end, start, end);
    this.#end = needed;
    return true;
  }

  /** All but the last `left` bytes have been read. */
  keep(left: number): void {
    this.#start = this.#end - left;
    if (left === 0) this.clear();
  }

  clear(): void {
    // Requests are secrets.
    this.#bytes.fill(0, 0, this.#end);
    this.#turn.give(this.#bytes.length);
    this.#bytes = NONE;
    this.#start = 0;
    this.#end = 0;
  }

  #grow(needed: number): boolean {
    const old = this.#bytes;
    const size = Math.max(needed, 2 * old.length, MIN_BYTES);
    if (!this.#turn.take(size - old.length)) return false;
    this.#bytes = Buffer.allocUnsafeSlow(size);
    old.copy(this.#bytes, 0, 0, this.#end);
    old.fill(0, 0, this.#end);
    return true;
  }
}
