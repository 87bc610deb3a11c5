/** The picture of `kes top`: what a snapshot looks like on a terminal of a given size. */
import { keystoreText } from "../status/text.js";
import type { Style } from "../style.js";
import { type Cell, type Column, tableLines } from "../terminal/table.js";
import { clip, padEnd, printable, widthOf } from "../terminal/text.js";
import {
  bytesText,
  clockText,
  latencyText,
  rateText,
  shareText,
  shortUptimeText,
} from "../terminal/units.js";
import { ORDERS, type Order, type ServerFigures, sorted, type TopSnapshot } from "./snapshot.js";
import { summaryLines } from "./summary.js";
import type { RowFigures } from "./window.js";

export interface ViewOptions {
  readonly style: Style;
  readonly columns: number;
  readonly rows: number;
  readonly order: Order;
  readonly paused: boolean;
  readonly help: boolean;
}

/** Notes that are shown; the others are counted. */
const MAX_NOTES = 3;

/** Exactly as many lines as the terminal has rows, or fewer. */
export function topLines(snapshot: TopSnapshot, options: ViewOptions): readonly string[] {
  const { style, columns, rows, help } = options;
  const head = [titleLine(snapshot, options), ...summaryLines(snapshot, style, columns)];
  const notes = noteLines(snapshot.notes, style, columns);
  const foot = footLine(options);
  const room = rows - head.length - notes.length - 1;
  const body = help ? helpLines(columns) : bodyLines(snapshot, options, room);
  const lines = [...head, ...notes, ...body.slice(0, Math.max(0, room))];
  const filled = [...lines, ...Array.from({ length: Math.max(0, rows - 1 - lines.length) }, () => "")];
  return [...filled.slice(0, rows - 1), foot];
}

function titleLine({ servers, nowMs }: TopSnapshot, { style, columns, paused }: ViewOptions): string {
  const [only] = servers;
  const up = servers.filter(({ isUp }) => isUp).length;
  const uptime = only?.status?.uptimeSeconds ?? only?.metrics?.uptimeSeconds;
  const where =
    servers.length === 1
      ? [
          only?.name ?? "",
          ...(uptime === undefined ? [] : [`up ${shortUptimeText(uptime)}`]),
          ...(only?.status === undefined ? [] : [printable(only.status.version)]),
        ].join("  ")
      : `${up} of ${servers.length} servers up`;
  const right = paused ? style.yellow("paused") : clockText(nowMs);
  const left = `${style.bold("kes top")}  ${clip(where, columns - 7 - 2 - 2 - widthOf(right))}`;
  return padEnd(left, columns - widthOf(right)) + right;
}

function noteLines(notes: readonly string[], style: Style, columns: number): string[] {
  const more = notes.length > MAX_NOTES ? notes.length - MAX_NOTES + 1 : 0;
  const shown = more > 0 ? notes.slice(0, MAX_NOTES - 1) : notes;
  const lines = shown.map((note) => style.yellow(clip(`! ${note}`, columns)));
  return more > 0 ? [...lines, style.yellow(`! and ${more} more`)] : lines;
}

function footLine({ style, columns, order, paused }: ViewOptions): string {
  const keys: [string, string][] = [
    ["q", "quit"],
    ["p", paused ? "go on" : "pause"],
    ["s", `sort: ${order}`],
    ["?", "help"],
  ];
  const text = keys.map(([key, what]) => `${key} ${what}`).join("   ");
  return text.length > columns
    ? clip(text, columns)
    : keys.map(([key, what]) => `${style.bold(key)} ${style.dim(what)}`).join("   ");
}

function helpLines(columns: number): string[] {
  return [
    "",
    `q  quit, as Ctrl-C         s  sort by ${ORDERS.join(", ")}`,
    "p  pause, and go on        ?  this help, and back",
    "",
    "Requests    key, policy and identity calls, as /v1/metrics counts them",
    "Tables      every request, refused ones too, as the audit log tells them,",
    "            but for those that this view makes itself",
    "4XX, 5XX    refused (the caller's mistake), failed (the server's); per second",
    "P50 P95 P99 time that so many of 100 requests did not exceed, right to a tenth",
    "Cache       requests served with a key from memory, without the keystore",
    "Keystore    how long it took to answer when it was last asked",
  ].map((line) => clip(line, columns));
}

