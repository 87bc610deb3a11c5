/** Bounds of the HTTP server. */

export interface FrontEndLimits {
  /** A connection on which nothing moves while a body or an answer is under way is given up after this. */
  readonly idleTimeoutMs: number;
  /** Between two requests of a connection. */
  readonly keepAliveTimeoutMs: number;
  /** Time to receive the headers of a request. */
  readonly headersTimeoutMs: number;
  /** Time for the fields of an upload form: until they are there, nobody knows who asks. */
  readonly formTimeoutMs: number;
  /** Time from the TCP connection to the end of the TLS handshake. */
  readonly handshakeTimeoutMs: number;
  /** After this a long work's answer is begun, and signs of life follow: nobody on the way takes the connection for dead. */
  readonly patienceMs: number;
  readonly maxConnections: number;
  /** Requests that are served at a time; those beyond get 503 `SlowDown`, which clients repeat. */
  readonly maxRequests: number;
}

export const defaultLimits: FrontEndLimits = {
  idleTimeoutMs: 60_000,
  // Longer than that of Go's clients and of usual load balancers, so that it is them who close.
  keepAliveTimeoutMs: 120_000,
  headersTimeoutMs: 10_000,
  formTimeoutMs: 30_000,
  handshakeTimeoutMs: 10_000,
  patienceMs: 10_000,
  maxConnections: 8_192,
  maxRequests: 1_024,
};

/** Largest block of headers and request line, bytes. A presigned URL with a key of 1,024 escaped bytes has about 5 KiB. */
export const MAX_HEADER_BYTES = 32 * 1024;
