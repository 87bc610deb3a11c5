import { expect } from "chai";
import fc from "fast-check";
import {
  bucketBoundNs,
  LATENCY_BUCKETS,
  latencyBucket,
  percentile,
} from "../../../../src/cli/top/latencies.js";
import { NO_ROUTE, routeFinder } from "../../../../src/cli/top/routes.js";
import { OTHERS, RateWindow } from "../../../../src/cli/top/window.js";

const START = 1_000_000_000_000;
const ok = { status: 200, timeNs: 1_000_000 };

describe("cli/top/latencies", () => {
  it("puts each time into the bucket below whose bound it lies, a tenth wide", () => {
    fc.assert(
      fc.property(fc.double({ min: 1, max: 1e12, noNaN: true }), (ns) => {
        const bucket = latencyBucket(ns);
        expect(bucketBoundNs(bucket) * (1 + 1e-9)).to.be.at.least(ns);
        if (bucket > 0) expect(bucketBoundNs(bucket - 1) * (1 - 1e-9)).to.be.below(ns);
      }),
    );
    expect(bucketBoundNs(1) / bucketBoundNs(0)).to.be.below(1.1);
  });

  it("has a bucket for everything", () => {
    for (const ns of [0, -1, Number.NaN]) expect(latencyBucket(ns)).to.equal(0);
    for (const ns of [1e15, Number.POSITIVE_INFINITY])
      expect(latencyBucket(ns)).to.equal(LATENCY_BUCKETS - 1);
  });

  it("finds percentiles", () => {
    const identity = (bucket: number): number => bucket;
    expect(percentile([], 0.5, identity)).to.equal(undefined);
    expect(percentile([0, 0], 0.5, identity)).to.equal(undefined);
    expect(percentile([1, 1, 1, 1], 0.5, identity)).to.equal(1);
    expect(percentile([99, 0, 1], 0.99, identity)).to.equal(0);
    expect(percentile([98, 0, 2], 0.99, identity)).to.equal(2);
    expect(percentile([0, 5], 1, identity)).to.equal(1);
    expect(percentile([0, 5], 0, identity)).to.equal(1);
  });
});

describe("cli/top/window", () => {
  it("gives rates of the last seconds alone", () => {
    const window = new RateWindow(10, START);
    for (let ms = 0; ms < 60_000; ms += 50) window.add("a", ok, START + ms);
    expect(window.total(START + 59_999).requests).to.be.closeTo(20, 0.1);
    expect(window.total(START + 64_500).requests).to.be.closeTo((20 * 5) / 9.5, 0.1);
    expect(window.rows(START + 70_000)).to.deep.equal([]);
    expect(window.total(START + 70_000)).to.include({ requests: 0, p50: undefined, max: undefined });
  });

  it("does not overstate what it saw in its first moments", () => {
    const window = new RateWindow(10, START);
    for (let i = 0; i < 5; i++) window.add("a", ok, START + 100);
    expect(window.total(START + 200).requests).to.equal(5);
    expect(window.total(START + 4_000).requests).to.equal(1.25);
  });

  it("tells mistakes of callers from those of the server", () => {
    const window = new RateWindow(10, START);
    for (const status of [200, 201, 301, 400, 403, 499, 500, 504]) window.add("a", { ...ok, status }, START);
    expect(window.rows(START + 500)[0]).to.include({ name: "a", requests: 8, erred: 3, failed: 2 });
  });

  it("never shows a percentile above the slowest request", () => {
    const window = new RateWindow(10, START);
    window.add("a", { status: 200, timeNs: 1_050_000 }, START);
    const [row] = window.rows(START);
    expect(row).to.include({ p50: 1_050_000, p99: 1_050_000, max: 1_050_000 });
  });

  it("keeps rows bounded: the rest is others, and room is made when rows fall silent", () => {
    const window = new RateWindow(10, START);
    for (let i = 0; i < 1000; i++) window.add(`caller-${i}`, ok, START);
    const rows = window.rows(START + 500);
    expect(rows).to.have.length(65);
    expect(rows.find(({ name }) => name === OTHERS)?.requests).to.equal(1000 - 64);
    expect(window.total(START + 500).requests).to.equal(1000);
    for (let i = 0; i < 10; i++) window.add(`later-${i}`, ok, START + 30_000);
    expect(window.rows(START + 30_000).map(({ name }) => name)).to.deep.equal(
      Array.from({ length: 10 }, (_, i) => `later-${i}`),
    );
  });

  it("agrees with a naive count, whatever comes when", () => {
    const requests = fc.array(
      fc.record({ at: fc.integer({ min: 0, max: 30_000 }), name: fc.constantFrom("a", "b", "c") }),
      { maxLength: 60 },
    );
    fc.assert(
      fc.property(requests, fc.integer({ min: 0, max: 15_000 }), (list, later) => {
        const window = new RateWindow(10, START);
        const inOrder = [...list].sort((x, y) => x.at - y.at);
        for (const { at, name } of inOrder) window.add(name, ok, START + at);
        const now = START + (inOrder.at(-1)?.at ?? 0) + later;
        const first = Math.floor(now / 1000) - 9;
        const naive = inOrder.filter(({ at }) => Math.floor((START + at) / 1000) >= first);
        const span = Math.max(1, Math.min(9 + (now % 1000) / 1000, (now - START) / 1000));
        expect(window.total(now).requests).to.be.closeTo(naive.length / span, 1e-9);
        for (const row of window.rows(now)) {
          const own = naive.filter(({ name }) => name === row.name).length;
          expect(row.requests).to.be.closeTo(own / span, 1e-9);
        }
      }),
      { numRuns: 50 },
    );
  });
});

describe("cli/top/routes", () => {
  const routeOf = routeFinder(["/version", "/v1/status", "/v1/key/create/", "/v1/key/bulk/decrypt/"]);
  const paths: readonly (readonly [path: string, route: string])[] = [
    ["/version", "/version"],
    ["/v1/status", "/v1/status"],
    ["/v1/status/x", NO_ROUTE],
    ["/v1/key/create/my-key", "/v1/key/create/"],
    ["/v1/key/create/", "/v1/key/create/"],
    ["/v1/key/create", "/v1/key/create/"],
    ["/v1/key/bulk/decrypt/k", "/v1/key/bulk/decrypt/"],
    ["/wp-login.php", NO_ROUTE],
    ["", NO_ROUTE],
  ];
  for (const [path, route] of paths) {
    it(`${path || "the empty path"} is ${route}`, () => expect(routeOf(path)).to.equal(route));
  }
});
