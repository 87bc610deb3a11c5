/** Lines of an audit file for people. */

import { statusStyle } from "../log/rows.js";
import { localDate } from "../policy/local-date.js";
import type { Style } from "../style.js";
import { clip, clipMiddle, padEnd, printable, printablePath } from "../terminal/text.js";
import { latencyText } from "../terminal/units.js";
import { eventOf, type Line } from "./filter.js";

const TIME = 21;
const STATUS = 6;
const IDENTITY = 14;
const LATENCY = 8;
const LEAST_PATH = 20;

/** @param columns - of the terminal; undefined for a pipe, where nothing is cut */
export function headerRow(columns: number | undefined): string {
  return row("Time", "Code", "Identity", "Request", "Latency", columns);
}

/** One line, times by the local clock. */
export function lineRow(line: Line, style: Style, columns: number | undefined): string {
  const time = localDate(String(line.time));
  const event = eventOf(line);
  if (event === undefined) return padEnd(time, TIME) + style.yellow(clipTo(toldText(line), columns, TIME));
  const { code, timeNs } = event.response;
  const { identity = "", method = "", path } = event.request;
  const request = `${printable(method)} ${printablePath(path)}`.trim();
  const status = line.type === "intent" ? "to do" : statusStyle(style, code)(String(code));
  const latency = line.type === "intent" ? "" : latencyText(timeNs);
  return row(time, status, identity === "" ? "<unknown>" : printable(identity), request, latency, columns);
}

function row(
  time: string,
  status: string,
  identity: string,
  request: string,
  latency: string,
  columns: number | undefined,
): string {
  const start = padEnd(time, TIME) + padEnd(status, STATUS);
  if (columns === undefined) return `${start}${padEnd(identity, 66)}${request}  ${latency}`.trimEnd();
  const room = Math.max(LEAST_PATH, columns - TIME - STATUS - IDENTITY - LATENCY);
  const shown = padEnd(clipMiddle(request, room - 2), room);
  return `${start}${padEnd(clip(identity, IDENTITY - 2), IDENTITY)}${shown}${latency}`.trimEnd();
}

/** What is no request: `notice lost: records 3`. */
function toldText({
  seq: _seq,
  hash: _hash,
  time: _time,
  type,
  event,
  signature: _signature,
  ...details
}: Line): string {
  const told = Object.entries(details).map(([name, value]) => {
    return `${name} ${typeof value === "object" ? JSON.stringify(value) : String(value)}`;
  });
  return printable(
    [[type, event].filter((one) => one !== undefined).join(" "), told.join(", ")]
      .filter((one) => one !== "")
      .join(": "),
  );
}

function clipTo(text: string, columns: number | undefined, used: number): string {
  return columns === undefined ? text : clip(text, Math.max(LEAST_PATH, columns - used));
}
