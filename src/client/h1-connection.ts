/** A connection that speaks HTTP/1.1, over an undici client that has this one connection and no other. */
import type { TLSSocket } from "node:tls";
import type { Client, Dispatcher } from "undici";
import type { Clock } from "./clock.js";
import type { Connection, ConnectionOwner, Exchange, ReplyListener, WireRequest } from "./connection.js";
import type { Dialed } from "./dial.js";
import type { Endpoint } from "./endpoints.js";
import { answerFault, ConnectionGone, earlyEnd, firstAnswerFault } from "./faults.js";
import { MAX_HEADER_BYTES } from "./options.js";

/** KES and this server close idle connections after 90 s; a request must not meet that. */
const IDLE_MS = 60_000;

export class H1Connection implements Connection {
  readonly protocol = "http/1.1";
  readonly #endpoint: Endpoint;
  readonly #client: Client;
  readonly #socket: TLSSocket;
  readonly #socketError: () => unknown;
  readonly #owner: ConnectionOwner;
  readonly #clock: Clock;
  #isBusy = false;
  #isClosing = false;
  #isClosed = false;
  readonly openedMs: number;
  #movedMs: number;
  wasUsed = false;

  private constructor(
    endpoint: Endpoint,
    client: Client,
    socket: TLSSocket,
    socketError: () => unknown,
    owner: ConnectionOwner,
    clock: Clock,
  ) {
    this.#endpoint = endpoint;
    this.#client = client;
    this.#socket = socket;
    this.#socketError = socketError;
    this.#owner = owner;
    this.#clock = clock;
    this.openedMs = clock.now();
    this.#movedMs = this.openedMs;
    client.on("disconnect", () => this.#close());
  }

  /** Takes over `socket`. undici is loaded here, for most servers speak HTTP/2 and loading it takes 55 ms. */
  static async open(
    endpoint: Endpoint,
    { socket, error }: Dialed,
    owner: ConnectionOwner,
    clock: Clock,
  ): Promise<H1Connection> {
    const { Client } = await import("undici");
    if (error() !== undefined || socket.destroyed) {
      socket.destroy();
      throw earlyEnd(endpoint.url, endpoint.host, error() ?? new Error("it was closed"));
    }
    // Until undici has it, which is not before the first request; whoever wanted it may have given up by now.
    let spare: TLSSocket | undefined = socket.unref();
    const client = new Client(endpoint.origin, {
      connect: (_options, callback) => {
        const own = spare;
        spare = undefined;
        // undici would connect again by itself; which connection a request may use is decided elsewhere.
        const gone = new ConnectionGone("the connection was closed");
        queueMicrotask(() =>
          own === undefined || own.destroyed ? callback(gone, null) : callback(null, own.ref()),
        );
      },
      pipelining: 1,
      maxHeaderSize: MAX_HEADER_BYTES,
      // Calls have deadlines of their own.
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: IDLE_MS,
      keepAliveMaxTimeout: IDLE_MS,
    });
    return new H1Connection(endpoint, client, socket, error, owner, clock);
  }

  get hasRoom(): boolean {
    return !this.#isBusy && !this.#isClosing && !this.#isClosed;
  }

  get active(): number {
    return this.#isBusy ? 1 : 0;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  get idleSinceMs(): number {
    return this.#movedMs;
  }

  reserve(): void {
    this.#isBusy = true;
  }

  release(): void {
    this.#isBusy = false;
    if (this.#isClosing) this.#close();
    else this.#owner.changed(this);
  }

  exchange({ method, path, body }: WireRequest, listener: ReplyListener): Exchange {
    const handler = new Handler(this.#endpoint.url, !this.wasUsed, this.#socketError, listener, () => {
      this.#movedMs = this.#clock.now();
      this.release();
    });
    this.wasUsed = true;
    this.#client.dispatch(
      {
        method,
        path: this.#endpoint.prefix + path,
        headers: {
          "user-agent": "keswick",
          ...(body === undefined ? {} : { "content-type": "application/json" }),
        },
        ...(body === undefined ? {} : { body }),
      },
      handler,
    );
    return handler;
  }

  /** HTTP/1.1 has no way to ask. */
  async confirm(): Promise<boolean> {
    return false;
  }

  retire(): void {
    this.#isClosing = true;
    if (!this.#isBusy) this.#close();
  }

  destroy(): void {
    this.#close();
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    void this.#client.destroy();
    // Of a connection that was never used undici knows nothing.
    this.#socket.destroy();
    this.#owner.changed(this);
  }
}

/** From undici's calls to the listener's. */
class Handler implements Dispatcher.DispatchHandler, Exchange {
  readonly #endpoint: string;
  /** Of its connection. */
  readonly #isFirst: boolean;
  readonly #socketError: () => unknown;
  readonly #listener: ReplyListener;
  readonly #free: () => void;
  #controller: Dispatcher.DispatchController | undefined;
  #isOver = false;
  #isCancelled = false;
  #hasHead = false;
  #wanted = Number.NaN;
  #received = 0;

  constructor(
    endpoint: string,
    isFirst: boolean,
    socketError: () => unknown,
    listener: ReplyListener,
    free: () => void,
  ) {
    this.#endpoint = endpoint;
    this.#isFirst = isFirst;
    this.#socketError = socketError;
    this.#listener = listener;
    this.#free = free;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#isCancelled) controller.abort(new Error("cancelled"));
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    if (status < 200 || this.#isOver) return;
    this.#hasHead = true;
    const text = (name: string): string => String(headers[name] ?? "");
    this.#wanted = headers["content-length"] === undefined ? Number.NaN : Number(headers["content-length"]);
    this.#listener.head({
      status,
      contentType: text("content-type"),
      date: text("date"),
      location: text("location"),
      contentLength: this.#wanted,
    });
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#received += chunk.length;
    // undici's parser reuses the memory behind it.
    if (!this.#isOver) this.#listener.data(Buffer.from(chunk));
  }

  onResponseEnd(): void {
    if (this.#isOver) return;
    this.#over();
    this.#listener.end();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#isOver) return;
    this.#over();
    this.#listener.fault(this.#faultOf(error));
  }

  cancel(): void {
    if (this.#isOver) return;
    this.#isCancelled = true;
    this.#over();
    this.#controller?.abort(new Error("cancelled"));
  }

  pause(): void {
    this.#controller?.pause();
  }

  resume(): void {
    this.#controller?.resume();
  }

  #over(): void {
    this.#isOver = true;
    this.#free();
  }

  #faultOf(undiciError: Error): Parameters<ReplyListener["fault"]>[0] {
    // A TLS alert says more than the end of the connection that follows it, of which undici tells.
    const error = this.#socketError() ?? undiciError;
    // undici calls onRequestStart before it writes the first byte.
    if (this.#controller === undefined)
      return new ConnectionGone("the connection was closed", { cause: error });
    if (this.#isFirst && !this.#hasHead) return firstAnswerFault(this.#endpoint, error);
    const all = Number.isNaN(this.#wanted) ? "" : ` of ${this.#wanted}`;
    const broken = this.#hasHead ? `its answer broke off after ${this.#received}${all} bytes: ` : "";
    return answerFault(this.#endpoint, error, broken);
  }
}
