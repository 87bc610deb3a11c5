/** What the section `audit` of a configuration names, read from its files: keys, certificates, collectors. */
import type { KeyObject } from "node:crypto";
import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { createSecureContext } from "node:tls";
import { causes } from "../audit/error-log.js";
import type { AuditFileSettings } from "../audit/file/audit-file.js";
import { CheckpointSigner } from "../audit/file/checkpoint.js";
import type { Collector, CollectorTls } from "../audit/forward/collector.js";
import type { ForwarderSettings } from "../audit/forward/forwarder.js";
import { SyslogCollector } from "../audit/forward/syslog.js";
import { WebhookCollector } from "../audit/forward/webhook.js";
import type { AuditConfig, CollectorConfig, Config } from "../config/config.js";
import { ConfigError } from "../errors.js";
import { PemFileError, readPemFile } from "../identity/pem-file.js";
import { PrivateKeyError, privateKeyOfPem } from "../identity/private-key.js";

/** Reads what the section `audit` names, without writing anything. @returns what was found @throws ConfigError */
export async function checkAudit(config: Config): Promise<string | undefined> {
  const { audit } = config;
  if (audit === undefined) return undefined;
  const { path, signer } = await settingsOf(config, audit);
  const collectors = await collectorsOf(config, audit);
  const folder = dirname(path);
  try {
    await access(folder, constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw auditFault(config, "audit.file.path", `nothing can be written in '${folder}': ${causes(cause)}`);
  }
  const sent = collectors.map(({ collector }) => `, sent to ${collector.name}`).join("");
  return `${path}${audit.required ? ", required" : ""}${sent}: signed by key ${signer.keyId}`;
}

/** @throws ConfigError for a key that cannot be used */
export async function settingsOf(
  config: Config,
  { file, required }: AuditConfig,
): Promise<AuditFileSettings> {
  const { path, keyFile, maxBytes, maxAgeMs, keep } = file;
  const signer = new CheckpointSigner(await signingKeyOf(config, keyFile));
  return { path, maxBytes, maxAgeMs, keep, signer, sync: required };
}

async function signingKeyOf(config: Config, keyFile: string): Promise<KeyObject> {
  const path = "audit.file.key";
  let key: KeyObject;
  try {
    key = privateKeyOfPem(await pemOf(config, path, keyFile));
  } catch (cause) {
    if (cause instanceof PrivateKeyError) throw auditFault(config, path, `'${keyFile}': ${cause.message}`);
    throw cause;
  }
  if (key.asymmetricKeyType === "ed25519") return key;
  const kind = `is a key of the kind ${key.asymmetricKeyType}, but checkpoints are signed with Ed25519`;
  throw auditFault(config, path, `'${keyFile}': ${kind}`);
}

/** What is wrong with the option `path`. */
export function auditFault(config: Config, path: string, message: string): ConfigError {
  return new ConfigError([{ file: config.file, path, message }]);
}

/** @throws ConfigError */
async function pemOf(config: Config, path: string, file: string): Promise<string> {
  try {
    return await readPemFile(file);
  } catch (cause) {
    if (cause instanceof PemFileError) throw auditFault(config, path, `'${file}': ${cause.message}`);
    throw cause;
  }
}

/** A collector, and what becomes of lines that it does not take. */
export interface PlacedCollector {
  readonly collector: Collector;
  readonly settings: ForwarderSettings;
}

/** The collectors that `audit` names, not connected yet. @throws ConfigError */
export async function collectorsOf(
  config: Config,
  { syslog, webhook }: AuditConfig,
): Promise<readonly PlacedCollector[]> {
  const found: PlacedCollector[] = [];
  if (syslog !== undefined) {
    const sender = { hostname: hostname(), pid: process.pid };
    found.push({
      collector: new SyslogCollector(syslog, await tlsOf(config, "audit.syslog", syslog), sender),
      settings: syslog,
    });
  }
  if (webhook !== undefined) {
    const { url, authorization } = webhook;
    const tls = await tlsOf(config, "audit.webhook", webhook);
    found.push({ collector: new WebhookCollector(url, authorization, tls), settings: webhook });
  }
  return found;
}

async function tlsOf(
  config: Config,
  path: string,
  { caFile, certFile, keyFile }: CollectorConfig,
): Promise<CollectorTls> {
  const pem = async (name: string, file: string | undefined): Promise<Record<string, string>> =>
    file === undefined ? {} : { [name]: await pemOf(config, `${path}.${name}`, file) };
  const tls = {
    ...(await pem("ca", caFile)),
    ...(await pem("cert", certFile)),
    ...(await pem("key", keyFile)),
  };
  try {
    createSecureContext(tls);
  } catch (cause) {
    throw auditFault(config, path, `its certificates cannot be used: ${causes(cause)}`);
  }
  return tls;
}
