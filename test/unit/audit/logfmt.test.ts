import { expect } from "chai";
import fc from "fast-check";
import { goDuration, logfmt } from "../../../src/audit/logfmt.js";

const TIME = Date.UTC(2025, 2, 12, 9, 35, 18, 123);
const value = (text: string): string => logfmt(TIME, "INFO", text, []).split(" msg=")[1] ?? "";

describe("logfmt", () => {
  it("is one line of key=value", () => {
    const line = logfmt(TIME, "ERROR", "it failed", [
      ["req.method", "PUT"],
      ["res.code", 500],
      ["req.identity", "<unknown>"],
      ["empty", ""],
    ]);
    expect(line.replace(/^time=\S+ /, "")).to.equal(
      'level=ERROR msg="it failed" req.method=PUT res.code=500 req.identity=<unknown> empty=""',
    );
  });

  it("writes the time with milliseconds and the zone, and it is the same moment", () => {
    for (const ms of [TIME, 0, 10, Date.UTC(2025, 6, 1)]) {
      const [, time = ""] = /^time=(\S+) /.exec(logfmt(ms, "INFO", "x", [])) ?? [];
      expect(time).to.match(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(Z|[+-]\d\d:\d\d)$/);
      expect(Date.parse(time)).to.equal(ms);
    }
  });

  // Right-hand sides: Go's strconv.Quote of the left-hand side where Go's slog quotes it.
  const values: readonly (readonly [value: string, text: string])[] = [
    ["plain", "plain"],
    ["/v1/key/create/my-key", "/v1/key/create/my-key"],
    ["a\\b", "a\\b"],
    ["it's", "it's"],
    ["ä☰😀", "ä☰😀"],
    ["", '""'],
    ["two words", '"two words"'],
    ["a=b", '"a=b"'],
    ['say "hi"', '"say \\"hi\\""'],
    ["a\\b c", '"a\\\\b c"'],
    ["\n\r\t\v\f\b\u0007", '"\\n\\r\\t\\v\\f\\b\\a"'],
    ["\u0000\u001b[31m", '"\\x00\\x1b[31m"'],
    ["\u007f", '"\\x7f"'],
    ["\u0085", '"\\u0085"'],
    ["\u00a0", '"\\u00a0"'],
    ["\u00ad", '"\\u00ad"'],
    ["\u200b\u2028\u2029\ufeff", '"\\u200b\\u2028\\u2029\\ufeff"'],
    ["\u202egnp", '"\\u202egnp"'],
    ["\u{e0041}", '"\\U000e0041"'],
    ["\ue000", '"\\ue000"'],
    ["😀 x", '"😀 x"'],
  ];
  for (const [given, text] of values) {
    it(`writes ${JSON.stringify(given)} as ${text}`, () => expect(value(given)).to.equal(text));
  }

  it("never breaks a line, and never lets one value look like two", () => {
    const any = fc.oneof(fc.string({ unit: "binary" }), fc.string());
    fc.assert(
      fc.property(any, any, (message, attribute) => {
        const line = logfmt(TIME, "INFO", message, [["k", attribute]]);
        expect(line).to.match(
          /^time=\S+ level=INFO msg=([^\s="]+|"([^"\\]|\\.)*") k=([^\s="]+|"([^"\\]|\\.)*")$/u,
        );
        // biome-ignore lint/suspicious/noControlCharactersInRegex: none of them may be there
        expect(line).not.to.match(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\ufeff]/);
      }),
    );
  });
});

describe("goDuration", () => {
  const durations: readonly (readonly [ns: number, text: string])[] = [
    [0, "0s"],
    [0.4, "0s"],
    [1, "1ns"],
    [999, "999ns"],
    [999.6, "1µs"],
    [1100, "1.1µs"],
    [12_500, "12.5µs"],
    [999_999, "999.999µs"],
    [1_000_000, "1ms"],
    [1_234_567, "1.234567ms"],
    [200_000_000, "200ms"],
    [2_000_000_000, "2s"],
    [2_000_000_001, "2.000000001s"],
    [59_999_999_999, "59.999999999s"],
    [60_000_000_000, "1m0s"],
    [90_500_000_000, "1m30.5s"],
    [3_600_000_000_000, "1h0m0s"],
    [3_661_001_000_000, "1h1m1.001s"],
    [90_000_000_000_000, "25h0m0s"],
  ];
  for (const [ns, text] of durations) it(`${ns} ns is ${text}`, () => expect(goDuration(ns)).to.equal(text));
});
