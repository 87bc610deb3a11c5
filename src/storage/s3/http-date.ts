/** Dates in HTTP headers, whole seconds (RFC 9110 §5.6.7). */

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const IMF =
  /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), (\d\d) ([A-Z][a-z]{2}) (\d{4}) (\d\d):(\d\d):(\d\d) (?:GMT|UTC|[+-]0000)$/;
const RFC850 =
  /^(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, (\d\d)-([A-Z][a-z]{2})-(\d\d) (\d\d):(\d\d):(\d\d) GMT$/;
const ASCTIME = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) ([A-Z][a-z]{2}) ([ \d]\d) (\d\d):(\d\d):(\d\d) (\d{4})$/;

/** RFC 1123 form in GMT; the fraction of a second is cut off. */
export function formatHttpDate(timeMs: number): string {
  return new Date(timeMs).toUTCString();
}

/** Milliseconds since 1970 of any of HTTP's three forms; undefined for anything else. */
export function parseHttpDate(text: string): number | undefined {
  const imf = IMF.exec(text);
  if (imf !== null) {
    const [, day, month, year, ...time] = imf;
    return compose(Number(year), month, day, time);
  }
  const rfc850 = RFC850.exec(text);
  if (rfc850 !== null) {
    const [, day, month, short, ...time] = rfc850;
    // Two digits: the pivot of RFC 6265 §5.1.1, since the one of RFC 9110 moves with the clock.
    const year = Number(short) + (Number(short) < 70 ? 2000 : 1900);
    return compose(year, month, day, time);
  }
  const asctime = ASCTIME.exec(text);
  if (asctime === null) return undefined;
  const [, month, day, hour, minute, second, year] = asctime;
  return compose(Number(year), month, day, [hour, minute, second]);
}

function compose(
  year: number,
  monthName: string | undefined,
  dayText: string | undefined,
  time: readonly (string | undefined)[],
): number | undefined {
  const month = MONTHS.indexOf(monthName ?? "");
  const day = Number(dayText);
  const [hour = 0, minute = 0, second = 0] = time.map(Number);
  if (month < 0 || hour > 23 || minute > 59 || second > 59) return undefined;
  const date = new Date(Date.UTC(year, month, day, hour, minute, second));
  // Date.UTC turns the 31st of February into a day of March; years below 100 into others.
  if (date.getUTCFullYear() !== year || date.getUTCMonth() !== month) return undefined;
  return date.getUTCDate() === day ? date.getTime() : undefined;
}
