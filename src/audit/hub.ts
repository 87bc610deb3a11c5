/** Delivers log lines to whoever follows a log stream, at once, and lets nobody slow the server down. */

/** Receives lines. Returns false when it cannot keep up and must be dropped. */
export interface Subscriber {
  readonly line: (line: string) => boolean;
  /** Called once when the hub ends the stream. `note` is for the follower: why it misses lines; absent at shutdown. */
  readonly end: (note?: string) => void;
}

/** Most streams at a time; each holds a connection and a buffer. */
const MAX_SUBSCRIBERS = 256;

const LOST = "too slow: the stream ended because lines were lost";

/** Joins the hubs of several processes to one stream. */
export interface LogRelay {
  /** Whether somebody follows in another process. */
  readonly followed: boolean;
  /** Sends `line` to every process with followers, this one included, where it comes back to {@link LogHub.deliver}. */
  publish(line: string): void;
  /** Somebody follows here, or nobody any more. Resolves when every process sends its lines. */
  follow(followed: boolean): Promise<void>;
}

/** One stream of lines with any number of followers. */
export class LogHub {
  readonly #relay: LogRelay | undefined;
  readonly #subscribers = new Set<Subscriber>();
  #reached: Promise<void> | undefined;
  #events = 0;

  constructor(relay?: LogRelay) {
    this.#relay = relay;
  }

  /** Events published since the start, followed or not. */
  get events(): number {
    return this.#events;
  }

  /** False while nobody listens: the caller need not build the line. */
  get followed(): boolean {
    return this.#subscribers.size > 0 || this.#relay?.followed === true;
  }

  /** Resolves when a new follower gets the lines of every process; undefined when there is but this one. */
  get reached(): Promise<void> | undefined {
    return this.#reached;
  }

  /** Counts an event whose line nobody wants. */
  count(): void {
    this.#events++;
  }

  /** Sends `line`, which ends in a newline, to every follower. Whoever cannot take it is dropped. */
  publish(line: string): void {
    this.#events++;
    if (this.#relay === undefined) this.deliver(line);
    // One way for the lines of all processes, so that all followers see them in the same order.
    else if (this.followed) this.#relay.publish(line);
  }

  /** Gives a line that was counted where it was made to the followers here. */
  deliver(line: string): void {
    for (const subscriber of this.#subscribers) {
      if (!subscriber.line(line)) this.#drop(subscriber, LOST);
    }
  }

  /** Lines were lost on their way here: no follower may think that it has them all. */
  cut(): void {
    for (const subscriber of this.#subscribers) this.#drop(subscriber, LOST);
  }

  /** Adds a follower. @returns how to leave, or undefined when there are too many. */
  subscribe(subscriber: Subscriber): (() => void) | undefined {
    if (this.#subscribers.size >= MAX_SUBSCRIBERS) return undefined;
    this.#subscribers.add(subscriber);
    if (this.#subscribers.size === 1) this.#reached = this.#relay?.follow(true);
    return () => this.#remove(subscriber);
  }

  /** Ends every stream, for shutdown. */
  close(): void {
    for (const subscriber of this.#subscribers) this.#drop(subscriber);
  }

  #drop(subscriber: Subscriber, note?: string): void {
    this.#remove(subscriber);
    subscriber.end(note);
  }

  #remove(subscriber: Subscriber): void {
    if (this.#subscribers.delete(subscriber) && this.#subscribers.size === 0) this.#relay?.follow(false);
  }
}
