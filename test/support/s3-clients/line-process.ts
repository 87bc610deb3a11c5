/** A program that answers each line of JSON with one. */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import type { Command } from "../child-process.js";

const ANSWER_TIMEOUT_MS = 120_000;
const MAX_COMPLAINT_CHARACTERS = 8_000;

export class LineProcess {
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #lines: AsyncIterator<string>;
  readonly #ended: Promise<void>;
  #complaint = "";

  constructor([program, ...args]: Command, env: Readonly<Record<string, string>>) {
    this.#child = spawn(program, args, {
      env: { PATH: process.env.PATH ?? "", ...env },
      stdio: ["pipe", "pipe", "pipe"],
    });
    this.#child.stdin.on("error", () => undefined);
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
    this.#child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#complaint = (this.#complaint + text).slice(-MAX_COMPLAINT_CHARACTERS);
    });
    this.#ended = new Promise((resolve) => {
      this.#child.once("error", () => resolve());
      this.#child.once("close", () => resolve());
    });
  }

  /** One question at a time. @throws Error with what the program says of its failure */
  async ask(what: string, ...values: readonly (string | number)[]): Promise<unknown> {
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), ANSWER_TIMEOUT_MS);
    try {
      this.#child.stdin.write(`${JSON.stringify({ do: what, with: values })}\n`);
      const line = await this.#lines.next();
      if (line.done === true) throw new Error(`the program ended: ${this.#complaint}`);
      const answer: { done?: unknown; failed?: string } = JSON.parse(line.value);
      if (answer.failed !== undefined) throw new Error(`${what}: ${answer.failed}`);
      return answer.done;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends it by ending its input, or by force after a while. */
  async close(): Promise<void> {
    this.#child.stdin.end();
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), 5_000);
    await this.#ended;
    clearTimeout(timer);
  }
}
