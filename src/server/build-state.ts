/** Makes a server state from a configuration: opens the keystore, creates predefined keys, reads certificates. */

import type { ApiRow, CertificateFact, Services, WholeServer } from "../api/route.js";
import { routes } from "../api/routes.js";
import type { AuditLog } from "../audit/audit-log.js";
import { causes, type ErrorLog } from "../audit/error-log.js";
import type { Config } from "../config/config.js";
import { pooledRandom } from "../crypto/random.js";
import { ConfigError } from "../errors.js";
import { systemClock } from "../keys/clock.js";
import type { Changed } from "../keys/options.js";
import { KeyService } from "../keys/service.js";
import { Turns } from "../keys/turns.js";
import type { KeystoreRegistry } from "../keystore/adapter.js";
import type { Keystore } from "../keystore/contract.js";
import { metered } from "../keystore/metered.js";
import type { Metrics } from "../metrics/metrics.js";
import { Directory } from "../policy/directory.js";
import type { ProxySettings } from "./forwarded.js";
import { LateKeystore } from "./late-keystore.js";
import { Lease } from "./lease.js";
import { createPredefined, createPredefinedLater } from "./predefined.js";
import { headerSources } from "./proxy-protocol.js";
import type { RouteOptions, ServerState } from "./state.js";
import { makeTls, readTls, type TlsMaterial, type TlsSettings, ticketScopeOf } from "./tls.js";

/** What stays the same over reloads and goes into every state. */
export interface Lasting {
  readonly version: string;
  readonly commit: string;
  readonly startedAtMs: number;
  readonly metrics: Metrics;
  readonly auditLog: AuditLog;
  readonly errorLog: ErrorLog;
  readonly whole: WholeServer;
  /** Tells others that a key was created or deleted by `keys`, or that it was told so; resolves when they know. */
  readonly changed: (keys: KeyService, ...change: Parameters<Changed>) => Promise<void>;
}

/** Opens the keystore that the configuration names. @throws ConfigError that says why it cannot be opened */
export async function openKeystore(
  config: Config,
  registry: KeystoreRegistry,
  errorLog: ErrorLog,
): Promise<Keystore> {
  const load = registry[config.keystore.kind];
  if (load === undefined) throw new Error(`no keystore of the kind '${config.keystore.kind}'`);
  const { adapter } = await load();
  try {
    return await adapter.open(config.keystore.options, { warn: (message) => errorLog.warn(message) });
  } catch (cause) {
    throw startFault(config, `keystore.${config.keystore.kind}`, cause);
  }
}

/** What keeps the server from starting, for the operator: the causes in full, no stack. */
function startFault(config: Config, path: string, cause: unknown): ConfigError {
  return new ConfigError([{ file: config.file, path, message: causes(cause) }]);
}

/**
 * A state ready to serve. On any failure the keystore that was opened for it is closed again.
 * @param degraded - ready although the keystore does not answer
 */
export async function buildState(
  config: Config,
  tls: TlsSettings,
  open: () => Promise<Keystore>,
  lasting: Lasting,
  degraded = false,
): Promise<ServerState> {
  const { errorLog } = lasting;
  const { keystoreCalls } = lasting.metrics.full;
  const keys: KeyService = new KeyService({
    keystore: metered(degraded ? late(config, open, errorLog) : await open(), (...call) =>
      keystoreCalls.observe(...call),
    ),
    cache: config.cache,
    clock: systemClock,
    random: pooledRandom(),
    log: errorLog,
    changed: (name, by) => lasting.changed(keys, name, by),
  });
  try {
    const directory = new Directory({
      admin: config.admin.identity,
      adminText: config.admin.text,
      policies: config.policies,
      createdAtMs: lasting.startedAtMs,
    });
    await prepareKeystore(config, keys, degraded);
    const services: Services = {
      keys,
      turns: new Turns(),
      directory,
      facts: {
        version: lasting.version,
        commit: lasting.commit,
        startedAtMs: lasting.startedAtMs,
        apis: apiRows(config),
        certificates: certificatesOf(config),
      },
      whole: lasting.whole,
      metrics: lasting.metrics,
      auditLog: lasting.auditLog.hub,
      errorLog: errorLog.hub,
    };
    return {
      config,
      services,
      options: optionsOf(config),
      proxy: proxyOf(config, tls),
      tls,
      headerSources: headerSources(config.server.proxyProtocol),
      lease: new Lease(),
    };
  } catch (error) {
    await keys.close();
    throw error;
  }
}

