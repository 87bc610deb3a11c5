/** Times of log lines. All lines of a second share what is in front of the milliseconds. */
import { localTime } from "./logfmt.js";

/** `000` to `999`. */
const THREE_DIGITS: readonly string[] = Array.from({ length: 1000 }, (_, n) => String(n).padStart(3, "0"));

/** One form of a time, remembered for the second and the millisecond that it was last asked for. */
class SecondText {
  readonly #format: (ms: number) => string;
  #second = Number.NaN;
  #before = "";
  #behind = "";
  #ms = Number.NaN;
  #text = "";

  /** @param format - has three digits of milliseconds behind the only dot */
  constructor(format: (ms: number) => string) {
    this.#format = format;
  }

  of(ms: number): string {
    if (ms === this.#ms) return this.#text;
    const second = Math.floor(ms / 1000);
    if (second !== this.#second) {
      const text = this.#format(second * 1000);
      const dot = text.indexOf(".") + 1;
      this.#before = text.slice(0, dot);
      this.#behind = text.slice(dot + 3);
      this.#second = second;
    }
    this.#ms = ms;
    this.#text = this.#before + (THREE_DIGITS[Math.floor(ms - second * 1000)] ?? "000") + this.#behind;
    return this.#text;
  }
}

/** Times since the epoch in milliseconds, as RFC 3339 with three digits of a second. */
export class LineTimes {
  readonly #utc = new SecondText((ms) => new Date(ms).toISOString());
  readonly #local = new SecondText(localTime);

  /** In UTC: `2025-03-12T09:35:18.123Z`. */
  utc(ms: number): string {
    return this.#utc.of(ms);
  }

  /** In the zone of this machine: `2025-03-12T10:35:18.123+01:00`. */
  local(ms: number): string {
    return this.#local.of(ms);
  }
}
