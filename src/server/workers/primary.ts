/**
 * The primary process of a server with several workers: accepts connections and passes them on, keeps the workers
 * alive and of one mind, and shows them to the outside as one server. It serves no request itself and holds no key.
 */
import type { ChildProcess } from "node:child_process";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { ErrorLog } from "../../audit/error-log.js";
import { LogHub } from "../../audit/hub.js";
import type { LineWriter } from "../../audit/line-writer.js";
import type { Config } from "../../config/config.js";
import { configToData } from "../../config/transfer.js";
import { secureRandom } from "../../crypto/random.js";
import { ConfigError } from "../../errors.js";
import { countersOf, type MetricFigures, mergeFigures } from "../../metrics/figures.js";
import { EventLoopWatch } from "../../metrics/full/event-loop.js";
import { Metrics } from "../../metrics/metrics.js";
import type { KeyName } from "../../names.js";
import { AuditTrail } from "../audit-trail.js";
import { type Reading, readingOf, scopeOf } from "../build-state.js";
import { ExpiryWatch, watchedOf } from "../expiry.js";
import { HealthListener } from "../health-listener.js";
import * as limits from "../limits.js";
import { fullSources } from "../metric-sources.js";
import { errorSettings } from "../start.js";
import { TICKET_ROTATION_MS, TICKET_SECRET_BYTES } from "../ticket-keys.js";
import { Following } from "./follow.js";
import type { Orders } from "./protocol.js";
import { Respawn } from "./respawn.js";
import { settledWithin } from "./settled.js";
import { leastLoaded } from "./spread.js";
import { WorkerProcess } from "./worker-process.js";

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
/** Longest wait for the figures of one worker; what it had counted a second ago stands in for it. */
const FIGURES_TIMEOUT_MS = 1_000;
/** A worker that has not dropped a key after this is killed, so that it cannot serve it. */
const FORGET_TIMEOUT_MS = 2_000;
/** Connections that come while no worker is up wait so long, so many of them. */
const LOBBY_MS = 5_000;
const MAX_LOBBY = 1_024;
/** Whoever makes sessions end by showing ended certificates cannot do it more often. */
const MIN_RENEWAL_MS = 10_000;

export class Primary {
  readonly errorLog: ErrorLog;
  readonly #options: PrimaryOptions;
  readonly #startedAtMs = Date.now();
  readonly #server: Server;
  readonly #health: HealthListener;
  readonly #workers = new Set<WorkerProcess>();
  readonly #loop = new EventLoopWatch();
  #trail: AuditTrail | undefined;
  readonly #following = new Following(() => [...this.#workers]);
  readonly #respawn = new Respawn();
  readonly #expiry: ExpiryWatch;
  readonly #own: Metrics;
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #lobby = new Map<Socket, NodeJS.Timeout>();
  #reading: Reading;
  #orders: Orders;
  #keystore = "";
  #last: WorkerProcess | undefined;
  /** Counters of workers that have ended. */
  #departed: readonly MetricFigures[] = [];
  #renewedMs = Number.NEGATIVE_INFINITY;
  #changes: Promise<unknown> = Promise.resolve();
  #isServing = false;
  #isClosing = false;
  #closed: Promise<void> | undefined;

