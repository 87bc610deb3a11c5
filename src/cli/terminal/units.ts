/** Figures for people: short, with their unit, of a width that does not jump about. */

const BYTE_UNITS = ["B", "KB", "MB", "GB", "TB", "PB"] as const;

/** Decimal units with one digit, as KES prints them: `3.1MB`, `512B`. */
export function bytesText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  // 999.95 would round to 1000.0.
  while (value >= (unit === 0 ? 1000 : 999.95) && unit < BYTE_UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? Math.round(value) : value.toFixed(1)}${BYTE_UNITS[unit]}`;
}

/** Nanoseconds with three digits and a unit, in Go's syntax: `345µs`, `12.3ms`, `1.23s`, `2m5s`. */
export function latencyText(ns: number): string {
  const size = Math.max(0, ns);
  if (size < 999.5) return `${Math.round(size)}ns`;
  if (size < 999.5e3) return `${threeDigits(size / 1e3)}µs`;
  if (size < 999.5e6) return `${threeDigits(size / 1e6)}ms`;
  if (size < 59.995e9) return `${threeDigits(size / 1e9)}s`;
  const seconds = Math.round(size / 1e9);
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m${seconds % 60}s`;
  return `${Math.floor(seconds / 3600)}h${Math.floor((seconds % 3600) / 60)}m`;
}

function threeDigits(value: number): string {
  if (value < 9.995) return value.toFixed(2);
  return value < 99.95 ? value.toFixed(1) : value.toFixed(0);
}

/** Events per second: `0`, `0.30`, `12.3`, `1234`, `12.3k`. */
export function rateText(perSecond: number): string {
  if (perSecond === 0) return "0";
  if (perSecond < 99.95) return threeDigits(perSecond);
  return perSecond < 9999.5 ? perSecond.toFixed(0) : `${threeDigits(perSecond / 1000)}k`;
}

/** A count with commas: `12,345`. */
export function countText(count: number): string {
  return Math.round(count)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, ",");
}

/** A share between 0 and 1: `99.9%`; all and nothing only when it is all and nothing. `-` when there is no whole. */
export function shareText(part: number, whole: number): string {
  if (whole <= 0) return "-";
  const percent = (part / whole) * 100;
  if (part >= whole) return "100%";
  if (part <= 0) return "0%";
  return `${Math.min(99.9, Math.max(0.1, percent)).toFixed(1)}%`;
}

/** The two largest units in words: `3 days 4 hours`, `12 seconds`. */
export function uptimeText(seconds: number): string {
  const parts = units(seconds).map(([count, unit]) => `${count} ${unit}${count === 1 ? "" : "s"}`);
  return parts.join(" ");
}

/** As {@link uptimeText}, in little room: `3d 4h`, `12s`. */
export function shortUptimeText(seconds: number): string {
  return units(seconds)
    .map(([count, unit]) => `${count}${unit.charAt(0)}`)
    .join(" ");
}

function units(seconds: number): [count: number, unit: string][] {
  const whole = Math.max(0, Math.round(seconds));
  const all: [number, string][] = [
    [Math.floor(whole / 86_400), "day"],
    [Math.floor(whole / 3600) % 24, "hour"],
    [Math.floor(whole / 60) % 60, "minute"],
    [whole % 60, "second"],
  ];
  const first = all.findIndex(([count]) => count > 0);
  if (first < 0) return [[0, "second"]];
  return all.slice(first, first + 2).filter(([count], i) => i === 0 || count > 0);
}

/** `hh:mm:ss` of the local clock. */
export function clockText(timeMs: number): string {
  const date = new Date(timeMs);
  return [date.getHours(), date.getMinutes(), date.getSeconds()]
    .map((part) => String(part).padStart(2, "0"))
    .join(":");
}
