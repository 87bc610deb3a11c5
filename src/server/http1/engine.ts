/** HTTP/1.1 of our own, over sockets whose TLS is Node's (docs/http1.md). */
import type { Connection } from "../connections.js";
import type { Engine, EngineOptions, EngineSocket } from "../engine.js";
import { SocketInput } from "../socket-input.js";
import { AnswerHeads } from "./answer-head.js";
import { Later } from "./later.js";
import { Http1Session, type SessionOptions } from "./session.js";

export class Http1Engine implements Engine {
  readonly #options: SessionOptions;
  readonly #sessions = new Set<Http1Session>();
  readonly #tickMs: number;
  #clock: NodeJS.Timeout | undefined;
  /** Connections that the last tick has not come to yet. */
  #sweep: IterableIterator<Http1Session> | undefined;

  constructor(options: EngineOptions) {
    const { headersTimeoutMs, idleTimeoutMs } = options.limits;
    this.#tickMs = Math.min(MAX_TICK_MS, Math.ceil(Math.min(headersTimeoutMs, idleTimeoutMs) / MIN_TICKS));
    this.#options = {
      ...options,
      input: new SocketInput(),
      heads: new AnswerHeads(idleTimeoutMs, () => Date.now()),
      later: new Later(() => performance.now()),
      headTicks: Math.ceil(headersTimeoutMs / this.#tickMs) + 1,
      idleTicks: Math.ceil(idleTimeoutMs / this.#tickMs) + 1,
    };
  }

  take(socket: EngineSocket, connection: Connection): void {
    const session = new Http1Session(socket, connection, this.#options);
    this.#sessions.add(session);
    socket.once("close", () => {
      this.#sessions.delete(session);
      if (this.#sessions.size === 0) this.close();
    });
    this.#clock ??= setInterval(() => this.#tick(), this.#tickMs).unref();
  }

  close(): void {
    clearInterval(this.#clock);
    this.#clock = undefined;
  }

  #tick(): void {
    // A tick that takes longer than itself: the time of all connections passes more slowly.
    if (this.#sweep !== undefined) return;
    this.#sweep = this.#sessions.values();
    this.#goOn();
  }

  /** Thousands of connections may be too late at once, and each costs an answer and a record. */
  #goOn(): void {
    const sweep = this.#sweep;
    const until = performance.now() + MAX_SWEEP_MS;
    for (let next = sweep?.next(); next?.done === false; next = sweep?.next()) {
      if (next.value.tick() && performance.now() >= until) return void setImmediate(() => this.#goOn());
    }
    this.#sweep = undefined;
  }
}

/** One clock for all connections: they are late by a tick at most. */
const MAX_TICK_MS = 1_000;
const MIN_TICKS = 5;
/** Time in a turn of the event loop for connections that are too late. */
const MAX_SWEEP_MS = 4;
