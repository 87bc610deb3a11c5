/** The client that means well: decrypts at a steady rate on a connection that it keeps, and greets on new ones. */
import { setTimeout as delay } from "node:timers/promises";
import { overHttp2 } from "../../test/support/send.js";
import { type Connection, connect } from "../load/connection.js";
import type { Server } from "./server.js";

const PER_SECOND = 50;
/** Between two connections of a client that has none yet. */
const GREET_MS = 250;
/** What an answer may take. It is a failure then. */
const PATIENCE_MS = 5_000;
const CREATE = { method: "PUT", path: "/v1/key/create/known" };
const GENERATE = { method: "PUT", path: "/v1/key/generate/known" };
const WARM_UP = 300;

export interface Served {
  /** Of decrypts, from when each was due: what a client waits that does not wait for the one before. */
  readonly p99Ms: number;
  readonly worstMs: number;
  readonly answers: number;
  readonly failures: number;
  /** Longest wait of a new connection for the answer to its first request. */
  readonly newcomerMs: number;
  readonly newcomerFailures: number;
  /** Of the first failure; empty without one. */
  readonly failure: string;
}

export class Regular {
  readonly #server: Server;
  readonly #connection: Connection;
  readonly #decrypt: { readonly method: string; readonly path: string; readonly body: string };
  readonly #plaintext: string;
  #isOver = false;

  private constructor(server: Server, connection: Connection, plaintext: string, ciphertext: string) {
    this.#server = server;
    this.#connection = connection;
    this.#plaintext = plaintext;
    this.#decrypt = { method: "PUT", path: "/v1/key/decrypt/known", body: JSON.stringify({ ciphertext }) };
  }

  /** Connects, makes the key, and asks often enough for the server to be warm. */
  static async start(server: Server): Promise<Regular> {
    const { certPem: cert, keyPem: key } = server.admin;
    const connection = await connect(server.url, "h2", { ca: server.ca.certPem, cert, key });
    await connection.ask(CREATE);
    const dek: unknown = JSON.parse(await connection.ask(GENERATE));
    const read = (name: string): string => {
      const value: unknown = typeof dek === "object" && dek !== null ? Reflect.get(dek, name) : undefined;
      if (typeof value !== "string") throw new Error(`no ${name} in the answer of a generate`);
      return value;
    };
    const regular = new Regular(server, connection, read("plaintext"), read("ciphertext"));
    for (let i = 0; i < WARM_UP; i++) await regular.#ask();
    await regular.#greet();
    // Pages are loaded when somebody asks for one, which takes its time once.
    await connection.ask({ method: "GET", path: "/" });
    return regular;
  }

  /** Asks until `until` resolves. */
  async serve(until: Promise<unknown>): Promise<Served> {
    this.#isOver = false;
    const [decrypts, newcomers] = [this.#decrypts(), this.#newcomers()];
    await until;
    this.#isOver = true;
    const ofDecrypts = await decrypts;
    const ofNewcomers = await newcomers;
    const sorted = ofDecrypts.times.toSorted((a, b) => a - b);
    return {
      p99Ms: sorted[Math.ceil(sorted.length * 0.99) - 1] ?? 0,
      worstMs: sorted.at(-1) ?? 0,
      answers: sorted.length,
      failures: ofDecrypts.failures,
      newcomerMs: Math.max(0, ...ofNewcomers.times),
      newcomerFailures: ofNewcomers.failures,
      failure: ofDecrypts.firstFailure || ofNewcomers.firstFailure,
    };
  }

  async #decrypts(): Promise<Tally> {
    const tally = new Tally();
    const asked: Promise<void>[] = [];
    const startedMs = performance.now();
    for (let i = 0; !this.#isOver; i++) {
      const dueMs = startedMs + (i * 1_000) / PER_SECOND;
      await delay(Math.max(0, dueMs - performance.now()));
      asked.push(tally.count(dueMs, this.#ask()));
    }
    await Promise.all(asked);
    return tally;
  }

  async #newcomers(): Promise<Tally> {
    const tally = new Tally();
    const asked: Promise<void>[] = [];
    while (!this.#isOver) {
      asked.push(tally.count(performance.now(), this.#greet()));
      await delay(GREET_MS);
    }
    await Promise.all(asked);
    return tally;
  }

  async #ask(): Promise<void> {
    const answer = await this.#connection.ask(this.#decrypt);
    if (!answer.includes(this.#plaintext)) throw new Error("a decrypt gave other bytes");
  }

  async #greet(): Promise<void> {
    const { status } = await overHttp2(this.#server, this.#server.admin, { method: "GET", path: "/version" });
    if (status !== 200) throw new Error(`status ${status}`);
  }
}

class Tally {
  readonly times: number[] = [];
  failures = 0;
  /** Why there was the first of them. */
  firstFailure = "";

  async count(dueMs: number, work: Promise<void>): Promise<void> {
    const late = new AbortController();
    const timeOut = delay(PATIENCE_MS, undefined, { signal: late.signal }).then(
      () => Promise.reject(new Error("no answer in time")),
      () => undefined,
    );
    try {
      await Promise.race([work, timeOut]);
      this.times.push(performance.now() - dueMs);
    } catch (error) {
      if (this.failures++ === 0) this.firstFailure = String(error);
    } finally {
      late.abort();
      // Whatever becomes of it: it was counted.
      work.catch(() => undefined);
    }
  }
}
