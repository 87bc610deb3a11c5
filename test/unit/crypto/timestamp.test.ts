import { expect } from "chai";
import fc from "fast-check";
import { decodeBase64 } from "../../../src/crypto/base64.js";
import {
  formatTimestamp,
  parseTimestamp,
  timestamp,
  timestampOfMs,
  UNSET,
} from "../../../src/crypto/timestamp.js";

describe("timestamps", () => {
  const table: readonly [string, string | undefined][] = [
    ["2009-11-10T23:00:00Z", "2009-11-10T23:00:00Z"],
    ["2009-11-10T23:00:00.120Z", "2009-11-10T23:00:00.12Z"],
    ["2009-11-10T23:00:00.000000001Z", "2009-11-10T23:00:00.000000001Z"],
    ["2009-11-10T23:00:00.1234567899Z", "2009-11-10T23:00:00.123456789Z"],
    ["2009-11-10T23:00:00+01:30", "2009-11-10T21:30:00Z"],
    ["2009-11-10T23:00:00-05:00", "2009-11-11T04:00:00Z"],
    ["0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"],
    ["9999-12-31T23:59:59.999999999Z", "9999-12-31T23:59:59.999999999Z"],
    ["2024-02-29T00:00:00Z", "2024-02-29T00:00:00Z"],
    ["2023-02-29T00:00:00Z", undefined],
    ["2023-04-31T00:00:00Z", undefined],
    ["2023-13-01T00:00:00Z", undefined],
    ["2023-01-01T24:00:00Z", undefined],
    ["2023-01-01T23:60:00Z", undefined],
    ["2023-01-01T23:59:60Z", undefined],
    ["2023-01-01 23:59:00Z", undefined],
    ["2023-01-01T23:59:00", undefined],
    ["2023-01-01T23:59:00z", undefined],
    ["2023-01-01T23:59:00.Z", undefined],
    ["2023-01-01T23:59:00,5Z", undefined],
    ["2023-01-01T23:59:00+24:00", undefined],
    ["2023-01-01T23:59:00+0100", undefined],
    ["yesterday", undefined],
    ["", undefined],
  ];
  for (const [text, expected] of table) {
    it(`${text || "(empty)"} → ${expected ?? "refused"}`, () => {
      const time = parseTimestamp(text);
      expect(time && formatTimestamp(time)).to.equal(expected);
    });
  }

  it("writes what it reads, to the nanosecond", () => {
    const seconds = fc.integer({ min: -62_135_596_800, max: 253_402_300_799 });
    fc.assert(
      fc.property(seconds, fc.integer({ min: 0, max: 999_999_999 }), (s, n) => {
        expect(parseTimestamp(formatTimestamp({ seconds: s, nanos: n }))).to.deep.equal({
          seconds: s,
          nanos: n,
        });
      }),
    );
  });

  it("normalises nanoseconds and takes impossible years for unset", () => {
    expect(timestamp(1, 1_500_000_000)).to.deep.equal({ seconds: 2, nanos: 500_000_000 });
    expect(timestamp(1, -1)).to.deep.equal({ seconds: 0, nanos: 999_999_999 });
    expect(timestamp(1e18, 0)).to.deep.equal(UNSET);
    expect(timestampOfMs(1500.25)).to.deep.equal({ seconds: 1, nanos: 500_250_000 });
  });
});

describe("base64", () => {
  it("reads what Node writes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        const decoded = decodeBase64(Buffer.from(bytes).toString("base64"));
        expect(decoded?.equals(bytes)).to.equal(true);
      }),
    );
  });

  const refused = [
    "A",
    "AA",
    "AAA",
    "AA=A",
    "====",
    "A===",
    "AAAA=",
    "AA==AA==",
    "AA-_",
    "AA A",
    "AAA\t",
    "AAAÄ",
    " AAAA",
  ];
  for (const text of refused)
    it(`refuses ${JSON.stringify(text)}`, () => expect(decodeBase64(text)).to.equal(undefined));

  it("skips line ends and nothing else", () => {
    expect(decodeBase64("\nAA\r\nAA\n")?.equals(Buffer.alloc(3))).to.equal(true);
    expect(decodeBase64("AA\vAA")).to.equal(undefined);
  });

  it("reads a large value without trouble", () => {
    const large = Buffer.alloc(1024 * 1024, 0x5a);
    expect(decodeBase64(large.toString("base64"))?.equals(large)).to.equal(true);
  });
});
