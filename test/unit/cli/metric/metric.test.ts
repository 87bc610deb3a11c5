import { expect } from "chai";
import { changeOf, type Reading } from "../../../../src/cli/metric/change.js";
import { metricJson } from "../../../../src/cli/metric/json.js";
import { pageOf } from "../../../../src/cli/metric/page.js";
import { readAll } from "../../../../src/cli/metric/readings.js";
import { metricLines } from "../../../../src/cli/metric/table.js";
import { widthOf } from "../../../../src/cli/terminal/text.js";
import { KesError } from "../../../../src/errors.js";
import { FakeServer, fakeMetrics } from "../../../support/fake-server.js";
import { plainStyle, taggedStyle } from "../../../support/plain-style.js";

const before: Reading = { atMs: 1_000, metrics: fakeMetrics({ cache: [50, 5, 3] }) };
const after: Reading = {
  atMs: 6_000,
  metrics: fakeMetrics({
    ...{ requestsSucceeded: 190, requestsErred: 18, requestsFailed: 12, errorEvents: 12 },
    ...{ uptimeSeconds: 105, responseTimeSumSeconds: 2.9, cache: [150, 10, 4] },
    responseTimes: [
      { upToNs: 10_000_000, count: 195 },
      { upToNs: 50_000_000, count: 218 },
      { upToNs: Number.POSITIVE_INFINITY, count: 220 },
    ],
  }),
};

describe("cli/metric", () => {
  it("prints the members of KES's client, times in nanoseconds", () => {
    expect(JSON.parse(metricJson(before.metrics))).to.deep.equal({
      ...{ kes_http_request_success: 90, kes_http_request_error: 8, kes_http_request_failure: 2 },
      ...{ kes_http_request_active: 1, kes_log_audit_events: 110, kes_log_error_events: 2 },
      kes_http_response_time: { "10000000": 95, "50000000": 99, "9223372036854775807": 100 },
      ...{ kes_system_up_time: 100_000_000_000, kes_system_num_cpu: 8, kes_system_num_cpu_used: 4 },
      ...{ kes_system_num_threads: 12, kes_system_mem_heap_used: 31_200_000 },
      ...{ kes_system_mem_heap_objects: 0, kes_system_mem_stack_used: 135_168 },
    });
    expect(metricJson(before.metrics, "a:1")).to.match(/^\{"server":"a:1","kes_http_request_success":90,/);
  });

  it("computes rates over the time between two readings", () => {
    expect(changeOf(before, after)).to.deep.equal({
      ...{ requests: 24, erred: 2, failed: 2, errorEvents: 2, cacheHits: 20, cacheMisses: 1 },
      meanNs: 20_000_000,
      times: [
        { upToNs: 10_000_000, count: 100 },
        { upToNs: 50_000_000, count: 19 },
        { upToNs: Number.POSITIVE_INFINITY, count: 1 },
      ],
    });
  });

  it("knows no rates across a restart, without time in between, or of a server that tells nothing of its cache", () => {
    expect(changeOf(after, { ...before, atMs: 9_000 })).to.equal(undefined);
    expect(changeOf(before, before)).to.equal(undefined);
    const quiet = changeOf({ atMs: 0, metrics: fakeMetrics() }, { atMs: 1000, metrics: fakeMetrics() });
    expect(quiet).to.include({
      requests: 0,
      meanNs: undefined,
      cacheHits: undefined,
      cacheMisses: undefined,
    });
  });

  it("counts a cache that a reload started anew from nothing", () => {
    const reloaded = { atMs: 6_000, metrics: fakeMetrics({ uptimeSeconds: 105, cache: [10, 0, 1] }) };
    expect(changeOf(before, reloaded)).to.include({ cacheHits: 2, cacheMisses: 0 });
  });

  it("shows counts, shares and rates within 80 columns", () => {
    const lines = metricLines("127.0.0.1:7373", after, before, plainStyle);
    expect(Math.max(...lines.map(widthOf))).to.be.at.most(80);
    expect(lines.map((line) => line.trim().replace(/ {2,}/g, " | "))).to.include.members([
      "127.0.0.1:7373",
      "Success | 190 | 86.4% | 20.0/s",
      "Error 4xx | 18 | 8.2% | 2.00/s",
      "Failure 5xx | 12 | 5.5% | 2.00/s",
      "Total | 220 | 24.0/s",
      "Answer | 13.2ms | 20.0ms",
      "Uptime | 1 minute 45 seconds",
      "CPUs | 4 of 8 usable",
      "Heap | 31.2MB",
    ]);
    expect(metricLines("a", after, undefined, plainStyle).join("\n")).to.include("86.4%             -");
    expect(metricLines("a", after, before, taggedStyle).join("\n"))
      .to.include("<red:12>")
      .and.include("<yellow:18>");
  });

  it("reads all servers, each with its own failure, and keeps the last reading", async () => {
    const [good, bad] = [new FakeServer("good:1"), new FakeServer("bad:1")];
    let metered = await readAll(
      [good, bad].map(({ target }) => ({ target })),
      () => 1000,
      new AbortController().signal,
    );
    bad.metrics = new KesError("NOT_AUTHORIZED");
    metered = await readAll(metered, () => 2000, new AbortController().signal);
    expect(metered.map(({ now, before: earlier }) => [now?.atMs, earlier?.atMs])).to.deep.equal([
      [2000, 1000],
      [1000, undefined],
    ]);
    expect(metered[1]?.failure?.message).to.equal("not authorized: insufficient permissions");
    const page = pageOf(metered, plainStyle, 40);
    expect(page[0]).to.equal("good:1");
    expect(page[page.indexOf("bad:1") + 1]).to.equal("  not authorized: insufficient permissi…");
  });

  it("passes on what is no failure of a server", async () => {
    const server = new FakeServer("a:1");
    const bug = new TypeError("a bug");
    server.metrics = bug;
    const reading = readAll([{ target: server.target }], () => 0, new AbortController().signal);
    expect(await reading.catch((error: unknown) => error)).to.equal(bug);
  });
});
