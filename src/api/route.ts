/** What a route of the API is: one value that says who may call it, its limits, its input and its reply. */
import type { LogHub } from "../audit/hub.js";
import type { ErrorCode } from "../errors.js";
import type { KeyService } from "../keys/service.js";
import type { Turns } from "../keys/turns.js";
import type { MetricFigures } from "../metrics/figures.js";
import type { Metrics } from "../metrics/metrics.js";
import type { Identity } from "../names.js";
import type { Directory } from "../policy/directory.js";
import type { BodyCodec } from "./wire.js";

/** What stands behind the last slash of a route's path, and how it is checked. */
export type Argument = "none" | "key-name" | "policy-name" | "identity" | "pattern";

/** `none`: anybody who completed TLS; `identify`: the identity is computed, nobody is refused; `policy`: §6. */
export type Access = "none" | "identify" | "policy";

/** Who calls: computed once for a connection, or from a trusted proxy's header. */
export interface Caller {
  readonly identity: Identity | undefined;
  readonly admin: boolean;
}

/** One request as a handler sees it: never the HTTP request itself. */
export interface Call<Body = unknown> {
  /** The checked argument of the path; empty for routes without one. */
  readonly argument: string;
  readonly body: Body;
  /** The query string with its question mark; empty without. */
  readonly query: string;
  readonly caller: Caller;
  /** The values of the header `Accept`. */
  accept(): readonly string[];
  /** Aborted at the route's deadline. Made on first use, because a request served from memory needs none. */
  signal(): AbortSignal;
}

/** Facts about this server that routes report. */
export interface ServerFacts {
  readonly version: string;
  readonly commit: string;
  /** Milliseconds since the epoch. */
  readonly startedAtMs: number;
  /** Rows of `GET /v1/api`, with the deadlines in force. */
  readonly apis: readonly ApiRow[];
  /** Certificates named in the configuration, by expiry. */
  readonly certificates: readonly CertificateFact[];
}

export interface ApiRow {
  readonly method: string;
  readonly path: string;
  /** Bytes. */
  readonly max_body: number;
  /** Whole seconds, 0 for none. */
  readonly timeout: number;
}

export interface CertificateFact {
  readonly use: string;
  readonly identity: Identity;
  readonly notAfterMs: number;
}

/** The server as a whole, however many processes it has. */
export interface WholeServer {
  /** Of all processes, added up. */
  figures(): MetricFigures | Promise<MetricFigures>;
  /** True while worker processes end again and again. */
  readonly failing: boolean;
  /** Reads the configuration again. @throws KesError `RELOAD_FAILED`: everything is as before */
  reload(): Promise<void>;
}

/** What handlers may use. */
export interface Services {
  readonly whole: WholeServer;
  readonly keys: KeyService;
  /** For work that takes long. */
  readonly turns: Turns;
  readonly directory: Directory;
  readonly facts: ServerFacts;
  readonly metrics: Metrics;
  readonly auditLog: LogHub;
  readonly errorLog: LogHub;
}

/** A reply that is not JSON. */
export class TextReply {
  readonly contentType: string;
  readonly text: string;
  constructor(contentType: string, text: string) {
    this.contentType = contentType;
    this.text = text;
  }
}

/** A reply that goes on until the client leaves: every line the hub publishes. */
export class StreamReply {
  readonly hub: LogHub;
  constructor(hub: LogHub) {
    this.hub = hub;
  }
}

/** `undefined`: empty 200. A string: JSON as it is to be sent, with its newline. Another object: to become JSON. */
export type Reply = undefined | string | object | TextReply | StreamReply;

/** What the documents say of a route. */
export interface RouteDoc {
  readonly summary: string;
  readonly description?: string;
  /** Parameters of the query string that the route looks at; all others are ignored. */
  readonly query?: readonly {
    readonly name: string;
    readonly description: string;
    readonly schema: object;
  }[];
  /** JSON Schema of the reply's body; absent for an empty one. */
  readonly reply?: object;
  /** Media type of the reply's body where it is not JSON. */
  readonly mediaType?: string;
  /** Failures of this route's own; those of the pipeline are added. */
  readonly errors?: readonly ErrorCode[];
}

export interface Route<Body = unknown> {
  readonly method: "GET" | "PUT" | "DELETE";
  /** Ends in `/` if and only if the route takes an argument. */
  readonly path: string;
  readonly argument: Argument;
  readonly access: Access;
  /** The configuration may open this route to callers without identity. */
  readonly maySkipAuth: boolean;
  /** 0: the body is never looked at. */
  readonly maxBodyBytes: number;
  /** 0: no deadline. */
  readonly timeoutMs: number;
  /** Counted in `kes_http_*` (KES reference §3.1). */
  readonly counted: boolean;
  readonly body?: BodyCodec<Body>;
  /**
   * Another route whose rules count as well, so that a new way to an old power opens no policy: the caller
   * needs `allow` on both (`both`), or `allow` on one and `deny` on neither (`either`).
   */
  readonly guardedBy?: { readonly path: string; readonly mode: "both" | "either" };
  /** Of a change. Message of the audit record after success; `%s` is the argument. */
  readonly auditMessage?: string;
  /** With `audit.required` the answer waits until its record is on the disk: it holds what a key protects. */
  readonly recordFirst?: boolean;
  readonly doc: RouteDoc;
  readonly handle: (call: Call<Body>, services: Services) => Reply | Promise<Reply>;
}

/** The parts of a route that have a usual value. */
type RouteInput<Body> = Omit<
  Route<Body>,
  "maySkipAuth" | "maxBodyBytes" | "timeoutMs" | "counted" | "access"
> &
  Partial<Pick<Route<Body>, "maySkipAuth" | "maxBodyBytes" | "timeoutMs" | "counted" | "access">>;

/** Declares a route. Usual: policy-guarded, counted, no body, 15 s. */
export function route<Body = undefined>(input: RouteInput<Body>): Route {
  const declared: Route<Body> = {
    access: "policy",
    maySkipAuth: false,
    maxBodyBytes: 0,
    timeoutMs: 15_000,
    counted: true,
    ...input,
  };
  // The pipeline hands `handle` only what `body` decoded, so forgetting the type parameter is sound.
  return declared as Route;
}
