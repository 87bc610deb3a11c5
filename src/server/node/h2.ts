/** HTTP/2: streams of Node's engine as exchanges, without its compatibility layer, which doubles the cost. */
import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import { type BodyBudget, type BodyFailure, readWhole } from "../body.js";
import type { Connection } from "../connections.js";
import type { Exchange, ReplyHeaders, StreamWriter } from "../exchange.js";
import { DISCARD_TIMEOUT_MS, MAX_DISCARDED_BYTES, MAX_STREAM_BACKLOG, STREAM_LINGER_MS } from "../limits.js";
import type { Peer } from "../peer.js";

/** One HTTP/2 stream. */
export class Http2Exchange implements Exchange {
  readonly peer: Peer;
  readonly method: string;
  readonly target: string;
  readonly bodyless: boolean;
  readonly #stream: ServerHttp2Stream;
  readonly #headers: IncomingHttpHeaders;
  readonly #fields: readonly string[];
  readonly #connection: Connection;
  readonly #bodies: BodyBudget;

  /** @param fields - names and values in turn, as they were sent */
  constructor(
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    fields: readonly string[],
    connection: Connection,
    bodies: BodyBudget,
  ) {
    this.peer = connection.peer;
    this.#connection = connection;
    this.#bodies = bodies;
    this.method = String(headers[":method"] ?? "");
    this.target = String(headers[":path"] ?? "");
    this.#stream = stream;
    this.#headers = headers;
    this.#fields = fields;
    // END_STREAM on the header frame, or a declared length of zero.
    this.bodyless = stream.endAfterHeaders === true || headers["content-length"] === "0";
    // A reset stream is the client's right; it ends the exchange, not the process.
    stream.on("error", ignore);
  }

  header(name: string): readonly string[] {
    if (this.#headers[name] === undefined) return [];
    // Node joins repeated fields into one value, in which two certificates cannot be told from one with a comma.
    return this.#fields.filter((_, at) => at % 2 === 1 && this.#fields[at - 1] === name);
  }

  readBody(limit: number, done: (body: Buffer | BodyFailure) => void): void {
    const stream = this.#stream;
    if (Number(this.#headers["content-length"] ?? 0) > limit) return done("too-large");
    readWhole(stream, limit, this.#bodies, done);
  }

  onGone(callback: () => void): void {
    this.#stream.once("close", callback);
  }

  finished(): void {
    this.#connection.end();
  }

  reply(status: number, headers: ReplyHeaders, body?: string): void {
    const stream = this.#stream;
    // A stream that was reset is closed for a moment before it is destroyed, and throws then.
    if (stream.destroyed || stream.closed || stream.headersSent) return;
    const length = body === undefined ? 0 : Buffer.byteLength(body);
    const all = { ":status": status, ...headers, "content-length": length };
    if (length === 0 || this.method === "HEAD") stream.respond(all, { endStream: true });
    else {
      stream.respond(all);
      stream.end(body);
    }
    this.#discardRest();
  }

  /**
   * Throws away what still comes of a body that was not read to its end, for a while. Node counts what is on its way
   * to a stream that was reset against the connection's memory and never gives it back: after some dozens of such
   * resets the connection would serve nobody any more. A client that sends on and on brings that about itself.
   */
  #discardRest(): void {
    const stream = this.#stream;
    if (stream.readableEnded || stream.endAfterHeaders) return;
    let left = MAX_DISCARDED_BYTES;
    const cut = (): void => stream.close(constants.NGHTTP2_NO_ERROR);
    const timer = setTimeout(cut, DISCARD_TIMEOUT_MS).unref();
    stream.once("close", () => clearTimeout(timer));
    stream.on("data", (piece: Buffer) => {
      left -= piece.length;
      if (left < 0) cut();
    });
  }

  stream(status: number, headers: ReplyHeaders): StreamWriter {
    const stream = this.#stream;
    stream.respond({ ":status": status, ...headers });
    stream.resume();
    // An answer that goes on keeps its connection from being idle, however little happens.
    this.#connection.begin();
    stream.once("close", () => this.#connection.end());
    return {
      write(text) {
        if (stream.writableLength >= MAX_STREAM_BACKLOG) return false;
        stream.write(text);
        return true;
      },
      end(last) {
        if (stream.destroyed) return;
        stream.end(last);
        const cut = setTimeout(() => stream.destroy(), STREAM_LINGER_MS).unref();
        stream.once("close", () => clearTimeout(cut));
      },
      onClose: (callback) => (stream.closed ? callback() : stream.once("close", callback)),
    };
  }
}

function ignore(): void {}
