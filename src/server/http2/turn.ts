/**
 * A turn of the event loop, as far as the connections of an engine share it: how long they read within it, who goes on
 * in the next one, and whose answers leave at its end.
 */

export interface Flushed {
  flush(): void;
}

/** A connection whose bytes have come and wait to be read. */
export interface Waiting {
  /** Reads for as long as the turn lasts; {@link Turn.later} again when something is left. */
  goOn(): void;
}

/** Milliseconds of reading, on all connections; then those that have had their share wait for the next turn. */
const READING_MS = 2;
/** Bytes that wait on all connections. Above that they are read at once, however long it takes. */
const MAX_WAITING_BYTES = 32 * 1024 * 1024;

export class Turn {
  readonly #now: () => number;
  readonly #schedule: (run: () => void) => void;
  #dirty: Flushed[] = [];
  /** In the order in which they take turns. */
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #isScheduled = false;
  #number = 0;
  /** When reading has taken long enough; 0 before anybody has asked. */
  #readUntilMs = 0;
  readonly #run = (): void => this.#end();

  /**
   * @param now - milliseconds, monotonic
   * @param schedule - calls back when all that has come was read
   */
  constructor(now: () => number, schedule: (run: () => void) => void = setImmediate) {
    this.#now = now;
    this.#schedule = schedule;
  }

  /** Changes from turn to turn, as long as anybody asks anything of them. */
  get number(): number {
    return this.#number;
  }

  /** Calls `one.flush` when all that has come within this turn has been read. */
  add(one: Flushed): void {
    this.#dirty.push(one);
    this.#set();
  }

  /** Whether whoever has had its share should leave the rest of the turn to others. */
  isLong(): boolean {
    if (this.#readUntilMs > 0) return this.#now() >= this.#readUntilMs;
    // From the first who asks on: a turn that nobody makes long needs no clock.
    this.#readUntilMs = this.#now() + READING_MS;
    this.#set();
    return false;
  }

  /** Calls `one.goOn` in a later turn, after those that wait already. */
  later(one: Waiting): void {
    this.#waiting.push(one);
    this.#set();
  }

  /** @returns whether there is room for so many bytes more to wait; then they are given back by {@link give} */
  take(bytes: number): boolean {
    if (this.#waitingBytes + bytes > MAX_WAITING_BYTES) return false;
    this.#waitingBytes += bytes;
    return true;
  }

  give(bytes: number): void {
    this.#waitingBytes -= bytes;
  }

  #set(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#schedule(this.#run);
  }

  #end(): void {
    this.#next();
    try {
      if (this.#waiting.length > 0) this.#goOn();
      const dirty = this.#dirty;
      this.#dirty = [];
      for (const one of dirty) one.flush();
    } finally {
      // Whatever befalls one connection, there is another turn for the others.
      this.#next();
      this.#isScheduled = false;
      if (this.#waiting.length > 0 || this.#dirty.length > 0) this.#set();
    }
  }

  #next(): void {
    this.#number++;
    this.#readUntilMs = 0;
  }

  #goOn(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    let done = 0;
    do waiting[done++]?.goOn();
    while (done < waiting.length && !this.isLong());
    // Those that had no time come before those that had some.
    this.#waiting = [...waiting.slice(done), ...this.#waiting];
  }
}
