/** Loads over some connections: each stream as fast as it can, or all at a constant rate. */
import type { LoadCommand, LoadRequest, LoadResult, Sample } from "../compare/generator.js";
import type { Connection } from "./connection.js";
import type { Histogram } from "./histogram.js";

const SAMPLE_EVERY = 997;
const MAX_SAMPLES = 64;
/** Base64 of 32 bytes. */
const PLAINTEXT_LENGTH = 44;

export class NodeLoad {
  readonly #connections: readonly Connection[];
  readonly #streams: number;

  constructor(connections: readonly Connection[], streams: number) {
    this.#connections = connections;
    this.#streams = streams;
  }

  async run(command: LoadCommand, histogram: Histogram): Promise<LoadResult> {
    const { seconds, rate = 0, count = Number.POSITIVE_INFINITY, requests } = command;
    const samples: Sample[] = [];
    let errors = 0;
    let firstError: string | undefined;
    let next = 0;
    const cpu = process.cpuUsage();
    const startMs = performance.now();
    const endMs = startMs + seconds * 1_000;

    const one = async (connection: Connection, dueMs: number): Promise<boolean> => {
      const number = next++;
      if (number >= count) return false;
      const which = number % requests.length;
      const asked = requests[which];
      if (asked === undefined) return false;
      try {
        const text = await connection.ask(asked);
        const sample = checked(asked, which, text);
        histogram.add((performance.now() - dueMs) * 1e6);
        if (sample !== undefined && number % SAMPLE_EVERY === 0 && samples.length < MAX_SAMPLES)
          samples.push(sample);
      } catch (error) {
        errors += 1;
        firstError ??= error instanceof Error ? error.message : String(error);
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
      return true;
    };
    // What is measured begins when a request was due, not when a stream was free for it.
    let scheduled = 0;
    const due = async (): Promise<number | undefined> => {
      const atMs = startMs + (scheduled++ * 1_000) / rate;
      if (atMs >= endMs) return undefined;
      // Timers are whole milliseconds: the rest is waited for turn by turn.
      if (atMs - performance.now() > 2)
        await new Promise((resolve) => setTimeout(resolve, atMs - performance.now() - 1.5));
      while (performance.now() < atMs) await new Promise((resolve) => setImmediate(resolve));
      return atMs;
    };
    const stream = async (connection: Connection): Promise<void> => {
      for (;;) {
        const atMs = rate > 0 ? await due() : performance.now();
        if (atMs === undefined || atMs >= endMs || !(await one(connection, atMs))) return;
      }
    };
    await Promise.all(
      this.#connections.flatMap((connection) =>
        Array.from({ length: this.#streams }, () => stream(connection)),
      ),
    );
    const { user, system } = process.cpuUsage(cpu);
    return {
      requests: histogram.count,
      errors,
      ...(firstError === undefined ? {} : { error: firstError }),
      seconds: (performance.now() - startMs) / 1_000,
      cpuMicros: user + system,
      maxNanos: histogram.maxNanos,
      meanNanos: histogram.sumNanos / Math.max(1, histogram.count),
      buckets: histogram.buckets(),
      samples,
      connections: this.#connections.length,
    };
  }
}

/** @returns what a generate gave. @throws Error for any answer that is not right */
function checked(asked: LoadRequest, request: number, text: string): Sample | undefined {
  if (asked.answer !== undefined) {
    if (text !== asked.answer) throw new Error(`a wrong answer: ${text.slice(0, 200)}`);
    return undefined;
  }
  const plaintext = /"plaintext":"([^"]*)"/.exec(text)?.[1] ?? "";
  if (asked.plaintext !== undefined) {
    if (plaintext !== asked.plaintext) throw new Error("decrypt did not give the plaintext back");
    return undefined;
  }
  const ciphertext = /"ciphertext":"([^"]*)"/.exec(text)?.[1] ?? "";
  if (plaintext.length !== PLAINTEXT_LENGTH || ciphertext.length <= PLAINTEXT_LENGTH)
    throw new Error("generate gave no data key");
  return { request, plaintext, ciphertext };
}
