/**
 * One connection of HTTP/1.1: requests one after the other, in the order they came. The next one is read when the
 * one before has its whole answer, so that answers are in order by themselves and nothing piles up but unread bytes,
 * which are bounded.
 *
 * Time is counted in ticks of the engine: a request sets no timer.
 */
import type { BodyBudget } from "../body.js";
import type { Connection } from "../connections.js";
import type { EngineOptions, EngineSocket } from "../engine.js";
import { EARLY_ANSWER_LINGER_MS, MAX_HEADER_BYTES } from "../limits.js";
import type { SocketInput } from "../socket-input.js";
import type { AnswerHeads } from "./answer-head.js";
import { readHead } from "./head.js";
import { FREE_BYTES, Holding } from "./holding.js";
import { Inbox } from "./inbox.js";
import type { Deferred, Later } from "./later.js";
import { CR } from "./octets.js";
import { Refusal, refusals } from "./refusal.js";
import { type Line, Turn } from "./turn.js";

/** Unread bytes of a connection whose request is not answered yet; more is left to the kernel. */
const MAX_UNREAD = 64 * 1024;
/** Requests that came one behind the other are served so many at a time; the others wait for their turn. */
const MAX_AT_ONCE = 8;
/** So many unread bytes may take as long as hundreds of usual requests: they are held against the clock. */
const LARGE_BYTES = 4 * 1024;
/** Answers of one turn of the event loop go out together, up to so many bytes. */
const MAX_GATHERED = 64 * 1024;
const HEAD_END: Buffer = Buffer.from("\r\n\r\n");

/** What all connections of an engine share. */
export interface SessionOptions extends EngineOptions {
  readonly input: SocketInput;
  readonly heads: AnswerHeads;
  readonly later: Later;
  /** Ticks in `headersTimeoutMs` and `idleTimeoutMs`. */
  readonly headTicks: number;
  readonly idleTicks: number;
}

/** What a connection's time runs for. */
type Due =
  /** Its first request. */
  | "first"
  /** The rest of a head. */
  | "head"
  /** A further request, or that answers are taken. */
  | "next"
  /** That the other side takes what was sent last. */
  | "end";

export class Http1Session implements Line, Deferred {
  readonly connection: Connection;
  readonly #socket: EngineSocket;
  readonly #options: SessionOptions;
  readonly #inbox = new Inbox();
  readonly #holding: Holding;
  #turn: Turn | undefined;
  #due: Due = "first";
  /** Ticks until {@link #due} is too late; 0 while a request is under way, whose time the server watches. */
  #ticks: number;
  /** Unread bytes at which a head that was not complete is looked at again; 0 before the first look. */
  #nextLook = 0;
  #searched = 0;
  /** Bytes of empty lines before the head. */
  #emptyBytes = 0;
  /** Requests that were served although the answer before them had not left. */
  #served = 0;
  /** The next request waits for its turn. */
  #isInLine = false;
  /** Octets that go out together. */
  #out = "";
  #isAdvancing = false;
  #isPaused = false;
  /** No further request is read, and what comes is thrown away. */
  #isClosing = false;
  /** Closing as soon as the body of the last request has come. */
  #isLingering = false;
  #isGone = false;

