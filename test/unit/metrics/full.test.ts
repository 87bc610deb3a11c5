import { expect } from "chai";
import fc from "fast-check";
import { MEDIA_TYPES } from "../../../src/metrics/exposition.js";
import { countersOf, mergeFigures } from "../../../src/metrics/figures.js";
import { OTHERS } from "../../../src/metrics/full/bounded-counters.js";
import type { FullSources } from "../../../src/metrics/full/full-metrics.js";
import { LATENCY_BOUNDS } from "../../../src/metrics/full/latency.js";
import { Metrics } from "../../../src/metrics/metrics.js";
import { type Sample, samplesOf } from "../../support/exposition.js";

const metricsWith = (full: FullSources = {}): Metrics =>
  new Metrics({
    errorEvents: () => 3,
    auditEvents: () => 5,
    firstExpiryMs: () => undefined,
    cache: () => ({ entries: 2, hits: 30, misses: 4 }),
    startedAtMs: 1_700_000_000_000,
    full,
  });

const GENERATE = "/v1/key/generate/";
const ALICE = "a".repeat(64);

async function read(metrics: Metrics, name: string): Promise<readonly Sample[]> {
  return (await samplesOf(await metrics.fullText("text"))).filter((sample) => sample.name === name);
}

describe("metrics in full", () => {
  it("sort times from 50 µs on, by route and outcome", async () => {
    const metrics = metricsWith();
    const { requests } = metrics.full;
    for (const seconds of [0.00004, 0.00005, 0.00006, 0.2, 60])
      requests.add(GENERATE, 200, seconds, "", "", true);
    for (const status of [403, 404, 502, 499]) requests.add(GENERATE, status, 0.001, "", "", true);
    requests.add("", 404, 0.001, "", "", false);
    const buckets = await read(metrics, "kes_request_duration_seconds_bucket");
    const ok = buckets.filter(({ labels }) => labels.route === GENERATE && labels.outcome === "ok");
    expect(ok.map(({ labels }) => labels.le)).to.deep.equal([...LATENCY_BOUNDS.map(String), "+Inf"]);
    expect(ok.map(({ value }) => value)).to.deep.equal([2, ...Array(10).fill(3), ...Array(6).fill(4), 5]);
    const counts = await read(metrics, "kes_request_duration_seconds_count");
    expect(counts.map(({ labels, value }) => [labels.route, labels.outcome, value])).to.deep.equal([
      [GENERATE, "ok", 5],
      [GENERATE, "denied", 1],
      [GENERATE, "invalid", 1],
      [GENERATE, "failed", 1],
      [GENERATE, "aborted", 1],
      ["(none)", "invalid", 1],
    ]);
    const sums = await read(metrics, "kes_request_duration_seconds_sum");
    expect(sums[0]?.value).to.be.closeTo(60.20015, 1e-9);
  });

  it("count by key and identity only what was let in and found, and no more names than allowed", async () => {
    const metrics = metricsWith();
    const { requests } = metrics.full;
    requests.limit({ maxKeys: 2, maxIdentities: 1 });
    requests.add(GENERATE, 403, 0.001, "made-up", "b".repeat(64), false);
    requests.add(GENERATE, 404, 0.001, "missing", ALICE, true);
    for (const key of ["one", "two", "three", "one"]) requests.add(GENERATE, 200, 0.001, key, ALICE, true);
    requests.add("/v1/key/decrypt/", 400, 0.001, "one", ALICE, true);
    requests.add(GENERATE, 200, 0.001, "two", "c".repeat(64), true);
    const keys = await read(metrics, "kes_key_requests_total");
    expect(
      keys.map(({ labels, value }) => [labels.key, labels.route, labels.outcome, value]),
    ).to.have.deep.members([
      ["one", GENERATE, "ok", 2],
      ["one", "/v1/key/decrypt/", "invalid", 1],
      ["two", GENERATE, "ok", 2],
      [OTHERS, GENERATE, "ok", 1],
      [OTHERS, GENERATE, "denied", 1],
      [OTHERS, GENERATE, "invalid", 1],
    ]);
    const identities = await read(metrics, "kes_identity_requests_total");
    expect(
      identities.map(({ labels, value }) => [labels.identity, labels.outcome, value]),
    ).to.have.deep.members([
      [ALICE, "ok", 4],
      [ALICE, "invalid", 1],
      [OTHERS, "denied", 1],
      [OTHERS, "invalid", 1],
      [OTHERS, "ok", 1],
    ]);
  });

  it("stay bounded whatever names come, and lose no request", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.string({ minLength: 1, maxLength: 3 }), fc.constantFrom(200, 403, 404, 500))),
        (requests) => {
          const { requests: meters } = metricsWith().full;
          meters.limit({ maxKeys: 3, maxIdentities: 3 });
          for (const [name, status] of requests) meters.add(GENERATE, status, 0.001, name, name, true);
          for (const family of meters.families().slice(2)) {
            const names = new Set(family.samples.map(({ labels }) => labels.key ?? labels.identity));
            expect(names.size).to.be.at.most(4);
            const total = family.samples.reduce((sum, one) => sum + ("value" in one ? one.value : 0), 0);
            expect(total).to.equal(requests.length);
          }
        },
      ),
    );
  });

  it("tell of an outage and what is left of the offline window", async () => {
    const metrics = metricsWith({ keystore: () => ({ outage: 100, offlineWindow: 3600, oldestEntry: 400 }) });
    const value = async (name: string) => (await read(metrics, name))[0]?.value;
    expect(await value("kes_keystore_up")).to.equal(0);
    expect(await value("kes_keystore_outage_seconds")).to.equal(100);
    expect(await value("kes_offline_window_seconds")).to.equal(3600);
    expect(await value("kes_offline_window_left_seconds")).to.equal(3500);
    expect(await value("kes_cache_oldest_entry_seconds")).to.equal(400);
  });

  it("have the same samples as text and as OpenMetrics", async () => {
    const metrics = metricsWith({ build: { version: "1", commit: "2" } });
    metrics.full.requests.add(GENERATE, 200, 0.001, 'a"b\\c', ALICE, true);
    metrics.full.keystoreCalls.observe("get", "ok", 0.01);
    const names = async (form: "text" | "openmetrics") =>
      (await samplesOf(await metrics.fullText(form))).map(({ name, labels }) => [name, labels]);
    const text = await names("text");
    expect(text.length).to.be.greaterThan(50);
    expect(await names("openmetrics")).to.have.deep.members(text);
    expect(await metrics.fullText("openmetrics")).to.match(/\n# EOF\n$/);
    expect(MEDIA_TYPES.openmetrics).to.match(/^application\/openmetrics-text; version=1\.0\.0/);
  });
});

