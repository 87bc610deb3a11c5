/** The start banner (KES reference §15.1). */

import { isIP } from "node:net";
import { networkInterfaces } from "node:os";

export interface BannerFacts {
  readonly version: string;
  readonly commit: string;
  readonly keystore: string;
  readonly host: string;
  readonly port: number;
  /** Worker processes. */
  readonly workers: number;
  /** The admin's identity, or undefined when the admin is switched off. */
  readonly admin: string | undefined;
  /** Printed in development mode only. */
  readonly apiKey?: string;
  readonly errorLevel: number;
  readonly auditLevel: number;
}

const LABEL_WIDTH = 12;

/** Everything but the last line, which says that the server runs. */
export function banner(facts: BannerFacts): string {
  const lines: string[] = [
    row("Version", facts.version.padEnd(20), `commit=${facts.commit}`),
    row("Runtime", `node ${process.versions.node} ${process.platform}/${process.arch}`),
    row("License", "Apache-2.0".padEnd(20), "https://www.apache.org/licenses/LICENSE-2.0"),
    "",
    ...(facts.workers === 1 ? [] : [row("Workers", String(facts.workers))]),
    row("KMS", facts.keystore),
    ...addresses(facts.host, facts.port).map((url, i) => row(i === 0 ? "API" : "", `· ${url}`)),
    "",
    ...(facts.apiKey === undefined ? [] : [row("API Key", facts.apiKey)]),
    row("Admin", facts.admin ?? "<disabled>"),
    row("Logs", `error=stderr level=${levelText(facts.errorLevel)}`),
    ...(facts.auditLevel <= 0 ? [row("", `audit=stdout level=${levelText(facts.auditLevel)}`)] : []),
  ];
  return `${lines.map((line) => line.trimEnd()).join("\n")}\n`;
}

function row(label: string, ...values: string[]): string {
  return `${label.padEnd(LABEL_WIDTH)}${values.join("")}`;
}

/** URLs under which the server can be reached: of every interface when it listens on all. */
function addresses(host: string, port: number): string[] {
  const all = host === "" || host === "0.0.0.0" || host === "::";
  if (!all) return [url(host, port)];
  const found = Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter(({ address }) => !address.startsWith("169.254.") && !address.startsWith("fe80:"));
  const v4 = found.filter(({ family }) => family === "IPv4");
  return (v4.length > 0 ? v4 : found).map(({ address }) => url(address, port));
}

function url(host: string, port: number): string {
  return `https://${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
}

const NAMES: readonly (readonly [number, string])[] = [
  [8, "ERROR"],
  [4, "WARN"],
  [0, "INFO"],
  [-4, "DEBUG"],
];

/** A level by name, with `+N` where it lies between two (Go's slog). */
export function levelText(level: number): string {
  const [base, name] = NAMES.find(([value]) => level >= value) ?? [-4, "DEBUG"];
  if (level === base) return name;
  return level > base ? `${name}+${level - base}` : `${name}${level - base}`;
}
