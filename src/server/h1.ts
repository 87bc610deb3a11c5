/** HTTP/1.1: requests of Node's parser as exchanges. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { BodyFailure, Exchange, ReplyHeaders, StreamWriter } from "./exchange.js";
import { MAX_STREAM_BACKLOG, STREAM_LINGER_MS } from "./limits.js";
import type { Peer } from "./peer.js";

/** One HTTP/1.1 request. */
export class Http1Exchange implements Exchange {
  readonly peer: Peer;
  readonly method: string;
  readonly target: string;
  readonly bodyless: boolean;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;

  constructor(request: IncomingMessage, response: ServerResponse, peer: Peer) {
    this.peer = peer;
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
    const chunks: Buffer[] = [];
    let size = 0;
    let open = true;
    const finish = (body: Buffer | BodyFailure): void => {
      if (!open) return;
      open = false;
      done(body);
    };
    request.on("data", (chunk: Buffer) => {
      if (!open) return;
      size += chunk.length;
      if (size > limit) return finish("too-large");
      chunks.push(chunk);
    });
    request.on("end", () =>
      finish(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks, size)),
    );
    request.on("close", () => finish("aborted"));
    request.on("error", () => finish("aborted"));
  }

  reply(status: number, headers: ReplyHeaders, body?: string): void {
    const response = this.#response;
    if (response.destroyed || response.headersSent) return;
    // What the client still sends would be read as the next request's bytes were the connection kept.
    if (!this.#request.complete && !this.bodyless) response.setHeader("connection", "close");
    const length = body === undefined ? 0 : Buffer.byteLength(body);
    response.writeHead(status, { ...headers, "content-length": length });
    response.end(body);
  }

  stream(status: number, headers: ReplyHeaders): StreamWriter {
    const response = this.#response;
    response.writeHead(status, headers);
    response.flushHeaders();
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
