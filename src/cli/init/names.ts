/** The names and the validity of the certificates that `kes init` makes. */
import { isIP } from "node:net";
import { parseDuration } from "../../config/duration.js";
import { UsageError } from "../../errors.js";
import { isDnsName, isIpAddress } from "../../identity/issue.js";

const DEFAULT_EXPIRY = "8760h";
const NANOSECONDS_PER_MS = 1_000_000n;

/** The server's subject alternative names: this host under its usual names, and what was asked for. */
export function namesOf(given: {
  readonly ip: readonly string[];
  readonly dns: readonly string[];
  readonly hostname: string;
}): { dns: string[]; ip: string[] } {
  checkNames(given);
  // The host may have a name that no certificate can carry; then it has none here.
  const host = isDnsName(given.hostname) && isIP(given.hostname) === 0 ? [given.hostname] : [];
  return {
    dns: [...new Set(["localhost", ...host, ...given.dns])],
    ip: [...new Set(["127.0.0.1", "::1", ...given.ip])],
  };
}

/** @throws UsageError for what no certificate can hold */
export function checkNames(given: { readonly ip: readonly string[]; readonly dns: readonly string[] }): void {
  for (const ip of given.ip) {
    if (!isIpAddress(ip)) {
      throw new UsageError(`invalid argument "${ip}" for "--ip" flag: failed to parse IP: "${ip}"`);
    }
  }
  for (const name of given.dns) {
    if (!isDnsName(name)) {
      throw new UsageError(`invalid argument "${name}" for "--dns" flag: not a DNS name`);
    }
  }
}

/** @param text - a Go duration of at least a second. @returns milliseconds */
export function expiryOf(text: string = DEFAULT_EXPIRY): number {
  const expiry = parseDuration(text);
  if (expiry === undefined) {
    throw new UsageError(`invalid argument "${text}" for "--expiry" flag: time: invalid duration "${text}"`);
  }
  if (expiry < 1000n * NANOSECONDS_PER_MS) {
    throw new UsageError(`invalid argument "${text}" for "--expiry" flag: shorter than a second`);
  }
  return Number(expiry / NANOSECONDS_PER_MS);
}
