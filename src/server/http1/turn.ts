/** One request and its answer on a connection of HTTP/1.1. */
import type { BodyBudget, BodyFailure } from "../body.js";
import type { Connection } from "../connections.js";
import type { Exchange, ReplyHeaders, StreamWriter } from "../exchange.js";
import { MAX_STREAM_BACKLOG, STREAM_LINGER_MS } from "../limits.js";
import type { Peer } from "../peer.js";
import type { AnswerHeads } from "./answer-head.js";
import type { RequestHead } from "./head.js";
import { IncomingBody } from "./incoming-body.js";

/** What a turn asks of the connection it is taken on. */
export interface Line {
  readonly connection: Connection;
  readonly bodies: BodyBudget;
  readonly heads: AnswerHeads;
  /** The socket is closed. */
  readonly isGone: boolean;
  /** Bytes that wait for the client. */
  readonly backlog: number;
  /** Sends `octets`, one a character. @param sent - called when the kernel has them all */
  send(octets: string, sent?: () => void): void;
  /** Sends at once what was gathered. */
  flush(): void;
  /** Gives the body of the turn under way what has come for it. */
  feed(): void;
  /** The turn has come a step further, and may be over. */
  advance(): void;
  /** The answer is sent although the body still comes: throws that away for a while, then closes. */
  linger(): void;
  destroy(): void;
}

export class Turn implements Exchange {
  readonly peer: Peer;
  readonly method: string;
  readonly target: string;
  readonly bodyless: boolean;
  readonly body: IncomingBody;
  /** The connection ends with the answer. */
  closes: boolean;
  readonly #head: RequestHead;
  readonly #line: Line;
  #isAnswered = false;
  /** The answer has been sent to its end. */
  #isEnded = false;
  #isFinished = false;
  #onGone: (() => void)[] | undefined;

  constructor(head: RequestHead, line: Line) {
    this.#head = head;
    this.#line = line;
    this.peer = line.connection.peer;
    this.method = head.method;
    this.target = head.target;
    this.bodyless = !head.isChunked && head.length === 0;
    this.closes = !head.keepsAlive;
    this.body = new IncomingBody(head, line.bodies);
  }

  /** Nothing is left to do for it but the rest of its body. */
  get isOver(): boolean {
    return this.#isEnded && this.#isFinished;
  }

  /** The head of its answer is sent. */
  get isAnswered(): boolean {
    return this.#isAnswered;
  }

  /** Bytes of its head, which it keeps. */
  get headBytes(): number {
    return this.#head.size;
  }

  header(name: string): readonly string[] {
    return this.#head.values(name);
  }

  readBody(limit: number, done: (body: Buffer | BodyFailure) => void): void {
    if (this.#head.length > limit) return done("too-large");
    if (this.#line.isGone) return done("aborted");
    this.body.collect(limit, done);
    this.#line.feed();
    if (this.#head.isAsking && !this.body.isComplete && !this.#isAnswered) this.#line.send(CONTINUE);
  }

  onGone(callback: () => void): void {
    if (this.#onGone === undefined) this.#onGone = [callback];
    else this.#onGone.push(callback);
  }

  finished(): void {
    this.#isFinished = true;
    this.#line.connection.end();
    this.#line.advance();
  }

  reply(status: number, headers: ReplyHeaders, body?: string): void {
    const line = this.#line;
    if (this.#isAnswered || line.isGone) return;
    const isEarly = !this.#discardsBody();
    if (isEarly || line.connection.isClosing) this.closes = true;
    const length = body === undefined ? 0 : Buffer.byteLength(body);
    let octets = this.#answerHead(status, headers, length);
    // As many bytes as characters: it is ASCII.
    if (body !== undefined && this.method !== "HEAD")
      octets += length === body.length ? body : octetsOf(body);
    this.#isEnded = true;
    line.send(octets);
    if (isEarly) line.linger();
    // Or the socket would be ended before.
    else if (this.closes) line.flush();
  }

  stream(status: number, headers: ReplyHeaders): StreamWriter {
    const line = this.#line;
    if (line.isGone || this.#isAnswered) return GONE;
    const isEarly = !this.#discardsBody();
    if (isEarly || line.connection.isClosing || this.#head.isHttp10) this.closes = true;
    const isChunked = !this.#head.isHttp10;
    line.send(this.#answerHead(status, headers, undefined));
    // An answer that goes on keeps its connection from being idle, however little happens.
    line.connection.begin();
    const listeners: (() => void)[] = [];
    let isOpen = true;
    let isEnding = false;
    let cut: NodeJS.Timeout | undefined;
    const close = (): void => {
      if (!isOpen) return;
      isOpen = false;
      clearTimeout(cut);
      this.#isEnded = true;
      line.connection.end();
      for (const listener of listeners) listener();
      line.advance();
    };
    this.onGone(close);
    const send = (text: string): void => {
      if (text === "" || this.method === "HEAD") return;
      const octets = octetsOf(text);
      line.send(isChunked ? `${octets.length.toString(16)}\r\n${octets}\r\n` : octets);
    };
    return {
      write(text) {
        if (!isOpen || isEnding || line.isGone || line.backlog >= MAX_STREAM_BACKLOG) return false;
        send(text);
        return true;
      },
      end: (last) => {
        if (!isOpen || isEnding) return;
        isEnding = true;
        if (last !== undefined) send(last);
        cut = setTimeout(() => line.destroy(), STREAM_LINGER_MS).unref();
        line.send(isChunked && this.method !== "HEAD" ? LAST_CHUNK : "", close);
      },
      onClose: (callback) => {
        if (isOpen) listeners.push(callback);
        else callback();
      },
    };
  }

  /** Its body is none; the connection has answered that itself. */
  giveUp(): void {
    this.#isAnswered = true;
    this.#isEnded = true;
    this.closes = true;
    this.body.abort();
  }

  /** The client has gone, or the connection was cut. */
  gone(): void {
    const callbacks = this.#onGone;
    this.#onGone = undefined;
    this.body.abort();
    for (const callback of callbacks ?? []) callback();
  }

  /** Throws away what has come of a body that nobody read. @returns true when that was all of it */
  #discardsBody(): boolean {
    const { body } = this;
    if (body.isComplete) return true;
    body.discard();
    this.#line.feed();
    return body.isComplete;
  }

  #answerHead(status: number, headers: ReplyHeaders, length: number | undefined): string {
    try {
      const isChunked = length === undefined && !this.#head.isHttp10;
      const head = this.#line.heads.head(status, headers, { length, isChunked, closes: this.closes });
      this.#isAnswered = true;
      return head;
    } catch (error) {
      // Without an answer the next one would be taken for it.
      this.#line.destroy();
      throw error;
    }
  }
}

const CONTINUE = "HTTP/1.1 100 Continue\r\n\r\n";
const LAST_CHUNK = "0\r\n\r\n";

/** The bytes of a text in UTF-8, one a character. */
function octetsOf(text: string): string {
  return Buffer.byteLength(text) === text.length ? text : Buffer.from(text).toString("latin1");
}

/** For an answer that nobody is there to read. */
const GONE: StreamWriter = {
  write: () => false,
  end: () => undefined,
  onClose: (callback) => callback(),
};