/** The keystore answers and has the predefined keys, or will have them. */
async function prepareKeystore(config: Config, keys: KeyService, degraded: boolean): Promise<void> {
  const create = (): Promise<void> =>
    createPredefined(config, keys, (name, error) => startFault(config, `keys (${name})`, error));
  if (degraded) return createPredefinedLater(create, () => keys.isClosed);
  await create();
  try {
    await keys.ready();
  } catch (error) {
    throw startFault(config, `keystore.${config.keystore.kind}`, error);
  }
}

/** How often it is told that the keystore cannot be opened yet. */
const TELL_EVERY_MS = 30_000;

function late(config: Config, open: () => Promise<Keystore>, errorLog: ErrorLog): Keystore {
  let toldMs = Number.NEGATIVE_INFINITY;
  return new LateKeystore({
    open,
    description: `${config.keystore.kind} (not reached yet)`,
    nowMs: () => performance.now(),
    failed(error) {
      if (performance.now() - toldMs < TELL_EVERY_MS) return;
      toldMs = performance.now();
      errorLog.warn(`the key store cannot be opened yet: ${causes(error)}`);
    },
  });
}

/** One reading of the configuration and of the certificates that it names: all that a state is made from. */
export interface Reading {
  readonly config: Config;
  readonly tls: TlsMaterial;
}

/** Reads certificate, key and CAs of `config`. @throws ConfigError */
export async function readingOf(config: Config): Promise<Reading> {
  return { config, tls: await readTls(config.tls) };
}

/** The TLS settings of a reading. */
export function tlsOf({ config, tls }: Reading, ticketSecret: Uint8Array): TlsSettings {
  return makeTls(tls, hasOpenRoute(config), ticketSecret);
}

/** As {@link TlsSettings.ticketScope}. */
export function scopeOf({ config, tls }: Reading): string {
  return ticketScopeOf(tls, hasOpenRoute(config));
}

function hasOpenRoute({ api }: Config): boolean {
  return [...api.values()].some(({ skipAuth }) => skipAuth);
}

/** The same state with other TLS settings. */
export function withTls(state: ServerState, tls: TlsSettings): ServerState {
  return { ...state, tls, proxy: proxyOf(state.config, tls) };
}

function optionsOf(config: Config): Map<string, RouteOptions> {
  return new Map(
    routes.map((route) => {
      const own = config.api.get(route.path);
      const skipAuth = route.maySkipAuth && own?.skipAuth === true;
      return [route.path, { skipAuth, timeoutMs: own?.timeoutMs ?? route.timeoutMs }];
    }),
  );
}

function apiRows(config: Config): ApiRow[] {
  const options = optionsOf(config);
  return routes
    .map(({ method, path, maxBodyBytes, timeoutMs }) => ({
      method,
      path,
      max_body: maxBodyBytes,
      timeout: Math.trunc((options.get(path)?.timeoutMs ?? timeoutMs) / 1000),
    }))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
}

function certificatesOf(config: Config): CertificateFact[] {
  return [...config.certificates]
    .sort((a, b) => a.notAfterMs - b.notAfterMs)
    .map(({ use, identity, notAfterMs }) => ({ use, identity, notAfterMs }));
}

function proxyOf(config: Config, tls: TlsSettings): ProxySettings | undefined {
  const { identities, certificateHeader, format, only } = config.tls.proxy;
  if (identities.length === 0) return undefined;
  return {
    identities: new Set(identities),
    certificateHeader,
    format,
    only,
    ...(tls.roots === undefined ? {} : { roots: tls.roots }),
  };
}
