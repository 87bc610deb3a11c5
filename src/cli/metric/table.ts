/** Metrics of one server as a table that fits 80 columns. */
import type { Style } from "../style.js";
import { padEnd, padStart } from "../terminal/text.js";
import { bytesText, countText, latencyText, rateText, shareText, uptimeText } from "../terminal/units.js";
import { changeOf, type Reading, requestsOf } from "./change.js";

/** @param before - the reading before, when there was one: rates are of the time in between */
export function metricLines(
  server: string,
  now: Reading,
  before: Reading | undefined,
  style: Style,
): readonly string[] {
  const { metrics } = now;
  const change = before === undefined ? undefined : changeOf(before, now);
  const total = requestsOf(metrics);
  const rate = (perSecond: number | undefined): string =>
    perSecond === undefined ? "-" : `${rateText(perSecond)}/s`;
  const succeeded =
    change === undefined ? undefined : Math.max(0, change.requests - change.erred - change.failed);
  const colourIf = (wrap: (text: string) => string, count: number) => (count > 0 ? wrap : same);
  const rows: [string, number, number | undefined, (text: string) => string][] = [
    ["Success", metrics.requestsSucceeded, succeeded, colourIf(style.green, metrics.requestsSucceeded)],
    ["Error 4xx", metrics.requestsErred, change?.erred, colourIf(style.yellow, metrics.requestsErred)],
    ["Failure 5xx", metrics.requestsFailed, change?.failed, colourIf(style.red, metrics.requestsFailed)],
  ];
  const field = (label: string, value: string): string => `  ${padEnd(label, 13)}${value}`;
  const answered = metrics.responseTimes.at(-1)?.count ?? 0;
  const mean = answered === 0 ? undefined : (metrics.responseTimeSumSeconds / answered) * 1e9;
  return [
    style.bold(server),
    "",
    style.underline(`  ${padEnd("Requests", 13)}${["Count", "Share", "Rate"].map(right).join("")}`),
    ...rows.map(([label, count, perSecond, colour]) =>
      field(label, [colour(countText(count)), shareText(count, total), rate(perSecond)].map(right).join("")),
    ),
    field("Total", [countText(total), "", rate(change?.requests)].map(right).join("")),
    field("Active", right(countText(metrics.requestsActive))),
    "",
    style.underline(`  ${padEnd("Latency", 13)}${["Mean", "Now"].map(right).join("")}`),
    field(
      "Answer",
      [mean, change?.meanNs].map((ns) => right(ns === undefined ? "-" : latencyText(ns))).join(""),
    ),
    "",
    style.underline(`  ${padEnd("System", 13)}${right("")}`),
    field("Uptime", uptimeText(metrics.uptimeSeconds)),
    field("CPUs", `${metrics.usableCpus} of ${metrics.cpus} usable`),
    field("Tasks", countText(metrics.threads)),
    field("Heap", bytesText(metrics.heapUsedBytes)),
    field("Stack", bytesText(metrics.stackUsedBytes)),
    field("Log events", `${countText(metrics.auditEvents)} audit, ${countText(metrics.errorEvents)} error`),
  ];
}

const same = (text: string): string => text;

function right(text: string): string {
  return padStart(text, 14);
}
