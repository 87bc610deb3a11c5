/** The load generator: a process of its own, told what to do by lines of JSON. */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Command } from "../../test/support/child-process.js";
import { pinned } from "./pinning.js";
import type { Buckets } from "./statistics.js";

export type Protocol = "h1" | "h2";

/** Where to, as whom, over what. Files are PEM. */
export interface Setup {
  readonly url: string;
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  readonly protocol: Protocol;
  readonly connections: number;
  readonly streams: number;
}

/** Asked again and again, in turn with others, and each answer held against what it must be. */
export interface LoadRequest {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Base64 that a decrypt must give back. */
  readonly plaintext?: string;
  /** The whole answer, where it is always the same. */
  readonly answer?: string;
}

/** An answer of a generate, to be opened afterwards. */
export interface Sample {
  readonly request: number;
  readonly plaintext: string;
  readonly ciphertext: string;
}

interface Timed {
  readonly errors: number;
  readonly error?: string;
  readonly seconds: number;
  /** Of the generator itself. */
  readonly cpuMicros: number;
  readonly maxNanos: number;
  readonly meanNanos: number;
  readonly buckets: Buckets;
}

export interface LoadResult extends Timed {
  readonly requests: number;
  readonly samples: readonly Sample[];
  /** Made since the start of the generator. */
  readonly connections: number;
}

export interface HandshakeResult extends Timed {
  readonly handshakes: number;
  readonly resumed: number;
  /** Not begun, since too many were under way. */
  readonly skipped: number;
}

export interface LoadCommand {
  readonly seconds: number;
  /** Requests a second; 0: each stream asks as soon as it has its answer. */
  readonly rate?: number;
  /** Ends after so many. */
  readonly count?: number;
  readonly requests: readonly LoadRequest[];
}

export interface HandshakeCommand {
  readonly seconds: number;
  readonly rate: number;
  readonly resumed: boolean;
  readonly request: LoadRequest;
  /** Under way at a time. */
  readonly most: number;
}

/** Longest wait for an answer beyond the time that a run takes by itself. */
const PATIENCE_MS = 120_000;
const NODE_MAIN = fileURLToPath(new URL("../load/main.ts", import.meta.url));

export class Generator {
  readonly #child: ChildProcess;
  readonly #waiting: { resolve: (line: string) => void; reject: (error: Error) => void }[] = [];
  readonly #kill: () => void;

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#kill = () => void child.kill("SIGKILL");
    process.once("exit", this.#kill);
    const end = (): void => {
      for (const { reject } of this.#waiting.splice(0)) reject(new Error("the load generator ended"));
    };
    child.once("error", end);
    child.once("exit", end);
    child.stdin?.on("error", () => undefined);
    if (child.stdout === null) throw new Error("the load generator has no output");
    createInterface(child.stdout).on("line", (line) => this.#waiting.shift()?.resolve(line));
  }

  /** @param program - the Go one; undefined for the one in Node */
  static async start(program: string | undefined, setup: Setup): Promise<Generator> {
    const command: Command =
      program === undefined ? [process.execPath, "--import", "tsx", NODE_MAIN] : [program];
    const [first, ...args] = pinned("generator", command);
    const child = spawn(first, args, { stdio: ["pipe", "pipe", "inherit"] });
    const generator = new Generator(child);
    await generator.#ask(setup, PATIENCE_MS);
    return generator;
  }

  /** @throws Error when a single answer was wrong: figures of a server that errs mean nothing */
  async load(command: LoadCommand): Promise<LoadResult> {
    const result = (await this.#ask({ load: command }, command.seconds * 1_000 + PATIENCE_MS)) as LoadResult;
    if (result.errors > 0)
      throw new Error(`${result.errors} of ${result.requests + result.errors} failed: ${result.error}`);
    return result;
  }

  async handshakes(command: HandshakeCommand): Promise<HandshakeResult> {
    const limit = command.seconds * 1_000 + PATIENCE_MS;
    return (await this.#ask({ handshakes: command }, limit)) as HandshakeResult;
  }

  /** Opens connections that ask once and are kept. */
  async idle(connections: number, request: LoadRequest): Promise<void> {
    const result = (await this.#ask({ idle: { connections, request } }, PATIENCE_MS)) as {
      open: number;
      error?: string;
    };
    if (result.open !== connections)
      throw new Error(`${result.open} of ${connections} connections: ${result.error}`);
  }

  stop(): void {
    process.off("exit", this.#kill);
    this.#child.kill("SIGKILL");
  }

  #ask(command: object, timeoutMs: number): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#child.exitCode !== null || this.#child.signalCode !== null)
        return reject(new Error("the load generator has ended"));
      const timer = setTimeout(
        () => reject(new Error(`no word of the load generator in ${timeoutMs} ms`)),
        timeoutMs,
      );
      this.#waiting.push({
        resolve(line) {
          clearTimeout(timer);
          resolve(JSON.parse(line));
        },
        reject(error) {
          clearTimeout(timer);
          reject(error);
        },
      });
      this.#child.stdin?.write(`${JSON.stringify(command)}\n`);
    });
  }
}
