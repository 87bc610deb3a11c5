/** Programs started by tests: run to their end, or kept running until the test stops them. */
import { type ChildProcess, spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { createServer } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

const RUN_TIMEOUT_MS = 45_000;
/** A server of several processes takes a machine that is busy with twenty others half a minute. */
const READY_TIMEOUT_MS = 45_000;
/** After SIGTERM; then SIGKILL. KES allows itself one second. */
const STOP_TIMEOUT_MS = 15_000;
const POLL_INTERVAL_MS = 25;
/** Enough for any failure's last words, bounded for a server that logs without end. */
const MAX_OUTPUT_CHARACTERS = 256 * 1024;

/** Program and arguments. */
export type Command = readonly [program: string, ...args: string[]];

export interface ProcessOptions {
  /** Added to a minimal environment: no variable of the developer's own reaches the program. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** For programs that take long to start on a busy machine. */
  readonly readyTimeoutMs?: number;
}

export interface RunResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end, for at most `timeoutMs`. A failing exit code is an answer, not an exception. */
export function run(
  command: Command,
  {
    timeoutMs = RUN_TIMEOUT_MS,
    input,
    ...options
  }: ProcessOptions & { timeoutMs?: number; input?: string } = {},
): Promise<RunResult> {
  return new Promise((resolve, reject) => {
    const child = launch(command, options);
    const timer = setTimeout(() => child.kill("SIGKILL"), timeoutMs);
    const stdout = collect(child.stdout);
    const stderr = collect(child.stderr);
    // A program that ends without reading its input must not fail the run.
    child.stdin?.on("error", () => undefined).end(input ?? "");
    child.on("error", reject);
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      const killed = signal === null ? "" : `\nended by ${signal}`;
      resolve({ code, stdout: stdout(), stderr: stderr() + killed });
    });
  });
}

/** Like {@link run}, for steps that must succeed. Resolves to standard output. */
export async function runOk(command: Command, options: Parameters<typeof run>[1] = {}): Promise<string> {
  const { code, stdout, stderr } = await run(command, options);
  if (code !== 0) throw new Error(`'${command.join(" ")}' ended with code ${code}:\n${stdout}${stderr}`);
  return stdout;
}

/** A server that runs until {@link stop}, and never longer than the test process. */
export class RunningProcess {
  readonly #child: ChildProcess;
  readonly #stdout: () => string;
  readonly #stderr: () => string;
  readonly #ended: Promise<number | null>;
  readonly #killOnExit: () => void;

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#stdout = collect(child.stdout);
    this.#stderr = collect(child.stderr);
    this.#killOnExit = () => child.kill("SIGKILL");
    process.once("exit", this.#killOnExit);
    this.#ended = new Promise((resolve) => {
      child.once("error", () => resolve(null));
      child.once("exit", (code) => resolve(code));
    });
  }

  /**
   * Starts `command` and waits until `isReady` holds.
   * @throws Error with the program's output when it ends or is not ready in time; it is stopped then
   */
  static async start(
    command: Command,
    isReady: (running: RunningProcess) => Promise<boolean>,
    options: ProcessOptions = {},
  ): Promise<RunningProcess> {
    const running = new RunningProcess(launch(command, options));
    running.#child.stdin?.end();
    try {
      await until(
        `'${command.join(" ")}' to be ready`,
        async () => {
          if (running.hasEnded) throw new Error(`'${command.join(" ")}' ended`);
          return isReady(running);
        },
        options.readyTimeoutMs,
      );
    } catch (cause) {
      await running.stop();
      throw new Error(`${cause instanceof Error ? cause.message : cause}:\n${running.output}`, { cause });
    }
    return running;
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null || this.#child.pid === undefined;
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new Error("the program was not started");
    return this.#child.pid;
  }

  /** Standard output and standard error so far. */
  get output(): string {
    return this.stdout + this.stderr;
  }

  get stdout(): string {
    return this.#stdout();
  }

  get stderr(): string {
    return this.#stderr();
  }

  /** Resolves to the exit code; `null` when a signal ended the program. */
  get ended(): Promise<number | null> {
    return this.#ended;
  }

  /** Leaves the program's output in the pipe from now on. */
  stopReading(): void {
    this.#child.stdout?.pause();
    this.#child.stderr?.pause();
  }

  /** Closes the reading ends of the program's output. */
  closeOutput(): void {
    this.#child.stdout?.destroy();
    this.#child.stderr?.destroy();
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Ends the program and resolves to its exit code, `null` when it had to be killed. */
  async stop(): Promise<number | null> {
    this.#child.kill("SIGTERM");
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), STOP_TIMEOUT_MS);
    const code = await this.#ended;
    clearTimeout(timer);
    process.off("exit", this.#killOnExit);
    return code;
  }
}

/** Waits until `condition` holds, asking again and again up to a deadline. */
export async function until(
  what: string,
  condition: () => Promise<boolean>,
  timeoutMs = READY_TIMEOUT_MS,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs} ms in vain for ${what}`);
    await delay(POLL_INTERVAL_MS);
  }
}

/** Ports that systems do not give out by themselves: a connection that somebody makes meanwhile takes none of them. */
const FIRST_PORT = 12_000;
const LAST_PORT = 31_999;

/** A TCP port of the loopback address that was free a moment ago. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(FIRST_PORT, LAST_PORT + 1);
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once("error", () => resolve(false));
      server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
    });
    if (isFree) return port;
  }
}

function launch([program, ...args]: Command, { env = {}, cwd }: ProcessOptions): ChildProcess {
  return spawn(program, args, {
    env: { PATH: process.env.PATH ?? "", ...env },
    stdio: ["pipe", "pipe", "pipe"],
    ...(cwd === undefined ? {} : { cwd }),
  });
}

function collect(stream: NodeJS.ReadableStream | null): () => string {
  let text = "";
  stream?.setEncoding("utf8").on("data", (chunk: string) => {
    text = (text + chunk).slice(-MAX_OUTPUT_CHARACTERS);
  });
  return () => text;
}
