/** How long an upload in parts may lie still, by MinIO's variables and with its usual values. */
import { parseDuration, toMilliseconds } from "../../config/duration.js";
import { type Environment, Variables } from "../../storage/keys/variables.js";

export interface UploadSettings {
  /** Undefined: they stay. */
  readonly expiryMs: number | undefined;
  /** Between two looks. */
  readonly intervalMs: number;
}

const EXPIRY = "MINIO_API_STALE_UPLOADS_EXPIRY";
const INTERVAL = "MINIO_API_STALE_UPLOADS_CLEANUP_INTERVAL";
const HOUR_MS = 3_600_000;
const DEFAULT_EXPIRY_MS = 24 * HOUR_MS;
const DEFAULT_INTERVAL_MS = 6 * HOUR_MS;
const LEAST_MS = 1_000;
/** The longest that a timer waits is a little more. */
const MAX_INTERVAL_MS = 24 * 24 * HOUR_MS;

/** @throws ConfigError with every fault */
export async function readUploadSettings(environment: Environment): Promise<UploadSettings> {
  const variables = new Variables(environment);
  const expiry = variables.firstFilled(EXPIRY);
  const isOff = expiry?.value === "off" || millisecondsOf(expiry?.value) === 0;
  const expiryMs = isOff ? undefined : readMs(variables, EXPIRY, DEFAULT_EXPIRY_MS, Number.MAX_SAFE_INTEGER);
  const intervalMs = readMs(variables, INTERVAL, DEFAULT_INTERVAL_MS, MAX_INTERVAL_MS);
  variables.throwFaults();
  return { expiryMs, intervalMs };
}

function readMs(variables: Variables, name: string, usual: number, most: number): number {
  const found = variables.firstFilled(name);
  if (found === undefined) return usual;
  const ms = millisecondsOf(found.value);
  if (ms !== undefined && ms >= LEAST_MS && ms <= most) return ms;
  const off = name === EXPIRY ? ", or 'off'" : "";
  const bound = ms === undefined || ms < LEAST_MS ? "of at least 1s" : `of at most ${most / HOUR_MS}h`;
  variables.fault(name, `is a duration such as 24h or 30m, ${bound}${off}`);
  return usual;
}

function millisecondsOf(text: string | undefined): number | undefined {
  const nanoseconds = text === undefined ? undefined : parseDuration(text);
  return nanoseconds === undefined ? undefined : toMilliseconds(nanoseconds);
}
