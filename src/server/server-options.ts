/** What a {@link KeyServer} is made from. */
import type { ErrorLog } from "../audit/error-log.js";
import type { LineWriter } from "../audit/line-writer.js";
import type { AuditSink } from "../audit/sink.js";
import type { Config } from "../config/config.js";
import type { Keystore } from "../keystore/contract.js";
import type * as limits from "./limits.js";
import type { OpenPeers } from "./peer-notifier.js";
import type { Siblings } from "./siblings.js";
import type { TlsMaterial, TlsSettings } from "./tls.js";

export interface KeyServerOptions {
  readonly version: string;
  readonly commit: string;
  readonly config: Config;
  /** What the files of `config.tls` hold, where they have been read already. */
  readonly tlsMaterial?: TlsMaterial;
  /** Reads the configuration again; absent where there is nothing to read. */
  readonly load?: () => Promise<Config>;
  /** Opens the keystore of a configuration. */
  readonly open: (config: Config, errorLog: ErrorLog) => Promise<Keystore>;
  readonly stdout: LineWriter;
  readonly stderr: LineWriter;
  /** Overrides what the configuration says of TLS, for development mode. */
  readonly tls?: TlsSettings;
  /** Bounds of connections that differ from the usual ones. */
  readonly limits?: Partial<limits.ConnectionLimits>;
  /** Takes the records that `config.audit` asks for where another process has the file. */
  readonly auditSink?: AuditSink;
  /** The other workers, their start and their ticket secret, where this is one of several. */
  readonly siblings?: Siblings;
  readonly startedAtMs?: number;
  readonly ticketSecret?: Uint8Array;
  /** Tells other nodes of changed keys; absent where there are none to tell. */
  readonly peers?: OpenPeers;
  /** Starts although the keystore does not answer. */
  readonly degraded?: boolean;
}

/** A state that is ready to replace the one in force. One of both must be called. */
export interface StagedState {
  /** Puts it in force. The old keystore is closed when the last request that uses it has ended. */
  use(): void;
  discard(): Promise<void>;
}
