/** Which key service MinIO's environment variables name (MinIO client reference §1, §9, §10). */

import type { ReadText } from "./environment-file.js";
import { type KesSettings, readKesSettings } from "./kes-settings.js";
import { readMasterKey, readStaticKey, type SingleKeySettings } from "./single-key-settings.js";
import { type Environment, Variables } from "./variables.js";
import { readVaultSettings, type VaultSettings } from "./vault-settings.js";

export type KeySettings = KesSettings | SingleKeySettings | VaultSettings;

export interface StorageKeySettings {
  /** Undefined: no key service, and so neither SSE-S3 nor SSE-KMS. */
  readonly keys: KeySettings | undefined;
  /** Objects for which nobody says otherwise are encrypted by SSE-KMS with the default key. */
  readonly autoEncryption: boolean;
  /** For a gateway: what the back end is asked to encrypt once more. */
  readonly gatewaySse: ReadonlySet<"SSE-S3" | "SSE-C">;
  /** What an operator may want to know; fit for a log. */
  readonly notes: readonly string[];
}

const MINKMS = ["SERVER", "ENCLAVE", "SSE_KEY", "API_KEY"].map((suffix) => `MINIO_KMS_${suffix}`);
const AUTO_ENCRYPTION = [
  "MINIO_SSE_AUTO_ENCRYPTION",
  "MINIO_KMS_AUTO_ENCRYPTION",
  "S3_KMS_AUTO_ENCRYPTION",
] as const;
const ON = /^(?:on|true|t|1|enabled)$/i;
const OFF = /^(?:off|false|f|0|disabled|)$/i;

/**
 * Reads the key settings. What MinIO refuses is refused; a fault names the spelling that was found.
 * @param readText - for files that variables name
 * @throws ConfigError with every fault
 */
export async function readKeySettings(
  environment: Environment,
  readText: ReadText,
): Promise<StorageKeySettings> {
  const variables = new Variables(environment);
  const found = [
    readMinKms(variables),
    readKesSettings(variables),
    await readStaticKey(variables, readText),
    readMasterKey(variables),
    readVaultSettings(variables),
  ].filter((group) => group !== undefined);
  const [first, ...others] = found;
  for (const other of others) {
    variables.fault(other.name, `is another kind of key service than ${first?.name}: set only one of them`);
  }
  const autoEncryption = readAutoEncryption(variables, first !== undefined);
  const gatewaySse = readGatewaySse(variables, first !== undefined);
  variables.throwFaults();
  return { keys: first?.settings, autoEncryption, gatewaySse, notes: variables.notes };
}

/** A group of variables that is there, by the name of one that was found; without settings after a fault. */
export interface FoundSettings<Settings> {
  readonly name: string;
  readonly settings: Settings | undefined;
}

function readMinKms(variables: Variables): FoundSettings<KeySettings> | undefined {
  const found = variables.first(...MINKMS);
  if (found === undefined) return undefined;
  variables.fault(found.name, "belongs to a key service whose protocol is not supported");
  return { name: found.name, settings: undefined };
}

function readAutoEncryption(variables: Variables, hasKeys: boolean): boolean {
  const found = variables.first(...AUTO_ENCRYPTION);
  if (found === undefined) return false;
  const isOn = ON.test(found.value);
  if (!isOn && !OFF.test(found.value)) {
    variables.notes.push(`${found.name} is neither 'on' nor 'off', and counts as off`);
  }
  if (isOn && !hasKeys) variables.fault(found.name, "is on, but no key service is configured");
  return isOn;
}

function readGatewaySse(variables: Variables, hasKeys: boolean): ReadonlySet<"SSE-S3" | "SSE-C"> {
  const found = variables.firstFilled("MINIO_GATEWAY_SSE");
  const kinds = new Set<"SSE-S3" | "SSE-C">();
  if (found === undefined) return kinds;
  for (const member of found.value.split(";")) {
    const word = member.trim().toUpperCase();
    if (word === "S3" || word === "C") kinds.add(`SSE-${word}`);
    else variables.fault(found.name, "takes S3, C, or both joined by ';'");
  }
  if (!hasKeys) variables.fault(found.name, "is set, but no key service is configured");
  return kinds;
}
