/** Which lines of an audit file are shown. */
import type { AuditEvent } from "../../client/types.js";
import { UsageError } from "../../errors.js";
import { eventFilter, type FilterOptions } from "../log/filter.js";

export interface ShowOptions extends FilterOptions {
  readonly since: string | undefined;
  readonly until: string | undefined;
  /** Names of keys; a `*` at the end stands for any rest. */
  readonly key: readonly string[];
  /** Checkpoints, headers and ordinary notices too. */
  readonly all: boolean;
}

/** A line as it was parsed. */
export type Line = Readonly<Record<string, unknown>>;

/** Told whatever else is asked for: what they say may be why a record is missing. */
const LOUD = new Set(["torn", "lost", "damaged", "deleted", "moved", "clock", "skipped"]);

/** @throws UsageError for what cannot be read */
export function lineFilter(options: ShowOptions, nowMs: number): (line: Line) => boolean {
  const since = timeOf("since", options.since, nowMs) ?? Number.NEGATIVE_INFINITY;
  const until = timeOf("until", options.until, nowMs) ?? Number.POSITIVE_INFINITY;
  const passes = eventFilter(options);
  const keys = options.key.map(keyTest);
  const isNarrow =
    options.key.length + options.path.length + options.status.length + options.identity.length > 0;
  return (line) => {
    const timeMs = Date.parse(String(line.time));
    if (!(timeMs >= since && timeMs <= until)) return false;
    const event = eventOf(line);
    if (event === undefined) return options.all || (!isNarrow && LOUD.has(String(line.event)));
    if (keys.length > 0 && !keys.some((test) => test(keyOf(event.request.path)))) return false;
    // An intent has no status yet.
    if (line.type === "intent") return options.all && options.status.length === 0 && passes(event);
    return passes(event);
  };
}

/** The request that a line is about. */
export function eventOf({ type, time, request, response }: Line): AuditEvent | undefined {
  if ((type !== "request" && type !== "intent") || !isRecord(request)) return undefined;
  const { ip, path, identity, id, method } = request;
  const { code = 0, time: timeNs = 0 } = isRecord(response) ? response : {};
  const optional = { ip, identity, id, method };
  return {
    time: String(time),
    request: {
      path: String(path),
      ...Object.fromEntries(Object.entries(optional).filter(([, value]) => typeof value === "string")),
    },
    response: { code: Number(code), timeNs: Number(timeNs) },
  };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The key that a path is about; empty for none. */
function keyOf(path: string): string {
  return /^\/v1\/key\/(?:bulk\/)?[a-z]+\/([^/]*)$/.exec(path)?.[1] ?? "";
}

function keyTest(pattern: string): (name: string) => boolean {
  if (!pattern.endsWith("*")) return (name) => name === pattern;
  const prefix = pattern.slice(0, -1);
  return (name) => name !== "" && name.startsWith(prefix);
}

const UNITS: Readonly<Record<string, number>> = { s: 1e3, m: 60e3, h: 3600e3, d: 86400e3, w: 7 * 86400e3 };

/** A date, a time, or how long ago: `90m`, `2d`. */
function timeOf(flag: string, text: string | undefined, nowMs: number): number | undefined {
  if (text === undefined) return undefined;
  const [, count, unit = ""] = /^(\d{1,6})([smhdw])$/.exec(text) ?? [];
  if (count !== undefined) return nowMs - Number(count) * (UNITS[unit] ?? 0);
  // A date alone is local midnight, as whoever types it means it; Date.parse takes it for UTC.
  const isDate = /^\d{4}-\d{2}-\d{2}$/.test(text);
  const timeMs = /^\d{4}-\d{2}-\d{2}/.test(text)
    ? Date.parse(isDate ? `${text}T00:00` : text.replace(" ", "T"))
    : Number.NaN;
  if (!Number.isNaN(timeMs)) return timeMs;
  throw new UsageError(
    `invalid argument "${text}" for "--${flag}" flag: write 2026-01-31, 2026-01-31T08:30, an RFC 3339 time, or 90m, 24h, 2d for so long ago`,
  );
}
