/** From settings to a key service. */
import type { Clock } from "../../client/clock.js";
import { createTransport } from "../../client/http-transport.js";
import { KesClient } from "../../client/index.js";
import { readTrust, systemTrust } from "../../client/trust.js";
import type { RandomSource } from "../../crypto/random.js";
import { KesKeyService } from "./kes.js";
import type { KesSettings } from "./kes-settings.js";
import type { KeyService } from "./key-service.js";
import { MasterKeyService } from "./master-key.js";
import type { KeySettings } from "./settings.js";
import { StaticKeyService } from "./static-key.js";
import type { Environment } from "./variables.js";

export interface KeyServiceParts {
  /** For proxies and the system's authorities. */
  readonly environment: Environment;
  readonly random: RandomSource;
  readonly clock: Clock;
  /** File or folder of authorities where the settings name none: MinIO's `certs/CAs`. */
  readonly caPath?: string;
}

/**
 * The key service that the settings name. Nothing is asked of it yet, see `prepareDefaultKey`.
 * @throws KesError `CLIENT_OPTIONS_INVALID`, `CREDENTIALS_INVALID`: authorities or API key cannot be used
 */
export async function openKeyService(settings: KeySettings, parts: KeyServiceParts): Promise<KeyService> {
  const { random, clock } = parts;
  switch (settings.kind) {
    case "static-key":
      return new StaticKeyService(settings.keyName, settings.key, random);
    case "master-key":
      return new MasterKeyService(settings.keyName, settings.key, random);
    case "kes":
      return openKes(settings, parts);
    case "vault": {
      const { keyName, endpoint, namespace, caPath } = settings;
      const ca = await authorities(caPath, parts);
      const { VaultTransitService } = await import("./vault-transit.js");
      const place = { endpoint, ...(namespace ? { namespace } : {}), ...(ca ? { ca } : {}) };
      return new VaultTransitService(keyName, place, settings, clock);
    }
  }
}

async function openKes(
  { endpoints, keyName, credentials, caPath }: KesSettings,
  parts: KeyServiceParts,
): Promise<KeyService> {
  const ca = caPath ?? parts.caPath;
  // The client reads it with its first connection; what cannot be used is to be told at the start.
  if (ca !== undefined) await readTrust(ca);
  const options = {
    ...("apiKey" in credentials
      ? { apiKey: credentials.apiKey }
      : {
          certificate: credentials.certificateFile,
          key: credentials.keyFile,
          ...(credentials.password === undefined ? {} : { password: credentials.password }),
        }),
    ...(ca === undefined ? {} : { ca }),
    environment: parts.environment,
  };
  const open = (to: string | readonly string[]): KesClient => {
    const all = { ...options, endpoints: to };
    return new KesClient(all, { transport: createTransport(all, { addsSystemAuthorities: true }) });
  };
  const client = open(endpoints);
  const probes = endpoints.map((endpoint) => ({
    endpoint,
    // The same connections where there is one server alone.
    client: endpoints.length === 1 ? client : open(endpoint),
  }));
  return new KesKeyService(keyName, client, probes);
}

/** Those that are named, and the system's, which MinIO always adds; undefined leaves the choice to TLS. */
async function authorities(
  named: string | undefined,
  { caPath, environment }: KeyServiceParts,
): Promise<readonly string[] | undefined> {
  const path = named ?? caPath;
  if (path === undefined) return undefined;
  return [...(await readTrust(path)).ca, ...(await systemTrust(environment))].map(
    (pem) => `${pem.trimEnd()}\n`,
  );
}
