/** The port: plain HTTP or TLS, connections bounded in number, time and size, an orderly end. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer, type Server as TlsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { ConfigError } from "../../errors.js";
import type { S3Failure } from "../s3/errors.js";
import type { FrontEnd } from "./front-end.js";
import { type FrontEndLimits, MAX_HEADER_BYTES } from "./limits.js";

/** PEM. */
export interface TlsPair {
  readonly key: string;
  /** The server's certificate first, then its chain. */
  readonly cert: string;
}

const MIN_TLS = "TLSv1.2";
const BACKLOG = 1024;
/** How often connections are held against their time limits. */
const CHECK_EVERY_MS = 1_000;
const CLOSE_POLL_MS = 10;

export class Listener {
  readonly #frontEnd: FrontEnd;
  readonly #server: Server | TlsServer;
  readonly #busy = new WeakMap<Socket, number>();
  /** Every connection, those in their handshake too. */
  readonly #sockets = new Set<Socket>();
  /** Those on which no request has come yet: Node does not take them for idle. */
  readonly #fresh = new Set<Socket>();

  /** @param tls - absent: plain HTTP */
  constructor(frontEnd: FrontEnd, limits: FrontEndLimits, tls?: TlsPair) {
    this.#frontEnd = frontEnd;
    const options = {
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: limits.headersTimeoutMs,
      // Of a whole request: an upload may take days, as long as something moves.
      requestTimeout: 0,
      keepAliveTimeout: limits.keepAliveTimeoutMs,
      connectionsCheckingInterval: CHECK_EVERY_MS,
      // Refused by the front end, in S3's words.
      requireHostHeader: false,
      noDelay: true,
      keepAlive: true,
    };
    const server =
      tls === undefined
        ? createServer(options)
        : createTlsServer({
            ...options,
            ...tls,
            minVersion: MIN_TLS,
            handshakeTimeout: limits.handshakeTimeoutMs,
            ALPNProtocols: ["http/1.1"],
          });
    // Headers beyond a number would be left out in silence; their bytes are bounded anyway.
    server.maxHeadersCount = 0;
    server.maxConnections = limits.maxConnections;
    server.setTimeout(limits.idleTimeoutMs);
    server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    });
    server.on(tls === undefined ? "connection" : "secureConnection", (socket: Socket) => {
      this.#fresh.add(socket);
      socket.once("close", () => this.#fresh.delete(socket));
    });
    server.on("request", (request, response) => this.#take(request, response, false));
    server.on("checkContinue", (request, response) => this.#take(request, response, true));
    server.on("checkExpectation", (request, response) => this.#refuseExpectation(request, response));
    server.on("clientError", (error: NodeJS.ErrnoException, socket) => this.#refuse(error, socket as Socket));
    this.#server = server;
  }

  /** @param host - empty for all interfaces. @throws ConfigError when the address cannot be listened on */
  async listen(host: string, port: number): Promise<AddressInfo> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", (cause) => {
        const message = `cannot listen on ${host || "*"}:${port}: ${cause.message}; choose another with --address`;
        reject(new ConfigError([{ file: "address", message }]));
      });
      this.#server.listen({ port, ...(host === "" ? {} : { host }), backlog: BACKLOG }, resolve);
    });
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("a port has no address");
    return address;
  }

  /** Another certificate for the connections to come. @throws Error when it cannot be used; the old one stays */
  changeCertificate(pair: TlsPair): void {
    if ("setSecureContext" in this.#server) this.#server.setSecureContext({ ...pair, minVersion: MIN_TLS });
  }

  /** Stops accepting, lets requests get their answers within `graceMs`, then cuts what is left. */
  async close(graceMs: number): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
    this.#frontEnd.close();
    this.#server.closeIdleConnections();
    for (const socket of this.#fresh) socket.destroy();
    const deadline = performance.now() + graceMs;
    while (this.#frontEnd.pending > 0 && performance.now() < deadline) await delay(CLOSE_POLL_MS);
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #take(request: IncomingMessage, response: ServerResponse, isAsked: boolean): void {
    const { socket } = request;
    this.#fresh.delete(socket);
    this.#busy.set(socket, (this.#busy.get(socket) ?? 0) + 1);
    response.once("close", () => this.#busy.set(socket, (this.#busy.get(socket) ?? 1) - 1));
    this.#frontEnd.handle(request, response, isAsked);
  }

  #refuseExpectation(request: IncomingMessage, response: ServerResponse): void {
    response.shouldKeepAlive = false;
    const { status, headers, body } = this.#frontEnd.refusal("EXPECTATION_FAILED", request.method ?? "");
    response.writeHead(status, headers);
    response.end(body);
  }

  /** What the parser does not take for HTTP, or what does not come in time. */
  #refuse(error: NodeJS.ErrnoException, socket: Socket): void {
    // In the middle of an answer nothing can be said any more.
    if (!socket.writable || (this.#busy.get(socket) ?? 0) > 0) return void socket.destroy();
    const failure = FAILURES[error.code ?? ""] ?? "REQUEST_MALFORMED";
    const { status, headers, body } = this.#frontEnd.refusal(failure, "");
    const lines = Object.entries({ ...headers, connection: "close" }).map(
      ([name, value]) => `${name}: ${value}`,
    );
    socket.end(`HTTP/1.1 ${status} \r\n${lines.join("\r\n")}\r\n\r\n${body ?? ""}`, () => socket.destroy());
  }
}

const FAILURES: Readonly<Record<string, S3Failure>> = {
  HPE_HEADER_OVERFLOW: "HEADERS_TOO_LARGE",
  ERR_HTTP_REQUEST_TIMEOUT: "BODY_TIMEOUT",
};
