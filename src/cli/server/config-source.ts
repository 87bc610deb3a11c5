/** Reads the configuration for a server: joins the loader with the keystores and the routes there are. */

import { removedPaths, routes } from "../../api/routes.js";
import type { Config } from "../../config/config.js";
import type { LoadOptions } from "../../config/context.js";
import type { Environment } from "../../config/env.js";
import { loadConfig } from "../../config/load.js";
import { ApiKey } from "../../identity/api-key.js";
import { certificatesOfPem, inspectCertificate } from "../../identity/certificate.js";
import type { KeystoreRegistry } from "../../keystore/adapter.js";

/** @throws ConfigError with every fault of the file */
export function readConfig(file: string, env: Environment, registry: KeystoreRegistry): Promise<Config> {
  return loadConfig(file, loadOptions(env, registry));
}

/** What a file of the server's is read with. */
export function loadOptions(env: Environment, registry: KeystoreRegistry): LoadOptions {
  return {
    env,
    adapters: registry,
    routes: routes.map(({ path, method, argument, maySkipAuth, access, guardedBy }) => ({
      path,
      method,
      argument: argument === "none" ? "none" : argument === "pattern" ? "pattern" : "name",
      skipAuth: maySkipAuth,
      open: access !== "policy",
      ...(guardedBy === undefined ? {} : { guardedBy }),
    })),
    removedPaths,
    identities: {
      ofApiKey: (text) => ApiKey.parse(text).identity,
      ofCertificatePem(pem) {
        const { identity, notAfterMs } = inspectCertificate(certificatesOfPem(pem)[0]);
        return { identity, notAfterMs };
      },
    },
    now: Date.now(),
  };
}

/** `[ip]:port` of `--addr` and of the configuration. */
export function withAddress(config: Config, addr: { host: string; port: number } | undefined): Config {
  return addr === undefined ? config : { ...config, address: addr };
}
