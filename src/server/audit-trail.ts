/** The audit file of a server and the collectors that it is sent to, as the configuration asks for them. */
import { isDeepStrictEqual } from "node:util";
import { causes, type ErrorLog } from "../audit/error-log.js";
import type { AuditFileSettings } from "../audit/file/audit-file.js";
import type { AuditFigures } from "../audit/file/figures.js";
import { takeLock } from "../audit/file/lock.js";
import { lockFileOf } from "../audit/file/names.js";
import { nodeAuditFileSystem } from "../audit/file/system.js";
import { AuditWriter } from "../audit/file/writer.js";
import { Forwarder } from "../audit/forward/forwarder.js";
import type { AuditSink } from "../audit/sink.js";
import type { AuditConfig, Config } from "../config/config.js";
import { KesError } from "../errors.js";
import { auditFault, collectorsOf, type PlacedCollector, settingsOf } from "./audit-config.js";

/** Longest wait for the disk when the server ends. */
const CLOSE_TIMEOUT_MS = 15_000;

/** A change that is ready. One of both must be called. */
export interface StagedTrail {
  use(): void;
  discard(): Promise<void>;
}

export interface AuditTrailParts {
  readonly errorLog: ErrorLog;
  readonly version: string;
}

export class AuditTrail implements AuditSink {
  readonly #parts: AuditTrailParts;
  #writer: AuditWriter | undefined;
  #forwarders: readonly Forwarder[] = [];
  #audit: AuditConfig | undefined;

  private constructor(parts: AuditTrailParts) {
    this.#parts = parts;
  }

  /** Opens what `config` names. @throws ConfigError */
  static async open(config: Config, parts: AuditTrailParts): Promise<AuditTrail> {
    const trail = new AuditTrail(parts);
    (await trail.stage(config)).use();
    return trail;
  }

  /** False when no configuration asks for it. */
  get isOn(): boolean {
    return this.#writer !== undefined;
  }

  append(members: string): Promise<void> {
    const blocking = this.#forwarders.find(({ isBlocking }) => isBlocking);
    if (blocking !== undefined) {
      const cause = new Error(`too much waits for the collector '${blocking.figures().name}'`);
      return Promise.reject(new KesError("AUDIT_UNAVAILABLE", [], { cause }));
    }
    return this.#writer?.append(members) ?? Promise.resolve();
  }

  record(members: string): void {
    this.#writer?.record(members);
  }

  /** Counts records that did not come this far. */
  lose(records: number): void {
    this.#writer?.lose(records);
  }

  /** Makes ready what `config` asks for instead of what is in force. @throws ConfigError: nothing has changed */
  async stage(config: Config): Promise<StagedTrail> {
    const { audit } = config;
    const [old, forwarders] = [this.#writer, this.#forwarders];
    if (audit === undefined) {
      return {
        use: () => {
          this.#put(undefined, undefined, []);
          void this.#end(old, forwarders);
        },
        discard: async () => undefined,
      };
    }
    const settings = await settingsOf(config, audit);
    const collectors = await collectorsOf(config, audit);
    if (old !== undefined && this.#audit?.file.path === audit.file.path) {
      const areSame = isDeepStrictEqual(
        [this.#audit.syslog, this.#audit.webhook],
        [audit.syslog, audit.webhook],
      );
      return {
        use: () => {
          void old.configure(settings);
          this.#put(old, audit, areSame ? forwarders : this.#forward(old, audit, collectors, forwarders));
        },
        discard: async () => undefined,
      };
    }
    const writer = await this.#start(config, audit, settings);
    return {
      use: () => {
        this.#put(writer, audit, this.#forward(writer, audit, collectors, []));
        void this.#end(old, forwarders);
      },
      discard: () => writer.close(),
    };
  }

  #put(
    writer: AuditWriter | undefined,
    audit: AuditConfig | undefined,
    forwarders: readonly Forwarder[],
  ): void {
    this.#writer = writer;
    this.#audit = audit;
    this.#forwarders = forwarders;
  }

  async #start(config: Config, audit: AuditConfig, settings: AuditFileSettings): Promise<AuditWriter> {
    const { errorLog, version } = this.#parts;
    const { path } = audit.file;
    const writer: AuditWriter = new AuditWriter(settings, {
      fs: nodeAuditFileSystem,
      log: errorLog,
      now: Date.now,
      monotonic: () => performance.now(),
      version,
      neededFrom: () =>
        Math.min(...this.#forwarders.map(({ neededFrom }) => neededFrom), Number.POSITIVE_INFINITY),
      lock: () => takeLock(lockFileOf(path)),
      onWritten: () => {
        for (const forwarder of this.#forwarders) forwarder.wake();
      },
    });
    try {
      await writer.start();
    } catch (cause) {
      throw auditFault(config, "audit.file.path", `cannot write '${path}': ${causes(cause)}`);
    }
    return writer;
  }

  /** @param old - forwarders whose place these take: they end first, since both note it in the same file */
  #forward(
    writer: AuditWriter,
    audit: AuditConfig,
    collectors: readonly PlacedCollector[],
    old: readonly Forwarder[],
  ): readonly Forwarder[] {
    const { errorLog } = this.#parts;
    const forwarders = collectors.map(({ collector, settings }) => {
      return new Forwarder(collector, settings, {
        fs: nodeAuditFileSystem,
        log: errorLog,
        now: Date.now,
        path: audit.file.path,
        first: () => writer.first,
        sequence: () => writer.sequence,
        record: (members) => writer.record(members),
      });
    });
    const start = async (): Promise<void> => {
      await Promise.all(old.map((forwarder) => forwarder.close()));
      for (const forwarder of forwarders) forwarder.start();
    };
    start().catch((error) => errorLog.error("audit: collectors cannot be sent anything", error));
    return forwarders;
  }

  /** Ends the file with a checkpoint and begins the next. */
  async rotate(): Promise<void> {
    await this.#writer?.rotate();
  }

  /** Begins a new file when somebody has moved the old one away. */
  async reopen(): Promise<void> {
    await this.#writer?.reopen();
  }

  /** Undefined without a file. */
  figures(): AuditFigures | undefined {
    const writer = this.#writer;
    return writer === undefined
      ? undefined
      : { ...writer.figures(), forwarders: this.#forwarders.map((one) => one.figures()) };
  }

  /** Writes what waits, and the last checkpoint. A disk that hangs is not waited for without end. */
  close(): Promise<void> {
    return this.#end(this.#writer, this.#forwarders);
  }

  async #end(writer: AuditWriter | undefined, forwarders: readonly Forwarder[]): Promise<void> {
    if (writer === undefined) return;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<"late">((resolve) => {
      timer = setTimeout(() => resolve("late"), CLOSE_TIMEOUT_MS);
    });
    try {
      const closed = writer.close().then(() => Promise.all(forwarders.map((one) => one.close())));
      const end = await Promise.race([closed, late]);
      if (end === "late") this.#parts.errorLog.error("audit: the file did not close in time");
    } catch (error) {
      this.#parts.errorLog.error("audit: the file could not be closed", error);
    } finally {
      clearTimeout(timer);
    }
  }
}
