import { expect } from "chai";
import { countersOf, type MetricFigures, mergeFigures } from "../../../src/metrics/figures.js";

const one: MetricFigures = {
  codes: [
    [200, 5],
    [403, 1],
  ],
  buckets: [1, 2, 3],
  seconds: 1.5,
  active: 2,
  errorEvents: 3,
  auditEvents: 4,
  cache: { entries: 7, hits: 10, misses: 2 },
  firstExpiryMs: 5_000,
  heapUsedBytes: 100,
  stackBytes: 10,
  tasks: 4,
};
const other: MetricFigures = {
  ...one,
  codes: [
    [200, 1],
    [502, 9],
  ],
  cache: { entries: 9, hits: 1, misses: 1 },
  firstExpiryMs: 4_000,
};

describe("figures of several processes", () => {
  it("add up, but for the keys that each of them holds", () => {
    expect(mergeFigures([one, other])).to.deep.equal({
      codes: [
        [200, 6],
        [403, 1],
        [502, 9],
      ],
      buckets: [2, 4, 6],
      seconds: 3,
      active: 4,
      errorEvents: 6,
      auditEvents: 8,
      cache: { entries: 9, hits: 11, misses: 3 },
      firstExpiryMs: 4_000,
      heapUsedBytes: 200,
      stackBytes: 20,
      tasks: 8,
    });
  });

  it("are those of one where there is one", () => {
    expect(mergeFigures([one])).to.deep.equal(one);
  });

  it("keep the counters of a process that has ended, and none of its gauges", () => {
    const merged = mergeFigures([countersOf(one), other]);
    expect(merged.codes).to.deep.equal(mergeFigures([one, other]).codes);
    expect(merged.buckets).to.deep.equal([2, 4, 6]);
    expect(merged.cache).to.deep.equal({ entries: 9, hits: 11, misses: 3 });
    expect([merged.active, merged.heapUsedBytes, merged.tasks]).to.deep.equal([2, 100, 4]);
    expect(merged.firstExpiryMs).to.equal(4_000);
  });
});
