/**
 * Memory for what is large and soon over: bodies of bulk calls, and what is read from them. V8 counts a buffer's bytes
 * until it has collected it, and with the small heap of a server some megabytes are enough for it to mark the whole heap,
 * again and again, for memory that was free all the time.
 */

/** The least and the most that is kept; sizes between are powers of two. */
const MIN_BYTES = 4 * 1024;
const MAX_BYTES = 2 * 1024 * 1024;
/** Bytes kept for later, all together. */
export const MAX_SPARE_BYTES = 4 * 1024 * 1024;

/** Buffers that nobody uses, to be used again. */
export class SpareMemory {
  readonly #spare = new Map<number, Buffer[]>();
  #spareBytes = 0;

  /**
   * At least `bytes` that nobody else has, and nothing of what was in them: zeros or what `malloc` gives. What is not
   * given back is collected as any buffer.
   */
  take(bytes: number): Buffer {
    const size = spareBytes(bytes);
    const spare = this.#spare.get(size)?.pop();
    if (spare === undefined) return Buffer.allocUnsafeSlow(size);
    this.#spareBytes -= size;
    return spare;
  }

  /** Nobody reads `memory` any more, of which the first `used` bytes were written. They are wiped. */
  give(memory: Buffer, used: number): void {
    memory.fill(0, 0, used);
    const size = memory.length;
    if (size !== spareBytes(size) || size > MAX_BYTES || this.#spareBytes + size > MAX_SPARE_BYTES) return;
    const spare = this.#spare.get(size);
    if (spare === undefined) this.#spare.set(size, [memory]);
    else spare.push(memory);
    this.#spareBytes += size;
  }
}

/** What {@link SpareMemory.take} gives for so many bytes. */
export function spareBytes(bytes: number): number {
  if (bytes > MAX_BYTES) return bytes;
  return Math.max(MIN_BYTES, 2 ** Math.ceil(Math.log2(bytes)));
}
