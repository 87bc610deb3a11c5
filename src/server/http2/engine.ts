/** HTTP/2 of our own over Node's TLS sockets. docs/http2.md tells how it works and what it refuses. */
import type { TLSSocket } from "node:tls";
import type { Connection } from "../connections.js";
import type { Engine, EngineOptions } from "../engine.js";
import { SocketInput } from "../socket-input.js";
import { DateField } from "./date-field.js";
import { Deadlines, type Watched } from "./deadlines.js";
import { Pages } from "./outbox.js";
import { Session } from "./session.js";
import type { Transport } from "./transport.js";
import { Turn } from "./turn.js";

export class Http2Engine implements Engine {
  readonly #options: EngineOptions;
  readonly #pages = new Pages();
  readonly #date = new DateField(() => Date.now());
  readonly #turn = new Turn(now);
  readonly #input = new SocketInput();
  readonly #deadlines = new Deadlines(now);
  // The same for all connections: a function of its own would be memory of each.
  readonly #watch = (session: Watched): void => this.#deadlines.watch(session);

  constructor(options: EngineOptions) {
    this.#options = options;
  }

  take(socket: TLSSocket, connection: Connection): void {
    const { serve, refused, limits, bodies, held } = this.#options;
    const { peer } = connection;
    const session = new Session({
      transport: new SocketTransport(socket),
      peer,
      bodies,
      pages: this.#pages,
      date: this.#date,
      held,
      headersTimeoutMs: limits.headersTimeoutMs,
      idleTimeoutMs: limits.idleTimeoutMs,
      serve,
      refused: (status, reason) => refused(peer, status, reason),
      begin: () => connection.begin(),
      end: () => connection.end(),
      turn: this.#turn,
      watch: this.#watch,
      now,
    });
    connection.join(session, limits.idleTimeoutMs);
    this.#input.read(socket, (bytes, length) => session.receive(bytes, length));
    socket.on("drain", () => session.drained());
    // A client that has ended its side gets no answers either: Node ends ours with it.
    socket.on("end", () => session.destroy());
    socket.on("close", () => {
      session.destroy();
      this.#deadlines.forget(session);
    });
  }

  close(): void {
    this.#deadlines.close();
  }
}

function now(): number {
  return performance.now();
}

class SocketTransport implements Transport {
  readonly #socket: TLSSocket;

  constructor(socket: TLSSocket) {
    this.#socket = socket;
  }

  write(bytes: Buffer): boolean {
    return this.#socket.write(bytes);
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(taken: () => void): void {
    this.#socket.end(taken);
  }

  destroy(): void {
    this.#socket.destroy();
  }
}
