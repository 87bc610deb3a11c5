/** What MinIO's environment variables say about the server itself: who is root, where it is, what it is called. */
import type { ReadText } from "../keys/environment-file.js";
import { type Environment, Variables } from "../keys/variables.js";
import { accessKeyFault, secretFault } from "./access-keys.js";

export interface ServerSettings {
  readonly root: { readonly accessKey: string; readonly secret: string };
  /** The only region that requests may be signed for; absent: any. */
  readonly region?: string;
  /** Lower-case names below which the first labels are a bucket. */
  readonly domains: readonly string[];
  /** Metrics for everybody. */
  readonly publicMetrics: boolean;
}

const USER = ["MINIO_ROOT_USER", "MINIO_ACCESS_KEY", "S3_ROOT_USER"] as const;
const PASSWORD = ["MINIO_ROOT_PASSWORD", "MINIO_SECRET_KEY", "S3_ROOT_PASSWORD"] as const;
const REGION = ["MINIO_SITE_REGION", "MINIO_REGION", "MINIO_REGION_NAME"] as const;
const DOMAIN = /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/;
const METRICS = "MINIO_PROMETHEUS_AUTH_TYPE";

/**
 * Reads them. Of several spellings of one thing the first that is set counts. `_FILE` behind a name: the value is the
 * file's text.
 * @throws ConfigError with every fault; no secret is quoted
 */
export async function readServerSettings(
  environment: Environment,
  readText: ReadText,
): Promise<ServerSettings> {
  const variables = new Variables(environment);
  const accessKey = await readSecret(variables, USER, readText);
  const secret = await readSecret(variables, PASSWORD, readText);
  const region = variables.firstFilled(...REGION);
  if (region !== undefined && !/^[A-Za-z0-9-]{1,64}$/.test(region.value)) {
    variables.fault(region.name, "is not a region: letters, digits and '-'");
  }
  check(variables, accessKey, accessKeyFault);
  check(variables, secret, secretFault);
  const domains = readDomains(variables);
  const publicMetrics = readMetrics(variables);
  variables.throwFaults();
  return {
    root: { accessKey: accessKey.value, secret: secret.value },
    ...(region === undefined ? {} : { region: region.value }),
    domains,
    publicMetrics,
  };
}

interface Found {
  readonly name: string;
  readonly value: string;
}

async function readSecret(
  variables: Variables,
  names: readonly string[],
  readText: ReadText,
): Promise<Found> {
  const [name = ""] = names;
  const direct = variables.firstFilled(...names);
  const file = variables.firstFilled(...names.map((each) => `${each}_FILE`));
  if (direct !== undefined && file !== undefined) {
    variables.fault(direct.name, `and ${file.name} cannot be used together`);
    return direct;
  }
  if (direct !== undefined) return direct;
  if (file === undefined) {
    variables.fault(name, "is missing: there are no default credentials");
    return { name, value: "" };
  }
  const text = (await readText(file.value)) ?? (await readText(`/run/secrets/${file.value}`));
  if (text === undefined) variables.fault(file.name, `there is no file '${file.value}'`);
  return { name: file.name, value: (text ?? "").trim() };
}

function check(
  variables: Variables,
  { name, value }: Found,
  faultOf: (text: string) => string | undefined,
): void {
  // What is missing has been told.
  const fault = value === "" ? undefined : faultOf(value);
  if (fault !== undefined) variables.fault(name, fault);
}

function readDomains(variables: Variables): readonly string[] {
  const found = variables.firstFilled("MINIO_DOMAIN");
  const domains = (found?.value ?? "")
    .split(",")
    .map((domain) => domain.trim().toLowerCase())
    .filter((domain) => domain !== "");
  for (const domain of domains) {
    if (!DOMAIN.test(domain)) variables.fault("MINIO_DOMAIN", `'${domain}' is not the name of a domain`);
  }
  return domains;
}

function readMetrics(variables: Variables): boolean {
  const found = variables.firstFilled(METRICS);
  if (found !== undefined && found.value !== "public" && found.value !== "jwt") {
    variables.fault(METRICS, "is 'public' or 'jwt'");
  }
  return found?.value === "public";
}
