/** HTTP/2 of our own over Node's TLS sockets. docs/http2.md tells how it works and what it refuses. */
import type { TLSSocket } from "node:tls";
import type { Connection } from "../connections.js";
import type { Engine, EngineOptions } from "../engine.js";
import { DateField } from "./date-field.js";
import { Deadlines } from "./deadlines.js";
import { HeldAnswers } from "./held-answers.js";
import { MAX_HELD_BYTES } from "./limits.js";
import { Pages } from "./outbox.js";
import { Session } from "./session.js";
import type { Transport } from "./transport.js";
import { Turn } from "./turn.js";

export class Http2Engine implements Engine {
  readonly #options: EngineOptions;
  readonly #pages = new Pages();
  readonly #date = new DateField(() => Date.now());
  readonly #held = new HeldAnswers(MAX_HELD_BYTES);
  readonly #turn = new Turn();
  readonly #deadlines = new Deadlines(() => performance.now());

  constructor(options: EngineOptions) {
    this.#options = options;
  }

  take(socket: TLSSocket, connection: Connection): void {
    const { serve, refused, limits, bodies } = this.#options;
    const { peer } = connection;
    const session = new Session({
      transport: transportOf(socket),
      peer,
      bodies,
      pages: this.#pages,
      date: this.#date,
      held: this.#held,
      headersTimeoutMs: limits.headersTimeoutMs,
      idleTimeoutMs: limits.idleTimeoutMs,
      serve,
      refused: (status, reason) => refused(peer, status, reason),
      begin: () => connection.begin(),
      end: () => connection.end(),
      dirty: (one) => this.#turn.add(one),
      watch: (one) => this.#deadlines.watch(one),
      now: () => performance.now(),
    });
    connection.join(
      {
        close: () => session.close(),
        destroy: () => session.destroy(),
        once: (event, listener) => socket.once(event, listener),
      },
      limits.idleTimeoutMs,
    );
    socket.on("data", (chunk: Buffer) => session.receive(chunk));
    socket.on("drain", () => session.drained());
    // A client that has ended its side gets no answers either: Node ends ours with it.
    socket.on("end", () => session.destroy());
    socket.once("close", () => {
      session.destroy();
      this.#deadlines.forget(session);
    });
  }

  close(): void {
    this.#deadlines.close();
  }
}

function transportOf(socket: TLSSocket): Transport {
  return {
    write: (bytes) => socket.write(bytes),
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    end: (taken) => void socket.end(taken),
    destroy: () => void socket.destroy(),
  };
}
