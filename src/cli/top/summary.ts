/** The figures of all servers together: the lines above the tables. */

import { requestsOf } from "../metric/change.js";
import { keystoreText } from "../status/text.js";
import type { Style } from "../style.js";
import { padEnd, widthOf } from "../terminal/text.js";
import { bytesText, countText, latencyText, rateText, shareText } from "../terminal/units.js";
import { percentile } from "./latencies.js";
import { type ServerFigures, sumOfChanges, type TopSnapshot } from "./snapshot.js";

const LABEL_WIDTH = 10;
const GAP = "   ";

/** One line for each kind of figure; what does not fit into `columns` is left out from the end. */
export function summaryLines(snapshot: TopSnapshot, style: Style, columns: number): string[] {
  return [
    requestParts(snapshot, style),
    latencyParts(snapshot),
    cacheParts(snapshot),
    keystoreParts(snapshot.servers, style),
    processParts(snapshot.servers, style),
  ].map(([label, ...parts]) => fitted(label, parts, columns));
}

type Parts = readonly [label: string, ...parts: string[]];

function fitted(label: string, parts: readonly string[], columns: number): string {
  let line = padEnd(label, LABEL_WIDTH);
  for (const [i, part] of parts.entries()) {
    const longer = line + (i === 0 ? "" : GAP) + part;
    if (widthOf(longer) > columns) break;
    line = longer;
  }
  return line;
}

function requestParts({ servers, total }: TopSnapshot, style: Style): Parts {
  const change = sumOfChanges(servers) ?? total;
  if (change === undefined) return ["Requests", style.dim("no figures yet")];
  const { requests, erred, failed } = change;
  const part = (label: string, perSecond: number, colour: (text: string) => string): string => {
    const text = `${label} ${rateText(perSecond)}/s (${shareText(perSecond, requests)})`;
    return perSecond > 0 ? colour(text) : `${label} 0`;
  };
  const known = servers.map(({ metrics }) => metrics).filter((metrics) => metrics !== undefined);
  const sum = (of: (metrics: (typeof known)[number]) => number): number =>
    known.reduce((all, metrics) => all + of(metrics), 0);
  return [
    "Requests",
    style.bold(`${rateText(requests)}/s`),
    part("4xx", erred, style.yellow),
    part("5xx", failed, style.red),
    ...(known.length === 0
      ? []
      : [
          `active ${countText(sum(({ requestsActive }) => requestsActive))}`,
          `since start ${countText(sum(requestsOf))}`,
        ]),
  ];
}

function latencyParts({ servers, total, windowSeconds }: TopSnapshot): Parts {
  const last = `last ${windowSeconds}s`;
  if (total !== undefined) {
    const { p50, p95, p99, max } = total;
    const named = Object.entries({ p50, p95, p99, max });
    return ["Latency", ...named.map(([name, ns]) => `${name} ${timeText(ns)}`), last];
  }
  const times = sumOfChanges(servers)?.times;
  if (times === undefined) return ["Latency", "-"];
  // The metrics tell no more than how many were quicker than ten given times.
  const counts = times.map(({ count }) => count);
  const bound = (share: number): string => {
    const ns = percentile(counts, share, (bucket) => times[bucket]?.upToNs ?? Number.POSITIVE_INFINITY);
    if (ns === undefined) return "-";
    if (Number.isFinite(ns)) return `≤${latencyText(ns)}`;
    return `>${latencyText(times.at(-2)?.upToNs ?? 0)}`;
  };
  return ["Latency", `p50 ${bound(0.5)}`, `p95 ${bound(0.95)}`, `p99 ${bound(0.99)}`, last];
}

function timeText(ns: number | undefined): string {
  return ns === undefined ? "-" : latencyText(ns);
}

function cacheParts({ servers }: TopSnapshot): Parts {
  const { cacheHits: hits, cacheMisses: misses } = sumOfChanges(servers) ?? {};
  const entries = servers.map(({ metrics }) => metrics?.samples.get("kes_cache_entries"));
  const keys = entries.reduce<number>((sum, count) => sum + (count ?? 0), 0);
  const known = entries.some((count) => count !== undefined) ? [`${countText(keys)} keys in memory`] : [];
  // KES itself tells nothing of its cache.
  if (hits === undefined || misses === undefined) return ["Cache", ...(known.length > 0 ? known : ["-"])];
  const share = hits + misses === 0 ? "-" : shareText(hits, hits + misses);
  return ["Cache", `hits ${share}`, `${rateText(hits)}/s from memory`, `${rateText(misses)}/s not`, ...known];
}

function keystoreParts(servers: readonly ServerFigures[], style: Style): Parts {
  const states = servers.map(({ status }) => status).filter((status) => status !== undefined);
  const [only] = states;
  if (only === undefined) return ["Keystore", "-"];
  if (states.length === 1) return ["Keystore", keystoreText(only, style)];
  const bad = states.filter(({ keystoreUnavailable }) => keystoreUnavailable).length;
  const slowest = Math.max(...states.map(({ keystoreLatencyMs = 0 }) => keystoreLatencyMs));
  const ok = `ok at ${states.length - bad} of ${states.length}`;
  return ["Keystore", bad > 0 ? style.red(ok) : style.green(ok), `slowest ${slowest}ms`];
}

function processParts(servers: readonly ServerFigures[], style: Style): Parts {
  const known = servers.map(({ metrics }) => metrics).filter((metrics) => metrics !== undefined);
  if (known.length === 0) return ["Memory", "-"];
  const heap = known.reduce((sum, { heapUsedBytes }) => sum + heapUsedBytes, 0);
  const errors = sumOfChanges(servers)?.errorEvents;
  const logged = errors === undefined ? "-" : `${rateText(errors)}/s`;
  return [
    "Memory",
    `heap ${bytesText(heap)}`,
    (errors ?? 0) > 0 ? style.yellow(`error log ${logged}`) : `error log ${logged}`,
  ];
}
