/** HTTP/2: streams of Node's engine as exchanges, without its compatibility layer, which doubles the cost. */
import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import type { BodyFailure, Exchange, ReplyHeaders, StreamWriter } from "./exchange.js";
import { MAX_STREAM_BACKLOG, STREAM_LINGER_MS } from "./limits.js";
import type { Peer } from "./peer.js";

/** One HTTP/2 stream. */
export class Http2Exchange implements Exchange {
  readonly peer: Peer;
  readonly method: string;
  readonly target: string;
  readonly bodyless: boolean;
  readonly #stream: ServerHttp2Stream;
  readonly #headers: IncomingHttpHeaders;
  #bodyRead = false;

  constructor(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, peer: Peer) {
    this.peer = peer;
    this.method = String(headers[":method"] ?? "");
    this.target = String(headers[":path"] ?? "");
    this.#stream = stream;
    this.#headers = headers;
    // END_STREAM on the header frame, or a declared length of zero.
    this.bodyless = stream.endAfterHeaders === true || headers["content-length"] === "0";
    // A reset stream is the client's right; it ends the exchange, not the process.
    stream.on("error", ignore);
  }

  header(name: string): readonly string[] {
    const value = this.#headers[name];
    if (value === undefined) return [];
    // HTTP/2 joins repeated fields into one value, as RFC 9110 §5.3 allows.
    return Array.isArray(value) ? value : [value];
  }

  readBody(limit: number, done: (body: Buffer | BodyFailure) => void): void {
    this.#bodyRead = true;
    const stream = this.#stream;
    if (Number(this.#headers["content-length"] ?? 0) > limit) return done("too-large");
    let first: Buffer | undefined;
    let chunks: Buffer[] | undefined;
    let size = 0;
    let open = true;
    const finish = (body: Buffer | BodyFailure): void => {
      if (!open) return;
      open = false;
      done(body);
    };
    stream.on("data", (chunk: Buffer) => {
      if (!open) return;
      size += chunk.length;
      if (size > limit) return finish("too-large");
      if (first === undefined) first = chunk;
      else {
        chunks ??= [first];
        chunks.push(chunk);
      }
    });
    stream.on("end", () => finish(chunks ? Buffer.concat(chunks, size) : (first ?? EMPTY)));
    stream.on("aborted", () => finish("aborted"));
    stream.on("close", () => finish("aborted"));
  }

  reply(status: number, headers: ReplyHeaders, body?: string): void {
    const stream = this.#stream;
    if (stream.destroyed || stream.headersSent) return;
    const length = body === undefined ? 0 : Buffer.byteLength(body);
    const all = { ":status": status, ...headers, "content-length": length };
    if (length === 0 || this.method === "HEAD") stream.respond(all, { endStream: true });
    else {
      stream.respond(all);
      stream.end(body);
    }
    this.#discardRest();
  }

  /** A body that nobody reads is thrown away; one that goes on after the answer ends with the stream. */
  #discardRest(): void {
    const stream = this.#stream;
    if (stream.readableEnded || stream.endAfterHeaders) return;
    if (!this.#bodyRead) stream.resume();
    stream.once("finish", () => {
      if (!stream.readableEnded) stream.close(constants.NGHTTP2_NO_ERROR);
    });
  }

  stream(status: number, headers: ReplyHeaders): StreamWriter {
    const stream = this.#stream;
    stream.respond({ ":status": status, ...headers });
    stream.resume();
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

const EMPTY = Buffer.alloc(0);
function ignore(): void {}
