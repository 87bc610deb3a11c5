/** One stream: a request as it comes and its answer as it goes. */
import { BodyBuffer, type BodyFailure, type BodyRefusal } from "../body.js";
import type { Exchange, ReplyHeaders, StreamWriter } from "../exchange.js";
import { DISCARD_TIMEOUT_MS, MAX_DISCARDED_BYTES, MAX_STREAM_BACKLOG, STREAM_LINGER_MS } from "../limits.js";
import { ownCopy, ownText } from "../own-memory.js";
import type { Peer } from "../peer.js";
import { ErrorCode } from "./errors.js";
import { MAX_PENDING_BYTES, STREAM_BYTES, STREAM_WINDOW_BYTES } from "./limits.js";
import { NO_HEAD, type RequestHead } from "./request-head.js";
import { SendQueue } from "./send-queue.js";
import type { Outgoing } from "./sender.js";
import type { StreamHost } from "./stream-host.js";

export class Stream implements Exchange, Outgoing {
  readonly id: number;
  /** Without its fields when the request was {@link finished}. */
  head: RequestHead;
  readonly queue: SendQueue = new SendQueue();
  sendWindow: number;
  isEnding = false;
  /** Bytes that the client may still send, and those it has sent and gets back only with the next update. */
  receiveWindow: number;
  consumedBytes = 0;
  readonly #host: StreamHost;
  /** END_STREAM came with the head. */
  readonly #isBodyless: boolean;
  #isReceived: boolean;
  #isSent = false;
  #isClosed = false;
  #isAnswered = false;
  /** The answer goes on: {@link StreamHost.held}. */
  #isHeld = false;
  #receivedBytes = 0;
  /** What came before anybody asked for it, as far as the window allowed: the first piece, or several put together. */
  #early: Buffer | BodyBuffer | undefined;
  #earlyBytes = 0;
  /** There was no room for that. */
  #refusal: BodyRefusal | undefined;
  #body: BodyBuffer | undefined;
  #done: ((body: Buffer | BodyFailure) => void) | undefined;
  /** The rest of the body is thrown away; so much of it was. */
  #isDiscarding = false;
  #discardedBytes = 0;
  /** Bytes that count as held for the stream, from when it {@link stays}. */
  #keptBytes = 0;
  #gone: (() => void)[] | undefined;
  /** Until when the rest of the body may come; until when the answer must be taken. 0 for no bound. */
  #discardUntilMs = 0;
  #takeUntilMs = 0;

  constructor(host: StreamHost, id: number, head: RequestHead, isReceived: boolean, receiveWindow: number) {
    this.#host = host;
    this.id = id;
    this.head = head;
    this.#isBodyless = isReceived;
    this.#isReceived = isReceived;
    this.sendWindow = host.sender.initialWindow;
    this.receiveWindow = receiveWindow;
  }

  get peer(): Peer {
    return this.#host.peer;
  }

  get method(): string {
    return this.head.method;
  }

  get target(): string {
    return this.head.target;
  }

  get bodyless(): boolean {
    return this.#isBodyless || this.head.contentLength === 0;
  }

  /** The client has sent its END_STREAM. */
  get isReceived(): boolean {
    return this.#isReceived;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  header(name: string): readonly string[] {
    const { fields } = this.head;
    let values: string[] | undefined;
    for (const field of fields) {
      if (field.name !== name) continue;
      values ??= [];
      values.push(field.value);
    }
    return values ?? NO_VALUES;
  }

