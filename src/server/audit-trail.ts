/** The audit file of a server and the collectors that it is sent to, as the configuration asks for them. */
import type { KeyObject } from "node:crypto";
import { causes, type ErrorLog } from "../audit/error-log.js";
import type { AuditFileSettings } from "../audit/file/audit-file.js";
import { CheckpointSigner } from "../audit/file/checkpoint.js";
import type { AuditFigures } from "../audit/file/figures.js";
import { takeLock } from "../audit/file/lock.js";
import { lockFileOf } from "../audit/file/names.js";
import { nodeAuditFileSystem } from "../audit/file/system.js";
import { AuditWriter } from "../audit/file/writer.js";
import type { AuditSink } from "../audit/sink.js";
import type { AuditConfig, Config } from "../config/config.js";
import { ConfigError } from "../errors.js";
import { PemFileError, readPemFile } from "../identity/pem-file.js";
import { PrivateKeyError, privateKeyOfPem } from "../identity/private-key.js";

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
    const old = this.#writer;
    if (audit === undefined) {
      return {
        use: () => {
          this.#writer = undefined;
          this.#audit = undefined;
          void this.#end(old);
        },
        discard: async () => undefined,
      };
    }
    const settings = await settingsOf(config, audit);
    if (old !== undefined && this.#audit?.file.path === audit.file.path) {
      return {
        use: () => {
          this.#audit = audit;
          void old.configure(settings);
        },
        discard: async () => undefined,
      };
    }
    const writer = await this.#start(config, audit, settings);
    return {
      use: () => {
        this.#writer = writer;
        this.#audit = audit;
        void this.#end(old);
      },
      discard: () => writer.close(),
    };
  }

  async #start(config: Config, audit: AuditConfig, settings: AuditFileSettings): Promise<AuditWriter> {
    const { errorLog, version } = this.#parts;
    const { path } = audit.file;
    const writer = new AuditWriter(settings, {
      fs: nodeAuditFileSystem,
      log: errorLog,
      now: Date.now,
      monotonic: () => performance.now(),
      version,
      neededFrom: () => Number.POSITIVE_INFINITY,
      lock: () => takeLock(lockFileOf(path)),
      onWritten: () => undefined,
    });
    try {
      await writer.start();
    } catch (cause) {
      throw new ConfigError([
        { file: config.file, path: "audit.file.path", message: `cannot write '${path}': ${causes(cause)}` },
      ]);
    }
    return writer;
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
    return writer === undefined ? undefined : { ...writer.figures(), forwarders: [] };
  }

  /** Writes what waits, and the last checkpoint. A disk that hangs is not waited for without end. */
  close(): Promise<void> {
    return this.#end(this.#writer);
  }

  async #end(writer: AuditWriter | undefined): Promise<void> {
    if (writer === undefined) return;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<"late">((resolve) => {
      timer = setTimeout(() => resolve("late"), CLOSE_TIMEOUT_MS);
    });
    try {
      const end = await Promise.race([writer.close(), late]);
      if (end === "late") this.#parts.errorLog.error("audit: the file did not close in time");
    } catch (error) {
      this.#parts.errorLog.error("audit: the file could not be closed", error);
    } finally {
      clearTimeout(timer);
    }
  }
}

async function settingsOf(config: Config, { file, required }: AuditConfig): Promise<AuditFileSettings> {
  const { path, keyFile, maxBytes, maxAgeMs, keep } = file;
  const signer = new CheckpointSigner(await signingKeyOf(config, keyFile));
  return { path, maxBytes, maxAgeMs, keep, signer, sync: required };
}

async function signingKeyOf(config: Config, keyFile: string): Promise<KeyObject> {
  const fault = (message: string): ConfigError =>
    new ConfigError([{ file: config.file, path: "audit.file.key", message: `'${keyFile}': ${message}` }]);
  let key: KeyObject;
  try {
    key = privateKeyOfPem(await readPemFile(keyFile));
  } catch (cause) {
    if (cause instanceof PemFileError || cause instanceof PrivateKeyError) throw fault(cause.message);
    throw cause;
  }
  if (key.asymmetricKeyType === "ed25519") return key;
  throw fault(`is a key of the kind ${key.asymmetricKeyType}, but checkpoints are signed with Ed25519`);
}
