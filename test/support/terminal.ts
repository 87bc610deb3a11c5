/** Commands on a pseudo-terminal, by way of Python, which comes with one. */
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Context } from "mocha";
import type { Command } from "./child-process.js";
import { requireService } from "./services/index.js";

const RUN_TIMEOUT_MS = 20_000;

export interface TerminalOptions {
  readonly cwd?: string;
  /** The whole environment but for `PATH` and `TERM`. */
  readonly env?: Readonly<Record<string, string>>;
  readonly columns?: number;
  readonly rows?: number;
  /** What is typed, each when its question has been printed since the answer before. */
  readonly answers?: readonly { readonly to: string; readonly type: string }[];
  readonly timeoutMs?: number;
}

export interface TerminalResult {
  /** Negative: the number of the signal that ended it. */
  readonly code: number;
  /** Both streams as the terminal got them; lines end in `\n`. */
  readonly output: string;
}

/** Runs one command after the other, each on a terminal of its own. */
export class Terminal {
  readonly #helper: ChildProcess;
  readonly #answers: AsyncIterator<string>;
  readonly #killOnExit: () => void;

  private constructor(helper: ChildProcess) {
    if (helper.stdout === null) throw new Error("no standard output");
    this.#helper = helper;
    this.#answers = createInterface({ input: helper.stdout })[Symbol.asyncIterator]();
    this.#killOnExit = () => helper.kill("SIGKILL");
    process.once("exit", this.#killOnExit);
  }

  /** Skips the test with a printed line where there is no Python. */
  static start(context: Context): Terminal {
    const python = requireService(context, "python3");
    const script = join(import.meta.dirname, "pseudo_terminal.py");
    return new Terminal(spawn(python, [script], { stdio: ["pipe", "pipe", "inherit"] }));
  }

  /** @throws Error when the command has not ended in time, or did not ask what was to be answered */
  async run([program, ...args]: Command, options: TerminalOptions = {}): Promise<TerminalResult> {
    const {
      cwd = process.cwd(),
      columns = 80,
      rows = 24,
      timeoutMs = RUN_TIMEOUT_MS,
      answers = [],
    } = options;
    const env = { PATH: process.env.PATH ?? "", TERM: "xterm-256color", ...options.env };
    const argv = program.startsWith("/") ? [program, ...args] : ["/usr/bin/env", program, ...args];
    const request = { argv, cwd, env, columns, rows, timeoutMs, answers };
    this.#helper.stdin?.write(`${JSON.stringify(request)}\n`);
    const { value, done } = await this.#answers.next();
    if (done) throw new Error("the terminal's helper has ended");
    const answer: { code: number; timedOut: boolean; unasked: number; output: string } = JSON.parse(value);
    const output = Buffer.from(answer.output, "base64").toString("utf8").replaceAll("\r\n", "\n");
    const shown = `'${[program, ...args].join(" ")}'`;
    if (answer.timedOut) throw new Error(`${shown} did not end within ${timeoutMs} ms:\n${output}`);
    if (answer.unasked > 0) throw new Error(`${shown} did not ask ${JSON.stringify(answers)}:\n${output}`);
    return { code: answer.code, output };
  }

  stop(): void {
    process.off("exit", this.#killOnExit);
    this.#helper.kill("SIGKILL");
  }
}
