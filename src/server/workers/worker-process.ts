/** The primary's view of one worker process. */
import type { ChildProcess } from "node:child_process";
import type { Socket } from "node:net";
import type { MetricFigures } from "../../metrics/figures.js";
import { type Answers, Channel, type Hears } from "./channel.js";
import type { Orders, PrimaryQuestions, PrimarySide, StreamName } from "./protocol.js";
import type { Candidate } from "./spread.js";

/** After so many looks without an answer to the last one a worker gets no more connections. */
const SUSPECT_LOOKS = 2;
/** After so many it hangs: it is killed, for it might wake up with keys that were deleted meanwhile. */
const HANGING_LOOKS = 10;

/** What it has counted since the last such look, or the last time that somebody asked, is lost when it dies. */
const COUNT_EVERY_LOOKS = 10;

export interface WorkerProcessOptions {
  readonly child: ChildProcess;
  readonly answers: (self: WorkerProcess) => Answers<PrimaryQuestions>;
  readonly hears: (self: WorkerProcess) => Omit<Hears<PrimarySide["hears"]>, "taken" | "closed">;
  /** @param lost - connections that it has not taken yet */
  readonly ended: (how: string, lost: readonly Socket[]) => void;
}

export class WorkerProcess implements Candidate {
  readonly channel: Channel<PrimarySide>;
  /** Resolves when the process is gone. */
  readonly ended: Promise<void>;
  /** Streams that somebody follows by this worker. */
  readonly follows = new Set<StreamName>();
  /** What its state in force was made from. */
  orders: Orders | undefined;
  /** When it was up, by the monotonic clock. */
  upMs: number | undefined;
  /** What it had counted when it was last asked. */
  figures: MetricFigures | undefined;
  readonly #child: ChildProcess;
  /** Passed, and not taken yet: kept open here, so that they outlive the worker. */
  readonly #passed = new Map<number, Socket>();
  #nextId = 1;
  #open = 0;
  #looks = 0;
  #silentLooks = 0;
  #hasEnded = false;

  constructor({ child, answers, hears, ended }: WorkerProcessOptions) {
    this.#child = child;
    this.channel = new Channel<PrimarySide>(child, answers(this), {
      ...hears(this),
      taken: (id) => {
        this.#passed.get(id)?.destroy();
        this.#passed.delete(id);
      },
      closed: (count) => {
        this.#open -= count;
      },
    });
    let tellEnd = (): void => undefined;
    this.ended = new Promise((resolve) => {
      tellEnd = resolve;
    });
    const end = (how: string): void => {
      if (this.#hasEnded) return;
      this.#hasEnded = true;
      tellEnd();
      const lost = [...this.#passed.values()];
      this.#passed.clear();
      ended(how, lost);
    };
    child.once("exit", (code, signal) => end(signal === null ? `with code ${code}` : `by ${signal}`));
    child.once("error", (error) => end(`because of ${error.message}`));
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** True when it may be given connections. */
  get isUp(): boolean {
    return this.upMs !== undefined && !this.#hasEnded;
  }

  get open(): number {
    return this.#open;
  }

  get responds(): boolean {
    return this.#silentLooks < SUSPECT_LOOKS;
  }

  /** Gives it a connection. */
  pass(socket: Socket): void {
    const id = this.#nextId++;
    this.#passed.set(id, socket);
    this.#open += 1;
    this.channel.pass("connection", id, socket);
  }

  /** Looks whether it is alive: to be called every second. @returns false when it hangs */
  look(): boolean {
    this.#looks += 1;
    this.#silentLooks += 1;
    if (this.#silentLooks > 1) return this.#silentLooks <= HANGING_LOOKS;
    const answered = (): void => {
      this.#silentLooks = 0;
    };
    // One that has ended does not answer, which is told elsewhere.
    const silent = (): void => undefined;
    this.channel.ask("ping", undefined).then(answered, silent);
    if (this.#looks % COUNT_EVERY_LOOKS === 0) this.count().catch(silent);
    return true;
  }

  /** Asks what it has counted. @throws ChannelClosed */
  async count(): Promise<void> {
    this.figures = await this.channel.ask("figures", undefined);
  }

  /** Lets it end when it is ready to. */
  dismiss(): void {
    if (this.#child.connected) this.#child.disconnect();
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }
}
