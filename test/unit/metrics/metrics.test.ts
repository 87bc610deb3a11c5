import { expect } from "chai";
import { type MetricSources, Metrics } from "../../../src/metrics/metrics.js";

const sources: MetricSources = {
  errorEvents: () => 3,
  auditEvents: () => 5,
  firstExpiryMs: () => undefined,
  cache: () => ({ entries: 2, hits: 30, misses: 4 }),
  startedAtMs: Date.now() - 90_000,
};

interface Family {
  readonly name: string;
  readonly type: string;
  /** Sample name with labels → value. */
  readonly samples: ReadonlyMap<string, number>;
}

/** A strict reader of the text form; what it does not know it refuses. */
function parse(text: string): Family[] {
  const families: { name: string; type: string; samples: Map<string, number> }[] = [];
  let help: string | undefined;
  for (const line of text.split("\n")) {
    if (line === "") continue;
    const [, comment, name = "", rest = ""] = /^# (HELP|TYPE) (\w+) (.+)$/.exec(line) ?? [];
    if (comment === "HELP") help = name;
    else if (comment === "TYPE") {
      if (help !== name) throw new Error(`TYPE without HELP: ${line}`);
      families.push({ name, type: rest, samples: new Map() });
    } else {
      const [, sample = "", value = ""] = /^(\w+(?:\{\w+="[^"]*"\})?) (\S+)$/.exec(line) ?? [];
      const family = families.at(-1);
      if (!family || !sample.startsWith(family.name)) throw new Error(`stray line: ${line}`);
      family.samples.set(sample, Number(value));
    }
  }
  return families;
}

const read = async (metrics: Metrics): Promise<Family[]> => parse(await metrics.text());

/** Name → type, as the reference lists them (§11.5), without the three that need a first increment, and ours. */
const ALWAYS = {
  ...{ kes_cache_entries: "gauge", kes_cache_hits: "counter", kes_cache_misses: "counter" },
  kes_http_request_active: "gauge",
  kes_http_response_time: "histogram",
  kes_log_audit_events: "counter",
  kes_log_error_events: "counter",
  kes_system_mem_heap_objects: "gauge",
  kes_system_mem_heap_used: "gauge",
  kes_system_mem_stack_used: "gauge",
  kes_system_num_cpu: "gauge",
  kes_system_num_cpu_used: "gauge",
  kes_system_num_threads: "gauge",
  kes_system_up_time: "gauge",
};

describe("Metrics", () => {
  it("has the families of KES and of the cache, sorted by name, and no other", async () => {
    const families = await read(new Metrics(sources));
    expect(Object.fromEntries(families.map(({ name, type }) => [name, type]))).to.deep.equal(ALWAYS);
    expect(families.map(({ name }) => name)).to.deep.equal(Object.keys(ALWAYS));
  });

  it("has more than one sample only where KES's clients expect it", async () => {
    const metrics = new Metrics({ ...sources, firstExpiryMs: () => Date.now() + 10_000 });
    for (const status of [200, 400, 403, 404, 500, 502, 504]) {
      metrics.begin();
      metrics.end(status, 0.001);
    }
    for (const { name, samples } of await read(metrics)) {
      if (name === "kes_http_response_time") continue;
      if (/^kes_http_request_(success|error|failure)$/.test(name)) continue;
      expect([...samples.keys()], name).to.deep.equal([name]);
    }
  });

  it("counts answers by code", async () => {
    const metrics = new Metrics(sources);
    for (const status of [200, 200, 403, 404, 403, 502]) {
      metrics.begin();
      metrics.end(status, 0.02);
    }
    const families = new Map((await read(metrics)).map((family) => [family.name, family]));
    expect([...(families.get("kes_http_request_success")?.samples ?? [])]).to.deep.equal([
      ['kes_http_request_success{code="200"}', 2],
    ]);
    expect([...(families.get("kes_http_request_error")?.samples ?? [])]).to.have.deep.members([
      ['kes_http_request_error{code="403"}', 2],
      ['kes_http_request_error{code="404"}', 1],
    ]);
    expect([...(families.get("kes_http_request_failure")?.samples ?? [])]).to.deep.equal([
      ['kes_http_request_failure{code="502"}', 1],
    ]);
    for (const name of ["success", "error", "failure"])
      expect(families.get(`kes_http_request_${name}`)?.type).to.equal("counter");
  });

  it("knows how many requests are under way", async () => {
    const metrics = new Metrics(sources);
    const active = async (): Promise<number | undefined> =>
      (await read(metrics))
        .find(({ name }) => name === "kes_http_request_active")
        ?.samples.values()
        .next().value;
    expect(await active()).to.equal(0);
    metrics.begin();
    metrics.begin();
    expect(await active()).to.equal(2);
    metrics.end(200, 0.001);
    expect(await active()).to.equal(1);
  });

  it("sorts times into cumulative buckets", async () => {
    const metrics = new Metrics(sources);
    for (const seconds of [0.005, 0.01, 0.02, 4, 60]) {
      metrics.begin();
      metrics.end(200, seconds);
    }
    const [family] = (await read(metrics)).filter(({ name }) => name === "kes_http_response_time");
    const bounds = ["0.01", "0.05", "0.1", "0.25", "0.5", "1", "1.5", "3", "5", "10", "+Inf"];
    const counts = [2, 3, 3, 3, 3, 3, 3, 3, 4, 4, 5];
    expect([...(family?.samples ?? [])]).to.deep.equal([
      ...bounds.map((le, i) => [`kes_http_response_time_bucket{le="${le}"}`, counts[i]]),
      ["kes_http_response_time_sum", 64.035],
      ["kes_http_response_time_count", 5],
    ]);
  });

  it("reads what others count at the moment it is asked", async () => {
    let events = 3;
    const metrics = new Metrics({
      ...sources,
      errorEvents: () => events,
      firstExpiryMs: () => Date.now() + 86_400_000,
    });
    events = 4;
    const values = new Map((await read(metrics)).flatMap(({ samples }) => [...samples]));
    expect(values.get("kes_log_error_events")).to.equal(4);
    expect(values.get("kes_log_audit_events")).to.equal(5);
    expect(values.get("kes_cache_entries")).to.equal(2);
    expect(values.get("kes_cache_hits")).to.equal(30);
    expect(values.get("kes_cache_misses")).to.equal(4);
    expect(values.get("kes_system_up_time")).to.be.within(89, 120);
    expect(values.get("kes_system_num_cpu")).to.be.at.least(1);
    expect(values.get("kes_system_mem_heap_used")).to.be.above(1e6);
    expect(values.get("kes_certificate_expiry_seconds")).to.be.within(86_300, 86_400);
  });
});
