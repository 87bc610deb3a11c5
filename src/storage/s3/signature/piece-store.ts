/** Bytes that are held back for a while. */

/** Smaller pieces are copied together: each slice keeps a whole network buffer alive. */
const SMALL_BYTES = 16 * 1024;
const BLOCK_BYTES = 64 * 1024;

/** Takes as much memory as it holds bytes, within a small factor, however small the pieces come. */
export class PieceStore {
  #pieces: Buffer[] = [];
  #block = Buffer.alloc(0);
  #used = 0;

  add(piece: Buffer): void {
    if (piece.length >= SMALL_BYTES) {
      this.#close();
      this.#pieces.push(piece);
      return;
    }
    for (let rest = piece; rest.length > 0; ) {
      if (this.#used === this.#block.length) {
        this.#close();
        this.#block = Buffer.allocUnsafeSlow(BLOCK_BYTES);
      }
      const copied = rest.copy(this.#block, this.#used);
      this.#used += copied;
      rest = rest.subarray(copied);
    }
  }

  /** Everything, in order; the store is empty afterwards. */
  drain(): readonly Buffer[] {
    this.#close();
    const pieces = this.#pieces;
    this.#pieces = [];
    return pieces;
  }

  clear(): void {
    this.#pieces = [];
    this.#block = Buffer.alloc(0);
    this.#used = 0;
  }

  /** What is left of the block goes on being used. */
  #close(): void {
    if (this.#used === 0) return;
    this.#pieces.push(this.#block.subarray(0, this.#used));
    this.#block = this.#block.subarray(this.#used);
    this.#used = 0;
  }
}
