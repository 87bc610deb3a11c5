/**
 * What a connection brings → frames, as far as a turn of the event loop has time for them. One read from a socket can
 * hold thousands of requests, and one turn dozens of such reads: what one client has sent ahead must not keep others
 * waiting. The rest is copied, bounded by what Node reads at a time, and nothing more is read meanwhile.
 */
import { Backlog } from "./backlog.js";
import type { FrameReader } from "./frame-reader.js";
import type { Transport } from "./transport.js";
import type { Turn, Waiting } from "./turn.js";

/** What an intake needs of its connection. */
export interface IntakeHost {
  /** Nothing is read any more. */
  readonly isEnding: boolean;
  /** The client does not take what was sent. */
  readonly isBlocked: boolean;
  /** Does what the frame that the reader shows asks for. */
  frame(): void;
  /** No frame follows for now. */
  paused(): void;
  /** Ends the connection for what {@link frame} or {@link paused} has thrown. */
  fail(error: unknown): void;
  /** After what came was read, to its end or not. */
  wasRead(): void;
}

/**
 * Frames that a connection is given in a turn whoever waits: no ordinary client has more of them read at a time, and
 * so none pays for being held against the clock.
 */
const SHARE = 16;
/** Then so many from one look at the clock to the next: requests of two frames. */
const BETWEEN_LOOKS = 4;
/** A frame or a piece of so many bytes may take as long as hundreds of usual ones, and is held against the clock at once. */
const LARGE_BYTES = 2 * 1024;

export class Intake implements Waiting {
  readonly #host: IntakeHost;
  readonly #reader: FrameReader;
  readonly #transport: Transport;
  readonly #turn: Turn;
  readonly #backlog: Backlog;
  /** Of {@link Turn.number}, and what was read in that turn: frames and pieces. */
  #turnNumber = 0;
  #work = 0;
  #isReading = false;
  #isPaused = false;
  /** {@link goOn} is going to be called. */
  #isQueued = false;

  constructor(host: IntakeHost, reader: FrameReader, transport: Transport, turn: Turn) {
    this.#host = host;
    this.#reader = reader;
    this.#transport = transport;
    this.#turn = turn;
    this.#backlog = new Backlog(turn);
  }

  get isReading(): boolean {
    return this.#isReading;
  }

  /** Something has come that was not read. */
  get isWaiting(): boolean {
    return !this.#backlog.isEmpty;
  }

  /** Takes the next bytes, the first `length` of `chunk`, which it does not keep; never throws. */
  receive(chunk: Buffer, length: number): void {
    // Node never reads while it is read from. Did it, what is being read was written over.
    if (this.#isReading) return this.#host.fail(new Error("read within a read"));
    if (this.isWaiting || this.#isEnough(length)) this.#hold(chunk, 0, length);
    else this.#read(chunk, 0, length, true);
  }

  goOn(): void {
    this.#isQueued = false;
    // What answers wait for is not made more.
    if (this.#host.isEnding || this.#host.isBlocked || !this.isWaiting || this.#isReading) return;
    this.#readWaiting(true);
  }

  /** Nothing more is to come until {@link resume}. */
  pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.#transport.pause();
  }

  /** More may come, unless the client has to take something first, or what has come waits. */
  resume(): void {
    if (!this.#isPaused || this.#isReading) return;
    if (this.#host.isEnding) this.drop();
    else if (this.#host.isBlocked) return;
    else if (this.isWaiting) return this.#queue();
    this.#isPaused = false;
    this.#transport.resume();
  }

  /** Nobody reads what waits any more. */
  drop(): void {
    if (this.isWaiting && !this.#isReading) this.#backlog.clear();
  }

  /** @param isBounded - what the turn has no time for waits */
  #readWaiting(isBounded: boolean): void {
    const { bytes, start, end } = this.#backlog;
    const left = this.#frames(bytes, start, end, isBounded);
    if (this.#host.isEnding) this.#backlog.clear();
    else this.#backlog.keep(left);
    this.resume();
    this.#host.wasRead();
  }

  #read(bytes: Buffer, start: number, end: number, isBounded: boolean): void {
    const left = this.#frames(bytes, start, end, isBounded);
    if (this.#host.isEnding) this.resume();
    else if (left > 0) this.#hold(bytes, end - left, end);
    this.#host.wasRead();
  }

  /**
   * Puts bytes behind what waits. The socket is paused for them: no more come than have been read from the kernel
   * together with them.
   */
  #hold(bytes: Buffer, start: number, end: number): void {
    const { isWaiting } = this;
    if (!this.#backlog.add(bytes, start, end)) {
      if (isWaiting) this.#readWaiting(false);
      return this.#read(bytes, start, end, false);
    }
    if (isWaiting) return;
    this.pause();
    this.#queue();
  }

  #queue(): void {
    if (this.#isQueued) return;
    this.#isQueued = true;
    this.#turn.later(this);
  }

  /** @returns how many of the bytes were not read */
  #frames(bytes: Buffer, start: number, end: number, isBounded: boolean): number {
    const host = this.#host;
    const reader = this.#reader;
    this.#isReading = true;
    let left = 0;
    try {
      reader.feed(bytes, start, end);
      while (!host.isEnding && reader.next()) {
        host.frame();
        if (!isBounded || !this.#isEnough(reader.end - reader.start)) continue;
        left = reader.left;
        if (left > 0) break;
      }
      // A request whose body may be the next thing that waits is not served without it.
      if (left === 0) host.paused();
    } catch (error) {
      host.fail(error);
    }
    reader.release();
    this.#isReading = false;
    return left;
  }

  /** Counts a frame or a piece of so many bytes. @returns whether the rest should wait */
  #isEnough(bytes: number): boolean {
    const { number } = this.#turn;
    if (number !== this.#turnNumber) {
      this.#turnNumber = number;
      this.#work = 0;
    }
    const work = ++this.#work;
    if (bytes >= LARGE_BYTES) return this.#turn.isLong();
    return work >= SHARE && work % BETWEEN_LOOKS === 0 && this.#turn.isLong();
  }
}
