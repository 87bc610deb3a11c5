/**
 * A running key server: starts, reloads, stops (KES reference §15). The parts are joined here; which keystores
 * there are and where the configuration comes from is the caller's affair.
 */
import { randomBytes } from "node:crypto";
import type { AddressInfo, Socket } from "node:net";
import type { WholeServer } from "../api/route.js";
import { removedPaths, routes } from "../api/routes.js";
import { AuditLog } from "../audit/audit-log.js";
import { ErrorLog } from "../audit/error-log.js";
import type { AuditFigures } from "../audit/file/figures.js";
import { LogHub } from "../audit/hub.js";
import type { Config } from "../config/config.js";
import { secureRandom } from "../crypto/random.js";
import { KesError } from "../errors.js";
import type { KeyService } from "../keys/service.js";
import type { MetricFigures } from "../metrics/figures.js";
import { EventLoopWatch } from "../metrics/full/event-loop.js";
import { defaultCounterLimits } from "../metrics/full/requests.js";
import { Metrics } from "../metrics/metrics.js";
import type { KeyName } from "../names.js";
import { AuditTrail, type StagedTrail } from "./audit-trail.js";
import { buildState, type Lasting, type Reading, readingOf, scopeOf, tlsOf, withTls } from "./build-state.js";
import { coalesced } from "./coalesce.js";
import { ExpiryWatch, watchedOf } from "./expiry.js";
import { HealthListener } from "./health-listener.js";
import * as limits from "./limits.js";
import type { ListenAt } from "./listen-on.js";
import { Listener } from "./listener.js";
import { auditSettings, errorSettings } from "./log-settings.js";
import { fullSources } from "./metric-sources.js";
import { shareSmallBlocks } from "./own-memory.js";
import { Readiness } from "./pages/readiness.js";
import { Pages } from "./pages.js";
import type { PeerNotifier } from "./peer-notifier.js";
import { Pipeline } from "./pipeline.js";
import { requestIds } from "./request-id.js";
import { needsRestart } from "./restart.js";
import { RouteTable } from "./route-table.js";
import type { KeyServerOptions, StagedState } from "./server-options.js";
import type { ServerState } from "./state.js";
import { TICKET_ROTATION_MS, TICKET_SECRET_BYTES } from "./ticket-keys.js";
import type { TlsMaterial, TlsSettings } from "./tls.js";

/** Load balancers ask each second or two, and take silence for a no. */
const READY_TIMEOUT_MS = 2_000;

export class KeyServer {
  readonly errorLog: ErrorLog;
  readonly #options: KeyServerOptions;
  readonly #lasting: Lasting;
  readonly #auditLog: AuditLog;
  /** Undefined where another process has the file. */
  #trail: AuditTrail | undefined;
  readonly #expiry: ExpiryWatch;
  readonly #listener: Listener;
  readonly #pipeline: Pipeline;
  readonly #health: HealthListener;
  readonly #rotation: NodeJS.Timeout | undefined;
  readonly #loop = new EventLoopWatch();
  #state: ServerState | undefined;
  #staged: ServerState | undefined;
  readonly #peers: PeerNotifier | undefined;
  #changes: Promise<unknown> = Promise.resolve();
  #closed: Promise<void> | undefined;

