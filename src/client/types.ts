/** What the calls of the SDK take and give. Sizes in bytes, times in milliseconds where the name says so. */
import type { Identity, KeyName, PolicyName } from "../names.js";

/** For every call. */
export interface CallOptions {
  /** Ends the call at once; it then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** The whole call over all endpoints and repeats; without it the client's own `timeoutMs` counts. */
  readonly timeoutMs?: number;
}

/**
 * What a ciphertext is bound to. Members of an object are serialised in MinIO's canonical form (the object `{}`
 * is two bytes); bytes are passed as they are; absent is the empty context.
 */
export type Context = Uint8Array | Readonly<Record<string, string>>;

export interface ContextOptions extends CallOptions {
  readonly context?: Context;
}

/** A data key: 32 bytes in plaintext, and the same sealed under the named key. */
export interface Dek {
  readonly plaintext: Buffer;
  readonly ciphertext: Buffer;
}

/** Of a key whose bytes come from elsewhere. */
export interface ImportedKey {
  /** 32 bytes. */
  readonly key: Uint8Array;
  /** Default `AES256`. */
  readonly algorithm?: "AES256" | "ChaCha20";
  /** 32 bytes; drawn by the server when absent. */
  readonly hmacKey?: Uint8Array;
}

/** One item of {@link KesClient.bulkDecrypt}. */
export interface SealedDek {
  readonly ciphertext: Uint8Array;
  readonly context?: Context;
}

/** What a server says of a key. Dates are RFC 3339 text as sent, with up to nine fractional digits. */
export interface KeyInfo {
  readonly name: KeyName | string;
  /** Older servers give a key's id, ours do not. */
  readonly id?: string;
  /** `AES256` where the server leaves it out. */
  readonly algorithm: string;
  readonly createdAt: string;
  /** Empty when the server does not know. */
  readonly createdBy: string;
}

export interface PolicyInfo {
  readonly name: PolicyName | string;
  readonly createdAt: string;
  readonly createdBy: string;
}

/** Patterns in the server's order. */
export interface PolicyRules {
  readonly allow: readonly string[];
  readonly deny: readonly string[];
}

export interface PolicyDocument extends PolicyInfo, PolicyRules {}

export interface IdentityInfo {
  readonly identity: Identity | string;
  readonly isAdmin: boolean;
  /** Absent for the admin. */
  readonly policy?: string;
  readonly createdAt: string;
  readonly createdBy: string;
}

/** Who the caller is and what it may do. */
export interface SelfInfo extends IdentityInfo, PolicyRules {}

export interface VersionInfo {
  readonly version: string;
  readonly commit: string;
}

/** `GET /v1/status`. */
export interface ServerStatus {
  readonly version: string;
  readonly os: string;
  readonly arch: string;
  readonly uptimeSeconds: number;
  readonly cpus: number;
  readonly usableCpus: number;
  readonly heapUsedBytes: number;
  readonly stackUsedBytes: number;
  /** Absent when the keystore did not answer. */
  readonly keystoreLatencyMs?: number;
  readonly keystoreUnreachable: boolean;
  readonly keystoreUnavailable: boolean;
  readonly certificates: readonly {
    readonly use: string;
    readonly identity: string;
    readonly expiresAt: string;
  }[];
  /** `https://host:port` of the server that answered. */
  readonly endpoint: string;
  /** Round trip of the answered request. */
  readonly latencyMs: number;
  /** The members as they came, for whoever prints them as KES's client does. */
  readonly raw: Readonly<Record<string, unknown>>;
}

/** One row of `GET /v1/api`. */
export interface ApiInfo {
  readonly method: string;
  readonly path: string;
  readonly maxBodyBytes: number;
  /** 0: none. */
  readonly timeoutSeconds: number;
}

/**
 * One request as the audit log tells it. Path and identity are what some caller sent, control characters and all:
 * mind them before they reach a terminal.
 */
export interface AuditEvent {
  readonly time: string;
  readonly request: {
    readonly ip?: string;
    readonly path: string;
    readonly identity?: string;
    /** Our servers: `x-request-id` of the answer. */
    readonly id?: string;
    /** Our servers. */
    readonly method?: string;
  };
  readonly response: {
    readonly code: number;
    /** Nanoseconds from our server; KES of 2024 and later sends milliseconds under the same name. */
    readonly timeNs: number;
  };
}

export interface ErrorEvent {
  /** A line of the server's error log; may hold control characters. */
  readonly message: string;
}

/** Of a listing. */
export interface ListOptions extends CallOptions {
  /** Names that begin with it; a final `*` changes nothing. Default: all. */
  readonly prefix?: string;
}

/** A stretch of a log that was not seen. */
export interface LogGap {
  /** Why the stream ended; absent when the server closed it in order, as it does when it stops. */
  readonly cause?: Error;
  /** 1 for the first try to get back, 2 for the second. */
  readonly attempt: number;
  /** Pause before that try. */
  readonly retryInMs: number;
}

/** Of a log stream. No deadline: it goes on until it is left. */
export interface LogOptions {
  /** Ends the stream in order: the loop over it ends and throws nothing. */
  readonly signal?: AbortSignal;
  /** Told when the stream has broken, before each try to get it back: events of the meantime are lost. */
  readonly onGap?: (gap: LogGap) => void;
  /** Told of each connection, the first and those after a gap, with the server's address. */
  readonly onConnect?: (endpoint: string) => void;
}

/** `GET /v1/metrics`, the figures that every KES gives. */
export interface ServerMetrics {
  readonly requestsSucceeded: number;
  /** Answered 4xx. */
  readonly requestsErred: number;
  /** Answered 5xx. */
  readonly requestsFailed: number;
  readonly requestsActive: number;
  readonly auditEvents: number;
  readonly errorEvents: number;
  /** Upper bound in nanoseconds → cumulative count, ascending; the last bound is infinite. */
  readonly responseTimes: readonly { readonly upToNs: number; readonly count: number }[];
  readonly responseTimeSumSeconds: number;
  readonly uptimeSeconds: number;
  readonly cpus: number;
  readonly usableCpus: number;
  readonly threads: number;
  readonly heapUsedBytes: number;
  readonly heapObjects: number;
  readonly stackUsedBytes: number;
  /** Every sample of the text by name with labels as written, also those that KES does not know. */
  readonly samples: ReadonlyMap<string, number>;
}
