/** The status of a server for people. */
import type { ApiInfo, ServerStatus } from "../../client/types.js";
import type { Style } from "../style.js";
import { type Cell, type Column, tableLines } from "../terminal/table.js";
import { clip, padEnd, printable, widthOf } from "../terminal/text.js";
import { bytesText, shortUptimeText, uptimeText } from "../terminal/units.js";
import type { Failure, ServerReport } from "./report.js";

const DAY_MS = 86_400_000;
/** As the server warns in its log: a month ahead for people, a week ahead for the impatient. */
const SOON_DAYS = 30;
const URGENT_DAYS = 7;

export interface TextOptions {
  readonly style: Style;
  /** Columns that lines may take; undefined where nothing should be cut. */
  readonly width: number | undefined;
  /** The first line of each server alone. */
  readonly short: boolean;
  readonly nowMs: number;
}

/** Lines of one server, without line ends. */
export function reportLines(report: ServerReport, options: TextOptions): string[] {
  const { style, short } = options;
  const { server, status, apis, failure } = report;
  const isDown = status === undefined && apis === undefined;
  const isImpaired = isDown ? undefined : status?.keystoreUnavailable;
  const bullet = isDown ? style.red("●") : isImpaired === true ? style.yellow("●") : style.green("●");
  const name = printable(server);
  if (short && failure !== undefined)
    return [`${bullet} ${style.bold(name)} ${shortFailure(name, failure, options)}`];
  const lines = [`${bullet} ${style.bold(name)}${isDown ? ` ${style.red("down")}` : ""}`];
  if (status !== undefined && !short) lines.push(...statusLines(status, report.latencyMs, options));
  if (apis !== undefined) lines.push(...(short ? [] : [""]), ...apiLines(apis, options));
  if (failure !== undefined) lines.push(...failureLines(failure, options));
  return lines;
}

const LABEL_WIDTH = 11;

function field(label: string, value: string): string {
  return `  ${padEnd(label, LABEL_WIDTH)} ${value}`;
}

function statusLines(status: ServerStatus, latencyMs: number | undefined, options: TextOptions): string[] {
  const cpus =
    status.usableCpus === status.cpus ? `${status.cpus}` : `${status.usableCpus} of ${status.cpus} usable`;
  return [
    field("Version", printable(status.version)),
    field("Uptime", uptimeText(status.uptimeSeconds)),
    ...(latencyMs === undefined ? [] : [field("Latency", millisecondsText(latencyMs))]),
    field(
      "OS",
      [status.os, status.arch]
        .filter((part) => part !== "")
        .map(printable)
        .join("/"),
    ),
    field("CPUs", cpus),
    field("Memory", `Heap  ${bytesText(status.heapUsedBytes)}`),
    field("", `Stack ${bytesText(status.stackUsedBytes)}`),
    field("Keystore", keystoreText(status, options.style)),
    ...certificateLines(status, options),
  ];
}

/** `3ms`, `< 1ms`. */
export function millisecondsText(ms: number): string {
  return ms < 1 ? "< 1ms" : `${Math.round(ms)}ms`;
}

export function keystoreText(
  status: Pick<ServerStatus, "keystoreUnreachable" | "keystoreUnavailable" | "keystoreLatencyMs">,
  style: Style,
): string {
  if (status.keystoreUnreachable) return style.red("not reachable");
  if (status.keystoreUnavailable) return style.red("unavailable");
  const { keystoreLatencyMs: ms } = status;
  return style.green("ok") + (ms === undefined ? "" : `, ${millisecondsText(ms)}`);
}

/** `ended 400d 23h ago`. */
const WHEN_WIDTH = 18;

/** Certificates that need somebody's attention, the first to end first. */
export function endingCertificates(status: Pick<ServerStatus, "certificates">, nowMs: number) {
  return status.certificates
    .map((certificate) => ({ ...certificate, leftMs: Date.parse(certificate.expiresAt) - nowMs }))
    .filter(({ leftMs }) => leftMs < SOON_DAYS * DAY_MS)
    .sort((a, b) => a.leftMs - b.leftMs);
}

function certificateLines(status: ServerStatus, { style, width, nowMs }: TextOptions): string[] {
  return endingCertificates(status, nowMs).map(({ use, identity, leftMs, expiresAt }, i) => {
    const left = shortUptimeText(Math.abs(leftMs) / 1000);
    const when =
      leftMs <= 0
        ? style.red(`ended ${left} ago`)
        : (leftMs < URGENT_DAYS * DAY_MS ? style.red : style.yellow)(`ends in ${left}`);
    const text = `${printable(use)} ${printable(identity)}`;
    const lead = `${padEnd(when, WHEN_WIDTH)} ${printable(expiresAt.slice(0, 10))}  `;
    const room = width === undefined ? text.length : width - widthOf(field("", lead));
    return field(i === 0 ? "Certificate" : "", lead + clip(text, Math.max(10, room)));
  });
}

const API_COLUMNS: readonly Column[] = [
  { title: "Method" },
  { title: "API", shrink: "middle", minWidth: 20 },
  { title: "Timeout", align: "right" },
];

function apiLines(apis: readonly ApiInfo[], { style, width }: TextOptions): string[] {
  const rows = apis.map(({ method, path, timeoutSeconds }): Cell[] => [
    printable(method),
    printable(path),
    timeoutSeconds === 0 ? "Inf" : `${timeoutSeconds}s`,
  ]);
  const room = width === undefined ? Number.POSITIVE_INFINITY : width - 2;
  return tableLines(API_COLUMNS, rows, room, style.underline).map((line) => `  ${line}`);
}

function failureLines({ message }: Failure, { style, width }: TextOptions): string[] {
  return wrapped(message, width === undefined ? undefined : width - 2).map((line) => `  ${style.red(line)}`);
}

function shortFailure(name: string, { message }: Failure, { style, width }: TextOptions): string {
  const text = printable(message);
  return style.red(width === undefined ? text : clip(text, Math.max(10, width - name.length - 3)));
}

/** Words in lines of at most `room` columns; a word that is longer is left whole. */
export function wrapped(text: string, room = Number.POSITIVE_INFINITY): string[] {
  const lines: string[] = [];
  for (const word of printable(text).split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= room)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
