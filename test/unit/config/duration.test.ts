import { expect } from "chai";
import fc from "fast-check";
import { formatDuration, parseDuration, toMilliseconds } from "../../../src/config/duration.js";

const SECOND = 1_000_000_000n;

/** Text → nanoseconds, by the syntax of Go's `time.ParseDuration`. */
const valid: readonly (readonly [string, bigint])[] = [
  ["0", 0n],
  ["-0", 0n],
  ["+0", 0n],
  ["0s", 0n],
  ["5m0s", 300n * SECOND],
  ["1h30m", 5400n * SECOND],
  ["1.5h", 5400n * SECOND],
  [".5s", SECOND / 2n],
  ["1.s", SECOND],
  ["-1s", -SECOND],
  ["+1s", SECOND],
  ["15ns", 15n],
  ["2us", 2000n],
  ["2\u00b5s", 2000n],
  ["2\u03bcs", 2000n],
  ["100ms", 100_000_000n],
  ["1m1s1ms", 61_001_000_000n],
  ["1s1h", 3601n * SECOND],
  ["0.3333333333333333333h", 1_199_999_999_999n],
  ["0.5ns", 0n],
  ["9223372036854775807ns", 2n ** 63n - 1n],
  ["-9223372036854775808ns", -(2n ** 63n)],
];

const invalid = [
  "",
  "-",
  "+",
  "5",
  "1d",
  "5S",
  "1m 2s",
  " 1s",
  "1s ",
  "1e3s",
  ".s",
  "s",
  ".",
  "--1s",
  "1,5s",
  "1s5",
  "9223372036854775808ns",
  "3000000h",
  "1constructor",
  "5m\n",
  `${"1".repeat(200)}s`,
];

/** Nanoseconds → text, as Go prints it. */
const printed: readonly (readonly [bigint, string])[] = [
  [0n, "0s"],
  [1n, "1ns"],
  [1100n, "1.1\u00b5s"],
  [2_200_000n, "2.2ms"],
  [3_300_000_000n, "3.3s"],
  [-SECOND, "-1s"],
  [60n * SECOND, "1m0s"],
  [245n * SECOND, "4m5s"],
  [245_001_000_000n, "4m5.001s"],
  [18_367_001_000_000n, "5h6m7.001s"],
  [480_000_000_001n, "8m0.000000001s"],
  [2n ** 63n - 1n, "2562047h47m16.854775807s"],
];

describe("duration", () => {
  for (const [text, nanoseconds] of valid) {
    it(`reads ${text}`, () => expect(parseDuration(text)).to.equal(nanoseconds));
  }
  for (const text of invalid) {
    it(`refuses ${JSON.stringify(text).slice(0, 40)}`, () => expect(parseDuration(text)).to.equal(undefined));
  }
  for (const [nanoseconds, text] of printed) {
    it(`prints ${text}`, () => expect(formatDuration(nanoseconds)).to.equal(text));
  }

  it("reads what it prints", () => {
    const any = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
    fc.assert(fc.property(any, (value) => parseDuration(formatDuration(value)) === value));
  });

  it("counts milliseconds with their fraction", () => expect(toMilliseconds(1_500_000n)).to.equal(1.5));
});
