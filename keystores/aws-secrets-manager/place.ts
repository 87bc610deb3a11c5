/** Where Secrets Manager is: endpoint and region as KES reads them, and what may be left out. */
import type { AwsOptions } from "./config.js";

/** What goes to the AWS SDK; what is missing it finds by itself. */
export interface AwsPlace {
  /** With scheme. */
  readonly endpoint?: string;
  readonly region?: string;
}

/** The region in a host name of AWS, also of FIPS and VPC endpoints and of other partitions. */
const REGION_IN_HOST =
  /(?:^|\.)secretsmanager(?:-fips)?\.([a-z]{2}(?:-[a-z]+)+-[0-9]+)\.(?:vpce\.)?(?:amazonaws\.com(?:\.cn)?|api\.(?:aws|amazonwebservices\.com\.cn)|amazonaws\.eu|c2s\.ic\.gov|sc2s\.sgov\.gov)$/;

/** @throws Error that names the option to mend */
export function placeOf({ endpoint, region }: Pick<AwsOptions, "endpoint" | "region">): AwsPlace {
  if (endpoint === undefined) return region === undefined ? {} : { region };
  // As KES: a host alone, with or without a port.
  const url = urlOf(endpoint.includes("://") ? endpoint : `https://${endpoint}`);
  if (url === undefined) {
    throw new Error(
      "aws: 'endpoint' must be a host name or begin with https://, for example secretsmanager.eu-central-1.amazonaws.com",
    );
  }
  const known = region ?? REGION_IN_HOST.exec(url.hostname)?.[1];
  return { endpoint: url.href.replace(/\/$/, ""), ...(known === undefined ? {} : { region: known }) };
}

/** True for an endpoint that others on the way can read. */
export function isUnencrypted({ endpoint }: AwsPlace): boolean {
  if (endpoint === undefined) return false;
  const { protocol, hostname } = new URL(endpoint);
  return protocol === "http:" && !/^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname);
}

function urlOf(text: string): URL | undefined {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  const isPlain = url.username === "" && url.password === "" && url.search === "" && url.hash === "";
  return isPlain && ["https:", "http:"].includes(url.protocol) ? url : undefined;
}
