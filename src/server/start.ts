/**
 * A running key server: starts, reloads, stops (KES reference §15). The parts are joined here; which keystores
 * there are and where the configuration comes from is the caller's affair.
 */
import { randomBytes } from "node:crypto";
import type { AddressInfo } from "node:net";
import { removedPaths, routes } from "../api/routes.js";
import { AuditLog } from "../audit/audit-log.js";
import { ErrorLog } from "../audit/error-log.js";
import { LogHub } from "../audit/hub.js";
import type { LineWriter } from "../audit/line-writer.js";
import type { Config } from "../config/config.js";
import { secureRandom } from "../crypto/random.js";
import type { Keystore } from "../keystore/contract.js";
import { Metrics } from "../metrics/metrics.js";
import { buildState, type Lasting, loadTlsOf, withTls } from "./build-state.js";
import { ExpiryWatch } from "./expiry.js";
import { HealthListener } from "./health-listener.js";
import * as limits from "./limits.js";
import { Listener } from "./listener.js";
import { Pages } from "./pages.js";
import { Readiness } from "./pages/readiness.js";
import { Pipeline } from "./pipeline.js";
import { requestIds } from "./request-id.js";
import { RouteTable } from "./route-table.js";
import type { ServerState } from "./state.js";
import type { TicketKeys, TlsSettings } from "./tls.js";

export interface KeyServerOptions {
  readonly version: string;
  readonly commit: string;
  readonly config: Config;
  /** Opens the keystore of a configuration. */
  readonly open: (config: Config, errorLog: ErrorLog) => Promise<Keystore>;
  readonly stdout: LineWriter;
  readonly stderr: LineWriter;
  /** Overrides what the configuration says of TLS, for development mode. */
  readonly tls?: TlsSettings;
  /** Bounds of connections that differ from the usual ones. */
  readonly limits?: Partial<limits.ConnectionLimits>;
}

/** Load balancers ask each second or two, and take silence for a no. */
const READY_TIMEOUT_MS = 2_000;

export class KeyServer {
  readonly errorLog: ErrorLog;
  readonly #options: KeyServerOptions;
  readonly #lasting: Lasting;
  readonly #auditLog: AuditLog;
  readonly #expiry: ExpiryWatch;
  readonly #listener: Listener;
  readonly #pipeline: Pipeline;
  readonly #health: HealthListener;
  #state: ServerState | undefined;
  #changes: Promise<unknown> = Promise.resolve();
  #closed: Promise<void> | undefined;

