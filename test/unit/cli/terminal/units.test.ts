import { expect } from "chai";
import {
  bytesText,
  clockText,
  countText,
  latencyText,
  rateText,
  shareText,
  shortUptimeText,
  uptimeText,
} from "../../../../src/cli/terminal/units.js";

type Rows<T> = readonly (readonly [value: T, text: string])[];

function table<T>(name: string, text: (value: T) => string, rows: Rows<T>): void {
  for (const [value, expected] of rows) {
    it(`${name}: ${value} is ${expected}`, () => expect(text(value)).to.equal(expected));
  }
}

const DAY = 86_400;

describe("cli/terminal/units", () => {
  table("bytes", bytesText, [
    ...([
      [0, "0B"],
      [999, "999B"],
      [1000, "1.0KB"],
      [3_100_000, "3.1MB"],
    ] as const),
    ...([
      [999_949, "999.9KB"],
      [999_951, "1.0MB"],
      [2.5e16, "25.0PB"],
    ] as const),
  ]);
  table("latency", latencyText, [
    ...([
      [0, "0ns"],
      [999, "999ns"],
      [999.7, "1.00µs"],
      [345_000, "345µs"],
    ] as const),
    ...([
      [12_345_678, "12.3ms"],
      [999_600_000, "1.00s"],
      [59.99e9, "60.0s"],
      [60e9, "1m0s"],
    ] as const),
    ...([
      [125e9, "2m5s"],
      [7_500e9, "2h5m"],
      [-5, "0ns"],
    ] as const),
  ]);
  table("rate", rateText, [
    ...([
      [0, "0"],
      [0.3, "0.30"],
      [9.996, "10.0"],
      [12.34, "12.3"],
      [1234, "1234"],
    ] as const),
    ...([
      [12_345, "12.3k"],
      [123_456, "123k"],
    ] as const),
  ]);
  table("count", countText, [
    ...([
      [0, "0"],
      [999, "999"],
      [1000, "1,000"],
      [1_234_567, "1,234,567"],
    ] as const),
  ]);
  table("uptime", uptimeText, [
    ...([
      [0, "0 seconds"],
      [1, "1 second"],
      [61, "1 minute 1 second"],
      [3600, "1 hour"],
    ] as const),
    ...([
      [DAY + 7200 + 59, "1 day 2 hours"],
      [400 * DAY, "400 days"],
    ] as const),
  ]);
  table("short uptime", shortUptimeText, [
    ...([
      [0, "0s"],
      [59.6, "1m"],
      [3 * DAY + 4 * 3600, "3d 4h"],
    ] as const),
  ]);

  it("says 100% and 0% only when it is all and nothing", () => {
    expect(shareText(1, 1)).to.equal("100%");
    expect(shareText(999_999, 1_000_000)).to.equal("99.9%");
    expect(shareText(1, 1_000_000)).to.equal("0.1%");
    expect(shareText(0, 5)).to.equal("0%");
    expect(shareText(0, 0)).to.equal("-");
  });

  it("shows the local clock", () => {
    expect(clockText(new Date(2026, 0, 2, 3, 4, 5).getTime())).to.equal("03:04:05");
  });
});
