/** How much of bodies the client may send ahead on a whole connection. */
export class ReceiveWindow {
  readonly #size: number;
  readonly #update: (bytes: number) => void;
  #left: number;
  #consumed = 0;

  /** @param update - tells the client that it may send so many bytes more */
  constructor(size: number, update: (bytes: number) => void) {
    this.#size = size;
    this.#left = size;
    this.#update = update;
  }

  /** Bytes came. @returns false when they were more than allowed */
  take(bytes: number): boolean {
    this.#left -= bytes;
    return this.#left >= 0;
  }

  /** Bytes were used or thrown away. The client hears of it when it is worth a frame. */
  give(bytes: number): void {
    this.#consumed += bytes;
    if (this.#consumed < this.#size / 2) return;
    this.#left += this.#consumed;
    this.#update(this.#consumed);
    this.#consumed = 0;
  }
}