describe("metrics in full of several processes", () => {
  const sources = (worker: string, outage?: number): FullSources => ({
    worker,
    keystore: () => ({ outage, offlineWindow: 60, oldestEntry: 10 }),
    certificates: () => [{ use: "tls.cert", identity: "", notAfterMs: 5_000 }],
  });
  const one = metricsWith(sources("1"));
  const two = metricsWith(sources("2", 20));
  one.full.requests.add(GENERATE, 200, 0.00005, "key", ALICE, true);
  two.full.requests.add(GENERATE, 200, 1, "key", ALICE, true);
  two.full.keystoreCalls.observe("get", "ok", 0.5);

  const page = async (figures: ReturnType<typeof mergeFigures>) =>
    samplesOf(await one.fullText("text", figures));

  it("add up where they count, and say the worst where they stand", async () => {
    // As it comes out of another process.
    const sent = JSON.parse(JSON.stringify([one.figures(), two.figures()]));
    const samples = await page(mergeFigures(sent));
    const values = (name: string) => samples.filter((one) => one.name === name).map(({ value }) => value);
    expect(values("kes_request_duration_seconds_count")).to.deep.equal([2]);
    expect(values("kes_request_duration_seconds_sum")[0]).to.be.closeTo(1.00005, 1e-9);
    expect(values("kes_key_requests_total")).to.deep.equal([2]);
    expect(values("kes_keystore_call_duration_seconds_count")).to.deep.equal([1]);
    expect(values("kes_keystore_up")).to.deep.equal([0]);
    expect(values("kes_offline_window_left_seconds")).to.deep.equal([40]);
    expect(values("kes_certificate_end_time_seconds")).to.deep.equal([5]);
    expect(values("kes_workers")).to.deep.equal([2]);
    const workers = samples.filter(({ name }) => name === "kes_process_resident_bytes");
    expect(workers.map(({ labels }) => labels.worker)).to.deep.equal(["1", "2"]);
  });

  it("keep what a process counted that has ended, and nothing of how it stood", async () => {
    const samples = await page(mergeFigures([one.figures(), countersOf(two.figures())]));
    const values = (name: string) => samples.filter((one) => one.name === name).map(({ value }) => value);
    expect(values("kes_request_duration_seconds_count")).to.deep.equal([2]);
    expect(values("kes_keystore_up")).to.deep.equal([1]);
    expect(values("kes_workers")).to.deep.equal([1]);
    expect(samples.filter(({ labels }) => labels.worker === "2")).to.deep.equal([]);
  });
});
