/** How a client is set up, and the numbers it works by. */
import type { ApiKey } from "../identity/api-key.js";
import { type Clock, systemClock } from "./clock.js";

/** What a client needs to know; all but the endpoints has a default. */
export interface ClientOptions {
  /**
   * Addresses of key servers that serve the same keys, as list or as text with commas. `{1...4}` in an address stands for
   * as many, as in MinIO. An address without scheme gets `https://` and, unless it names a port, port 7373;
   * `http://` is read as `https://`.
   */
  readonly endpoints: string | readonly string[];
  /** Who the client is. Either this, or `certificate` and `key`, or nobody. */
  readonly apiKey?: ApiKey | string;
  /** PEM text or path of a PEM file, which may hold the chain after the client's own. Read again when it changes. */
  readonly certificate?: string;
  /** PEM text or path of a PEM file. Read again when it changes. */
  readonly key?: string;
  /** Opens an encrypted `key`. A function is called once, when the first connection is made. */
  readonly password?: string | (() => string | Promise<string>);
  /**
   * The only authorities that server certificates are checked against: PEM text, path of a PEM file, or path of a
   * folder of such. Default: the system's, as Go's and OpenSSL's programs find them.
   */
  readonly ca?: string;
  /** Server certificates are not checked: whoever stands between sees and changes everything. Default false. */
  readonly insecure?: boolean;
  /** Over all endpoints and repeats of a call; 0 for none. Default 30 s. */
  readonly timeoutMs?: number;
  /** Whether HTTP/2 is offered. Default true. */
  readonly http2?: boolean;
  /** Where `HTTPS_PROXY`, `NO_PROXY`, `SSL_CERT_FILE` and `SSL_CERT_DIR` are looked up; default: the process's. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

/** Times in milliseconds; tests shorten them. */
export interface TransportTiming {
  /** For the TCP connection, the proxy and the TLS handshake together. */
  readonly connectMs: number;
  /** Between two rounds over the endpoints: `pauseMs` plus up to `pauseJitterMs` at random. */
  readonly pauseMs: number;
  readonly pauseJitterMs: number;
  /** How long an endpoint that failed is left alone. */
  readonly restMs: number;
  /** For the request that asks whether an endpoint is back, and for an answer to a ping. */
  readonly probeMs: number;
  /** A connection that was idle for longer is asked whether it still stands, before what must not be sent twice. */
  readonly freshMs: number;
  /** A connection that was idle for longer is asked for a sign of life along with the next request. */
  readonly staleMs: number;
  /** So many calls in a row that were nearly alone on their connection make a lane: see {@link ConnectionPool}. */
  readonly callsBeforeLane: number;
  /** Connections are renewed after this: renewed certificates and moved addresses are noticed by then. */
  readonly maxAgeMs: number;
  /** Of the certificate of an API key; renewed after half of it. */
  readonly certificateMs: number;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

export const defaultTiming: TransportTiming = {
  connectMs: 10_000,
  pauseMs: 200,
  pauseJitterMs: 800,
  restMs: 30_000,
  probeMs: 5_000,
  freshMs: 1_000,
  staleMs: 10_000,
  callsBeforeLane: 250,
  maxAgeMs: 15 * MINUTE_MS,
  certificateMs: 24 * HOUR_MS,
};

export const DEFAULT_TIMEOUT_MS = 30_000;
/** Rounds over the endpoints, the first included. */
export const MAX_ROUNDS = 3;
/** Largest answer in bytes. */
export const MAX_ANSWER_BYTES = 1024 * 1024;
/** Largest block of answer headers in bytes. */
export const MAX_HEADER_BYTES = 16 * 1024;
/** Connections at a time to one endpoint. */
export const MAX_CONNECTIONS = 100;

/** What the machine decides unless somebody else does: tests, or who asks each node by itself. */
export interface TransportParts {
  readonly clock: Clock;
  readonly timing: TransportTiming;
  /** The system's authorities count beside those of `ca`, as at MinIO. Default false. */
  readonly addsSystemAuthorities?: boolean;
  /**
   * Connected to in place of looking the endpoint's name up, which the server's certificate must still bear. For a
   * single endpoint: one node of several behind a name.
   */
  readonly address?: string;
}

export const defaultParts: TransportParts = { clock: systemClock, timing: defaultTiming };
