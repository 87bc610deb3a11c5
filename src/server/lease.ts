/** Keeps what a reload replaced alive until the last request that uses it has ended. */

export class Lease {
  #users = 0;
  #retired: (() => void) | undefined;

  /** A request begins to use it. Ended once by {@link give}. */
  take(): void {
    this.#users++;
  }

  give(): void {
    this.#users--;
    this.#settle();
  }

  /** Resolves when nobody uses it any more. */
  retire(): Promise<void> {
    return new Promise((resolve) => {
      this.#retired = resolve;
      this.#settle();
    });
  }

  #settle(): void {
    if (this.#users === 0) this.#retired?.();
  }
}
