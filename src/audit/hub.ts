/** Delivers log lines to whoever follows a log stream, at once, and lets nobody slow the server down. */

/** Receives lines. Returns false when it cannot keep up and must be dropped. */
export interface Subscriber {
  readonly line: (line: string) => boolean;
  /** Called once when the hub ends the stream. `note` is for the follower: why it misses lines; absent at shutdown. */
  readonly end: (note?: string) => void;
}

/** Most streams at a time; each holds a connection and a buffer. */
const MAX_SUBSCRIBERS = 256;

/** One stream of lines with any number of followers. */
export class LogHub {
  readonly #subscribers = new Set<Subscriber>();
  #events = 0;

  /** Events published since the start, followed or not. */
  get events(): number {
    return this.#events;
  }

  /** False while nobody listens: the caller need not build the line. */
  get followed(): boolean {
    return this.#subscribers.size > 0;
  }

  /** Counts an event whose line nobody wants. */
  count(): void {
    this.#events++;
  }

  /** Sends `line`, which ends in a newline, to every follower. Whoever cannot take it is dropped. */
  publish(line: string): void {
    this.#events++;
    for (const subscriber of this.#subscribers) {
      if (!subscriber.line(line))
        this.#drop(subscriber, "too slow: the stream ended because lines were lost");
    }
  }

  /** Adds a follower. @returns how to leave, or undefined when there are too many. */
  subscribe(subscriber: Subscriber): (() => void) | undefined {
    if (this.#subscribers.size >= MAX_SUBSCRIBERS) return undefined;
    this.#subscribers.add(subscriber);
    return () => this.#subscribers.delete(subscriber);
  }

  /** Ends every stream, for shutdown. */
  close(): void {
    for (const subscriber of this.#subscribers) this.#drop(subscriber);
  }

  #drop(subscriber: Subscriber, note?: string): void {
    this.#subscribers.delete(subscriber);
    subscriber.end(note);
  }
}
