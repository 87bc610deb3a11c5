/** Behaviours against a server: what they cost it and its other clients. */
import { setTimeout as delay } from "node:timers/promises";
import type { HttpEngine } from "../../src/config/config.js";
import { selfSigned } from "../../test/support/certificates.js";
import { rssBytes } from "../compare/process-times.js";
import { type Attacker, type AttackReport, startAttacker } from "./attacker.js";
import type { Behaviour } from "./behaviour.js";
import type { LoopDelay } from "./loop-watch.js";
import { Regular, type Served } from "./regular.js";
import { type Server, type ServerUse, startServer } from "./server.js";

export interface Conditions {
  /** Of attackers, for behaviours that do not say. */
  readonly connections: number;
  readonly seconds: number;
}

export interface Outcome {
  readonly name: string;
  readonly engine: HttpEngine;
  readonly connections: number;
  readonly attack: AttackReport;
  readonly regular: Served;
  readonly delay: LoopDelay;
  /** Processor time of the server, of one processor. */
  readonly cpuShare: number;
  /** Above what it had before, in bytes: resident at its most; what lives at the end of the attack; what is left. */
  readonly peakBytes: number;
  readonly heldBytes: number;
  readonly leftBytes: number;
}

const SAMPLE_MS = 50;
/** For the server to notice that all have left, and for its longest deadline of a request. */
const SETTLE_MS = 16_000;
/** What a server has more after some rows than before, whoever comes. */
const SLACK_BYTES = 2 * 1024 * 1024;

/** A server, who attacks it, and who means well. */
export class Arena {
  readonly engine: HttpEngine;
  readonly #server: Server;
  readonly #attacker: Attacker;
  readonly #regular: Regular;
  /** Somebody has lost his connection: what is measured after that would not be comparable. */
  isSpoilt = false;

  private constructor(engine: HttpEngine, server: Server, attacker: Attacker, regular: Regular) {
    this.engine = engine;
    this.#server = server;
    this.#attacker = attacker;
    this.#regular = regular;
  }

  static async open(engine: HttpEngine, maxConnections?: number): Promise<Arena> {
    const options = maxConnections === undefined ? { engine } : { engine, maxConnections };
    const [server, attacker] = await Promise.all([startServer(options), startAttacker()]);
    return new Arena(engine, server, attacker, await Regular.start(server));
  }

  async close(): Promise<void> {
    await Promise.all([this.#server.stop(), this.#attacker.stop()]);
  }

  async measure(behaviour: Behaviour, { connections: usual, seconds }: Conditions): Promise<Outcome> {
    const { name, connections = usual } = behaviour;
    const server = this.#server;
    const before = await server.use("collect");
    const { port, admin } = server;
    const { certPem, keyPem } = selfSigned({ cn: "stranger" });
    await this.#attacker.connect({ name, port, connections, admin, stranger: { certPem, keyPem } });
    await server.use("watch");
    const startedMs = performance.now();
    await this.#attacker.begin();
    const peak = highestRss(server.pid, seconds * 1_000);
    const regular = await this.#regular.serve(peak);
    const { delay: held, cpuMicros } = await server.use();
    const tookMs = performance.now() - startedMs;
    const attack = await this.#attacker.report();
    const during = await server.use("collect");
    await this.#attacker.leave();
    const after = await settled(server, before);
    this.isSpoilt = regular.failures > 0;
    return {
      name,
      engine: this.engine,
      connections,
      attack,
      regular,
      delay: held,
      cpuShare: cpuMicros / 1_000 / tookMs,
      peakBytes: Math.max((await peak) - before.rssBytes, 0),
      heldBytes: Math.max(during.heapBytes - before.heapBytes, 0),
      leftBytes: Math.max(after.heapBytes - before.heapBytes, 0),
    };
  }
}

/** The most of it in so many milliseconds. */
async function highestRss(pid: number, forMs: number): Promise<number> {
  const untilMs = performance.now() + forMs;
  let most = 0;
  while (performance.now() < untilMs) {
    most = Math.max(most, rssBytes(pid));
    await delay(SAMPLE_MS);
  }
  return most;
}

/** Its use when all connections of attackers have ended and what they held is free, or it is late for that. */
async function settled(server: Server, before: ServerUse): Promise<ServerUse> {
  const untilMs = performance.now() + SETTLE_MS;
  for (;;) {
    const now = await server.use("collect");
    const isBack = now.sockets <= before.sockets && now.heapBytes - before.heapBytes < SLACK_BYTES;
    if (isBack || performance.now() >= untilMs) return now;
    await delay(SAMPLE_MS * 4);
  }
}
