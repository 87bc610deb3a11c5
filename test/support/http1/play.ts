/** Feeds the same bytes to an engine as often as asked and tells what became of them. */
import { BodyBudget, type BodyFailure } from "../../../src/server/body.js";
import { type Connection, Connections } from "../../../src/server/connections.js";
import type { EngineOptions, EngineSocket } from "../../../src/server/engine.js";
import type { Exchange } from "../../../src/server/exchange.js";
import { HeldAnswers } from "../../../src/server/held-answers.js";
import { FedSocket } from "./fed-socket.js";

/** An engine of either kind, as a test uses it. */
export interface PlayedEngine {
  take(socket: EngineSocket, connection: Connection): void;
  close(): void;
}

/** What became of the bytes on one connection, so far. */
export interface Outcome {
  /** Requests whose body came to its end: method, target, a field and the body, as the server sees them. */
  readonly requests: readonly string[];
  /** Status of each answer, in order; 100 for a `100 Continue`. */
  readonly statuses: readonly number[];
  /** Status and why the bytes were no request, by the engine's own words. */
  readonly refused: readonly string[];
  /** The connection is closed, or will be behind what was sent. */
  readonly closes: boolean;
}

/** Bytes that a handler of the play takes for a body. */
export const MAX_BODY = 64 * 1024;
const BUDGET = 64 * 1024 * 1024;

/** One engine under play. Connections of one theatre are apart from each other. */
export class Theatre {
  readonly #engine: PlayedEngine;
  readonly #connections = new Connections();
  readonly #scenes = new Map<string, Scene>();
  readonly #bodies = new BodyBudget(BUDGET);
  readonly #held = new HeldAnswers(BUDGET);
  readonly #pending = { count: 0 };
  #count = 0;
  #served = 0;

