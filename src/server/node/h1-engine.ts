/** HTTP/1.1 by `node:http`: a server that never listens itself. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { Connection } from "../connections.js";
import type { Engine, EngineOptions } from "../engine.js";
import { isHost } from "../host-field.js";
import { EARLY_ANSWER_LINGER_MS, MAX_HEADER_BYTES } from "../limits.js";
import { Http1Exchange } from "./h1.js";

export class NodeHttp1Engine implements Engine {
  readonly #options: EngineOptions;
  readonly #server: Server;
  readonly #connectionOf = new WeakMap<object, Connection>();
  /** Sockets whose last request was answered by {@link #refuse}. */
  readonly #refused = new WeakSet<Duplex>();
  /** Sockets whose request was answered before its body had come. */
  readonly #earlyAnswers = new WeakSet<Duplex>();

  constructor(options: EngineOptions) {
    this.#options = options;
    this.#server = this.#makeServer();
  }

  take(socket: Duplex, connection: Connection): void {
    this.#connectionOf.set(socket, connection);
    this.#server.emit("connection", socket);
  }

  close(): void {
    this.#server.close();
  }

  #makeServer(): Server {
    const { headersTimeoutMs, idleTimeoutMs } = this.#options.limits;
    const server = createServer({
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: headersTimeoutMs,
      keepAliveTimeout: idleTimeoutMs,
      requestTimeout: 0,
      connectionsCheckingInterval: Math.min(1_000, headersTimeoutMs),
      insecureHTTPParser: false,
      // Node answers those itself, and they would leave no record: {@link hostFault}.
      requireHostHeader: false,
    });
    // All of them, or a `Content-Length` far down would count for the parser and not for us. Their size is bounded.
    server.maxHeadersCount = 0;
    // A client that takes no answers moves nothing either, and would otherwise stay for ever.
    server.timeout = idleTimeoutMs;
    server.on("timeout", (socket) => {
      if (this.#connectionOf.get(socket)?.busy) socket.setTimeout(idleTimeoutMs);
      else socket.destroy();
    });
    const serve = (request: IncomingMessage, response: ServerResponse, isAsked: boolean): void => {
      const connection = this.#connectionOf.get(request.socket);
      if (connection === undefined) return void request.socket.destroy();
      if (this.#isRefused(connection, request, response)) return;
      connection.begin();
      const { bodies } = this.#options;
      this.#options.serve(
        new Http1Exchange(request, response, connection, bodies, isAsked, this.#earlyAnswers),
      );
    };
    server.on("request", (request, response) => serve(request, response, false));
    server.on("checkContinue", (request, response) => serve(request, response, true));
    server.on("checkExpectation", (request, response) => {
      const connection = this.#connectionOf.get(request.socket);
      if (connection === undefined) return void request.socket.destroy();
      if (this.#isRefused(connection, request, response)) return;
      this.#options.refused(connection.peer, 417, "an expectation other than 100-continue");
      response.writeHead(417).end();
    });
    server.on("clientError", (error: NodeJS.ErrnoException, socket) => this.#refuse(error, socket));
    // It never listens itself, and its timeouts are watched from this event on.
    server.emit("listening");
    return server;
  }

  /** Whether a request was answered with 400 for its `Host`, or came behind one that was and is not served. */
  #isRefused(connection: Connection, request: IncomingMessage, response: ServerResponse): boolean {
    if (this.#refused.has(request.socket)) return true;
    const fault = hostFault(request);
    if (fault === undefined) return false;
    this.#options.refused(connection.peer, 400, fault);
    // What is wrong with its body does not make a second answer.
    if (response.socket !== null) this.#refused.add(response.socket);
    response.writeHead(400, { "content-type": "text/plain; charset=utf-8", connection: "close" });
    response.end("400 Bad Request");
    return true;
  }

  /** What Node's parser did not take. */
  #refuse(error: NodeJS.ErrnoException, socket: Duplex): void {
    // Told already: what still comes is thrown away until the client has read its answer.
    if (this.#refused.has(socket)) return;
    const connection = this.#connectionOf.get(socket);
    // Whoever has its answer need not send the rest, and has its record.
    const isOver = error.code === "HPE_INVALID_EOF_STATE" && this.#earlyAnswers.has(socket);
    if (isOver || error.code === "ECONNRESET" || !socket.writable || connection === undefined) {
      return void socket.destroy();
    }
    const [status, reason] = PARSER_FAULTS[error.code ?? ""] ?? [400, "Bad Request"];
    this.#options.refused(connection.peer, status, error.code ?? reason);
    // A status would be taken for the answer of an earlier request. Node's parser is paused when answers wait to be
    // taken, and over TLS reports that as an error.
    if (connection.busy || error.code === "HPE_PAUSED") return void socket.destroy();
    this.#refused.add(socket);
    setTimeout(() => socket.destroy(), EARLY_ANSWER_LINGER_MS).unref();
    socket.end(
      `HTTP/1.1 ${status} ${reason}\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n${status} ${reason}`,
    );
  }
}

/**
 * Why its `Host` is none, or undefined (RFC 9112 §3.2). Node takes the first of several; whoever stands in front may have
 * taken another.
 */
function hostFault({ rawHeaders, httpVersion }: IncomingMessage): string | undefined {
  let host: string | undefined;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? "";
    if (name.length !== 4 || name.toLowerCase() !== "host") continue;
    if (host !== undefined) return "more than one Host";
    host = rawHeaders[i + 1] ?? "";
  }
  if (host === undefined) return OLD.has(httpVersion) ? undefined : "no Host";
  return isHost(host) ? undefined : "malformed Host";
}

/** Versions without `Host`. */
const OLD: ReadonlySet<string> = new Set(["0.9", "1.0"]);

/** Node's codes for requests that are no requests; every other is a 400. */
const PARSER_FAULTS: Readonly<Record<string, readonly [status: number, reason: string]>> = {
  HPE_HEADER_OVERFLOW: [431, "Request Header Fields Too Large"],
  ERR_HTTP_REQUEST_TIMEOUT: [408, "Request Timeout"],
};
