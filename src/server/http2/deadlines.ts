/** One timer for all sessions of an engine that wait for something. */

/** Something with deadlines. */
export interface Watched {
  /** @returns false when none is left */
  check(nowMs: number): boolean;
}

const TICK_MS = 50;

export class Deadlines {
  readonly #watched = new Set<Watched>();
  readonly #now: () => number;
  #timer: NodeJS.Timeout | undefined;

  constructor(now: () => number) {
    this.#now = now;
  }

  watch(one: Watched): void {
    this.#watched.add(one);
    this.#timer ??= setInterval(() => this.#tick(), TICK_MS).unref();
  }

  forget(one: Watched): void {
    this.#watched.delete(one);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#watched.clear();
  }

  #tick(): void {
    const now = this.#now();
    for (const one of this.#watched) if (!one.check(now)) this.#watched.delete(one);
    if (this.#watched.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
