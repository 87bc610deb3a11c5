/** The nodes of a cluster for people: a row for each, and what needs somebody's attention beneath. */
import { type Cell, type Column, tableLines } from "../terminal/table.js";
import { printable } from "../terminal/text.js";
import { bytesText, shortUptimeText } from "../terminal/units.js";
import type { ServerReport } from "./report.js";
import { endingCertificates, keystoreText, millisecondsText, type TextOptions, wrapped } from "./text.js";

const COLUMNS: readonly Column[] = [
  { title: "Node", shrink: "middle", minWidth: 15 },
  { title: "Status" },
  { title: "Version", shrink: "end", minWidth: 9 },
  { title: "Uptime", align: "right", dropOrder: 2 },
  { title: "Latency", align: "right" },
  { title: "Heap", align: "right", dropOrder: 1 },
  { title: "Keystore" },
];

/** Lines without line ends: heading, a row for each node, remarks. */
export function overviewLines(
  reports: readonly ServerReport[],
  { style, width, nowMs }: Omit<TextOptions, "short">,
): string[] {
  const rows = reports.map((report): Cell[] => {
    const { server, status, latencyMs } = report;
    const name = printable(server);
    if (status === undefined)
      return [name, { text: report.answered === true ? "refused" : "down", style: style.red }];
    return [
      name,
      status.keystoreUnavailable
        ? { text: "impaired", style: style.yellow }
        : { text: "up", style: style.green },
      printable(status.version),
      shortUptimeText(status.uptimeSeconds),
      latencyMs === undefined ? "" : millisecondsText(latencyMs),
      bytesText(status.heapUsedBytes),
      keystoreText(status, style),
    ];
  });
  const remarks = reports.flatMap((report) => remarksOn(report, nowMs));
  const lines = tableLines(COLUMNS, rows, width ?? Number.POSITIVE_INFINITY, style.underline);
  if (remarks.length > 0) lines.push("");
  for (const { server, text, isBad } of remarks) {
    const colour = isBad ? style.red : style.yellow;
    lines.push(...wrapped(`${printable(server)}: ${text}`, width).map(colour));
  }
  return [...lines, ...versionLines(reports, style.yellow)];
}

interface Remark {
  readonly server: string;
  readonly text: string;
  readonly isBad: boolean;
}

function remarksOn({ server, status, failure }: ServerReport, nowMs: number): Remark[] {
  const certificates = status === undefined ? [] : endingCertificates(status, nowMs);
  return [
    ...(failure === undefined ? [] : [{ server, text: failure.message, isBad: true }]),
    ...certificates.map(({ use, leftMs, expiresAt }) => {
      const left = shortUptimeText(Math.abs(leftMs) / 1000);
      const when = leftMs <= 0 ? `ended ${left} ago` : `ends in ${left}`;
      return {
        server,
        text: `certificate '${use}' ${when} (${expiresAt.slice(0, 10)})`,
        isBad: leftMs <= 0,
      };
    }),
  ];
}

/** An update that stopped half way is easily overlooked in a long list. */
function versionLines(reports: readonly ServerReport[], colour: (text: string) => string): string[] {
  const counts = new Map<string, number>();
  for (const { status } of reports) {
    if (status !== undefined) counts.set(status.version, (counts.get(status.version) ?? 0) + 1);
  }
  if (counts.size < 2) return [];
  const list = [...counts].map(([version, count]) => `${printable(version)} (${count})`).join(", ");
  return ["", colour(`The nodes have different versions: ${list}`)];
}
