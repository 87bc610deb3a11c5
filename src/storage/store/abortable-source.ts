/** A source of content that an abort ends at once, also while it stands still. */
export class AbortableSource {
  readonly #iterator: AsyncIterator<Uint8Array, unknown>;
  readonly #signal: AbortSignal | undefined;
  /** Ends the wait for the source, while there is one. */
  #giveUp: ((reason: unknown) => void) | undefined;
  #isEnded = false;
  #isWaiting = false;

  constructor(source: AsyncIterable<Uint8Array>, signal: AbortSignal | undefined) {
    this.#iterator = source[Symbol.asyncIterator]();
    this.#signal = signal;
    signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  /** @throws what the source throws, or the signal's reason */
  async next(): Promise<IteratorResult<Uint8Array, unknown>> {
    this.#isWaiting = true;
    this.#signal?.throwIfAborted();
    // Not `Promise.race` against one promise for all chunks: that would keep every chunk until the source has ended.
    const turn = await new Promise<IteratorResult<Uint8Array, unknown>>((resolve, reject) => {
      this.#giveUp = reject;
      this.#nextOfSource().then(resolve, reject);
    });
    this.#giveUp = undefined;
    this.#isWaiting = false;
    return turn;
  }

  /** To be called in the end, whatever it was: tells the source to stop, unless it has ended. */
  async close(): Promise<void> {
    this.#signal?.removeEventListener("abort", this.#onAbort);
    if (this.#isEnded) return;
    const stopped = this.#iterator.return?.();
    // A generator stops only once it comes back from what it waits for, which may be never.
    if (this.#isWaiting) stopped?.catch(() => {});
    else await stopped;
  }

  readonly #onAbort = (): void => this.#giveUp?.(this.#signal?.reason);

  async #nextOfSource(): Promise<IteratorResult<Uint8Array, unknown>> {
    try {
      const turn = await this.#iterator.next();
      this.#isEnded = turn.done === true;
      return turn;
    } catch (cause) {
      this.#isEnded = true;
      throw cause;
    }
  }
}
