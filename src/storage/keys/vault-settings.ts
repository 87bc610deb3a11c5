/** `MINIO_SSE_VAULT_*`: Vault's transit engine without a key server between (MinIO client reference §10). */
import { filled } from "./kes-settings.js";
import type { FoundSettings } from "./settings.js";
import type { Variable, Variables } from "./variables.js";

export interface VaultSettings {
  readonly kind: "vault";
  /** `https://host:8200`. */
  readonly endpoint: string;
  /** Transit key of SSE-S3, and of SSE-KMS that names none. */
  readonly keyName: string;
  readonly roleId: string;
  readonly secretId: string;
  readonly namespace?: string;
  /** Folder or file of authorities. */
  readonly caPath?: string;
}

/** In the order in which they count when both are set. */
const PREFIXES = ["MINIO_SSE_VAULT_", "MINIO_KMS_VAULT_"] as const;

/** Undefined when none of the variables is there. */
export function readVaultSettings(variables: Variables): FoundSettings<VaultSettings> | undefined {
  const find = (suffix: string): Variable | undefined =>
    variables.firstFilled(...PREFIXES.map((prefix) => `${prefix}${suffix}`));
  const all = {
    endpoint: find("ENDPOINT"),
    authType: find("AUTH_TYPE"),
    roleId: find("APPROLE_ID"),
    secretId: find("APPROLE_SECRET"),
    keyName: find("KEY_NAME"),
    keyVersion: find("KEY_VERSION"),
    caPath: find("CAPATH"),
    namespace: find("NAMESPACE"),
  };
  const name = Object.values(all).find((each) => each !== undefined)?.name;
  if (name === undefined) return undefined;
  const [prefix] = PREFIXES;
  if (all.authType !== undefined && all.authType.value !== "approle") {
    variables.fault(all.authType.name, "must be 'approle'");
  }
  // MinIO checked it and used it nowhere: Vault seals under the newest version, and a ciphertext names its own.
  if (all.keyVersion !== undefined && !/^\d{1,9}$/.test(all.keyVersion.value)) {
    variables.fault(all.keyVersion.name, "must be a number of 0 or more");
  }
  const endpoint = filled(variables, all.endpoint, `${prefix}ENDPOINT`);
  const roleId = filled(variables, all.roleId, `${prefix}APPROLE_ID`);
  const secretId = filled(variables, all.secretId, `${prefix}APPROLE_SECRET`);
  const keyName = filled(variables, all.keyName, `${prefix}KEY_NAME`);
  if (endpoint !== undefined && !isHttpUrl(endpoint)) {
    variables.fault(all.endpoint?.name ?? "", "must be of the form https://host:8200");
  }
  if (endpoint === undefined || roleId === undefined || secretId === undefined || keyName === undefined) {
    return { name, settings: undefined };
  }
  return {
    name,
    settings: {
      ...{ kind: "vault", endpoint, keyName, roleId, secretId },
      ...(all.namespace === undefined ? {} : { namespace: all.namespace.value }),
      ...(all.caPath === undefined ? {} : { caPath: all.caPath.value }),
    },
  };
}

/** Plain HTTP is for Vaults on the same machine: agents and development servers. */
function isHttpUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password, hostname } = new URL(text);
  const isLocal = /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(hostname);
  return username === "" && password === "" && (protocol === "https:" || (protocol === "http:" && isLocal));
}
