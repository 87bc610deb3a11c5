/**
 * The one TLS port: accepts, shakes hands, finds out who is there, and hands the connection to HTTP/2 or
 * HTTP/1.1 by ALPN.
 *
 * The sockets are made here and not by `tls.Server`, because its two modes are "certificate optional" and
 * "certificate required and verified", while KES's usual one is "required, not verified". Here OpenSSL refuses a
 * handshake without certificate with the proper alert, and whether a certificate is verified is decided after.
 * It also lets settings be swapped between two connections.
 */
import { type AddressInfo, type BlockList, createServer, type Server, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { TLSSocket } from "node:tls";
import type { HttpEngine } from "../config/config.js";
import { tlsCode } from "../errors.js";
import { BodyBudget } from "./body.js";
import { Connections } from "./connections.js";
import type { EngineOptions } from "./engine.js";
import { type Engines, makeEngines } from "./engines.js";
import { HeldAnswers } from "./held-answers.js";
import { MAX_HELD_BYTES } from "./limits.js";
import { type ListenAt, listenOn } from "./listen-on.js";
import { peerOf, plainAddress } from "./peer.js";
import { isHeaderSource, takeProxyHeader } from "./proxy-protocol.js";
import type { TlsSettings } from "./tls.js";

export interface ListenerOptions extends Omit<EngineOptions, "bodies" | "held"> {
  readonly http: HttpEngine;
  readonly tls: () => TlsSettings;
  /** Where connections come from that begin with a PROXY header; undefined for nowhere. */
  readonly headerSources: () => BlockList | undefined;
  /** No session made so far is resumed any more. */
  readonly forgetSessions: () => void;
  /** One line for each handshake that failed (INFO). */
  readonly log: (message: string) => void;
  /** The operator should know: connections were given up or not accepted (WARN). */
  readonly warn: (message: string) => void;
}

/** What a plain HTTP client is told, since it cannot understand a TLS alert. */
const PLAIN_HTTP_ANSWER = "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";

export class Listener {
  readonly #options: ListenerOptions;
  readonly #engines: Engines;
  readonly #server: Server;
  readonly #connections = new Connections();
  #warnedMs = Number.NEGATIVE_INFINITY;

  constructor(options: ListenerOptions) {
    this.#options = options;
    const { http, serve, refused, limits } = options;
    const bodies = new BodyBudget(limits.maxPendingBodyBytes);
    const held = new HeldAnswers(MAX_HELD_BYTES);
    this.#engines = makeEngines(http, { serve, refused, limits, bodies, held });
    this.#server = createServer({ noDelay: true, keepAlive: true }, (socket) => this.accept(socket));
  }

  /** @throws ConfigError when the address cannot be listened on */
  async listen(at: ListenAt): Promise<AddressInfo> {
    const address = await listenOn(this.#server, at);
    // The kernel may refuse to hand over a connection (no descriptors, no memory): the next one may do.
    this.#server.on("error", (cause) => this.#warnNow(`cannot accept a connection: ${cause.message}`));
    return address;
  }

  /** Stops accepting, lets requests get their answers within `graceMs`, then cuts what is left. */
  async close(graceMs: number): Promise<void> {
    this.#server.close();
    this.#connections.close();
    const deadline = performance.now() + graceMs;
    while (this.#connections.size > 0 && performance.now() < deadline) await delay(CLOSE_POLL_MS);
    this.#connections.destroy();
    this.#engines.http1.close();
    this.#engines.http2.close();
  }

  /** Serves a connection, whoever accepted it. */
  accept(raw: Socket): void {
    if (this.#connections.size >= this.#options.limits.maxConnections && !this.#makeRoom())
      return void raw.destroy();
    const remote = { ip: plainAddress(raw.remoteAddress), port: raw.remotePort ?? 0 };
    const sources = this.#options.headerSources();
    if (sources !== undefined && isHeaderSource(sources, remote.ip)) this.#acceptHeader(raw, remote);
    else this.#shakeHands(raw, remote);
  }

  /** Between a load balancer and its client's first byte stands a header that says who the client is. */
  #acceptHeader(raw: Socket, balancer: Remote): void {
    this.#connections.add(raw);
    const refuse = (reason: string): void => {
      this.#options.log(`http: PROXY header error from ${shown(balancer)}: ${reason}`);
      raw.destroy();
    };
    const timer = setTimeout(() => refuse("not sent in time"), this.#options.limits.headersTimeoutMs);
    raw.on("error", () => raw.destroy());
    raw.once("close", () => clearTimeout(timer));
    takeProxyHeader(raw, (header) => {
      clearTimeout(timer);
      if (typeof header === "string") return refuse(header);
      this.#connections.remove(raw);
      const { client } = header;
      this.#shakeHands(
        raw,
        client === undefined ? balancer : { ip: plainAddress(client.ip), port: client.port },
      );
    });
  }

  /** @param remote - whose connection it is, as far as anybody says */
  #shakeHands(raw: Socket, remote: Remote): void {
    const settings = this.#options.tls();
    const socket = new TLSSocket(raw, {
      isServer: true,
      secureContext: settings.context,
      requestCert: true,
      // To OpenSSL: a handshake without certificate fails. Whether one is verified is decided in #secure.
      rejectUnauthorized: settings.requireCertificate,
      ALPNProtocols: ["h2", "http/1.1"],
    });
    forgetProtocols(socket);
    this.#connections.add(socket, raw);
    // A second handshake on a connection costs us more than the client, and nobody honest asks for one.
    socket.disableRenegotiation();
    const failed = (fault: string): void =>
      this.#options.log(`http: TLS handshake error from ${shown(remote)}: ${fault}`);
    const timer = setTimeout(() => {
      failed("handshake timed out");
      socket.destroy();
    }, this.#options.limits.handshakeTimeoutMs);
    const closed = (): void => clearTimeout(timer);
    const refused = (error: NodeJS.ErrnoException): void => {
      if (error.code === "ERR_SSL_HTTP_REQUEST") raw.write(PLAIN_HTTP_ANSWER);
      failed(handshakeFault(error));
    };
    socket.on("_tlsError", refused);
    // After the handshake: resets and broken records, which end the connection and concern nobody else.
    socket.on("error", destroyIt);
    socket.on("close", closed);
    socket.once("secure", () => {
      clearTimeout(timer);
      // What only the handshake needed would stay in memory for as long as the connection does.
      socket.off("_tlsError", refused).off("close", closed);
      // A broken record, or a second handshake. Node leaves it to tls.Server to end the connection.
      socket.on("_tlsError", destroyIt);
      this.#secure(socket, settings, remote);
    });
  }

  #makeRoom(): boolean {
    const { maxConnections } = this.#options.limits;
    this.#warnNow(`${maxConnections} connections are open, the most there may be: idle ones are closed`);
    return this.#connections.giveUpOne();
  }

  /** At most one warning a minute: what brings them about can be had by the thousand. */
  #warnNow(message: string): void {
    const now = performance.now();
    if (now - this.#warnedMs < WARN_EVERY_MS) return;
    this.#warnedMs = now;
    this.#options.warn(message);
  }

  #secure(socket: TLSSocket, settings: TlsSettings, remote: Remote): void {
    // tls.Server would do this; HTTP/2 waits for it.
    Object.assign(socket, { secureConnecting: false });
    if (settings.verifyCertificate) {
      const fault = verificationFault(socket);
      if (fault !== undefined) {
        this.#options.log(`http: TLS handshake error from ${shown(remote)}: ${fault}`);
        // The client would come back with the same session for as long as it lives, and never get to show the
        // certificate that it may have by now. Its next handshake is a full one; so is everybody's, once.
        if (socket.isSessionReused() && settings === this.#options.tls()) this.#options.forgetSessions();
        socket.destroy();
        return;
      }
    }
    const connection = this.#connections.establish(socket, peerOf(socket, remote.ip));
    const { http1, http2 } = this.#engines;
    (socket.alpnProtocol === "h2" ? http2 : http1).take(socket, connection);
  }
}

/**
 * Lets go of Node's own copy of the ALPN protocols, which OpenSSL has by now. Its twelve bytes are cut from a block of
 * 8 KiB that lives for as long as they do, and so would every tenth block that passes through here.
 */
function forgetProtocols(socket: TLSSocket): void {
  const options: unknown = Reflect.get(socket, "_tlsOptions");
  if (typeof options === "object" && options !== null) Reflect.set(options, "ALPNProtocols", undefined);
}

/** For all sockets: a function of its own for each would be memory. */
function destroyIt(this: TLSSocket): void {
  this.destroy();
}

/** Who is at the other end, without `::ffff:`; the address is empty when he has gone already. */
interface Remote {
  readonly ip: string;
  readonly port: number;
}

function shown({ ip, port }: Remote): string {
  const host = ip.includes(":") ? `[${ip}]` : ip;
  return `${host || "unknown"}:${port}`;
}

const CLOSE_POLL_MS = 5;
const WARN_EVERY_MS = 60_000;

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
  return HANDSHAKE_FAULTS[tlsCode(error.code ?? "")] ?? `tls: ${error.code ?? error.message}`;
}
