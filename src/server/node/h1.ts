/** HTTP/1.1: requests of Node's parser as exchanges. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { type BodyBudget, type BodyFailure, readWhole } from "../body.js";
import type { Connection } from "../connections.js";
import type { Exchange, ReplyHeaders, StreamWriter } from "../exchange.js";
import { EARLY_ANSWER_LINGER_MS, MAX_STREAM_BACKLOG, STREAM_LINGER_MS } from "../limits.js";
import type { Peer } from "../peer.js";

/** One HTTP/1.1 request. */
export class Http1Exchange implements Exchange {
  readonly peer: Peer;
  readonly method: string;
  readonly target: string;
  readonly bodyless: boolean;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #connection: Connection;
  readonly #bodies: BodyBudget;
  readonly #isAsked: boolean;
  readonly #earlyAnswers: WeakSet<Duplex>;

  /**
   * @param isAsked - the client waits for a `100 Continue` before it sends the body
   * @param earlyAnswers - gets the sockets of requests that are answered before their body has come
   */
  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    connection: Connection,
    bodies: BodyBudget,
    isAsked: boolean,
    earlyAnswers: WeakSet<Duplex>,
  ) {
    this.#earlyAnswers = earlyAnswers;
    this.peer = connection.peer;
    this.#connection = connection;
    this.#bodies = bodies;
    this.#isAsked = isAsked;
    this.method = request.method ?? "";
    this.target = request.url ?? "";
    this.#request = request;
    this.#response = response;
    const { headers } = request;
    this.bodyless =
      headers["transfer-encoding"] === undefined &&
      (headers["content-length"] === undefined || Number(headers["content-length"]) === 0);
  }

  header(name: string): readonly string[] {
    return this.#request.headersDistinct[name] ?? [];
  }

  readBody(limit: number, done: (body: Buffer | BodyFailure) => void): void {
    const request = this.#request;
    const declared = Number(request.headers["content-length"] ?? 0);
    if (declared > limit) return done("too-large");
    if (this.#isAsked) this.#response.writeContinue();
    readWhole(request, limit, this.#bodies, done);
  }

  onGone(callback: () => void): void {
    this.#response.once("close", callback);
  }

  finished(): void {
    this.#connection.end();
  }

  reply(status: number, headers: ReplyHeaders, body?: string): void {
    const response = this.#response;
    if (response.destroyed || response.headersSent) return;
    const length = body === undefined ? 0 : Buffer.byteLength(body);
    const all: ReplyHeaders = { ...headers, "content-length": length };
    // Or the client would send its next request into a connection that is being closed.
    if (this.#connection.isClosing) all.connection = "close";
    if (this.#request.complete || this.bodyless) {
      response.writeHead(status, all);
      response.end(body);
    } else this.#replyEarly(status, all, body);
  }

  /** Answers while the body still comes; what the client sends from now on is thrown away. */
  #replyEarly(status: number, headers: ReplyHeaders, body: string | undefined): void {
    const request = this.#request;
    const response = this.#response;
    this.#earlyAnswers.add(request.socket);
    response.writeHead(status, { ...headers, connection: "close" });
    response.flushHeaders();
    if (body !== undefined && this.method !== "HEAD") response.write(body);
    // The answer is complete by its length; Node closes the connection with its end.
    const end = (): void => {
      clearTimeout(timer);
      if (!response.destroyed) response.end();
    };
    const timer = setTimeout(end, EARLY_ANSWER_LINGER_MS);
    request.once("end", end);
    request.once("close", end);
    request.resume();
  }

  stream(status: number, headers: ReplyHeaders): StreamWriter {
    const response = this.#response;
    response.writeHead(status, headers);
    response.flushHeaders();
    // An answer that goes on keeps its connection from being idle, however little happens.
    this.#connection.begin();
    response.once("close", () => this.#connection.end());
    return {
      write(text) {
        if (response.writableLength >= MAX_STREAM_BACKLOG) return false;
        response.write(text);
        return true;
      },
      end(last) {
        if (response.destroyed) return;
        response.end(last);
        const cut = setTimeout(() => response.destroy(), STREAM_LINGER_MS).unref();
        response.once("close", () => clearTimeout(cut));
      },
      onClose: (callback) => (response.closed ? callback() : response.once("close", callback)),
    };
  }
}
