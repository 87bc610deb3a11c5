/** Development mode: keys in memory, a fresh certificate and admin key, nothing on disk (KES reference §15.2). */
import { generateKeyPairSync } from "node:crypto";
import { networkInterfaces } from "node:os";
import { createSecureContext } from "node:tls";
import type { Config } from "../../config/config.js";
import { DEFAULT_HTTP_ENGINE } from "../../config/sections/server.js";
import { secureRandom } from "../../crypto/random.js";
import { ApiKey } from "../../identity/api-key.js";
import { certificatePem, issueCertificate } from "../../identity/issue.js";
import type { TlsSettings } from "../../server/tls.js";

/** Validity of the throw-away certificate. */
const VALID_MS = 90 * 86_400_000;

export interface DevSetup {
  readonly config: Config;
  readonly tls: TlsSettings;
  readonly apiKey: ApiKey;
}

/** @param address - where to listen; loopback unless asked otherwise */
export function devSetup(address: { host: string; port: number }): DevSetup {
  const apiKey = ApiKey.generate(secureRandom);
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const now = Date.now();
  const certificate = issueCertificate({
    commonName: "localhost",
    key: privateKey,
    notBeforeMs: now,
    notAfterMs: now + VALID_MS,
    dns: ["localhost"],
    ip: localAddresses(),
    usages: ["serverAuth"],
  });
  const tls: TlsSettings = {
    context: createSecureContext({
      key: privateKey.export({ type: "pkcs8", format: "pem" }),
      cert: certificatePem(certificate),
      minVersion: "TLSv1.2",
      ticketKeys: secureRandom(48),
      sessionIdContext: "keswick-dev",
    }),
    requireCertificate: true,
    verifyCertificate: false,
    roots: undefined,
    ticketScope: "dev",
    notAfterMs: now + VALID_MS,
  };
  return { config: devConfig(address, apiKey), tls, apiKey };
}

function devConfig(address: { host: string; port: number }, apiKey: ApiKey): Config {
  return {
    file: "",
    address,
    admin: { identity: apiKey.identity, text: apiKey.identity },
    tls: {
      keyFile: "",
      certFile: "",
      verifyClients: false,
      proxy: { identities: [], format: "auto", only: false },
    },
    server: { workers: 1, watch: "off", http: DEFAULT_HTTP_ENGINE, graceMs: 1_000, proxyProtocol: [] },
    policies: [],
    api: new Map(),
    cache: { anyMs: 300_000, unusedMs: 30_000, offlineMs: 0, revalidateMs: 0 },
    log: { errorLevel: 0, auditLevel: 0, format: "text" },
    keys: [],
    keystore: { kind: "memory", options: {} },
    certificates: [],
    warnings: [],
  };
}

function localAddresses(): string[] {
  const found = Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter(({ scopeid, address }) => !scopeid && !address.startsWith("169.254."))
    .map(({ address }) => address);
  return [...new Set(["127.0.0.1", "::1", ...found])];
}
