/**
 * A connection that speaks HTTP/2, over `node:http2`.
 *
 * undici's own HTTP/2 (7.30) is not used: when a server says GOAWAY in order to close gracefully, it tears the
 * connection down and loses the answers that are still coming, and it gives no way to tell a request that
 * was refused from one that may have been carried out.
 */
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from "node:http2";
import type { TLSSocket } from "node:tls";
import type { Clock } from "./clock.js";
import type { Connection, ConnectionOwner, Exchange, ReplyListener, WireRequest } from "./connection.js";
import type { Dialed } from "./dial.js";
import type { Endpoint } from "./endpoints.js";
import { ConnectionGone, earlyEnd } from "./faults.js";
import { H2Exchange } from "./h2-exchange.js";
import { MAX_HEADER_BYTES, type TransportTiming } from "./options.js";

/** Requests at a time on one connection, whatever the server would take. */
const MAX_STREAMS = 100;
/** How often a connection with requests under way is asked for a sign of life. */
const PULSE_MS = 15_000;

export class H2Connection implements Connection {
  readonly protocol = "h2";
  readonly #endpoint: Endpoint;
  readonly #socket: TLSSocket;
  readonly #session: ClientHttp2Session;
  readonly #owner: ConnectionOwner;
  readonly #clock: Clock;
  readonly #timing: TransportTiming;
  readonly #pulse: NodeJS.Timeout;
  #maxStreams = MAX_STREAMS;
  /** Reserved or under way. */
  #active = 0;
  #isClosing = false;
  #fault: unknown;
  /** The last stream that the server says it has seen, once it has said so. */
  #lastSeenId = Number.POSITIVE_INFINITY;
  #pong: Promise<boolean> | undefined;
  readonly openedMs: number;
  #movedMs: number;
  wasUsed = false;

