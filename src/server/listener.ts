/**
 * The one TLS port: accepts, shakes hands, finds out who is there, and hands the connection to HTTP/2 or
 * HTTP/1.1 by ALPN.
 *
 * The sockets are made here and not by `tls.Server`, because its two modes are "certificate optional" and
 * "certificate required and verified", while KES's usual one is "required, not verified". Here OpenSSL refuses a
 * handshake without certificate with the proper alert, and whether a certificate is verified is decided after.
 * It also lets settings be swapped between two connections.
 */
import { createServer as createHttp1, type Server as Http1Server } from "node:http";
import { createServer as createHttp2, type Http2Server, type ServerHttp2Session } from "node:http2";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { TLSSocket } from "node:tls";
import { ConfigError } from "../errors.js";
import type { Exchange } from "./exchange.js";
import { Http1Exchange } from "./h1.js";
import { Http2Exchange } from "./h2.js";
import * as limits from "./limits.js";
import { type Peer, peerOf } from "./peer.js";
import type { TlsSettings } from "./tls.js";

export interface ListenerOptions {
  readonly serve: (exchange: Exchange) => void;
  /** A request that was no HTTP, or not in time, was answered with `status`: it leaves a record as well. */
  readonly refused: (peer: Peer, status: number, reason: string) => void;
  readonly tls: () => TlsSettings;
  /** One line for each handshake that failed (INFO). */
  readonly log: (message: string) => void;
}

/** What a plain HTTP client is told, since it cannot understand a TLS alert. */
const PLAIN_HTTP_ANSWER = "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";

export class Listener {
  readonly #options: ListenerOptions;
  readonly #http1: Http1Server;
  readonly #http2: Http2Server;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #peers = new WeakMap<object, Peer>();
  readonly #sessions = new Set<ServerHttp2Session>();
  /** The peer whose HTTP/2 session is being made: the session's event comes before `emit` returns. */
  #joining: Peer | undefined;

  constructor(options: ListenerOptions) {
    this.#options = options;
    this.#http1 = this.#makeHttp1();
    this.#http2 = this.#makeHttp2();
    this.#server = createServer({ noDelay: true, keepAlive: true }, (socket) => this.#accept(socket));
    this.#server.maxConnections = limits.maxConnections();
  }

