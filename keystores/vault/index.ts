/** The vault keystore as adapter. */
import { readFile } from "node:fs/promises";
import type { KeystoreAdapter } from "../../src/keystore/adapter.js";
import type { Keystore } from "../../src/keystore/contract.js";
import { type VaultOptions, vaultSchema } from "./config.js";
import type { VaultEnvironment } from "./environment.js";
import { VaultHttp } from "./http.js";
import { Kv1 } from "./kv1.js";
import { Kv2 } from "./kv2.js";
import { keystoreNamespace, loginOf, pathOf } from "./login.js";
import { kvVersionAt } from "./mount.js";
import { vaultPermissions } from "./permissions.js";
import { VaultSession } from "./session.js";
import { VaultKeystore } from "./store.js";
import { tlsOf } from "./tls.js";
import { Transit } from "./transit.js";

/** Time, chance, files and variables of this process. */
export const realEnvironment: VaultEnvironment = {
  variables: process.env,
  now: () => performance.now(),
  random: () => Math.random(),
  after(ms, task) {
    const timer = setTimeout(task, ms);
    timer.unref();
    return () => clearTimeout(timer);
  },
  readText: (path) => readFile(path, "utf8"),
  attemptTimeoutMs: 5_000,
};

export const adapter: KeystoreAdapter<VaultOptions> = {
  schema: vaultSchema,
  open: (options, { warn }) => openVault(options, warn, realEnvironment),
  permissions: (options) => vaultPermissions(options, realEnvironment),
};

/** Logs in, looks at what is mounted, and gives the keystore. @throws KesError, or an Error naming an option */
export async function openVault(
  options: VaultOptions,
  warn: (message: string) => void,
  env: VaultEnvironment,
): Promise<Keystore> {
  const http = new VaultHttp(options.endpoint, await tlsOf(options, env, warn));
  const session = new VaultSession(http, env, loginOf(options, http, env), (text) => warn(`vault: ${text}`));
  try {
    await session.open();
    return await assemble(options, { http, session, env, warn });
  } catch (error) {
    await session.close();
    await http.close();
    throw error;
  }
}

async function assemble(
  options: VaultOptions,
  base: {
    readonly http: VaultHttp;
    readonly session: VaultSession;
    readonly env: VaultEnvironment;
    readonly warn: (message: string) => void;
  },
): Promise<Keystore> {
  const { http, session, env, warn } = base;
  const engine = pathOf(options.engine);
  const namespace = keystoreNamespace(options, env);
  const scope = namespace === undefined ? {} : { namespace };
  const mounted = await kvVersionAt(session, engine, namespace);
  if (mounted === undefined) {
    warn(
      `vault: the log-in may not ask what is mounted at '${engine}'; version ${options.version} is taken on trust`,
    );
  } else if (mounted !== options.version) {
    throw new Error(
      `vault: the KV engine at '${engine}' is of version ${mounted.slice(1)}: set 'version: ${mounted}' ` +
        `(it is '${options.version}')`,
    );
  }
  const place = { session, env, engine, prefix: pathOf(options.prefix ?? ""), ...scope };
  const mayRace = options.v1?.allow_racy_create === true;
  return new VaultKeystore({
    endpoint: options.endpoint,
    http,
    session,
    env,
    kv: options.version === "v2" ? new Kv2(place) : new Kv1(place, mayRace),
    ...(options.transit === undefined ? {} : { transit: new Transit(session, options.transit) }),
    ...scope,
  });
}
