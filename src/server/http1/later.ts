/**
 * Connections that have sent more than a turn of the event loop has time for, or more requests one behind the other than
 * one connection may have served at once: they go on in turns, between which everybody else is served.
 */

export interface Deferred {
  /** Goes on; adds itself again when it has still more to do. */
  goOn(): void;
}

/** Time in a turn of the event loop for what can wait, and again for those who wait here. */
const MAX_TURN_MS = 2;

export class Later {
  #waiting: Deferred[] = [];
  #isDue = false;
  /** When the turn has taken long enough; 0 before anybody has asked. */
  #untilMs = 0;
  readonly #now: () => number;
  readonly #run = (): void => this.#turn();

  /** @param now - in milliseconds, monotonic */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** `one` goes on behind all that wait already. To be called once until it does. */
  add(one: Deferred): void {
    this.#waiting.push(one);
    this.#schedule();
  }

  /** Whether what can wait should leave the rest of the turn to others. */
  isLong(): boolean {
    if (this.#untilMs > 0) return this.#now() >= this.#untilMs;
    // From the first who asks on: a turn that nobody makes long needs no clock.
    this.#untilMs = this.#now() + MAX_TURN_MS;
    this.#schedule();
    return false;
  }

  #schedule(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    setImmediate(this.#run);
  }

  #turn(): void {
    this.#isDue = false;
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#untilMs = this.#now() + MAX_TURN_MS;
    let at = 0;
    while (at < waiting.length) {
      waiting[at++]?.goOn();
      if (this.isLong()) break;
    }
    this.#untilMs = 0;
    if (at === waiting.length) return;
    // Those who have not had their turn stay before those who wait again.
    this.#waiting = [...waiting.slice(at), ...this.#waiting];
    this.#schedule();
  }
}
