/** Points in time with nanoseconds, since stored keys carry them and `Date` would round them away. */

/** Seconds since 1970 in UTC and nanoseconds (0 to 999,999,999) after that second. */
export interface Timestamp {
  readonly seconds: number;
  readonly nanos: number;
}

/** 0001-01-01T00:00:00Z: what stands for "not recorded" (KES reference §0). */
export const UNSET: Timestamp = { seconds: -62_135_596_800, nanos: 0 };

/** 9999-12-31T23:59:59Z, the last second that RFC 3339 can write. */
const LAST_SECOND = 253_402_300_799;

const RFC3339 = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:Z|([+-])(\d\d):(\d\d))$/;

/** The timestamp of milliseconds since 1970; fractions of a millisecond are kept. */
export function timestampOfMs(ms: number): Timestamp {
  const seconds = Math.floor(ms / 1000);
  const nanos = Math.min(999_999_999, Math.round((ms - seconds * 1000) * 1e6));
  return timestamp(seconds, nanos);
}

/** A timestamp, or {@link UNSET} for one outside the years 1 to 9999, which RFC 3339 cannot write. */
export function timestamp(seconds: number, nanos: number): Timestamp {
  const whole = seconds + Math.floor(nanos / 1e9);
  if (!(whole >= UNSET.seconds && whole <= LAST_SECOND)) return UNSET;
  return { seconds: whole, nanos: ((nanos % 1e9) + 1e9) % 1e9 };
}

/** RFC 3339 in UTC with up to nine fractional digits, trailing zeros removed. */
export function formatTimestamp(time: Timestamp): string {
  const second = new Date(time.seconds * 1000).toISOString().slice(0, 19);
  if (time.nanos === 0) return `${second}Z`;
  return `${second}.${String(time.nanos).padStart(9, "0").replace(/0+$/, "")}Z`;
}

/** Reads RFC 3339 with any zone; digits past the ninth are dropped. Undefined when `text` is not that. */
export function parseTimestamp(text: string): Timestamp | undefined {
  const match = RFC3339.exec(text);
  if (match === null) return undefined;
  const [, year, month, day, hour, minute, second, fraction = "", sign, zoneHour = "0", zoneMinute = "0"] =
    match;
  const utc = `${year}-${month}-${day}T${hour}:${minute}:${second}.000Z`;
  const ms = Date.parse(utc);
  // Date.parse carries 30 February over into March and takes 24:00:00; what it changed was no date.
  if (Number.isNaN(ms) || new Date(ms).toISOString() !== utc) return undefined;
  if (Number(zoneHour) > 23 || Number(zoneMinute) > 59) return undefined;
  const offset = (Number(zoneHour) * 60 + Number(zoneMinute)) * 60;
  const nanos = Number(fraction.slice(0, 9).padEnd(9, "0"));
  return timestamp(ms / 1000 - (sign === "-" ? -offset : offset), nanos);
}
