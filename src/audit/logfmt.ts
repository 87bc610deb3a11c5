/** `key=value` lines in the form that KES's console log has (KES reference §11.2). */

/** Attributes in the order they are written. */
export type Attributes = readonly (readonly [key: string, value: string | number])[];

/** One line without its newline: `time=… level=… msg=…` and the attributes. */
export function logfmt(timeMs: number, level: string, message: string, attributes: Attributes): string {
  let line = `time=${localTime(timeMs)} level=${level} msg=${quoted(message)}`;
  for (const [key, value] of attributes) line += ` ${key}=${quoted(String(value))}`;
  return line;
}

// What Go's strconv.Quote leaves bare: printable characters but the quote and the backslash.
const NEEDS_QUOTES = /^$|[\s="\\]|[^\x21-\x7e\u00a1-\uffff]/u;

function quoted(value: string): string {
  if (!NEEDS_QUOTES.test(value)) return value;
  let out = '"';
  for (const c of value) {
    const code = c.codePointAt(0) ?? 0;
    if (c === '"' || c === "\\") out += `\\${c}`;
    else if (c === "\n") out += "\\n";
    else if (c === "\r") out += "\\r";
    else if (c === "\t") out += "\\t";
    else if (code < 0x20 || code === 0x7f) out += `\\x${code.toString(16).padStart(2, "0")}`;
    else if ((code >= 0x80 && code < 0xa0) || code === 0x2028 || code === 0x2029) {
      out += `\\u${code.toString(16).padStart(4, "0")}`;
    } else out += c;
  }
  return `${out}"`;
}

/** RFC 3339 with milliseconds and the local zone, as KES prints it. */
function localTime(ms: number): string {
  const offset = -new Date(ms).getTimezoneOffset();
  const text = new Date(ms + offset * 60_000).toISOString().slice(0, -1);
  if (offset === 0) return `${text}Z`;
  const two = (n: number): string => String(n).padStart(2, "0");
  const size = Math.abs(offset);
  return `${text}${offset < 0 ? "-" : "+"}${two(Math.floor(size / 60))}:${two(size % 60)}`;
}

/** A duration as Go prints it, from nanoseconds: `12.5µs`, `1.234567ms`, `2s`. */
export function goDuration(ns: number): string {
  if (ns < 1000) return `${Math.round(ns)}ns`;
  if (ns < 1e6) return `${trimmed(ns / 1e3, 3)}µs`;
  if (ns < 1e9) return `${trimmed(ns / 1e6, 6)}ms`;
  const seconds = ns / 1e9;
  if (seconds < 60) return `${trimmed(seconds, 9)}s`;
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor((seconds % 3600) / 60);
  return `${hours > 0 ? `${hours}h` : ""}${minutes}m${trimmed(seconds % 60, 9)}s`;
}

function trimmed(value: number, digits: number): string {
  return String(Number(value.toFixed(digits)));
}
