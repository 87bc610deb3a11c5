/** A key server inside the test's process: real TLS on a random port, keys in memory or in a given keystore. */

import { createSecureContext } from "node:tls";
import { MemoryKeystore } from "../../keystores/memory/store.js";
import type { LineWriter } from "../../src/audit/line-writer.js";
import type { AuditSink } from "../../src/audit/sink.js";
import type { ApiConfig, Config } from "../../src/config/config.js";
import type { Keystore } from "../../src/keystore/contract.js";
import type { Identity, PolicyName } from "../../src/names.js";
import type { ConnectionLimits } from "../../src/server/limits.js";
import { KeyServer } from "../../src/server/start.js";
import type { TlsSettings } from "../../src/server/tls.js";
import { selfSigned, type TestCertificate } from "./certificates.js";
import { testHttp } from "./http-engine.js";
import { compileRule } from "./rules.js";

export interface TestServerOptions {
  readonly keystore?: Keystore;
  /** Called at start and at every reload; without it each gets `keystore`, or one of its own. */
  readonly openKeystore?: () => Promise<Keystore>;
  /** Policy name → patterns and holders. */
  readonly policies?: Readonly<
    Record<string, { allow?: readonly string[]; deny?: readonly string[]; identities?: readonly Identity[] }>
  >;
  readonly api?: ReadonlyMap<string, ApiConfig>;
  readonly cache?: Partial<Config["cache"]>;
  readonly config?: Partial<Config>;
  /** `false`: TLS settings come from `config.tls`'s files. */
  readonly tls?: Partial<TlsSettings> | false;
  readonly limits?: Partial<ConnectionLimits>;
  /** Starts although the keystore does not answer. */
  readonly degraded?: boolean;
  /** Takes the place of the audit file. */
  readonly auditSink?: AuditSink;
  /** `false`: what is logged is thrown away, so that it does not count as the server's memory. */
  readonly keepLogs?: boolean;
  /** Takes what would go to standard output: audit lines. */
  readonly out?: LineWriter;
}

export interface TestServer {
  readonly server: KeyServer;
  readonly port: number;
  readonly url: string;
  readonly ca: TestCertificate;
  /** The admin's certificate. */
  readonly admin: TestCertificate;
  /** What was written to the audit and the error log so far. */
  readonly stdout: () => string;
  readonly stderr: () => string;
  readonly config: Config;
  close(): Promise<void>;
}

/** Starts a server; close it in an `after` hook. */
export async function startTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  const certificate = selfSigned({ algorithm: "p256", sans: ["localhost", "127.0.0.1", "kes.test"] });
  const admin = selfSigned({ cn: "admin" });
  const config = configOf(options, admin);
  const { keepLogs = true } = options;
  const out: string[] = [];
  const err: string[] = [];
  const server = await KeyServer.prepare({
    version: "0.0.0-test",
    commit: "0000000000000000000000000000000000000000",
    config,
    open: options.openKeystore ?? (async () => options.keystore ?? new MemoryKeystore()),
    stdout: options.out ?? writerTo(keepLogs ? out : undefined),
    stderr: writerTo(keepLogs ? err : undefined),
    ...(options.degraded === undefined ? {} : { degraded: options.degraded }),
    ...(options.auditSink === undefined ? {} : { auditSink: options.auditSink }),
    ...(options.limits === undefined ? {} : { limits: options.limits }),
    ...(options.tls === false ? {} : { tls: { ...tlsOf(certificate, options.api), ...options.tls } }),
  });
  const { port } = await server.listen();
  return {
    server,
    port,
    url: `https://127.0.0.1:${port}`,
    ca: certificate,
    admin,
    config,
    stdout: () => out.join(""),
    stderr: () => err.join(""),
    close: () => server.close(),
  };
}

function writerTo(lines: string[] | undefined): LineWriter {
  return { write: (line) => void lines?.push(line), flush: () => undefined };
}

/** TLS settings in mode off for a certificate. */
export function tlsOf(certificate: TestCertificate, api?: ReadonlyMap<string, ApiConfig>): TlsSettings {
  return {
    context: createSecureContext({
      key: certificate.keyPem,
      cert: certificate.certPem,
      minVersion: "TLSv1.2",
      sessionIdContext: "test",
    }),
    requireCertificate: ![...(api?.values() ?? [])].some(({ skipAuth }) => skipAuth),
    verifyCertificate: false,
    roots: undefined,
    ticketScope: "test",
    notAfterMs: Date.now() + 365 * 86_400_000,
  };
}

function configOf(options: TestServerOptions, admin: TestCertificate): Config {
  return {
    file: "test",
    address: { host: "127.0.0.1", port: 0 },
    admin: { identity: admin.identity, text: admin.identity },
    tls: {
      keyFile: "",
      certFile: "",
      verifyClients: false,
      proxy: { identities: [], format: "auto", only: false },
    },
    server: { workers: 1, watch: "off", http: testHttp, graceMs: 1_000, proxyProtocol: [] },
    policies: Object.entries(options.policies ?? {}).map(([name, policy]) => ({
      name: name as PolicyName,
      policy: {
        allow: (policy.allow ?? []).map((pattern) => compileRule(pattern)),
        deny: (policy.deny ?? []).map((pattern) => compileRule(pattern)),
      },
      identities: policy.identities ?? [],
    })),
    api: options.api ?? new Map(),
    cache: { anyMs: 300_000, unusedMs: 30_000, offlineMs: 0, revalidateMs: 0, ...options.cache },
    log: { errorLevel: 0, auditLevel: 0, format: "text" },
    keys: [],
    keystore: { kind: "memory", options: {} },
    certificates: [],
    warnings: [],
    ...options.config,
  };
}