  private constructor(options: KeyServerOptions) {
    this.#options = options;
    const { config, version, commit, siblings, startedAtMs = Date.now() } = options;
    this.errorLog = new ErrorLog(options.stderr, new LogHub(siblings?.errorRelay), errorSettings(config));
    this.#auditLog = new AuditLog(options.stdout, new LogHub(siblings?.auditRelay), auditSettings(config));
    const metrics = new Metrics({
      errorEvents: () => this.errorLog.hub.events,
      auditEvents: () => this.#auditLog.hub.events,
      firstExpiryMs: () => this.#state?.services.facts.certificates[0]?.notAfterMs,
      cache: () => this.#state?.services.keys.stats(),
      startedAtMs,
      full: fullSources({
        ...{ version, commit, loop: this.#loop },
        state: () => this.#state,
        audit: () => this.auditFigures(),
      }),
    });
    const { errorLog } = this;
    this.#peers = options.peers?.(errorLog);
    const auditLog = this.#auditLog;
    this.#lasting = {
      version,
      commit,
      startedAtMs,
      metrics,
      auditLog,
      errorLog,
      whole: siblings ?? this.#alone(),
      changed: async (keys, name, by) => {
        this.#forget(name, keys);
        // Other nodes are not waited for, and tell nobody what they were told.
        if (by === "here") this.#peers?.tell(name);
        await siblings?.forget(name);
      },
    };
    // Of several workers the primary sees to it.
    const rotate = (): void => this.renewTickets(secureRandom(TICKET_SECRET_BYTES));
    this.#rotation = siblings === undefined ? setInterval(rotate, TICKET_ROTATION_MS).unref() : undefined;
    this.#expiry = new ExpiryWatch((message) => {
      if (siblings === undefined) errorLog.warn(message);
    });
    const state = () => this.state;
    this.#pipeline = new Pipeline({
      table: new RouteTable(routes, removedPaths),
      state,
      metrics,
      auditLog,
      errorLog,
      pages: new Pages({ version, commit }),
      requestId: requestIds(randomBytes),
    });
    this.#listener = new Listener({
      http: config.server.http,
      serve: this.#pipeline.serve,
      refused: this.#pipeline.refused,
      tls: () => this.state.tls,
      headerSources: () => this.state.headerSources,
      forgetSessions: siblings === undefined ? rotate : () => siblings.renewTickets(),
      limits: { ...limits.defaultConnectionLimits(), ...options.limits },
      log: (message) => errorLog.info(message),
      warn: (message) => errorLog.warn(message),
    });
    const readiness = new Readiness({ nowMs: () => performance.now(), timeoutMs: READY_TIMEOUT_MS });
    this.#health = new HealthListener({
      ready: async () => !this.state.services.whole.failing && readiness.of(this.state.services.keys),
      warn: (message) => errorLog.warn(message),
    });
  }

  /** Opens the keystore and the certificates, creates predefined keys; does not listen yet. */
  static async prepare(options: KeyServerOptions): Promise<KeyServer> {
    shareSmallBlocks();
    const server = new KeyServer(options);
    try {
      const { config, tlsMaterial, auditSink, version } = options;
      const { errorLog } = server;
      if (auditSink === undefined) server.#trail = await AuditTrail.open(config, { errorLog, version });
      server.#attach(config);
      server.#use(await server.#build(config, tlsMaterial, options.ticketSecret));
    } catch (error) {
      server.#expiry.close();
      server.#loop.close();
      clearInterval(server.#rotation);
      await server.#trail?.close();
      throw error;
    }
    return server;
  }

  /** The state in force. */
  get state(): ServerState {
    if (this.#state === undefined) throw new Error("the server has not been prepared");
    return this.#state;
  }

  /** Starts to accept connections. @param at - instead of `address` @throws ConfigError */
  async listen(at?: ListenAt): Promise<AddressInfo> {
    const { address, server } = this.#options.config;
    // First, since it is the one that answers while the other is not there yet.
    if (server.health !== undefined) await this.#health.listen(server.health.host, server.health.port);
    return this.#listener.listen(at ?? address);
  }

  /** Serves a connection that another process accepted. */
  accept(socket: Socket): void {
    this.#listener.accept(socket);
  }

  /**
   * Replaces everything but the address by what `load` gives, or nothing at all when that fails. The old
   * keystore is closed when the last request that uses it has ended.
   */
  reload(load: () => Promise<Config>): Promise<void> {
    return this.#exclusively(async () => (await this.#stage(await load())).use());
  }

  /** Makes everything that `reading` asks for, but does not use it yet. Whoever calls this lets no two overlap. */
  stage({ config, tls }: Reading, ticketSecret: Uint8Array): Promise<StagedState> {
    return this.#stage(config, tls, ticketSecret);
  }

  /** Replaces certificate, key, CAs and the verification of clients alone. */
  refreshTls(load: () => Promise<Config>): Promise<void> {
    return this.#exclusively(async () => this.useTls(await readingOf(await load())));
  }

  /** As {@link refreshTls}, with what was read already. */
  useTls(reading: Reading, ticketSecret?: Uint8Array): void {
    this.#use(withTls(this.state, this.#tlsOf(reading, ticketSecret)));
  }

  /** Draws the keys of session tickets from another secret. Sessions made so far are not resumed. */
  renewTickets(secret: Uint8Array): void {
    const tls = this.#state?.tls.tickets?.renewed(secret);
    if (tls !== undefined) this.#use(withTls(this.state, tls));
  }

  /** Another process created or deleted the key: what is in memory of it is not used any more. */
  forget(name: KeyName): void {
    this.#forget(name, undefined);
  }

  /** Gives lines of any process to those who follow a log stream here. @param lost - some are missing */
  deliver(stream: "audit" | "error", lines: readonly string[], lost: boolean): void {
    const { hub } = stream === "audit" ? this.#auditLog : this.errorLog;
    if (lost) hub.cut();
    for (const line of lines) hub.deliver(line);
  }

  /** What this process alone has counted. */
  figures(): MetricFigures {
    return this.#lasting.metrics.figures();
  }

  /** Stops accepting, lets active requests end within the grace, closes the keystore. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= this.#shutDown();
    return this.#closed;
  }

  async #shutDown(): Promise<void> {
    this.#health.drain();
    this.#expiry.close();
    this.#loop.close();
    clearInterval(this.#rotation);
    this.errorLog.hub.close();
    this.#auditLog.hub.close();
    await this.#listener.close(this.state.config.server.graceMs);
    await this.#changes.catch(() => undefined);
    await this.#closeKeys();
    await this.#peers?.close();
    // After the last request and the last change of a key.
    await this.#trail?.close();
    this.#health.close();
    await Promise.all([this.#options.stdout.flush(), this.#options.stderr.flush()]);
  }

  /** A keystore that hangs must not keep the process from ending. */
  async #closeKeys(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<"late">((resolve) => {
      timer = setTimeout(() => resolve("late"), limits.CLOSE_TIMEOUT_MS);
    });
    try {
      const end = await Promise.race([this.state.services.keys.close(), late]);
      if (end === "late") this.errorLog.error("the key store did not close in time");
    } catch (error) {
      this.errorLog.error("failed to close the key store", error);
    } finally {
      clearTimeout(timer);
    }
  }

  async #build(config: Config, material?: TlsMaterial, secret?: Uint8Array): Promise<ServerState> {
    const { open, tls } = this.#options;
    const reading = async (): Promise<Reading> =>
      material === undefined ? readingOf(config) : { config, tls: material };
    const settings = tls ?? this.#tlsOf(await reading(), secret);
    // A reload must not replace what works by what does not.
    const degraded = this.#options.degraded === true && this.#state === undefined;
    return buildState(config, settings, () => open(config, this.errorLog), this.#lasting, degraded);
  }

  /** Under the secret in force, or a fresh one when other clients are let in from now on. */
  #tlsOf(reading: Reading, secret?: Uint8Array): TlsSettings {
    const now = this.#state?.tls;
    const kept = now?.ticketScope === scopeOf(reading) ? now.tickets?.secret : undefined;
    return tlsOf(reading, secret ?? kept ?? secureRandom(TICKET_SECRET_BYTES));
  }

  async #stage(config: Config, material?: TlsMaterial, secret?: Uint8Array): Promise<StagedState> {
    const audit = await this.#trail?.stage(config);
    const next = await this.#buildOr(audit, config, material, secret);
    this.#staged = next;
    return {
      use: () => {
        const old = this.state;
        // Of several workers the primary tells.
        if (this.#options.siblings === undefined) {
          for (const message of needsRestart(this.#options.config, config)) this.errorLog.warn(message);
        }
        this.#staged = undefined;
        this.#use(next);
        audit?.use();
        this.#attach(config);
        // The signal is also what logrotate sends when it has moved the file.
        void this.#trail?.reopen();
        this.errorLog.configure(errorSettings(config));
        this.#auditLog.configure(auditSettings(config));
        // Not awaited: a request may take as long as its deadline allows.
        void this.#retire(old);
      },
      discard: async () => {
        this.#staged = undefined;
        await audit?.discard();
        await next.services.keys.close();
      },
    };
  }

  /** Requests that began before a reload change keys by the old state; the new one may have them in memory. */
  #forget(name: KeyName, changedBy: KeyService | undefined): void {
    for (const state of [this.#state, this.#staged]) {
      const keys = state?.services.keys;
      if (keys !== changedBy) keys?.forget(name);
    }
  }

  async #buildOr(
    audit: StagedTrail | undefined,
    config: Config,
    material?: TlsMaterial,
    secret?: Uint8Array,
  ): Promise<ServerState> {
    try {
      return await this.#build(config, material, secret);
    } catch (error) {
      await audit?.discard();
      throw error;
    }
  }

  /** Has records go where `config` wants them. */
  #attach({ audit }: Config): void {
    const sink = this.#options.auditSink ?? this.#trail;
    this.#auditLog.attach(audit === undefined ? undefined : sink, audit?.required === true);
  }

  /** Ends the audit file with a checkpoint and begins the next. */
  async rotateAudit(): Promise<void> {
    await this.#trail?.rotate();
  }

  /** Undefined without an audit file, and where another process has it. */
  auditFigures(): AuditFigures | undefined {
    return this.#trail?.figures();
  }

  /** The whole server is this process. */
  #alone(): WholeServer {
    return {
      figures: () => this.figures(),
      failing: false,
      reload: coalesced(async () => {
        const { load } = this.#options;
        try {
          if (load === undefined) throw new Error("there is no configuration file to read again");
          await this.reload(load);
        } catch (cause) {
          throw new KesError("RELOAD_FAILED", [], { cause });
        }
      }),
    };
  }

  #use(state: ServerState): void {
    this.#state = state;
    const { config, tls } = state;
    this.#peers?.use(config);
    this.#lasting.metrics.full.requests.limit(config.metrics ?? defaultCounterLimits);
    this.#expiry.watch(watchedOf(config, tls.notAfterMs));
  }

  async #retire(state: ServerState): Promise<void> {
    await state.lease.retire();
    try {
      await state.services.keys.close();
    } catch (error) {
      this.errorLog.error("Failed to close previous keystore connections", error);
    }
  }

  /** Changes of the state happen one after the other. */
  #exclusively(change: () => Promise<void>): Promise<void> {
    const done = this.#changes.catch(() => undefined).then(change);
    this.#changes = done;
    return done;
  }
}
