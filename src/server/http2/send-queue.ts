/** Bytes of an answer that wait for the client's window. */
export class SendQueue {
  readonly #parts: Buffer[] = [];
  /** Of the first part, how much is gone. */
  #offset = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  push(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.#parts.push(bytes);
    this.#size += bytes.length;
  }

  /** Moves the first `length` bytes to `out`, at most as many as there are. @returns where they end */
  take(length: number, out: Buffer, at: number): number {
    let end = at;
    let left = Math.min(length, this.#size);
    this.#size -= left;
    let done = 0;
    while (left > 0) {
      const part = this.#parts[done];
      if (part === undefined) break;
      const piece = Math.min(left, part.length - this.#offset);
      part.copy(out, end, this.#offset, this.#offset + piece);
      end += piece;
      left -= piece;
      this.#offset += piece;
      if (this.#offset === part.length) {
        this.#offset = 0;
        done++;
      }
    }
    // All at once: one after the other would move the rest of a long queue again and again.
    if (done > 0) this.#parts.splice(0, done);
    return end;
  }

  clear(): void {
    this.#parts.length = 0;
    this.#offset = 0;
    this.#size = 0;
  }
}