  private constructor(options: PrimaryOptions, reading: Reading) {
    this.#options = options;
    this.#reading = reading;
    this.#orders = ordersOf(reading, secureRandom(TICKET_SECRET_BYTES));
    const { config } = reading;
    this.errorLog = new ErrorLog(
      options.stderr,
      new LogHub(this.#following.relay("error")),
      errorSettings(config),
    );
    this.#own = new Metrics({
      errorEvents: () => this.errorLog.hub.events,
      auditEvents: () => 0,
      firstExpiryMs: () => undefined,
      cache: () => undefined,
      startedAtMs: this.#startedAtMs,
      full: fullSources({
        ...{ version: options.version, commit: options.commit, loop: this.#loop },
        state: () => undefined,
        audit: () => this.#trail?.figures(),
        workerDeaths: () => this.#respawn.ended,
      }),
    });
    this.#expiry = new ExpiryWatch((message) => this.errorLog.warn(message));
    this.#expiry.watch(watchedOf(config, reading.tls.notAfterMs));
    const warn = (message: string): void => this.errorLog.warn(message);
    this.#health = new HealthListener({ ready: () => this.#ready(), warn });
    // Options of sockets go with them to the worker.
    const socketOptions = { noDelay: true, keepAlive: true, pauseOnConnect: true };
    this.#server = createServer(socketOptions, (socket) => this.#dispatch(socket));
    this.#server.on("error", (cause) => {
      if (this.#server.listening) warn(`cannot accept a connection: ${cause.message}`);
    });
  }

  /** Starts the workers; does not listen yet. @throws ConfigError, or what keeps a worker from starting */
  static async start(options: PrimaryOptions): Promise<Primary> {
    const primary = new Primary(options, await readingOf(options.config));
    try {
      const { config, version } = options;
      primary.#trail = await AuditTrail.open(config, { errorLog: primary.errorLog, version });
      await Promise.all(Array.from({ length: options.workers }, () => primary.#startWorker()));
    } catch (error) {
      primary.#isClosing = true;
      primary.#expiry.close();
      primary.#loop.close();
      for (const worker of primary.#workers) worker.kill();
      await primary.#trail?.close();
      throw error;
    }
    primary.#isServing = true;
    const every = (ms: number, act: () => void): number => primary.#timers.push(setInterval(act, ms).unref());
    every(LOOK_EVERY_MS, () => primary.#look());
    every(TICKET_ROTATION_MS, () => primary.#renewTickets());
    return primary;
  }

  /** The configuration in force. */
  get config(): Config {
    return this.#reading.config;
  }

  /** Kind and place of the keystore. */
  get keystore(): string {
    return this.#keystore;
  }

  /** Starts to accept connections. @throws ConfigError */
  async listen(): Promise<AddressInfo> {
    const { address, server } = this.config;
    if (server.health !== undefined) await this.#health.listen(server.health.host, server.health.port);
    const { host, port } = address;
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", (cause) => {
        const message = `cannot listen on ${host || "*"}:${port}: ${cause.message}; choose another address with --addr`;
        reject(new ConfigError([{ file: "address", message }]));
      });
      this.#server.listen({ port, ...(host === "" ? {} : { host }), backlog: 1024 }, resolve);
    });
    const bound = this.#server.address();
    if (bound === null || typeof bound === "string") throw new Error("the listening socket has no address");
    return bound;
  }

  /**
   * Has every worker make a state of what `load` gives, and then every worker use it; or none, when one cannot.
   * @throws ConfigError, or an Error that says why not
   */
  reload(load: () => Promise<Config>): Promise<void> {
    return this.#exclusively(async () => {
      const reading = await readingOf(await load());
      const orders = this.#ordersFor(reading);
      const trail = await this.#trail?.stage(reading.config);
      const staged = await this.#stageEverywhere(orders).catch(async (error: unknown) => {
        await trail?.discard();
        throw error;
      });
      this.#adopt(reading, orders);
      await Promise.all(staged.map((worker) => this.#use(worker)));
      trail?.use();
      // The signal is also what logrotate sends when it has moved the file.
      void this.#trail?.reopen();
    });
  }

  /** Replaces certificate, key and CAs alone. */
  refreshTls(load: () => Promise<Config>): Promise<void> {
    return this.#exclusively(async () => {
      const { tls } = await readingOf(await load());
      const reading = { config: this.config, tls };
      const orders = this.#ordersFor(reading);
      this.#adopt(reading, orders);
      const told = this.#up().map(async (worker) => {
        await worker.channel.ask("tls", orders);
        worker.orders = orders;
      });
      await this.#demand(told);
    });
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
    this.#isClosing = true;
    this.#health.drain();
    this.#expiry.close();
    this.#loop.close();
    for (const timer of this.#timers) clearInterval(timer);
    this.#server.close();
    for (const socket of this.#lobby.keys()) this.#refuse(socket);
    const graceMs = this.config.server.graceMs + limits.CLOSE_TIMEOUT_MS + FORGET_TIMEOUT_MS;
    const workers = [...this.#workers];
    const closed = workers.map(({ channel }) => channel.ask("close", undefined).catch(() => undefined));
    await settledWithin(Promise.all(closed), graceMs);
    for (const worker of workers) worker.dismiss();
    await settledWithin(Promise.all(workers.map(({ ended }) => ended)), DISMISS_MS);
    for (const worker of this.#workers) worker.kill();
    await this.#trail?.close();
    this.#health.close();
    await Promise.all([this.#options.stdout.flush(), this.#options.stderr.flush()]);
  }

  // Workers

  async #startWorker(): Promise<void> {
    const child = this.#options.fork();
    // What a worker says itself: the last words of one that crashes.
    child.stderr?.setEncoding("utf8").on("data", (text: string) => this.#options.stderr.write(text));
    const worker: WorkerProcess = new WorkerProcess({
      child,
      answers: {
        forget: (name) => this.#forget(name, worker),
        figures: () => this.#figures(),
        audit: (records) => this.#record(records),
        reload: () => this.reload(this.#options.load).catch((error) => this.#reloadFailed(error)),
        follow: ({ stream, followed }) => {
          if (followed) worker.follows.add(stream);
          else worker.follows.delete(stream);
          return this.#following.tell();
        },
      },
      hears: {
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
        renewTickets: () => {
          if (performance.now() - this.#renewedMs > MIN_RENEWAL_MS) this.#renewTickets();
        },
      },
      ended: (how, lost) => this.#workerEnded(worker, how, lost),
    });
    this.#workers.add(worker);
    try {
      await this.#bringUp(worker);
    } catch (error) {
      // Its end brings the next one.
      worker.kill();
      throw error;
    }
    worker.upMs = performance.now();
    this.errorLog.debug(`worker process ${worker.pid} is up`);
    for (const socket of this.#lobby.keys()) this.#leaveLobby(socket, worker);
    setTimeout(() => this.#steady(worker), this.#respawn.steadyMs).unref();
  }

  async #bringUp(worker: WorkerProcess): Promise<void> {
    const orders = this.#orders;
    const { version, commit } = this.#options;
    // While others have keys in memory, one that begins without any would serve its clients worse than they do.
    const degraded = this.#options.degraded && this.#up().length === 0;
    const { keystore } = await worker.channel.ask("start", {
      ...orders,
      ...{ version, commit, degraded },
      startedAtMs: this.#startedAtMs,
      followed: this.#following.followed,
      failing: this.#respawn.failing,
    });
    this.#keystore = keystore;
    // A change went by while it was starting.
    worker.orders = orders;
    while (worker.orders !== this.#orders) {
      await this.#exclusively(async () => {
        await worker.channel.ask("stage", this.#orders);
        await this.#use(worker);
      });
    }
  }

  #steady(worker: WorkerProcess): void {
    if (worker.hasEnded) return;
    this.#respawn.steady();
    this.#tellFailing();
  }

  #workerEnded(worker: WorkerProcess, how: string, lost: readonly Socket[]): void {
    this.#workers.delete(worker);
    if (worker.figures !== undefined) {
      this.#departed = [mergeFigures([...this.#departed, countersOf(worker.figures)])];
    }
    if (this.#isClosing || !this.#isServing) return;
    if (worker.follows.size > 0) void this.#following.tell();
    for (const socket of lost) this.#dispatch(socket);
    const servedMs = worker.upMs === undefined ? undefined : performance.now() - worker.upMs;
    const delayMs = this.#respawn.endedAfter(servedMs);
    const after = servedMs === undefined ? "before it was up" : `after ${(servedMs / 1000).toFixed(1)} s`;
    const next = delayMs === 0 ? "it is replaced" : `it is replaced in ${delayMs / 1000} s`;
    this.errorLog.error(`worker process ${worker.pid} ended ${how} ${after}: ${next}`);
    this.#tellFailing();
    setTimeout(() => void this.#replace(), delayMs);
  }

  async #replace(): Promise<void> {
    if (this.#isClosing) return;
    try {
      await this.#startWorker();
    } catch (error) {
      if (!this.#isClosing) this.errorLog.error("a worker process could not be started", error);
    }
  }

  #tellFailing(): void {
    const { failing } = this.#respawn;
    for (const { channel } of this.#workers) channel.note("failing", failing);
  }

  #look(): void {
    for (const worker of this.#up()) {
      if (worker.look()) continue;
      this.errorLog.error(`worker process ${worker.pid} does not answer: it is killed`);
      worker.kill();
    }
  }

  #up(): readonly WorkerProcess[] {
    return [...this.#workers].filter(({ isUp }) => isUp);
  }

  // Connections

  #dispatch(socket: Socket): void {
    const worker = leastLoaded(this.#up(), this.#last);
    this.#last = worker;
    if (worker !== undefined) return worker.pass(socket);
    if (this.#isClosing || this.#lobby.size >= MAX_LOBBY) return void socket.destroy();
    const timer = setTimeout(() => this.#refuse(socket), LOBBY_MS);
    this.#lobby.set(socket, timer);
    socket.once("close", () => this.#refuse(socket));
  }

  #refuse(socket: Socket): void {
    clearTimeout(this.#lobby.get(socket));
    this.#lobby.delete(socket);
    socket.destroy();
  }

  #leaveLobby(socket: Socket, worker: WorkerProcess): void {
    clearTimeout(this.#lobby.get(socket));
    this.#lobby.delete(socket);
    socket.removeAllListeners("close");
    worker.pass(socket);
  }

  // One mind

  #ordersFor(reading: Reading): Orders {
    // A change of who is let in must not be outlived by old tickets.
    const same = scopeOf(reading) === scopeOf(this.#reading);
    return ordersOf(reading, same ? this.#orders.ticketSecret : secureRandom(TICKET_SECRET_BYTES));
  }

  #adopt(reading: Reading, orders: Orders): void {
    this.#reading = reading;
    this.#orders = orders;
    this.errorLog.configure(errorSettings(reading.config));
    this.#expiry.watch(watchedOf(reading.config, reading.tls.notAfterMs));
  }

  /** @returns the workers that have a state of these orders ready. @throws what keeps one of them from it */
  async #stageEverywhere(orders: Orders): Promise<readonly WorkerProcess[]> {
    const workers = this.#up();
    const staged = await Promise.allSettled(workers.map(({ channel }) => channel.ask("stage", orders)));
    const failed = staged.find((one, i) => one.status === "rejected" && workers[i]?.isUp === true);
    if (failed?.status !== "rejected") return workers.filter((_, i) => staged[i]?.status === "fulfilled");
    await Promise.allSettled(workers.map(({ channel }) => channel.ask("discard", undefined)));
    throw failed.reason;
  }

  /** Has a worker use what it has staged. One that cannot would go its own way. */
  async #use(worker: WorkerProcess): Promise<void> {
    const orders = this.#orders;
    try {
      if (worker.hasEnded) return;
      const { keystore } = await worker.channel.ask("use", undefined);
      this.#keystore = keystore;
      worker.orders = orders;
    } catch (error) {
      if (worker.hasEnded) return;
      this.errorLog.error(
        `worker process ${worker.pid} cannot use the new configuration: it is killed`,
        error,
      );
      worker.kill();
    }
  }

  /** What no worker may refuse. */
  async #demand(told: readonly Promise<unknown>[]): Promise<void> {
    const workers = this.#up();
    for (const [i, { status }] of (await Promise.allSettled(told)).entries()) {
      if (status === "rejected") workers[i]?.kill();
    }
  }

  #renewTickets(): void {
    this.#renewedMs = performance.now();
    const ticketSecret = secureRandom(TICKET_SECRET_BYTES);
    void this.#exclusively(async () => {
      this.#orders = { ...this.#orders, ticketSecret };
      await this.#demand(this.#up().map(({ channel }) => channel.ask("tickets", ticketSecret)));
    });
  }

  async #forget(name: KeyName, from: WorkerProcess): Promise<void> {
    const others = [...this.#workers].filter((worker) => worker !== from);
    await Promise.all(
      others.map(async (worker) => {
        const told = worker.channel.ask("forget", name).catch(() => undefined);
        if (await settledWithin(told, FORGET_TIMEOUT_MS)) return;
        this.errorLog.error(`worker process ${worker.pid} does not answer: it is killed`);
        worker.kill();
        await worker.ended;
      }),
    );
  }

  /** @returns which of the records are in the audit file */
  #record(records: readonly string[]): Promise<readonly boolean[]> {
    const trail = this.#trail;
    return Promise.all(
      records.map(async (record) => {
        if (trail === undefined) return false;
        return trail.append(record).then(
          () => true,
          () => false,
        );
      }),
    );
  }

  #reloadFailed(error: unknown): never {
    this.errorLog.error("failed to reload the configuration", error);
    throw error;
  }

  // One server

  async #figures(): Promise<MetricFigures> {
    const all = await Promise.all(
      this.#up().map(async (worker) => {
        const asked = worker.channel.ask("figures", undefined).then((figures) => {
          worker.figures = figures;
        });
        await settledWithin(asked, FIGURES_TIMEOUT_MS);
        return worker.figures;
      }),
    );
    const known = all.filter((figures) => figures !== undefined);
    return mergeFigures([this.#own.figures(), ...this.#departed, ...known]);
  }

  async #ready(): Promise<boolean> {
    const worker = leastLoaded(this.#up(), undefined);
    if (worker === undefined || this.#respawn.failing) return false;
    let ready = false;
    const asked = worker.channel.ask("ready", undefined).then((answer) => {
      ready = answer;
    });
    await settledWithin(asked, READY_TIMEOUT_MS);
    return ready;
  }

  /** Changes happen one after the other. */
  #exclusively(change: () => Promise<void>): Promise<void> {
    const done = this.#changes.catch(() => undefined).then(change);
    this.#changes = done;
    return done;
  }
}

/** Time for workers to end after their last answer. */
const DISMISS_MS = 2_000;
/** Load balancers ask each second or two, and take silence for a no. */
const READY_TIMEOUT_MS = 2_000;

function ordersOf({ config, tls }: Reading, ticketSecret: Uint8Array): Orders {
  return { config: configToData(config), tls, ticketSecret };
}
