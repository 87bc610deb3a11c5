/** How much a client may do that costs us work and asks for nothing. */

/** A bucket of tokens that fills again with time. */
export class Patience {
  readonly #most: number;
  readonly #perMs: number;
  readonly #now: () => number;
  #left: number;
  #atMs: number;

  /** @param now - in milliseconds, monotonic */
  constructor(burst: number, perSecond: number, now: () => number) {
    this.#most = burst;
    this.#perMs = perSecond / 1000;
    this.#now = now;
    this.#left = burst;
    this.#atMs = now();
  }

  /** Takes one token. @returns false when there was none: the client has used up what it may */
  spend(): boolean {
    if (this.#left < 1) {
      const now = this.#now();
      this.#left = Math.min(this.#most, this.#left + (now - this.#atMs) * this.#perMs);
      this.#atMs = now;
      if (this.#left < 1) return false;
    }
    this.#left--;
    return true;
  }

  /** Gives tokens back: the client asked for something and takes it. */
  earn(tokens: number): void {
    this.#left = Math.min(this.#most, this.#left + tokens);
  }
}
