/** Sessions that have something to send, written to once at the end of a turn of the event loop. */

export interface Flushed {
  flush(): void;
}

export class Turn {
  #dirty: Flushed[] = [];
  readonly #run = (): void => {
    const dirty = this.#dirty;
    this.#dirty = [];
    for (const one of dirty) one.flush();
  };

  /** Calls `one.flush` when all that has come within this turn has been read. */
  add(one: Flushed): void {
    if (this.#dirty.push(one) === 1) setImmediate(this.#run);
  }
}
