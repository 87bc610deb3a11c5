/**
 * The configuration after loading: typed, validated, defaults filled in, environment references resolved,
 * policies compiled, certificate files turned into identities. What the server is built from.
 */

import type { ConfigFault } from "../errors.js";
import type { Identity, KeyName, PolicyName } from "../names.js";
import type { Policy } from "../policy/policy.js";

/** Algorithm of a key, by KES's names. */
export type AlgorithmName = "AES256" | "ChaCha20";

/** An identity written as the path of a certificate file: watched for its expiry. */
export interface WatchedCertificate {
  readonly file: string;
  readonly identity: Identity;
  /** Milliseconds since the epoch. */
  readonly notAfterMs: number;
  /** Where it is used, for example `policy.minio` or `admin`. */
  readonly use: string;
}

export interface PolicyConfig {
  readonly name: PolicyName;
  readonly policy: Policy;
  readonly identities: readonly Identity[];
}

export interface ApiConfig {
  readonly skipAuth: boolean;
  /** Replaces the route's deadline. */
  readonly timeoutMs?: number;
}

/** Addresses whose first `bits` bits are those of `address`. */
export interface AddressRange {
  readonly address: string;
  readonly bits: number;
  readonly family: "ipv4" | "ipv6";
}

/** How a proxy passes its client's certificate on; `auto` tells by the value. */
export type ForwardingFormat = "auto" | "pem" | "der" | "xfcc" | "rfc9440";

export interface TlsConfig {
  readonly keyFile: string;
  readonly certFile: string;
  readonly password?: string;
  /** True: client certificates must chain to `caPath` or the system's roots. */
  readonly verifyClients: boolean;
  /** File or folder of CA certificates. */
  readonly caPath?: string;
  readonly proxy: {
    readonly identities: readonly Identity[];
    /** Lower-case name of the header that carries the forwarded certificate. */
    readonly certificateHeader?: string;
    readonly format: ForwardingFormat;
    /** Nobody but listed proxies is served, but for routes that are open to everybody. */
    readonly only: boolean;
  };
}

/** Who speaks HTTP: Node, or engines of our own. */
export type HttpEngine = "keswick" | "node";

export interface ServerConfig {
  /** Worker processes; absent for one for each core. */
  readonly workers?: number;
  /** Files whose changes are applied by themselves. */
  readonly watch: "certificates" | "all" | "off";
  readonly http: HttpEngine;
  /** How long requests under way may take when the server ends. */
  readonly graceMs: number;
  /** Where connections that begin with a header of the PROXY protocol come from. */
  readonly proxyProtocol: readonly AddressRange[];
  /** Plain listener for health checks. Empty host: all interfaces. */
  readonly health?: { readonly host: string; readonly port: number };
}

/** Where lines of the audit file are sent as well, and how far that may lag behind. */
export interface CollectorConfig {
  /** True: requests for keys are refused while more waits than may. */
  readonly blocks: boolean;
  readonly maxBacklogBytes: number;
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
}

export interface AuditConfig {
  readonly file: {
    readonly path: string;
    readonly keyFile: string;
    /** 0 for no limit, as all of these. */
    readonly maxBytes: number;
    readonly maxAgeMs: number;
    readonly keep: number;
  };
  /** Answers with key material wait until their record is on the disk. */
  readonly required: boolean;
  readonly syslog?: CollectorConfig &
    (
      | { readonly transport: "tls" | "tcp"; readonly host: string; readonly port: number }
      | { readonly transport: "unix"; readonly path: string }
    );
  readonly webhook?: CollectorConfig & { readonly url: string; readonly authorization?: string };
}

/** How a node reaches the others. */
export interface ClusterConfig {
  /** `https://host:port`. */
  readonly peers: readonly string[];
  readonly certFile: string;
  readonly keyFile: string;
  readonly password?: string;
  /** File or folder; absent for the system's. */
  readonly caPath?: string;
}

export interface Config {
  /** Absolute path of the file. */
  readonly file: string;
  /** Empty host: all interfaces, IPv4 and IPv6. */
  readonly address: { readonly host: string; readonly port: number };
  /**
   * `identity` is absent when the admin is switched off. `text` is what the API reports: the identity, or the
   * text that stands in the file instead of one; never a file's path or an API key.
   */
  readonly admin: { readonly identity?: Identity; readonly text: string };
  readonly tls: TlsConfig;
  readonly server: ServerConfig;
  readonly policies: readonly PolicyConfig[];
  /** By exact route path. */
  readonly api: ReadonlyMap<string, ApiConfig>;
  readonly cache: {
    readonly anyMs: number;
    readonly unusedMs: number;
    readonly offlineMs: number;
    /** 0: keys are not asked for before they are due. */
    readonly revalidateMs: number;
  };
  readonly log: {
    /** Lowest level written to stderr: DEBUG -4, INFO 0, WARN 4, ERROR 8; anything between or above works. */
    readonly errorLevel: number;
    /** Audit lines go to stdout when this is 0 (INFO) or lower. */
    readonly auditLevel: number;
    readonly format: "text" | "json";
  };
  /** Absent without an audit file. */
  readonly audit?: AuditConfig | undefined;
  /** Names with counters of their own, in each process; absent: the usual number. */
  readonly metrics?: { readonly maxKeys: number; readonly maxIdentities: number } | undefined;
  /** Absent without other nodes. */
  readonly cluster?: ClusterConfig | undefined;
  /** Keys created at start and reload when they do not exist. */
  readonly keys: readonly { readonly name: KeyName; readonly algorithm: AlgorithmName }[];
  readonly keystore: {
    /** Path in the registry: `fs`, `vault`, `aws.secretsmanager`. */
    readonly kind: string;
    /** Validated by the adapter's schema. */
    readonly options: unknown;
  };
  readonly certificates: readonly WatchedCertificate[];
  /** What was accepted but should be changed: older KES keys and the like. */
  readonly warnings: readonly ConfigFault[];
}
