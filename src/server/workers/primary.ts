/**
 * The primary process of a server with several workers: accepts connections and passes them on, keeps the workers
 * alive and of one mind, and shows them to the outside as one server. It serves no request itself and holds no key.
 */
import type { ChildProcess } from "node:child_process";
import type { AddressInfo } from "node:net";
import { ErrorLog } from "../../audit/error-log.js";
import { LogHub } from "../../audit/hub.js";
import type { LineWriter } from "../../audit/line-writer.js";
import type { Config } from "../../config/config.js";
import { type MetricFigures, mergeFigures } from "../../metrics/figures.js";
import { EventLoopWatch } from "../../metrics/full/event-loop.js";
import { Metrics } from "../../metrics/metrics.js";
import { AuditTrail } from "../audit-trail.js";
import { type Reading, readingOf } from "../build-state.js";
import { coalesced } from "../coalesce.js";
import { ExpiryWatch, watchedOf } from "../expiry.js";
import { HealthListener } from "../health-listener.js";
import * as limits from "../limits.js";
import type { ListenAt } from "../listen-on.js";
import { errorSettings } from "../log-settings.js";
import { fullSources } from "../metric-sources.js";
import { needsRestart } from "../restart.js";
import { TICKET_ROTATION_MS } from "../ticket-keys.js";
import { Accord, type StagedChange } from "./accord.js";
import type { Answers, Hears } from "./channel.js";
import { Crew } from "./crew.js";
import { Doorway } from "./doorway.js";
import { Following } from "./follow.js";
import type { PrimaryQuestions, PrimarySide } from "./protocol.js";
import { settledWithin } from "./settled.js";
import { leastLoaded } from "./spread.js";
import type { WorkerProcess } from "./worker-process.js";

export interface PrimaryOptions {
  readonly version: string;
  readonly commit: string;
  readonly config: Config;
  /** Reads the configuration again. */
  readonly load: () => Promise<Config>;
  /** Number of workers. */
  readonly workers: number;
  /** Starts a process that runs a `Worker`, with a channel in advanced serialization. */
  readonly fork: () => ChildProcess;
  readonly stdout: LineWriter;
  readonly stderr: LineWriter;
  /** Starts although the keystore does not answer. */
  readonly degraded: boolean;
}

const LOOK_EVERY_MS = 1_000;
/** Load balancers ask each second or two, and take silence for a no. */
const READY_TIMEOUT_MS = 2_000;

export class Primary {
  readonly errorLog: ErrorLog;
  readonly #options: PrimaryOptions;
  readonly #startedAtMs = Date.now();
  readonly #loop = new EventLoopWatch();
  readonly #expiry: ExpiryWatch;
  readonly #own: Metrics;
  readonly #crew: Crew;
  readonly #accord: Accord;
  readonly #doorway: Doorway;
  readonly #health: HealthListener;
  readonly #following: Following;
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #askedReload: () => Promise<void>;
  #trail: AuditTrail | undefined;
  #closed: Promise<void> | undefined;