  constructor(socket: EngineSocket, connection: Connection, options: SessionOptions) {
    this.#socket = socket;
    this.connection = connection;
    this.#options = options;
    this.#holding = new Holding(options.held, this);
    // A connection on which nothing comes gets no more time than a slow head.
    this.#ticks = options.headTicks;
    // A copy, since what a request was cut off at waits for its rest.
    options.input.read(socket, (bytes, length) => this.#received(Buffer.from(bytes.subarray(0, length))));
    socket.on("end", () => this.#clientEnded());
    socket.on("drain", () => this.#drained());
    socket.on("close", () => this.#closed());
  }

  get bodies(): BodyBudget {
    return this.#options.bodies;
  }

  get heads(): AnswerHeads {
    return this.#options.heads;
  }

  get isGone(): boolean {
    // Before `close` is told as well: whoever is cut off in the middle of writing has to see it.
    return this.#isGone || this.#socket.destroyed;
  }

  get backlog(): number {
    return this.#socket.writableLength + this.#out.length;
  }

  send(octets: string, sent?: () => void): void {
    if (this.isGone) return;
    this.#out += octets;
    if (sent === undefined && this.#isAdvancing && this.#out.length < MAX_GATHERED) return;
    this.flush(sent);
  }

  flush(sent?: () => void): void {
    const octets = this.#out;
    this.#out = "";
    if (this.#isGone || !this.#socket.writable) return;
    if (octets === "" && sent === undefined) return;
    const isMuch = sent === undefined && this.#socket.writableLength + octets.length > FREE_BYTES;
    this.#socket.write(octets, "latin1", isMuch ? () => this.#settle() : sent);
    if (isMuch) this.#settle();
  }

  feed(): void {
    const turn = this.#turn;
    if (turn === undefined) return;
    const refusal = turn.body.take(this.#inbox);
    if (refusal !== undefined) this.#refuseBody(turn, refusal);
    else if (turn.body.isBehind) this.#lineUp();
  }

  advance(): void {
    if (this.#isAdvancing || this.#isGone) return;
    this.#isAdvancing = true;
    try {
      while (this.#step());
    } catch (error) {
      this.#broken(error);
    }
    this.#isAdvancing = false;
    if (this.#out !== "") this.flush();
    this.#regulate();
  }

  linger(): void {
    this.#isClosing = true;
    this.#isLingering = true;
    this.flush();
    const timer = setTimeout(() => this.#close(), EARLY_ANSWER_LINGER_MS);
    this.#socket.once("close", () => clearTimeout(timer));
  }

  destroy(): void {
    // `close` is told later; until then nothing more may be begun or held.
    this.#isClosing = true;
    this.#inbox.clear();
    this.#out = "";
    this.#socket.destroy();
    this.#holding.settle(0);
  }

  /** Its turn has come among those who wait with further requests. */
  goOn(): void {
    this.#isInLine = false;
    this.#served = 0;
    if (this.isGone) return;
    if (this.#isLingering) this.#discard();
    else this.advance();
  }

  /** A tick has passed. @returns whether that ended the connection */
  tick(): boolean {
    if (this.#ticks === 0 || --this.#ticks > 0) return false;
    if (this.#due === "first" || this.#due === "head") this.#refuse(refusals.tooSlow);
    else if (this.#due === "end" || this.#socket.writableLength > 0) this.destroy();
    else this.#close();
    return true;
  }

  #received(chunk: Buffer): void {
    if (this.#isClosing && !this.#isLingering) return;
    this.#inbox.add(chunk);
    if (this.#inbox.size >= LARGE_BYTES && this.#options.later.isLong()) this.#lineUp();
    if (this.#isInLine) this.#regulate();
    else if (this.#isLingering) this.#discard();
    else this.advance();
  }

  /** Goes one step on with what has come. @returns false when more must come, or happen, before the next */
  #step(): boolean {
    if (this.#isClosing) return false;
    const turn = this.#turn;
    if (turn === undefined) return this.#readRequest();
    if (!this.#isInLine) this.feed();
    if (this.#isClosing || !turn.isOver) return false;
    if (turn.closes) {
      this.#close();
      return false;
    }
    if (!turn.body.isComplete) return false;
    this.#turn = undefined;
    // Or thousands of idle connections would hold the bytes of their last request.
    if (this.#inbox.size === 0) this.#inbox.clear();
    this.#wait("next");
    return true;
  }

  #readRequest(): boolean {
    const inbox = this.#inbox;
    // Whoever takes no answers gets no further ones, and nothing is done whose answer could not be sent.
    if (inbox.size === 0 || this.#socket.writableNeedDrain || !this.#socket.writable) return false;
    if (this.#mustLineUp()) return false;
    if (inbox.bytes[inbox.at] === CR && !this.#skipEmptyLines()) {
      return this.#emptyBytes > MAX_HEADER_BYTES ? this.#refuse(refusals.headTooLarge) : false;
    }
    // Not beyond what it may be: or what is refused would depend on how the bytes were cut.
    const end = Math.min(inbox.end, inbox.at + MAX_HEADER_BYTES);
    const head = this.#isWorthALook() ? readHead(inbox.bytes, inbox.at, end) : undefined;
    if (head === undefined) {
      if (inbox.size > MAX_HEADER_BYTES) return this.#refuse(refusals.headTooLarge);
      if (this.#due !== "head") this.#wait("head");
      return false;
    }
    this.#nextLook = 0;
    this.#emptyBytes = 0;
    if (head instanceof Refusal) return this.#refuse(head);
    inbox.at = head.end;
    this.#ticks = 0;
    this.#served++;
    const turn = new Turn(head, this);
    this.#turn = turn;
    this.connection.begin();
    this.#options.serve(turn);
    return true;
  }

  /** Nothing begins with an empty line, neither a head nor the time for one. @returns false when nothing is left */
  #skipEmptyLines(): boolean {
    const { size } = this.#inbox;
    const isMore = this.#inbox.skipEmptyLines();
    const skipped = size - this.#inbox.size;
    if (skipped > 0) this.#nextLook = 0;
    this.#emptyBytes += skipped;
    return isMore && this.#emptyBytes <= MAX_HEADER_BYTES;
  }

  /**
   * A head is read again from its start when its end has come, and whenever twice as much is there: at every byte
   * that would be quadratic, and never to look before the end would keep garbage waiting for its answer.
   */
  #isWorthALook(): boolean {
    const { bytes, at, end, size } = this.#inbox;
    if (size < this.#nextLook) {
      const isWhole = bytes.subarray(at, end).indexOf(HEAD_END, Math.max(0, this.#searched - 3)) >= 0;
      this.#searched = size;
      return isWhole;
    }
    this.#searched = size;
    this.#nextLook = size * 2;
    return true;
  }

  /** A piece may hold thousands of requests: others would wait for all of them. */
  #mustLineUp(): boolean {
    // Ordinary clients have their answer before they send the next request.
    if (this.backlog === 0) this.#served = 0;
    const isMany = this.#served >= MAX_AT_ONCE;
    if (isMany || (this.#served > 0 && this.#options.later.isLong())) this.#lineUp();
    return this.#isInLine;
  }

  #lineUp(): void {
    if (this.#isInLine) return;
    this.#isInLine = true;
    this.#options.later.add(this);
  }

  #drained(): void {
    this.#settle();
    if (this.#turn === undefined && this.#inbox.size > 0) this.#lineUp();
    else this.advance();
  }

  #wait(due: Due): void {
    this.#due = due;
    this.#ticks = due === "head" ? this.#options.headTicks : this.#options.idleTicks;
  }

  /** Tells what the client makes us hold. */
  #settle(): void {
    if (this.isGone) return;
    const { size, bytes } = this.#inbox;
    const headBytes = this.#turn?.headBytes ?? 0;
    this.#holding.settle(this.backlog + headBytes + (size === 0 ? 0 : bytes.length));
  }

  /** Takes no more from the kernel than it can use. */
  #regulate(): void {
    this.#inbox.settle();
    const isHolding = this.#inbox.size > 0 || this.#turn !== undefined || this.#holding.pendingBytes > 0;
    if (isHolding) this.#settle();
    // A whole head that waits for nothing has been read.
    const isStuck = this.#turn !== undefined || this.#isInLine || this.#socket.writableNeedDrain;
    const isFull = (!this.#isClosing || this.#isLingering) && isStuck && this.#inbox.size >= MAX_UNREAD;
    if (isFull === this.#isPaused) return;
    this.#isPaused = isFull;
    if (isFull) this.#socket.pause();
    else this.#socket.resume();
  }

  /** Answers what is no request, and ends. */
  #refuse(refusal: Refusal): false {
    this.#options.refused(this.connection.peer, refusal.status, refusal.reason);
    this.#endWith(refusal);
    return false;
  }

  /** Whoever serves never throws; if he does, it is this connection's end and not the process's. */
  #broken(error: unknown): void {
    const reason = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    this.#options.refused(this.connection.peer, 500, reason);
    this.destroy();
  }

  /** Bytes that are no body. */
  #refuseBody(turn: Turn, refusal: Refusal): void {
    // It has its answer, in which nobody may be disturbed.
    if (this.#isLingering) return this.#close();
    this.#options.refused(this.connection.peer, refusal.status, refusal.reason);
    if (turn.body.isWanted) {
      this.#isClosing = true;
      turn.giveUp();
      this.#endWith(refusal);
    } else if (turn.isAnswered) {
      // Behind an answer that has begun nothing can be said any more.
      this.flush();
      this.destroy();
    }
    // Else its answer is about to be sent, and closes the connection.
  }

  /** Ends behind a last answer, and reads on for a moment, or the client would see a reset instead. */
  #endWith({ answer }: Refusal): void {
    this.#isClosing = true;
    this.#ticks = 0;
    this.#out += answer;
    this.flush();
    const timer = setTimeout(() => this.#socket.destroy(), EARLY_ANSWER_LINGER_MS);
    this.#socket.once("close", () => clearTimeout(timer));
    this.#socket.end();
    this.#inbox.clear();
  }

  /** While the body of the last request still comes. */
  #discard(): void {
    const body = this.#turn?.body;
    if (body === undefined || body.take(this.#inbox) !== undefined || body.isComplete) return this.#close();
    if (body.isBehind) this.#lineUp();
    this.#regulate();
  }

  #clientEnded(): void {
    const isInRequest = this.#turn === undefined ? this.#inbox.size > 0 : !this.#turn.body.isComplete;
    if (isInRequest && !this.#isClosing) {
      const { status, reason } = refusals.cutOff;
      this.#options.refused(this.connection.peer, status, reason);
    }
    this.#socket.end();
  }

  /** Closes when what was sent has been taken. */
  #close(): void {
    this.#isClosing = true;
    this.#isLingering = false;
    this.#inbox.clear();
    this.#wait("end");
    this.flush();
    this.#socket.destroySoon();
  }

  #closed(): void {
    this.#isGone = true;
    this.#isClosing = true;
    this.#inbox.clear();
    this.#out = "";
    this.#ticks = 0;
    this.#holding.settle(0);
    this.#turn?.gone();
  }
}
