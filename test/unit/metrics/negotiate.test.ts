import { expect } from "chai";
import { prefersOpenMetrics } from "../../../src/metrics/full/negotiate.js";

const PROMETHEUS =
  "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75," +
  "text/plain;version=0.0.4;q=0.5,*/*;q=0.1";

const rows: readonly [title: string, accept: readonly string[], expected: boolean][] = [
  ["nothing", [], false],
  ["anything", ["*/*"], false],
  ["text", ["text/plain"], false],
  ["what Prometheus sends", [PROMETHEUS], true],
  ["text before OpenMetrics", ["application/openmetrics-text;q=0.5, text/plain"], false],
  ["both alike", ["text/plain", "application/openmetrics-text"], true],
  ["a refusal", ["application/openmetrics-text;q=0, */*"], false],
  ["a version that is unknown", ["application/openmetrics-text; version=2.0.0"], false],
  ["case", ["Application/OpenMetrics-Text; Version=1.0.0"], true],
  ["a weight that is none", ["application/openmetrics-text;q=high"], false],
  ["the name far behind", [`${"x,".repeat(2000)}application/openmetrics-text`], false],
];

describe("the form of metrics in full", () => {
  for (const [title, accept, expected] of rows) {
    it(`is ${expected ? "OpenMetrics" : "text"} for ${title}`, () => {
      expect(prefersOpenMetrics(accept)).to.equal(expected);
    });
  }
});
