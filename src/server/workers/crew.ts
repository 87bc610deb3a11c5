/** The workers of a server: started, looked after, and replaced when they end. */
import type { ChildProcess } from "node:child_process";
import type { Socket } from "node:net";
import type { ErrorLog } from "../../audit/error-log.js";
import type { LineWriter } from "../../audit/line-writer.js";
import { countersOf, type MetricFigures, mergeFigures } from "../../metrics/figures.js";
import type { Answers, Hears } from "./channel.js";
import type { PrimaryQuestions, PrimarySide } from "./protocol.js";
import { Respawn } from "./respawn.js";
import { settledWithin } from "./settled.js";
import { WorkerProcess } from "./worker-process.js";

export interface CrewOptions {
  /** Starts a process that runs a `Worker`, with a channel in advanced serialization. */
  readonly fork: () => ChildProcess;
  /** Gets what workers say themselves: the last words of one that crashes. */
  readonly stderr: LineWriter;
  readonly errorLog: ErrorLog;
  readonly answers: (worker: WorkerProcess) => Answers<PrimaryQuestions>;
  readonly hears: (worker: WorkerProcess) => Omit<Hears<PrimarySide["hears"]>, "taken" | "closed">;
  /** Gives a worker what it needs to serve. */
  readonly bringUp: (worker: WorkerProcess) => Promise<void>;
  readonly isUp: (worker: WorkerProcess) => void;
  /** @param lost - connections that it had not taken yet */
  readonly hasEnded: (worker: WorkerProcess, lost: readonly Socket[]) => void;
}

/** Longest wait for the figures of one worker; what it had counted before stands in for it. */
const FIGURES_TIMEOUT_MS = 1_000;
/** A worker that is not up after this is killed, so that another may try. */
const START_TIMEOUT_MS = 120_000;
/** Time for workers to end after their last answer. */
const DISMISS_MS = 2_000;

export class Crew {
  readonly #options: CrewOptions;
  readonly #workers = new Set<WorkerProcess>();
  readonly #respawn = new Respawn();
  /** Counters of workers that have ended. */
  #departed: readonly MetricFigures[] = [];
  #isServing = false;
  #isClosing = false;

  constructor(options: CrewOptions) {
    this.#options = options;
  }

  /** All, those that are being started included. */
  get all(): readonly WorkerProcess[] {
    return [...this.#workers];
  }

  /** Those that may be given connections. */
  get up(): readonly WorkerProcess[] {
    return this.all.filter(({ isUp }) => isUp);
  }

  /** True while workers end again and again. */
  get failing(): boolean {
    return this.#respawn.failing;
  }

  /** Workers that ended by themselves. */
  get ended(): number {
    return this.#respawn.ended;
  }

  /** Starts the first ones. @throws what keeps one of them from starting: none is left then */
  async start(count: number): Promise<void> {
    try {
      await Promise.all(Array.from({ length: count }, () => this.#startOne()));
    } catch (error) {
      this.#isClosing = true;
      for (const worker of this.#workers) worker.kill();
      throw error;
    }
    this.#isServing = true;
  }

  /** Looks whether all are alive: to be called every second. */
  look(): void {
    for (const worker of this.up) if (!worker.look()) this.kill(worker, "does not answer");
  }

  /** Ends a worker that must not go on. Another takes its place. */
  kill(worker: WorkerProcess, why: string): void {
    this.#options.errorLog.error(`worker process ${worker.pid} ${why}: it is killed`);
    worker.kill();
  }

  /** What all of them have counted, those that have ended included. */
  async figures(): Promise<readonly MetricFigures[]> {
    const known = await Promise.all(
      this.up.map(async (worker) => {
        await settledWithin(worker.count(), FIGURES_TIMEOUT_MS);
        return worker.figures;
      }),
    );
    return [...this.#departed, ...known.filter((figures) => figures !== undefined)];
  }

  /** Has all finish what is under way, within `graceMs`, and ends them. */
  async close(graceMs: number): Promise<void> {
    this.#isClosing = true;
    const closed = this.all.map(({ channel }) => channel.ask("close", undefined).catch(() => undefined));
    await settledWithin(Promise.all(closed), graceMs);
    const workers = this.all;
    for (const worker of workers) worker.dismiss();
    await settledWithin(Promise.all(workers.map(({ ended }) => ended)), DISMISS_MS);
    for (const worker of this.#workers) worker.kill();
  }

  async #startOne(): Promise<void> {
    const { fork, stderr, answers, hears, bringUp, isUp, errorLog } = this.#options;
    const child = fork();
    child.stderr?.setEncoding("utf8").on("data", (text: string) => stderr.write(text));
    const worker: WorkerProcess = new WorkerProcess({
      child,
      answers: (self) => answers(self),
      hears: (self) => hears(self),
      ended: (how, lost) => this.#ended(worker, how, lost),
    });
    this.#workers.add(worker);
    // At the start of the server somebody is watching; later a keystore that hangs must not cost a worker for good.
    const late = (): void => this.kill(worker, "does not come up");
    const timer = this.#isServing ? setTimeout(late, START_TIMEOUT_MS).unref() : undefined;
    try {
      await bringUp(worker);
    } catch (error) {
      // Its end brings the next one.
      worker.kill();
      throw error;
    } finally {
      clearTimeout(timer);
    }
    worker.upMs = performance.now();
    errorLog.debug(`worker process ${worker.pid} is up`);
    isUp(worker);
    setTimeout(() => this.#steady(worker), this.#respawn.steadyMs).unref();
  }

  #steady(worker: WorkerProcess): void {
    if (worker.hasEnded) return;
    this.#respawn.steady();
    this.#tellFailing();
  }

  #ended(worker: WorkerProcess, how: string, lost: readonly Socket[]): void {
    this.#workers.delete(worker);
    if (worker.figures !== undefined) {
      this.#departed = [mergeFigures([...this.#departed, countersOf(worker.figures)])];
    }
    if (this.#isClosing || !this.#isServing) return;
    this.#options.hasEnded(worker, lost);
    const servedMs = worker.upMs === undefined ? undefined : performance.now() - worker.upMs;
    const delayMs = this.#respawn.endedAfter(servedMs);
    const after = servedMs === undefined ? "before it was up" : `after ${(servedMs / 1000).toFixed(1)} s`;
    const next = delayMs === 0 ? "it is replaced" : `it is replaced in ${delayMs / 1000} s`;
    this.#options.errorLog.error(`worker process ${worker.pid} ended ${how} ${after}: ${next}`);
    this.#tellFailing();
    setTimeout(() => void this.#replace(), delayMs);
  }

  async #replace(): Promise<void> {
    if (this.#isClosing) return;
    try {
      await this.#startOne();
    } catch (error) {
      if (!this.#isClosing) this.#options.errorLog.error("a worker process could not be started", error);
    }
  }

  #tellFailing(): void {
    for (const { channel } of this.#workers) channel.note("failing", this.failing);
  }
}
