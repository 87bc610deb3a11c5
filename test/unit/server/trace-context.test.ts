import { expect } from "chai";
import { traceOf } from "../../../src/server/trace-context.js";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN = "00f067aa0ba902b7";
const found = { traceId: TRACE, spanId: SPAN };

/** Values of the header → what they name; after the W3C's own tests of Trace Context. */
const rows: readonly [title: string, values: readonly string[], expected: object | undefined][] = [
  ["today's form", [`00-${TRACE}-${SPAN}-01`], found],
  ["other flags", [`00-${TRACE}-${SPAN}-ff`], found],
  ["a later version", [`01-${TRACE}-${SPAN}-01`], found],
  ["a later version with more behind it", [`cc-${TRACE}-${SPAN}-01-what-the-future-will-be`], found],
  ["no header", [], undefined],
  ["two headers", [`00-${TRACE}-${SPAN}-01`, `00-${TRACE}-${SPAN}-01`], undefined],
  ["two values", [`00-${TRACE}-${SPAN}-01,00-${TRACE}-${SPAN}-01`], undefined],
  ["the version that is forbidden", [`ff-${TRACE}-${SPAN}-01`], undefined],
  ["more behind today's form", [`00-${TRACE}-${SPAN}-01-more`], undefined],
  ["a later version with more, and no dash", [`cc-${TRACE}-${SPAN}-01.more`], undefined],
  ["upper case", [`00-${TRACE.toUpperCase()}-${SPAN}-01`], undefined],
  ["a trace of zeros", [`00-${"0".repeat(32)}-${SPAN}-01`], undefined],
  ["a span of zeros", [`00-${TRACE}-${"0".repeat(16)}-01`], undefined],
  ["a short trace", [`00-${TRACE.slice(1)}-${SPAN}-01`], undefined],
  ["a long trace", [`00-${TRACE}0-${SPAN}-01`], undefined],
  ["no flags", [`00-${TRACE}-${SPAN}`], undefined],
  ["a line break", [`00-${TRACE}-${SPAN}-01\nlevel=ERROR`], undefined],
  ["quotes", [`00-${TRACE}-${SPAN}-0"`], undefined],
  ["too much", [`01-${TRACE}-${SPAN}-01-${"a".repeat(300)}`], undefined],
];

describe("traceparent", () => {
  for (const [title, values, expected] of rows) {
    it(`${expected === undefined ? "ignores" : "reads"} ${title}`, () => {
      expect(traceOf(values)).to.deep.equal(expected);
    });
  }
});
