/** `kes top` for pipes: lines of `key=value`, one for all requests, then the busiest routes and identities. */
import { type ServerFigures, sorted, sumOfChanges, type TopSnapshot } from "./snapshot.js";
import type { RowFigures } from "./window.js";

/** Routes and identities of one moment; more would drown the total. */
const MAX_ROWS = 10;

type Pair = readonly [key: string, value: string | number | undefined];

/** Lines without line ends; figures that are not known are left out. Rates per second, times in milliseconds. */
export function plainLines(snapshot: TopSnapshot): string[] {
  const { nowMs, servers, total, routes, identities } = snapshot;
  const time: Pair = ["time", new Date(nowMs).toISOString()];
  const rows = (key: string, list: readonly RowFigures[]): string[] =>
    sorted(list, "requests")
      .slice(0, MAX_ROWS)
      .map((row) => joined([time, [key, row.name.replaceAll(" ", "_")], ...rowPairs(row)]));
  return [
    joined([time, ...totalPairs(servers, total)]),
    ...(servers.length > 1 ? servers.map((server) => joined([time, ...serverPairs(server)])) : []),
    ...rows("route", routes),
    ...rows("identity", identities),
  ];
}

function joined(pairs: readonly Pair[]): string {
  return pairs
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}=${typeof value === "number" ? rounded(value) : value}`)
    .join(" ");
}

/** Three decimals at most: `0.25`, `1234`. */
function rounded(value: number): string {
  return String(Math.round(value * 1000) / 1000);
}

function totalPairs(servers: readonly ServerFigures[], total: RowFigures | undefined): Pair[] {
  const change = sumOfChanges(servers);
  const active = servers.map(({ metrics }) => metrics?.requestsActive).filter((count) => count !== undefined);
  const latencies = servers
    .map(({ status }) => status?.keystoreLatencyMs)
    .filter((latency) => latency !== undefined);
  const keystores = servers.map(({ status }) => status).filter((status) => status !== undefined);
  const { cacheHits: hits, cacheMisses: misses } = change ?? {};
  return [
    ["servers", `${servers.filter(({ isUp }) => isUp).length}/${servers.length}`],
    ["requests", change?.requests ?? total?.requests],
    ["4xx", change?.erred ?? total?.erred],
    ["5xx", change?.failed ?? total?.failed],
    ["active", active.length === 0 ? undefined : active.reduce((sum, count) => sum + count, 0)],
    ...timePairs(total),
    ["cache_hits", hits],
    ["cache_misses", misses],
    ["keystore_ms", latencies.length === 0 ? undefined : Math.max(...latencies)],
    [
      "keystores_down",
      keystores.length === 0
        ? undefined
        : keystores.filter(({ keystoreUnavailable }) => keystoreUnavailable).length,
    ],
  ];
}

function serverPairs({ name, isUp, change, audited, status }: ServerFigures): Pair[] {
  return [
    ["server", name],
    ["up", isUp ? 1 : 0],
    ["requests", change?.requests ?? audited?.requests],
    ["4xx", change?.erred ?? audited?.erred],
    ["5xx", change?.failed ?? audited?.failed],
    ...timePairs(audited),
    ["keystore_ms", status?.keystoreLatencyMs],
  ];
}

function rowPairs(row: RowFigures): Pair[] {
  return [["requests", row.requests], ["4xx", row.erred], ["5xx", row.failed], ...timePairs(row)];
}

function timePairs(row: RowFigures | undefined): Pair[] {
  const ms = (ns: number | undefined): number | undefined => (ns === undefined ? undefined : ns / 1e6);
  return [
    ["p50_ms", ms(row?.p50)],
    ["p95_ms", ms(row?.p95)],
    ["p99_ms", ms(row?.p99)],
    ["max_ms", ms(row?.max)],
  ];
}