  readBody(limit: number, done: (body: Buffer | BodyFailure) => void): void {
    if (this.#isClosed) return done("aborted");
    if (this.head.contentLength > limit) {
      this.#discard();
      return done("too-large");
    }
    if (this.#refusal !== undefined) return done(this.#refusal);
    const early = this.#takeEarly();
    if (this.#isReceived) return done(early.length > limit ? "too-large" : early);
    this.#body = new BodyBuffer(limit, this.#host.bodies, true);
    this.#done = done;
    if (this.head.isAsking && this.#receivedBytes === 0 && !this.#isAnswered) {
      this.#host.sender.head(this.id, CONTINUE, {}, undefined, false);
      this.#host.touched();
    }
    if (early.length > 0) this.#collect(this.#body, early);
  }

  onGone(callback: () => void): void {
    if (this.#isClosed) return callback();
    this.#gone ??= [];
    this.#gone.push(callback);
  }

  finished(): void {
    // Of one that was reset too: what it was served by may hold on to it, as long as a keystore hangs.
    if (!this.#isClosed) this.#dropHead();
    else if (!this.#isSent) this.head = NO_HEAD;
    this.#host.finished();
  }

  /** The request was not answered at once, or the client has not taken or not ended it. What it holds counts. */
  stays(): void {
    let earlyBytes = 0;
    if (this.#early instanceof Buffer) {
      earlyBytes = this.#earlyBytes;
      this.#early = ownCopy(this.#early);
    }
    this.#keep(STREAM_BYTES + this.head.size + earlyBytes);
  }

  #keep(bytes: number): void {
    this.#keptBytes += bytes;
    this.#host.sender.keep(bytes);
  }

  /** Nobody asks for the request any more, while its answer may wait for the client for long. */
  #dropHead(): void {
    const { contentLength, size } = this.head;
    this.head = { method: "", target: "", fields: NO_FIELDS, contentLength, isAsking: false, size: 0 };
    if (this.#keptBytes === 0) return;
    this.#keptBytes -= size;
    this.#host.sender.letGo(size);
  }

  reply(status: number, headers: ReplyHeaders, body?: string): void {
    if (this.#isAnswered || this.#isClosed) return;
    this.#isAnswered = true;
    const length = body === undefined ? 0 : Buffer.byteLength(body);
    const isEmpty = body === undefined || length === 0 || this.head.method === "HEAD";
    this.#begin(status, headers, length, isEmpty);
    if (!this.#isReceived) this.#discardUntilEnd();
    if (isEmpty) this.sent();
    else {
      this.#host.sender.body(this, body, length);
      if (!this.#isSent) {
        this.#takeUntilMs = this.#host.now() + this.#host.idleTimeoutMs;
        this.#host.watch(this);
      }
    }
    this.#host.touched();
  }

  stream(status: number, headers: ReplyHeaders): StreamWriter {
    const isOpen = !this.#isAnswered && !this.#isClosed;
    if (isOpen) {
      this.#isAnswered = true;
      this.#begin(status, headers, undefined, false);
      this.#discard();
      this.#isHeld = true;
      this.#host.held(true);
      this.#host.touched();
    }
    return {
      write: (text) => {
        if (this.#isClosed || this.isEnding) return true;
        const isFull = this.queue.size >= MAX_STREAM_BACKLOG;
        if (isFull || this.#host.sender.waitingBytes >= MAX_PENDING_BYTES) return false;
        this.#host.sender.queue(this, ownText(text));
        this.#host.touched();
        return true;
      },
      end: (last = "") => {
        if (this.#isClosed || this.isEnding) return;
        this.isEnding = true;
        this.#host.sender.queue(this, ownText(last));
        if (!this.#isClosed) {
          // A client that does not end its side of the stream either is cut off like one that takes nothing.
          this.#takeUntilMs = this.#host.now() + STREAM_LINGER_MS;
          this.#discardUntilMs = this.#takeUntilMs;
          this.#host.watch(this);
        }
        this.#host.touched();
      },
      onClose: (callback) => this.onGone(callback),
    };
  }

  /**
   * Takes a piece of the body, which is not kept; `isEnd` with the last one.
   * @returns what is wrong with it, or undefined
   */
  receive(piece: Buffer, isEnd: boolean): string | undefined {
    this.#receivedBytes += piece.length;
    const declared = this.head.contentLength;
    if (declared >= 0 && (this.#receivedBytes > declared || (isEnd && this.#receivedBytes < declared))) {
      return "content-length and the body differ";
    }
    if (piece.length > 0) this.#take(piece, isEnd);
    if (isEnd) this.end();
    return undefined;
  }

  /** The request ends: with its last piece, or with trailers. */
  end(): void {
    this.#isReceived = true;
    this.#bodyEnds();
    this.#closeIfDone();
  }

  /** Whether a body that ends here has the length that was declared. */
  get isComplete(): boolean {
    return this.head.contentLength < 0 || this.head.contentLength === this.#receivedBytes;
  }

  /** The client takes its answer, however slowly. One that goes on has its own deadline for the end. */
  moved(): void {
    if (this.#takeUntilMs > 0 && !this.#isHeld)
      this.#takeUntilMs = this.#host.now() + this.#host.idleTimeoutMs;
  }

  /** The last byte of the answer is on its way. */
  sent(): void {
    this.#isSent = true;
    this.#takeUntilMs = 0;
    this.#closeIfDone();
  }

  /** The client left, or the stream was reset. */
  abort(): void {
    if (this.#isClosed) return;
    this.#close();
    this.#finishBody("aborted");
  }

  /**
   * Holds the deadlines against the clock.
   * @returns whether there are any left
   */
  check(nowMs: number): boolean {
    if (this.#isClosed) return false;
    if (this.#takeUntilMs > 0 && nowMs >= this.#takeUntilMs) {
      this.#host.cut(this, ErrorCode.cancel);
      return false;
    }
    // The answer comes first: it is cut off only by its own deadline.
    if (this.#discardUntilMs > 0 && nowMs >= this.#discardUntilMs && this.#isSent) {
      this.#host.cut(this, ErrorCode.none);
      return false;
    }
    return this.#takeUntilMs > 0 || this.#discardUntilMs > 0;
  }

  #begin(status: number, headers: ReplyHeaders, length: number | undefined, isEnd: boolean): void {
    try {
      this.#host.sender.head(this.id, status, headers, length, isEnd);
    } catch (error) {
      // Nobody else would end the stream.
      this.#host.cut(this, ErrorCode.internal);
      throw error;
    }
  }

  #take(piece: Buffer, isEnd: boolean): void {
    const { length } = piece;
    if (this.#isDiscarding) {
      this.#discardedBytes += length;
      this.#host.consumed(this, length);
      if (this.#discardedBytes > MAX_DISCARDED_BYTES && this.#isSent) this.#host.cut(this, ErrorCode.none);
      return;
    }
    if (this.#body === undefined) return this.#hold(piece, isEnd);
    this.#host.consumed(this, length);
    this.#collect(this.#body, piece);
  }

  #collect(body: BodyBuffer, piece: Buffer): void {
    const refusal = body.add(piece);
    if (refusal === undefined) return;
    this.#discard();
    this.#finishBody(refusal);
  }

  /** Kept as they come, pieces of one byte would take two hundred times their size. */
  #hold(piece: Buffer, isEnd: boolean): void {
    const held = this.#early;
    this.#earlyBytes += piece.length;
    if (held === undefined) {
      // A whole body is taken within this turn; one that goes on may stay.
      this.#early = isEnd ? Buffer.from(piece) : ownCopy(piece);
      if (this.#keptBytes > 0) this.#keep(piece.length);
      return;
    }
    let body: BodyBuffer;
    let refusal: BodyRefusal | undefined;
    if (held instanceof BodyBuffer) body = held;
    else {
      body = new BodyBuffer(STREAM_WINDOW_BYTES, this.#host.bodies);
      this.#early = body;
      refusal = body.add(held);
    }
    refusal ??= body.add(piece);
    if (refusal === undefined) return;
    this.#refusal = refusal;
    this.#discard();
  }

  /** What came so far; it counts as taken. */
  #takeEarly(): Buffer {
    const held = this.#early;
    if (held === undefined) return EMPTY;
    this.#dropEarly();
    return held instanceof BodyBuffer ? held.take() : held;
  }

  #bodyEnds(): void {
    if (this.#body !== undefined) this.#finishBody(this.#body.take());
  }

  #finishBody(end: Buffer | BodyFailure): void {
    const done = this.#done;
    const body = this.#body;
    body?.release();
    this.#body = undefined;
    this.#done = undefined;
    done?.(end);
    body?.recycle();
  }

  /** What still comes of the body is thrown away. */
  #discard(): void {
    if (this.#isDiscarding) return;
    this.#isDiscarding = true;
    this.#dropEarly();
  }

  #dropEarly(): void {
    const held = this.#early;
    if (held === undefined) return;
    this.#early = undefined;
    if (held instanceof BodyBuffer) held.release();
    this.#host.consumed(this, this.#earlyBytes);
    this.#earlyBytes = 0;
  }

  /** As {@link #discard}, for a while: a client that is still sending may look for its answer only then. */
  #discardUntilEnd(): void {
    this.#discard();
    this.#discardUntilMs = this.#host.now() + DISCARD_TIMEOUT_MS;
    this.#host.watch(this);
  }

  #closeIfDone(): void {
    if (this.#isReceived && this.#isSent) this.#close();
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#dropEarly();
    if (this.#keptBytes > 0) this.#host.sender.letGo(this.#keptBytes);
    this.#keptBytes = 0;
    this.#host.closed(this);
    if (this.#isHeld) this.#host.held(false);
    const gone = this.#gone;
    this.#gone = undefined;
    // Whoever has sent the whole of an answer knows that it is over.
    if (gone === undefined || (this.#isSent && !this.#isHeld)) return;
    for (const callback of gone) callback();
  }
}

const CONTINUE = 100;
const EMPTY: Buffer = Buffer.alloc(0);
const NO_FIELDS: RequestHead["fields"] = Object.freeze([]);
const NO_VALUES: readonly string[] = Object.freeze([]);
