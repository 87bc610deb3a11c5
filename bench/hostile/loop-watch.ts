/** How long the event loop of this process is held, whatever else the machine has to do. */
import { openSync, readSync } from "node:fs";

/** What is asked of the loop, in milliseconds. */
const TICK_MS = 2;

export interface LoopDelay {
  /**
   * Processor time of the main thread between two runs of a timer that is due every 2 ms. What else the machine does in
   * between, and how long the kernel lets this process wait, is not in it.
   */
  readonly worstMs: number;
  readonly p999Ms: number;
}

export class LoopWatch {
  readonly #descriptor = openSync(`/proc/self/task/${process.pid}/schedstat`, "r");
  readonly #text: Buffer = Buffer.alloc(128);
  #delays: number[] = [];
  #usedMs = 0;

  constructor() {
    this.start();
    setInterval(() => this.#tick(), TICK_MS).unref();
  }

  /** Forgets what was measured. */
  start(): void {
    this.#delays = [];
    this.#usedMs = this.#readUsedMs();
  }

  read(): LoopDelay {
    const sorted = [...this.#delays].sort((a, b) => a - b);
    const at = (share: number): number => sorted[Math.ceil(sorted.length * share) - 1] ?? 0;
    return { worstMs: at(1), p999Ms: at(0.999) };
  }

  #tick(): void {
    const usedMs = this.#readUsedMs();
    this.#delays.push(usedMs - this.#usedMs);
    this.#usedMs = usedMs;
  }

  #readUsedMs(): number {
    const size = readSync(this.#descriptor, this.#text, 0, this.#text.length, 0);
    return Number(this.#text.toString("latin1", 0, size).split(" ")[0] ?? 0) / 1e6;
  }
}
