/** Something on another machine that lines of the audit file are sent to. */

export interface Collector {
  readonly name: "syslog" | "webhook";
  /** Resolves when the lines, which end in a newline each, are taken. Called again after it ended, never meanwhile. */
  send(lines: readonly Buffer[], signal: AbortSignal): Promise<void>;
  close(): void;
}

/** PEM texts for the connection. */
export interface CollectorTls {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** Longest wait for a connection, and for an answer. */
export const COLLECTOR_TIMEOUT_MS = 10_000;
