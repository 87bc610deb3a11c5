/** What one connection holds in memory for its client, as far as that counts among all connections. */
import type { HeldAnswers, Holder } from "../held-answers.js";

/** So much is anybody's, and ordinary clients cost no counting. */
export const FREE_BYTES = 4096;

export class Holding implements Holder {
  readonly #held: HeldAnswers;
  readonly #connection: { destroy(): void };
  #bytes = 0;

  /** @param connection - settles with 0 when it is destroyed */
  constructor(held: HeldAnswers, connection: { destroy(): void }) {
    this.#held = held;
    this.#connection = connection;
  }

  get pendingBytes(): number {
    return this.#bytes;
  }

  /** The connection holds `bytes` now. May end any connection, this one as well. */
  settle(bytes: number): void {
    const counted = bytes > FREE_BYTES ? bytes : 0;
    const more = counted - this.#bytes;
    if (more === 0) return;
    this.#bytes = counted;
    if (more > 0) this.#held.take(this, more);
    else this.#held.give(this, -more);
  }

  giveUp(): void {
    this.#connection.destroy();
  }
}
