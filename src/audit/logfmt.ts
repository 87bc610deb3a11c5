/** `key=value` lines in the form that KES's console log has (KES reference §11.2). */

/** Attributes in the order they are written. */
export type Attributes = readonly (readonly [key: string, value: string | number])[];

/** One line without its newline: `time=… level=… msg=…` and the attributes. */
export function logfmt(timeMs: number, level: string, message: string, attributes: Attributes): string {
  let line = `time=${localTime(timeMs)} level=${level} msg=${quoted(message)}`;
  for (const [key, value] of attributes) line += ` ${key}=${quoted(String(value))}`;
  return line;
}

// Bare is what Go's slog leaves bare: printable characters but blank, `=` and the quote. A backslash alone needs no
// quotes there; DEL does here, because a terminal reads these lines.
const NEEDS_QUOTES = /^$|[\s="]|[^\p{L}\p{M}\p{N}\p{P}\p{S}]/u;
/** What Go's strconv.Quote calls printable: unicode.IsPrint. */
const PRINTABLE = /[\p{L}\p{M}\p{N}\p{P}\p{S} ]/u;

const SHORT_ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  "\\": "\\\\",
  "\x07": "\\a",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\v": "\\v",
};

// What nearly every value is: printable ASCII with nothing that needs quotes, or with nothing to escape inside of them.
const BARE = /^[!#-<>-~]+$/;
const QUOTABLE = /^[ !#-[\]-~]*$/;

/** A value as it stands in a line. */
export function quoted(value: string): string {
  if (BARE.test(value)) return value;
  if (QUOTABLE.test(value)) return `"${value}"`;
  if (!NEEDS_QUOTES.test(value)) return value;
  let out = '"';
  for (const c of value) out += SHORT_ESCAPES[c] ?? (PRINTABLE.test(c) ? c : escaped(c.codePointAt(0) ?? 0));
  return `${out}"`;
}

function escaped(code: number): string {
  if (code < 0x80) return `\\x${hex(code, 2)}`;
  return code < 0x10000 ? `\\u${hex(code, 4)}` : `\\U${hex(code, 8)}`;
}

function hex(code: number, digits: number): string {
  return code.toString(16).padStart(digits, "0");
}

/** RFC 3339 with milliseconds and the local zone, as KES prints it. */
export function localTime(ms: number): string {
  const offset = -new Date(ms).getTimezoneOffset();
  const text = new Date(ms + offset * 60_000).toISOString().slice(0, -1);
  if (offset === 0) return `${text}Z`;
  const two = (n: number): string => String(n).padStart(2, "0");
  const size = Math.abs(offset);
  return `${text}${offset < 0 ? "-" : "+"}${two(Math.floor(size / 60))}:${two(size % 60)}`;
}

/**
 * A duration as Go prints it, from nanoseconds: `12.5µs`, `1.234567ms`, `2s`, `1h0m0.5s`.
 * @param microseconds - how that unit is written
 */
export function goDuration(ns: number, microseconds = "µs"): string {
  const whole = Math.round(ns);
  if (whole === 0) return "0s";
  if (whole < 1e3) return `${whole}ns`;
  if (whole < 1e6) return Math.floor(whole / 1e3) + (THOUSANDTHS[whole % 1e3] ?? "") + microseconds;
  if (whole < 1e9) return `${decimal(whole, 6)}ms`;
  const minutes = Math.floor(whole / 60e9);
  const seconds = `${decimal(whole % 60e9, 9)}s`;
  if (minutes === 0) return seconds;
  return minutes < 60 ? `${minutes}m${seconds}` : `${Math.floor(minutes / 60)}h${minutes % 60}m${seconds}`;
}

/** What stands behind a whole number for so many thousandths: nothing, `.1`, `.12`, `.123`. */
const THOUSANDTHS: readonly string[] = Array.from({ length: 1000 }, (_, n) => decimal(n, 3).slice(1));

/** `value` / 10^`digits` without rounding, trailing zeros left out. */
function decimal(value: number, digits: number): string {
  const unit = 10 ** digits;
  let fraction = value % unit;
  const whole = String((value - fraction) / unit);
  if (fraction === 0) return whole;
  let width = digits;
  for (; fraction % 10 === 0; width--) fraction /= 10;
  return `${whole}.${String(fraction).padStart(width, "0")}`;
}