  private constructor(options: PrimaryOptions, reading: Reading) {
    this.#options = options;
    this.#following = new Following(() => this.#crew.all);
    const { stderr } = options;
    const hub = new LogHub(this.#following.relay("error"));
    this.errorLog = new ErrorLog(stderr, hub, errorSettings(reading.config));
    const { errorLog } = this;
    const warn = (message: string): void => errorLog.warn(message);
    this.#expiry = new ExpiryWatch(warn);
    this.#own = this.#makeMetrics();
    this.#crew = new Crew({
      ...{ fork: options.fork, stderr, errorLog },
      answers: (worker) => this.#answers(worker),
      hears: () => this.#hears(),
      bringUp: (worker) => this.#bringUp(worker),
      isUp: (worker) => this.#doorway.opened(worker),
      hasEnded: (worker, lost) => {
        if (worker.follows.size > 0) void this.#following.tell();
        for (const socket of lost) this.#doorway.dispatch(socket);
      },
    });
    const crew = this.#crew;
    const parts = {
      ...{ crew, errorLog },
      stage: (config: Config) => this.#stageTrail(config),
      adopted: ({ config, tls }: Reading) => {
        errorLog.configure(errorSettings(config));
        this.#expiry.watch(watchedOf(config, tls.notAfterMs));
      },
    };
    this.#accord = new Accord(parts, reading);
    this.#askedReload = coalesced(() => this.reload(options.load));
    this.#doorway = new Doorway({ up: () => crew.up, warn });
    this.#health = new HealthListener({ ready: () => this.#ready(), warn });
    // Last, since what it tells may be followed in a worker.
    this.#expiry.watch(watchedOf(reading.config, reading.tls.notAfterMs));
  }

  /** Starts the workers; does not listen yet. @throws ConfigError, or what keeps a worker from starting */
  static async start(options: PrimaryOptions): Promise<Primary> {
    const { config, version, workers } = options;
    const primary = new Primary(options, await readingOf(config));
    try {
      primary.#trail = await AuditTrail.open(config, { errorLog: primary.errorLog, version });
      await primary.#crew.start(workers);
    } catch (error) {
      primary.#expiry.close();
      primary.#loop.close();
      await primary.#trail?.close();
      throw error;
    }
    const every = (ms: number, act: () => void): number => primary.#timers.push(setInterval(act, ms).unref());
    every(LOOK_EVERY_MS, () => primary.#crew.look());
    every(TICKET_ROTATION_MS, () => void primary.#accord.renewTickets());
    return primary;
  }

  /** The configuration in force. */
  get config(): Config {
    return this.#accord.config;
  }

  /** Kind and place of the keystore. */
  get keystore(): string {
    return this.#accord.keystore;
  }

  /** False when no worker answers. */
  get isAlive(): boolean {
    return this.#crew.up.some(({ responds }) => responds);
  }

  /** Starts to accept connections. @param at - instead of `address` @throws ConfigError */
  async listen(at?: ListenAt): Promise<AddressInfo> {
    const { address, server } = this.config;
    if (server.health !== undefined) await this.#health.listen(server.health.host, server.health.port);
    return this.#doorway.listen(at ?? address);
  }

  /** As {@link Accord.reload}. */
  reload(load: () => Promise<Config>): Promise<void> {
    return this.#accord.reload(load);
  }

  /** As {@link Accord.refreshTls}. */
  refreshTls(load: () => Promise<Config>): Promise<void> {
    return this.#accord.refreshTls(load);
  }

  /** Ends the audit file with a checkpoint and begins the next. */
  async rotateAudit(): Promise<void> {
    await this.#trail?.rotate();
  }

  /** Stops accepting, lets every worker finish its requests, ends them all. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= this.#shutDown();
    return this.#closed;
  }

  async #shutDown(): Promise<void> {
    this.#health.drain();
    this.#expiry.close();
    this.#loop.close();
    for (const timer of this.#timers) clearInterval(timer);
    this.#doorway.close();
    await this.#crew.close(this.config.server.graceMs + limits.CLOSE_TIMEOUT_MS);
    await this.#trail?.close();
    this.#health.close();
    await Promise.all([this.#options.stdout.flush(), this.#options.stderr.flush()]);
  }

  #bringUp(worker: WorkerProcess): Promise<void> {
    const { version, commit, degraded } = this.#options;
    return this.#accord.bringUp(worker, {
      ...{ version, commit, startedAtMs: this.#startedAtMs },
      // While others have keys in memory, one that begins without any would serve its clients worse than they do.
      degraded: degraded && this.#crew.up.length === 0,
      followed: this.#following.followed,
      failing: this.#crew.failing,
    });
  }

  #answers(worker: WorkerProcess): Answers<PrimaryQuestions> {
    return {
      forget: (name) => this.#accord.forget(name, worker),
      figures: () => this.#figures(),
      reload: () => this.#askedReload(),
      audit: (records) => this.#record(records),
      follow: ({ stream, followed }) => {
        if (followed) worker.follows.add(stream);
        else worker.follows.delete(stream);
        return this.#following.tell();
      },
    };
  }

  #hears(): Omit<Hears<PrimarySide["hears"]>, "taken" | "closed"> {
    return {
      lines: ({ stdout, stderr, audit, error }) => {
        if (stdout !== "") this.#options.stdout.write(stdout);
        if (stderr !== "") this.#options.stderr.write(stderr);
        this.#following.publish("audit", audit);
        this.#following.publish("error", error);
      },
      audit: (records) => {
        for (const record of records) this.#trail?.record(record);
      },
      auditLost: (records) => this.#trail?.lose(records),
      renewTickets: () => this.#accord.renewTicketsSoon(),
    };
  }

  /** The audit file follows the configuration as the workers do. */
  async #stageTrail(config: Config): Promise<StagedChange> {
    const trail = this.#trail;
    const staged = await trail?.stage(config);
    return {
      use: () => {
        for (const message of needsRestart(this.#options.config, config)) this.errorLog.warn(message);
        staged?.use();
        // The signal is also what logrotate sends when it has moved the file.
        void trail?.reopen();
      },
      discard: async () => staged?.discard(),
    };
  }

  /** @returns which of the records are in the audit file */
  #record(records: readonly string[]): Promise<readonly boolean[]> {
    const trail = this.#trail;
    const written = async (record: string): Promise<boolean> => {
      if (trail === undefined) return false;
      return trail.append(record).then(
        () => true,
        () => false,
      );
    };
    return Promise.all(records.map(written));
  }

  async #figures(): Promise<MetricFigures> {
    return mergeFigures([this.#own.figures(), ...(await this.#crew.figures())]);
  }

  async #ready(): Promise<boolean> {
    const worker = leastLoaded(this.#crew.up, undefined);
    if (worker === undefined || this.#crew.failing) return false;
    let ready = false;
    const asked = worker.channel.ask("ready", undefined).then((answer) => {
      ready = answer;
    });
    await settledWithin(asked, READY_TIMEOUT_MS);
    return ready;
  }

  /** What the primary itself counts. */
  #makeMetrics(): Metrics {
    const { version, commit } = this.#options;
    return new Metrics({
      errorEvents: () => this.errorLog.hub.events,
      auditEvents: () => 0,
      firstExpiryMs: () => undefined,
      cache: () => undefined,
      startedAtMs: this.#startedAtMs,
      full: fullSources({
        ...{ version, commit, loop: this.#loop },
        state: () => undefined,
        audit: () => this.#trail?.figures(),
        workerDeaths: () => this.#crew.ended,
      }),
    });
  }
}
