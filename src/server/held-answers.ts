/**
 * What waits for clients on all connections, of both versions of HTTP: answers that they do not take, and of HTTP/1.1
 * bytes that cannot be used yet. What one connection may hold says little, for connections are many.
 */

/** A connection as far as something waits on it. */
export interface Holder {
  /** Bytes that wait. */
  readonly pendingBytes: number;
  /** Ends the connection; then none are left. */
  giveUp(): void;
}

export class HeldAnswers {
  readonly #most: number;
  readonly #holders = new Set<Holder>();
  #bytes = 0;

  /** @param most - bytes on all connections; above that the connection with most of them is ended */
  constructor(most: number) {
    this.#most = most;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** `bytes` more wait on `holder`, which counts them already; may end any connection, this one as well. */
  take(holder: Holder, bytes: number): void {
    this.#bytes += bytes;
    this.#holders.add(holder);
    while (this.#bytes > this.#most && this.#holders.size > 0) this.#giveUpLargest();
  }

  /** `bytes` do not wait any more. */
  give(holder: Holder, bytes: number): void {
    this.#bytes -= bytes;
    if (holder.pendingBytes === 0) this.#holders.delete(holder);
  }

  #giveUpLargest(): void {
    let largest: Holder | undefined;
    for (const holder of this.#holders) {
      if (largest === undefined || holder.pendingBytes > largest.pendingBytes) largest = holder;
    }
    if (largest === undefined) return;
    this.#holders.delete(largest);
    largest.giveUp();
  }
}
