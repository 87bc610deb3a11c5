/** Bounds of the HTTP server (KES reference §1.3 where KES has one). */
import { readFileSync } from "node:fs";

/** Bounds of connections that an embedder or a test may set. */
export interface ConnectionLimits {
  /** Time from the TCP connection to the end of the TLS handshake. */
  readonly handshakeTimeoutMs: number;
  /** Time to receive the headers of a request. */
  readonly headersTimeoutMs: number;
  /** A connection on which nothing moves is closed after this, unless a request waits for its answer. */
  readonly idleTimeoutMs: number;
  /** Connections at a time, handshakes included. */
  readonly maxConnections: number;
  /** Bytes of unfinished request bodies of all connections together. */
  readonly maxPendingBodyBytes: number;
}

export function defaultConnectionLimits(): ConnectionLimits {
  return {
    handshakeTimeoutMs: 10_000,
    headersTimeoutMs: 5_000,
    idleTimeoutMs: 90_000,
    maxConnections: maxConnections(),
    maxPendingBodyBytes: 256 * 1024 * 1024,
  };
}

/** Largest block of request headers in bytes; the longest honest one carries a forwarded certificate. */
export const MAX_HEADER_BYTES = 64 * 1024;
/** Requests at a time on one HTTP/2 connection. */
export const MAX_STREAMS = 250;
/** Bytes that wait for clients on all connections, before the connection with most of them is ended. */
export const MAX_HELD_BYTES = 128 * 1024 * 1024;
/** Bytes of a log stream that may wait for one slow client before it is dropped. */
export const MAX_STREAM_BACKLOG = 1024 * 1024;
/** Most bytes of a body that are thrown away behind an answer, and the time for them, on an HTTP/2 stream. */
export const MAX_DISCARDED_BYTES = 8 * 1024 * 1024;
export const DISCARD_TIMEOUT_MS = 5_000;
/** Time in which a client that was dropped from a log stream must have taken what still waits for it. */
export const STREAM_LINGER_MS = 5_000;
/**
 * An answer that is given before the request was read to its end: for so long its rest is still read and thrown away.
 * Closing at once would reset the connection, and the client would see that instead of the answer.
 */
export const EARLY_ANSWER_LINGER_MS = 500;
/** Time for active requests at shutdown. */
export const SHUTDOWN_GRACE_MS = 1_000;
/** Time for the keystore to close: changes under way end within their own deadlines, a hung disk never does. */
export const CLOSE_TIMEOUT_MS = 15_000;

/** Connections at a time: what the descriptor limit allows, less a reserve for the keystore's files. */
function maxConnections(): number {
  const wanted = 16_384;
  try {
    const limit = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.[1];
    return limit === undefined ? wanted : Math.max(64, Math.min(wanted, Number(limit) - 256));
  } catch {
    return wanted;
  }
}