  constructor(make: (options: EngineOptions) => PlayedEngine, limits: Partial<EngineOptions["limits"]> = {}) {
    this.#engine = make({
      serve: (exchange) => {
        this.#served++;
        this.#scene(exchange.peer.ip).serve(exchange);
      },
      refused: (peer, status, reason) => this.#scene(peer.ip).refused.push(`${status} ${reason}`),
      limits: {
        handshakeTimeoutMs: 60_000,
        headersTimeoutMs: 60_000,
        idleTimeoutMs: 60_000,
        maxConnections: 1_000,
        maxPendingBodyBytes: BUDGET,
        ...limits,
      },
      bodies: this.#bodies,
      held: this.#held,
    });
  }

  /** A new connection. Bytes may be fed after one turn of the event loop. */
  open(): Scene {
    const socket = new FedSocket();
    const ip = String(this.#count++);
    const connection = this.#connections.establish(socket, { ip });
    const scene = new Scene(socket, connection, this.#pending);
    this.#scenes.set(ip, scene);
    socket.once("close", () => this.#scenes.delete(ip));
    this.#engine.take(socket, connection);
    return scene;
  }

  /** Waits until nothing happens any more but with time, and some turns of the event loop more. */
  async settle(rounds: number): Promise<void> {
    let served: number;
    do {
      served = this.#served;
      await turns(rounds);
      // Pipelined requests take turns, so that there may be more of them than turns.
    } while (this.#pending.count > 0 || served !== this.#served);
  }

  /** @returns an error when memory for bodies was not given back */
  fault(): string | undefined {
    if (this.#connections.size > 0) return `${this.#connections.size} connections are left`;
    if (!this.#bodies.take(BUDGET)) return "the budget of bodies is not whole";
    this.#bodies.give(BUDGET);
    if (this.#held.bytes > 0) return `${this.#held.bytes} bytes are held`;
    return undefined;
  }

  close(): void {
    this.#engine.close();
  }

  #scene(ip: string): Scene {
    const scene = this.#scenes.get(ip);
    if (scene === undefined) throw new Error("a request on a connection that is closed");
    return scene;
  }
}

/** One connection of a theatre. */
export class Scene {
  readonly socket: FedSocket;
  readonly connection: Connection;
  readonly refused: string[] = [];
  readonly #requests: string[] = [];
  readonly #pending: { count: number };

  /** @param pending - counts answers that are still to be given */
  constructor(socket: FedSocket, connection: Connection, pending: { count: number }) {
    this.socket = socket;
    this.connection = connection;
    this.#pending = pending;
  }

  /** What `target` begins with decides: `/skip` answers without the body, `/late` a turn later, `/stream` goes on. */
  serve(exchange: Exchange): void {
    const { target } = exchange;
    if (target.startsWith("/skip")) return this.#answer(exchange, "skipped");
    exchange.readBody(MAX_BODY, (body) => {
      this.#note(exchange, body);
      if (body === "aborted") return exchange.finished();
      if (target.startsWith("/late")) this.#answerLate(exchange);
      else if (target.startsWith("/stream")) stream(exchange);
      else this.#answer(exchange, typeof body === "string" ? body : `read ${body.length}`);
    });
  }

  outcome(): Outcome {
    const { sent } = this.socket;
    const { statuses, isLast } = readAnswers(sent);
    const closes = this.socket.isOver || isLast;
    return { requests: [...this.#requests], statuses, refused: [...this.refused], closes };
  }

  #answerLate(exchange: Exchange): void {
    this.#pending.count++;
    setImmediate(() => {
      this.#pending.count--;
      this.#answer(exchange, "late");
    });
  }

  #answer(exchange: Exchange, body: string): void {
    exchange.reply(200, { "content-type": "text/plain" }, body);
    exchange.finished();
  }

  #note(exchange: Exchange, body: Buffer | BodyFailure): void {
    const text = typeof body === "string" ? `<${body}>` : body.toString("latin1");
    const line = [exchange.method, exchange.target, exchange.header("x-a").join("|"), text];
    if (body !== "aborted") this.#requests.push(line.map((part) => JSON.stringify(part)).join(" "));
  }
}

function stream(exchange: Exchange): void {
  const writer = exchange.stream(200, { "content-type": "text/plain" });
  exchange.finished();
  writer.write("one");
  writer.end("two");
}

/** The statuses in what a server has sent, and whether the last answer ends the connection. */
function readAnswers(sent: string): { readonly statuses: readonly number[]; readonly isLast: boolean } {
  const statuses: number[] = [];
  let isLast = false;
  // Bodies of the play hold no line that looks like a status line.
  for (const [, status = "", fields = ""] of sent.matchAll(
    /HTTP\/1\.1 (\d{3}) [^\r]*\r\n((?:[^\r\n]+\r\n)*)/g,
  )) {
    statuses.push(Number(status));
    isLast = /^connection: close\r$/im.test(fields);
  }
  return { statuses, isLast };
}

/** Some turns of the event loop: enough for whatever does not wait for time. */
export async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
}

/**
 * Plays each of `scripts` on a connection of its own, every piece when the server is done with the one before.
 * @returns for each script the outcome after each of its pieces
 */
export async function playAll(
  theatre: Theatre,
  scripts: readonly (readonly string[])[],
  rounds = 4,
): Promise<readonly (readonly Outcome[])[]> {
  const scenes = scripts.map((script) => ({ script, scene: theatre.open(), steps: [] as Outcome[] }));
  await turns(1);
  const most = Math.max(0, ...scripts.map(({ length }) => length));
  for (let at = 0; at < most; at++) {
    for (const { script, scene } of scenes) scene.socket.feed(script[at] ?? "");
    await theatre.settle(rounds);
    for (const { script, scene, steps } of scenes) if (at < script.length) steps.push(scene.outcome());
  }
  for (const { scene } of scenes) scene.socket.destroy();
  await turns(2);
  return scenes.map(({ steps }) => steps);
}