  private constructor(options: KeyServerOptions) {
    this.#options = options;
    const { config, version, commit } = options;
    const startedAtMs = Date.now();
    this.errorLog = new ErrorLog(options.stderr, new LogHub(), errorSettings(config));
    this.#auditLog = new AuditLog(options.stdout, new LogHub(), auditSettings(config));
    const metrics = new Metrics({
      errorEvents: () => this.errorLog.hub.events,
      auditEvents: () => this.#auditLog.hub.events,
      firstExpiryMs: () => this.#state?.services.facts.certificates[0]?.notAfterMs,
      cache: () => this.#state?.services.keys.stats(),
      startedAtMs,
    });
    const { errorLog } = this;
    const auditLog = this.#auditLog;
    this.#lasting = {
      version,
      commit,
      startedAtMs,
      metrics,
      auditLog,
      errorLog,
      ticketKeys: ticketKeyRing(),
    };
    this.#expiry = new ExpiryWatch((message) => errorLog.warn(message));
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
      serve: this.#pipeline.serve,
      refused: this.#pipeline.refused,
      tls: () => this.state.tls,
      headerSources: () => this.state.headerSources,
      forgetSessions: () => {
        const tls = this.state.tls.forgetSessions?.();
        if (tls !== undefined) this.#use(withTls(this.state, tls));
      },
      limits: { ...limits.defaultConnectionLimits(), ...options.limits },
      log: (message) => errorLog.info(message),
      warn: (message) => errorLog.warn(message),
    });
    const readiness = new Readiness({ nowMs: () => performance.now(), timeoutMs: READY_TIMEOUT_MS });
    this.#health = new HealthListener({
      ready: async () => readiness.of(this.state.services.keys),
      warn: (message) => errorLog.warn(message),
    });
  }

  /** Opens the keystore and the certificates, creates predefined keys; does not listen yet. */
  static async prepare(options: KeyServerOptions): Promise<KeyServer> {
    const server = new KeyServer(options);
    try {
      server.#use(await server.#build(options.config));
    } catch (error) {
      server.#expiry.close();
      throw error;
    }
    return server;
  }

  /** The state in force. */
  get state(): ServerState {
    if (this.#state === undefined) throw new Error("the server has not been prepared");
    return this.#state;
  }

  /** Starts to accept connections. @throws ConfigError */
  async listen(): Promise<AddressInfo> {
    const { address, server } = this.#options.config;
    // First, since it is the one that answers while the other is not there yet.
    if (server.health !== undefined) await this.#health.listen(server.health.host, server.health.port);
    return this.#listener.listen(address.host, address.port);
  }

  /**
   * Replaces everything but the address by what `load` gives, or nothing at all when that fails. The old
   * keystore is closed when the last request that uses it has ended.
   */
  reload(load: () => Promise<Config>): Promise<void> {
    return this.#exclusively(async () => {
      const next = await this.#build(await load());
      const old = this.state;
      this.#use(next);
      this.errorLog.configure(errorSettings(next.config));
      this.#auditLog.configure(auditSettings(next.config));
      // Not awaited: a request may take as long as its deadline allows.
      void this.#retire(old);
    });
  }

  /** Replaces certificate, key, CAs and the verification of clients alone. */
  refreshTls(load: () => Promise<Config>): Promise<void> {
    return this.#exclusively(async () => {
      const config = await load();
      const tls = await loadTlsOf(config, this.#lasting.ticketKeys);
      this.#use(withTls(this.state, tls));
    });
  }

  /** Stops accepting, lets active requests end within the grace, closes the keystore. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= this.#shutDown();
    return this.#closed;
  }

  async #shutDown(): Promise<void> {
    this.#health.drain();
    this.#expiry.close();
    this.errorLog.hub.close();
    this.#auditLog.hub.close();
    await this.#listener.close(limits.SHUTDOWN_GRACE_MS);
    await this.#changes.catch(() => undefined);
    await this.#closeKeys();
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

  #build(config: Config): Promise<ServerState> {
    const { open, tls } = this.#options;
    return buildState(config, () => open(config, this.errorLog), this.#lasting, tls);
  }

  #use(state: ServerState): void {
    this.#state = state;
    const { config, tls } = state;
    this.#expiry.watch([
      {
        label: `this server (${config.tls.certFile || "development mode"})`,
        notAfterMs: tls.notAfterMs,
        remedy: "renew it",
      },
      ...config.certificates.map(({ use, file, notAfterMs }) => ({
        label: `${use} (${file})`,
        notAfterMs,
        remedy: "renew it with the same key" as const,
      })),
    ]);
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

/** Session ticket keys by scope: settings that let the same clients in share a key, others never do. */
function ticketKeyRing(): TicketKeys {
  const keys = new Map<string, Buffer>();
  return (scope, renew = false) => {
    const known = keys.get(scope);
    if (known !== undefined && !renew) return known;
    // Only the newest scope is kept, so the ring cannot grow with the number of reloads.
    keys.clear();
    const fresh = secureRandom(48);
    keys.set(scope, fresh);
    return fresh;
  };
}

function errorSettings({ log }: Config): { level: number; format: "text" | "json" } {
  return { level: log.errorLevel, format: log.format };
}

function auditSettings({ log }: Config): { level: number; format: "text" | "json" } {
  return { level: log.auditLevel, format: log.format };
}
