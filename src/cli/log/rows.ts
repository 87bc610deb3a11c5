/** How an event of the audit log looks to people: KES's columns (reference §14.3), fewer where room is short. */
import type { AuditEvent, ErrorEvent } from "../../client/types.js";
import type { Style } from "../style.js";
import { clip, clipMiddle, clipPath, padEnd, printable, printablePath, widthOf } from "../terminal/text.js";
import { clockText, latencyText } from "../terminal/units.js";

/** Widths of all columns but the last, which is as wide as its text. A width of 0 leaves the column out. */
export interface LogLayout {
  readonly server: number;
  readonly time: number;
  readonly status: number;
  readonly identity: number;
  readonly ip: number;
  readonly api: number;
  /** Texts are cut to their columns; in a pipe nothing is lost and a long path pushes the rest aside. */
  readonly cuts: boolean;
}

/** KES's own: 107 columns. */
const KES_LAYOUT: LogLayout = {
  ...{ server: 0, time: 12, status: 10, identity: 24, ip: 19, api: 34 },
  cuts: false,
};
const LATENCY_WIDTH = 7;
const LEAST_API_WIDTH = 20;
/** Longest server name that is shown in full. */
const MAX_SERVER_WIDTH = 24;
const MAX_IDENTITY = 20;

/**
 * @param columns - of the terminal; undefined for a pipe, which gets KES's layout
 * @param servers - names to tell events apart by; one or none needs no column
 */
export function logLayout(columns: number | undefined, servers: readonly string[]): LogLayout {
  const longest = Math.max(0, ...servers.map((server) => server.length));
  const isMixed = servers.length > 1;
  if (columns === undefined) return { ...KES_LAYOUT, server: isMixed ? longest + 2 : 0 };
  const server = isMixed ? Math.min(longest, MAX_SERVER_WIDTH, Math.floor(columns / 4)) + 2 : 0;
  const { server: _, api, cuts, ...full } = KES_LAYOUT;
  const fixed = (widths: Omit<LogLayout, "api" | "cuts">): number =>
    Object.values(widths).reduce((sum, width) => sum + width, 0) + LATENCY_WIDTH;
  const wide = { ...full, server };
  if (columns >= fixed(wide) + api) return { ...wide, api: columns - fixed(wide), cuts: true };
  const narrow = { server, time: 10, status: 5, identity: 12, ip: 17 };
  // What matters least goes first.
  if (columns < fixed(narrow) + LEAST_API_WIDTH) narrow.ip = 0;
  if (columns < fixed(narrow) + LEAST_API_WIDTH) narrow.identity = 0;
  return { ...narrow, api: Math.max(LEAST_API_WIDTH, columns - fixed(narrow)), cuts: true };
}

export function logHeader(layout: LogLayout): string {
  const status = layout.status < 8 ? "Code" : "Status";
  return joined(layout, {
    ...{ server: "Server", time: "Time", status, identity: "Identity", ip: "IP", api: "API" },
    latency: "Latency",
  });
}

/** One event in one line, times by the local clock. */
export function logRow(layout: LogLayout, style: Style, event: AuditEvent, server = ""): string {
  const { code, timeNs } = event.response;
  const path = printablePath(event.request.path);
  const ip = printable(event.request.ip ?? "") || "<unknown>";
  const identityWidth = Math.min(MAX_IDENTITY, layout.identity - 2);
  const timeMs = Date.parse(event.time);
  return joined(layout, {
    server: serverText(layout, server),
    time: Number.isNaN(timeMs) ? "--:--:--" : clockText(timeMs),
    status: statusStyle(style, code)(String(code)),
    identity: clip(printable(event.request.identity ?? "") || "<unknown>", identityWidth),
    ip: layout.cuts ? clipMiddle(ip, layout.ip - 2) : ip,
    api: layout.cuts ? clipPath(path, layout.api - 2) : path,
    latency: latencyText(timeNs),
  });
}

function serverText(layout: LogLayout, server: string): string {
  return layout.cuts ? clipMiddle(printable(server), layout.server - 2) : printable(server);
}

/** Green for done, yellow for the caller's mistake, red for the server's. */
export function statusStyle(style: Style, code: number): (text: string) => string {
  if (code >= 500) return style.red;
  return code >= 400 ? style.yellow : style.green;
}

type Texts = Readonly<Record<"server" | "time" | "status" | "identity" | "ip" | "api" | "latency", string>>;

function joined(layout: LogLayout, { latency, ...texts }: Texts): string {
  const order = ["server", "time", "status", "identity", "ip", "api"] as const;
  const cells = order
    .filter((name) => layout[name] > 0)
    // A text as wide as its column or wider still needs a blank behind it.
    .map((name) => padEnd(texts[name] + (widthOf(texts[name]) >= layout[name] ? " " : ""), layout[name]));
  return cells.join("") + latency;
}

/** A line of the error log, which has its own time; of several servers behind the server's name. */
export function errorRow(layout: LogLayout, _style: Style, event: ErrorEvent, server = ""): string {
  const text = printable(event.message);
  return layout.server === 0 ? text : `${padEnd(serverText(layout, server), layout.server)}${text}`;
}