/** The tables, one below the other, in `room` lines together with the blank lines above each. */
function bodyLines(snapshot: TopSnapshot, options: ViewOptions, room: number): string[] {
  const { style, columns } = options;
  const tables: string[][] = [];
  if (snapshot.servers.length > 1) tables.push(serverTable(snapshot.servers, style, columns));
  if (snapshot.total !== undefined || snapshot.routes.length > 0) {
    tables.push(rowTable("ROUTE", snapshot.routes, options));
    tables.push(rowTable("IDENTITY", snapshot.identities, options));
  }
  const heights = share(
    tables.map((table) => table.length + 1),
    room,
  );
  return tables.flatMap((table, i) => {
    const height = (heights[i] ?? 0) - 1;
    // A heading alone says nothing.
    if (height < 2) return [];
    const hidden = table.length - height;
    if (hidden <= 0) return ["", ...table];
    return ["", ...table.slice(0, height - 1), style.dim(`… ${hidden + 1} more`)];
  });
}

/** Divides `room` among those who want so much: the smallest are served first, the others get equal parts. */
function share(wants: readonly number[], room: number): number[] {
  const result = wants.map(() => 0);
  let left = Math.max(0, room);
  const order = wants.map((want, i) => ({ want, i })).sort((a, b) => a.want - b.want || b.i - a.i);
  order.forEach(({ want, i }, served) => {
    const part = Math.min(want, Math.floor(left / (order.length - served)));
    result[i] = part;
    left -= part;
  });
  return result;
}

const FIGURES: readonly Column[] = [
  { title: "REQ/S", align: "right", minWidth: 5 },
  { title: "4XX/S", align: "right", minWidth: 5 },
  { title: "5XX/S", align: "right", minWidth: 5 },
  { title: "P50", align: "right", minWidth: 6 },
  { title: "P95", align: "right", minWidth: 6, dropOrder: 1 },
  { title: "P99", align: "right", minWidth: 6 },
  { title: "MAX", align: "right", minWidth: 6, dropOrder: 2 },
];

/** An identity. */
const MAX_NAME_WIDTH = 64;

function rowTable(title: string, rows: readonly RowFigures[], options: ViewOptions): string[] {
  const { style, columns, order } = options;
  const cells = sorted(rows, order).map((row): Cell[] => [row.name, ...figureCells(row, style)]);
  const name: Column = { title, shrink: "end", minWidth: 12, fill: MAX_NAME_WIDTH };
  return tableLines([name, ...FIGURES], cells, columns, style.underline);
}

function figureCells({ requests, erred, failed, p50, p95, p99, max }: RowFigures, style: Style): Cell[] {
  const time = (ns: number | undefined): string => (ns === undefined ? "-" : latencyText(ns));
  return [
    rateText(requests),
    alarming(erred, style.yellow),
    alarming(failed, style.red),
    ...[p50, p95, p99, max].map(time),
  ];
}

function alarming(perSecond: number, style: (text: string) => string): Cell {
  return perSecond > 0 ? { text: rateText(perSecond), style } : rateText(perSecond);
}

const SERVER_COLUMNS: readonly Column[] = [
  { title: "SERVER", shrink: "middle", minWidth: 14, fill: 40 },
  { title: "STATE" },
  { title: "UP", align: "right", minWidth: 6, dropOrder: 2 },
  { title: "REQ/S", align: "right", minWidth: 5 },
  { title: "5XX/S", align: "right", minWidth: 5 },
  { title: "P99", align: "right", minWidth: 6, dropOrder: 1 },
  { title: "CACHE", align: "right", minWidth: 5 },
  { title: "KEYSTORE" },
  { title: "HEAP", align: "right", minWidth: 6, dropOrder: 3 },
];

function serverTable(servers: readonly ServerFigures[], style: Style, columns: number): string[] {
  const cells = servers.map(({ name, isUp, status, metrics, change, audited }): Cell[] => {
    const uptime = status?.uptimeSeconds ?? metrics?.uptimeSeconds;
    const { cacheHits: hits, cacheMisses: misses } = change ?? {};
    const requests = change?.requests ?? audited?.requests;
    const failed = change?.failed ?? audited?.failed;
    const state = isUp ? { text: "up", style: style.green } : { text: "down", style: style.red };
    return [
      name,
      state,
      uptime === undefined ? "-" : shortUptimeText(uptime),
      requests === undefined ? "-" : rateText(requests),
      failed === undefined ? "-" : alarming(failed, style.red),
      audited?.p99 === undefined ? "-" : latencyText(audited.p99),
      hits === undefined || misses === undefined ? "-" : shareText(hits, hits + misses),
      status === undefined ? "-" : keystoreText(status, style),
      metrics === undefined ? "-" : bytesText(metrics.heapUsedBytes),
    ];
  });
  return tableLines(SERVER_COLUMNS, cells, columns, style.underline);
}