  /** @throws ConfigError when the address cannot be listened on */
  async listen(host: string, port: number): Promise<AddressInfo> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", (cause) => {
        const message = `cannot listen on ${host || "*"}:${port}: ${cause.message}; choose another address with --addr`;
        reject(new ConfigError([{ file: "address", message }]));
      });
      this.#server.listen({ port, ...(host === "" ? {} : { host }), backlog: 1024 }, resolve);
    });
    const address = this.#server.address();
    if (address === null || typeof address === "string")
      throw new Error("the listening socket has no address");
    return address;
  }

  /** Stops accepting, lets active requests end within `graceMs`, then cuts what is left. */
  async close(graceMs: number, idle: () => boolean): Promise<void> {
    this.#server.close();
    this.#http1.closeIdleConnections();
    for (const session of this.#sessions) session.close();
    const deadline = performance.now() + graceMs;
    while (!idle() && performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 5));
    for (const session of this.#sessions) session.destroy();
    for (const socket of this.#sockets) socket.destroy();
    this.#http1.close();
    this.#http2.close();
  }

  #accept(raw: Socket): void {
    const settings = this.#options.tls();
    const from = `${raw.remoteAddress ?? "unknown"}:${raw.remotePort ?? 0}`;
    const socket = new TLSSocket(raw, {
      isServer: true,
      secureContext: settings.context,
      requestCert: true,
      // To OpenSSL: a handshake without certificate fails. Whether one is verified is decided in #secure.
      rejectUnauthorized: settings.requireCertificate,
      ALPNProtocols: ["h2", "http/1.1"],
    });
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    const timer = setTimeout(() => {
      this.#options.log(`http: TLS handshake error from ${from}: handshake timed out`);
      socket.destroy();
    }, limits.HANDSHAKE_TIMEOUT_MS);
    let secured = false;
    socket.on("_tlsError", (error: NodeJS.ErrnoException) => {
      if (secured) return;
      if (error.code === "ERR_SSL_HTTP_REQUEST") raw.write(PLAIN_HTTP_ANSWER);
      this.#options.log(`http: TLS handshake error from ${from}: ${handshakeFault(error)}`);
    });
    // After the handshake: resets and broken records, which end the connection and concern nobody else.
    socket.on("error", () => socket.destroy());
    socket.once("close", () => clearTimeout(timer));
    socket.once("secure", () => {
      secured = true;
      clearTimeout(timer);
      this.#secure(socket, settings, from);
    });
  }

  #secure(socket: TLSSocket, settings: TlsSettings, from: string): void {
    // tls.Server would do this; HTTP/2 waits for it.
    Object.assign(socket, { secureConnecting: false });
    if (settings.verifyCertificate) {
      const fault = verificationFault(socket);
      if (fault !== undefined) {
        this.#options.log(`http: TLS handshake error from ${from}: ${fault}`);
        socket.destroy();
        return;
      }
    }
    this.#joining = peerOf(socket);
    this.#peers.set(socket, this.#joining);
    if (socket.alpnProtocol === "h2") this.#http2.emit("connection", socket);
    else this.#http1.emit("connection", socket);
  }

  #makeHttp1(): Http1Server {
    const server = createHttp1({
      maxHeaderSize: limits.MAX_HEADER_BYTES,
      headersTimeout: limits.HEADERS_TIMEOUT_MS,
      keepAliveTimeout: limits.IDLE_TIMEOUT_MS,
      requestTimeout: 0,
      connectionsCheckingInterval: 1_000,
      insecureHTTPParser: false,
      // Go's server accepts any one Host header; a missing one is the client's affair.
      requireHostHeader: false,
    });
    server.on("request", (request, response) => {
      const peer = this.#peers.get(request.socket);
      if (peer === undefined) return void request.socket.destroy();
      this.#options.serve(new Http1Exchange(request, response, peer));
    });
    server.on("clientError", (error: NodeJS.ErrnoException, socket) => this.#refuse(error, socket));
    // It never listens itself, and its timeouts are watched from this event on.
    server.emit("listening");
    return server;
  }

  /** What Node's parser did not take. */
  #refuse(error: NodeJS.ErrnoException, socket: Duplex): void {
    const peer = this.#peers.get(socket);
    if (error.code === "ECONNRESET" || !socket.writable || peer === undefined) return void socket.destroy();
    const [status, reason] = PARSER_FAULTS[error.code ?? ""] ?? [400, "Bad Request"];
    socket.end(
      `HTTP/1.1 ${status} ${reason}\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n${status} ${reason}`,
    );
    this.#options.refused(peer, status, error.code ?? reason);
  }

  #makeHttp2(): Http2Server {
    const server = createHttp2({
      maxSessionMemory: 16,
      maxHeaderListPairs: 128,
      settings: {
        maxConcurrentStreams: limits.MAX_STREAMS,
        maxHeaderListSize: limits.MAX_HEADER_BYTES,
        enablePush: false,
      },
    });
    server.on("session", (session) => {
      this.#sessions.add(session);
      if (this.#joining) this.#peers.set(session, this.#joining);
      session.once("close", () => this.#sessions.delete(session));
      session.setTimeout(limits.IDLE_TIMEOUT_MS, () => session.close());
      session.on("error", () => session.destroy());
    });
    server.on("stream", (stream, headers) => {
      const peer = stream.session && this.#peers.get(stream.session);
      if (peer === undefined) return void stream.destroy();
      this.#options.serve(new Http2Exchange(stream, headers, peer));
    });
    return server;
  }
}

/** Node's codes for requests that are no requests; every other is a 400. */
const PARSER_FAULTS: Readonly<Record<string, readonly [status: number, reason: string]>> = {
  HPE_HEADER_OVERFLOW: [431, "Request Header Fields Too Large"],
  ERR_HTTP_REQUEST_TIMEOUT: [408, "Request Timeout"],
};

/** Why a verified connection must not be used, or undefined. */
function verificationFault(socket: TLSSocket): string | undefined {
  const certificate = socket.getPeerX509Certificate();
  // Optional and absent: the request will be refused where an identity is needed.
  if (certificate === undefined) return undefined;
  // Node reads OpenSSL's verdict from the same place; there is no public name for it on a server's socket.
  const handle: unknown = Reflect.get(socket, "_handle");
  const read = typeof handle === "object" && handle !== null ? Reflect.get(handle, "verifyError") : undefined;
  if (typeof read !== "function") return "tls: the certificate could not be verified";
  const verdict: unknown = Reflect.apply(read, handle, []);
  if (verdict instanceof Error) return `tls: failed to verify certificate: ${verdict.message}`;
  // A resumed session keeps the verdict of its first handshake; the certificate may have ended since.
  if (Date.parse(certificate.validTo) < Date.now())
    return "tls: failed to verify certificate: certificate has expired";
  return undefined;
}

const HANDSHAKE_FAULTS: Readonly<Record<string, string>> = {
  ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE: "tls: client didn't provide a certificate",
  ERR_SSL_HTTP_REQUEST: "client sent an HTTP request to an HTTPS server",
  ERR_SSL_UNSUPPORTED_PROTOCOL: "tls: client offered only unsupported versions",
  ERR_SSL_NO_SHARED_CIPHER: "tls: no cipher suite supported by both client and server",
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: "remote error: tls: unknown certificate authority",
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: "remote error: tls: bad certificate",
};

function handshakeFault(error: NodeJS.ErrnoException): string {
  return HANDSHAKE_FAULTS[error.code ?? ""] ?? `tls: ${error.code ?? error.message}`;
}
