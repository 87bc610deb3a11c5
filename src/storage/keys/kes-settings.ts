/** `MINIO_KMS_KES_*`, its older spellings, and those of a fork (MinIO client reference §1.1, §1.2, §1.5). */
import { parseEndpoints } from "../../client/endpoints.js";
import { isKesError } from "../../errors.js";
import type { FoundSettings } from "./settings.js";
import type { Variable, Variables } from "./variables.js";

export interface KesSettings {
  readonly kind: "kes";
  /** `https://host:port`, expanded. */
  readonly endpoints: readonly string[];
  readonly keyName: string;
  readonly credentials: KesCredentials;
  /** File or folder of authorities, besides those of the system. */
  readonly caPath?: string;
}

export type KesCredentials =
  | { readonly apiKey: string }
  | { readonly certificateFile: string; readonly keyFile: string; readonly password?: string };

const MAIN = "MINIO_KMS_KES_";
const FORK = "S3_KMS_KES_";

/** Undefined when none of the variables exists, be it empty. */
export function readKesSettings(variables: Variables): FoundSettings<KesSettings> | undefined {
  const find = (suffix: string, ...older: readonly string[]): Variable | undefined =>
    variables.only(`${MAIN}${suffix}`, ...older, `${FORK}${suffix}`);
  const all = {
    endpoint: find("ENDPOINT"),
    keyName: find("KEY_NAME"),
    apiKey: find("API_KEY"),
    certificate: find("CERT_FILE"),
    key: find("KEY_FILE"),
    password: find("KEY_PASSWORD"),
    ca: find("CAPATH", `${MAIN}CA_PATH`),
  };
  const name = Object.values(all).find((each) => each !== undefined)?.name;
  if (variables.first(`${MAIN}ENCLAVE`) !== undefined) {
    variables.notes.push(`${MAIN}ENCLAVE is passed over: key servers have no enclaves any more`);
  }
  if (name === undefined) return undefined;
  const prefix = name.startsWith(FORK) ? FORK : MAIN;
  const keyName = filled(variables, all.keyName, `${prefix}KEY_NAME`);
  const endpoints = endpointsOf(variables, all.endpoint, `${prefix}ENDPOINT`);
  const credentials = credentialsOf(variables, all, prefix);
  if (keyName === undefined || endpoints === undefined || credentials === undefined) {
    return { name, settings: undefined };
  }
  const caPath = all.ca?.value ? { caPath: all.ca.value } : {};
  return { name, settings: { kind: "kes", endpoints, keyName, credentials, ...caPath } };
}

/** The value of a variable that must be there. */
export function filled(variables: Variables, found: Variable | undefined, name: string): string | undefined {
  if (found !== undefined && found.value !== "") return found.value;
  variables.fault(found?.name ?? name, "is missing");
  return undefined;
}

function endpointsOf(
  variables: Variables,
  found: Variable | undefined,
  name: string,
): readonly string[] | undefined {
  const text = filled(variables, found, name);
  if (text === undefined) return undefined;
  try {
    return parseEndpoints(text).map(({ url }) => url);
  } catch (error) {
    if (!isKesError(error)) throw error;
    variables.fault(found?.name ?? name, error.message);
    return undefined;
  }
}

function credentialsOf(
  variables: Variables,
  { apiKey, certificate, key, password }: Readonly<Record<string, Variable | undefined>>,
  prefix: string,
): KesCredentials | undefined {
  if (apiKey !== undefined) {
    const other = key ?? certificate ?? password;
    if (other !== undefined) {
      variables.fault(apiKey.name, `and ${other.name} cannot be used together: API key or certificate`);
      return undefined;
    }
    const value = filled(variables, apiKey, apiKey.name);
    return value === undefined ? undefined : { apiKey: value };
  }
  if (certificate === undefined && key === undefined) {
    variables.fault(`${prefix}API_KEY`, `is missing, and so are ${prefix}CERT_FILE and ${prefix}KEY_FILE`);
    return undefined;
  }
  const certificateFile = filled(variables, certificate, `${prefix}CERT_FILE`);
  const keyFile = filled(variables, key, `${prefix}KEY_FILE`);
  if (certificateFile === undefined || keyFile === undefined) return undefined;
  return { certificateFile, keyFile, ...(password?.value ? { password: password.value } : {}) };
}
