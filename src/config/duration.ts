/** Durations in Go's syntax (KES configuration reference §2): `5m0s`, `1h30m`, `1.5h`, `.5s`, `0`. */

const NANOSECONDS: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1_000n,
  "\u00b5s": 1_000n, // micro sign
  "\u03bcs": 1_000n, // Greek letter mu
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
};

/** Largest magnitude: a signed 64-bit count of nanoseconds, about 292 years. */
const MAX_NANOSECONDS = 2n ** 63n;
/** Longer text is no duration; it bounds the work on digits. */
const MAX_TEXT = 128;

const PART = /(\d*)(?:\.(\d*))?([a-z\u00b5\u03bc]+)/y;

/**
 * `text` in nanoseconds, or undefined when it is not a duration or exceeds 64 bits.
 * Fractions below one nanosecond are cut off.
 */
export function parseDuration(text: string): bigint | undefined {
  if (text.length > MAX_TEXT) return undefined;
  const negative = text.startsWith("-");
  const body = negative || text.startsWith("+") ? text.slice(1) : text;
  if (body === "0") return 0n;
  if (body === "") return undefined;

  let total = 0n;
  PART.lastIndex = 0;
  for (let end = 0; end < body.length; end = PART.lastIndex) {
    const [, whole = "", fraction = "", unit = ""] = PART.exec(body) ?? [];
    const scale = Object.hasOwn(NANOSECONDS, unit) ? NANOSECONDS[unit] : undefined;
    if (scale === undefined || (whole === "" && fraction === "")) return undefined;
    total += BigInt(whole || "0") * scale;
    total += (BigInt(fraction || "0") * scale) / 10n ** BigInt(fraction.length);
  }
  // Two's complement: the most negative value has no positive counterpart.
  if (total > MAX_NANOSECONDS || (total === MAX_NANOSECONDS && !negative)) return undefined;
  return negative ? -total : total;
}

/** `nanoseconds` as Go prints it: `5m0s`, `1.5s`, `100ms`, `1µs`, `0s`. */
export function formatDuration(nanoseconds: bigint): string {
  const sign = nanoseconds < 0n ? "-" : "";
  const size = nanoseconds < 0n ? -nanoseconds : nanoseconds;
  if (size === 0n) return "0s";
  if (size < 1_000n) return `${sign}${size}ns`;
  if (size < 1_000_000n) return `${sign}${decimal(size, 3)}\u00b5s`;
  if (size < 1_000_000_000n) return `${sign}${decimal(size, 6)}ms`;

  const minutes = size / 60_000_000_000n;
  const seconds = `${decimal(size % 60_000_000_000n, 9)}s`;
  if (minutes === 0n) return sign + seconds;
  if (minutes < 60n) return `${sign}${minutes}m${seconds}`;
  return `${sign}${minutes / 60n}h${minutes % 60n}m${seconds}`;
}

/** `nanoseconds` in milliseconds; fractions stay. */
export function toMilliseconds(nanoseconds: bigint): number {
  return Number(nanoseconds) / 1e6;
}

/** `value` divided by 10^`places`, without trailing zeros. */
function decimal(value: bigint, places: number): string {
  const scale = 10n ** BigInt(places);
  const fraction = (value % scale).toString().padStart(places, "0").replace(/0+$/, "");
  return fraction === "" ? `${value / scale}` : `${value / scale}.${fraction}`;
}