  private constructor(
    endpoint: Endpoint,
    socket: TLSSocket,
    owner: ConnectionOwner,
    clock: Clock,
    timing: TransportTiming,
  ) {
    this.#endpoint = endpoint;
    this.#socket = socket;
    this.#owner = owner;
    this.#clock = clock;
    this.#timing = timing;
    this.openedMs = clock.now();
    this.#movedMs = this.openedMs;
    this.#session = connect(endpoint.origin, {
      createConnection: () => socket,
      settings: { enablePush: false, initialWindowSize: 1024 * 1024, maxHeaderListSize: MAX_HEADER_BYTES },
      maxReservedRemoteStreams: 0,
      maxHeaderListPairs: 64,
    });
    // Not every error of the socket becomes one of the session: after a TLS alert neither would ever close.
    socket.on("error", (cause) => {
      this.#fault ??= cause;
      socket.destroy();
    });
    socket.on("close", () => {
      this.#session.destroy();
      this.#end(undefined);
    });
    this.#session.on("error", (cause) => this.#end(cause));
    this.#session.on("close", () => this.#end(undefined));
    this.#session.on("goaway", (_code: number, lastStreamId: number) => {
      this.#lastSeenId = Math.min(this.#lastSeenId, lastStreamId);
      this.#isClosing = true;
    });
    this.#session.on("remoteSettings", ({ maxConcurrentStreams }) => {
      this.#maxStreams = Math.min(MAX_STREAMS, maxConcurrentStreams ?? MAX_STREAMS);
      if (this.hasRoom) this.#owner.changed(this);
    });
    this.#pulse = setInterval(() => this.#beat(), PULSE_MS);
    this.#pulse.unref();
  }

  /**
   * Takes over `socket` and waits for the server's SETTINGS. With TLS 1.3 a server judges the client's certificate
   * after the client's handshake is done: only now is it sure that it accepts it, and that a request which follows
   * is not lost with the connection.
   * @throws KesError as the dialer
   */
  static async open(
    endpoint: Endpoint,
    { socket, error }: Dialed,
    owner: ConnectionOwner,
    clock: Clock,
    timing: TransportTiming,
  ): Promise<H2Connection> {
    // node:http2 would wait for ever for what a dead socket says; one that a TLS alert has hit is not even closed.
    if (error() !== undefined || socket.destroyed) {
      socket.destroy();
      throw earlyEnd(endpoint.url, endpoint.host, error() ?? closed());
    }
    const connection = new H2Connection(endpoint, socket, owner, clock, timing);
    const session = connection.#session;
    await new Promise<void>((resolve, reject) => {
      const fail = (cause: unknown): void => {
        cancel();
        connection.destroy();
        reject(earlyEnd(endpoint.url, endpoint.host, error() ?? cause));
      };
      const cancel = clock.after(timing.connectMs, () =>
        fail(coded("ETIMEDOUT", "no HTTP/2 settings in time")),
      );
      session.once("remoteSettings", () => {
        cancel();
        resolve();
      });
      session.once("error", fail);
      session.once("close", () => fail(closed()));
      socket.once("close", () => fail(closed()));
    });
    connection.#rest();
    return connection;
  }

  get hasRoom(): boolean {
    return !this.#isClosing && !this.#session.closed && this.#active < this.#maxStreams;
  }

  get active(): number {
    return this.#active;
  }

  get isClosed(): boolean {
    return this.#session.destroyed;
  }

  get idleSinceMs(): number {
    return this.#movedMs;
  }

  reserve(): void {
    if (this.#active++ === 0) this.#session.ref();
  }

  release(): void {
    if (--this.#active === 0) this.#rest();
    this.#owner.changed(this);
  }

  exchange(request: WireRequest, listener: ReplyListener): Exchange {
    const nowMs = this.#clock.now();
    if (this.#active === 1 && this.wasUsed && nowMs - this.#movedMs > this.#timing.staleMs) {
      // The answer would not come from a peer that vanished without a word; its pong neither, but sooner.
      void this.confirm();
    }
    this.#movedMs = nowMs;
    this.wasUsed = true;
    let stream: ClientHttp2Stream;
    try {
      stream = this.#session.request(this.#headers(request), { endStream: request.body === undefined });
    } catch (cause) {
      this.#isClosing = true;
      const gone = new ConnectionGone("the connection takes no more requests", { cause });
      queueMicrotask(() => listener.fault(gone));
      this.release();
      return { cancel: () => {}, pause: () => {}, resume: () => {} };
    }
    if (request.body !== undefined) stream.end(request.body);
    return new H2Exchange(stream, this.#endpoint.url, listener, {
      over: () => {
        this.#movedMs = this.#clock.now();
        this.release();
      },
      fault: () => this.#fault,
      note: (cause) => {
        this.#fault ??= this.#session.destroyed ? cause : undefined;
      },
      wasSeen: (id) => id <= this.#lastSeenId,
    });
  }

  confirm(): Promise<boolean> {
    this.#pong ??= this.#ping().finally(() => {
      this.#pong = undefined;
    });
    return this.#pong;
  }

  retire(): void {
    this.#isClosing = true;
    this.#session.close();
  }

  destroy(): void {
    this.#isClosing = true;
    clearInterval(this.#pulse);
    this.#session.destroy();
    this.#socket.destroy();
  }

  #headers({ method, path, body }: WireRequest): Record<string, string | number> {
    const headers: Record<string, string | number> = {
      ":method": method,
      ":path": this.#endpoint.prefix + path,
      ":scheme": "https",
      ":authority": this.#endpoint.authority,
      "user-agent": "keswick",
    };
    if (body !== undefined) {
      headers["content-type"] = "application/json";
      headers["content-length"] = body.length;
    }
    return headers;
  }

  /** Nothing under way: the process need not go on for this. */
  #rest(): void {
    if (!this.#session.destroyed) this.#session.unref();
  }

  #end(cause: unknown): void {
    this.#fault ??= cause;
    this.#isClosing = true;
    clearInterval(this.#pulse);
    if (this.#session.destroyed) this.#owner.changed(this);
  }

  #beat(): void {
    if (this.#active > 0) void this.confirm();
  }

  #ping(): Promise<boolean> {
    return new Promise((resolve) => {
      if (this.#session.destroyed) return resolve(false);
      const cancel = this.#clock.after(this.#timing.probeMs, () => {
        this.#fault ??= new Error("it gives no sign of life");
        this.destroy();
        resolve(false);
      });
      const sent = this.#session.ping((error) => {
        cancel();
        if (error === null) this.#movedMs = this.#clock.now();
        resolve(error === null);
      });
      if (!sent) {
        cancel();
        resolve(false);
      }
    });
  }
}

function closed(): Error {
  return coded("EPIPE", "the connection was closed");
}

function coded(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}
