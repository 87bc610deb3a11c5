/** Alerts, dashboard and documents name metrics that there are; every alert has a runbook. */
import { readFileSync } from "node:fs";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect } from "chai";
import { parse } from "yaml";
import { isRecord } from "../../src/config/schema-view.js";
import { Metrics } from "../../src/metrics/metrics.js";
import { run } from "../support/child-process.js";
import { annotations, dashboard, panels } from "../support/dashboard.js";
import { samplesOf } from "../support/exposition.js";
import { markdownFiles } from "../support/markdown.js";
import { requireService } from "../support/services/index.js";

const root = resolve(import.meta.dirname, "../..");
const read = (file: string): string => readFileSync(join(root, file), "utf8");

interface Alert {
  readonly name: string;
  readonly expr: string;
  readonly runbook: string;
}

function alertsOf(text: string): readonly Alert[] {
  const file: unknown = parse(text);
  const groups = isRecord(file) && Array.isArray(file.groups) ? file.groups : [];
  return groups.flatMap((group: unknown) => {
    const rules = isRecord(group) && Array.isArray(group.rules) ? group.rules : [];
    return rules.filter(isRecord).map((rule) => ({
      name: String(rule.alert),
      expr: String(rule.expr),
      runbook: isRecord(rule.annotations) ? String(rule.annotations.runbook) : "",
    }));
  });
}

/** Every sample that a server with everything switched on can have. */
async function sampleNames(): Promise<ReadonlyMap<string, readonly string[]>> {
  const metrics = new Metrics({
    errorEvents: () => 0,
    auditEvents: () => 0,
    firstExpiryMs: () => undefined,
    cache: () => ({ entries: 1, hits: 1, misses: 1 }),
    startedAtMs: 0,
    full: {
      build: { version: "", commit: "" },
      keystore: () => ({ outage: 1, offlineWindow: 1, oldestEntry: 1 }),
      certificates: () => [{ use: "", identity: "", notAfterMs: 0 }],
      loop: () => ({ p50: 0, p99: 0, max: 0, busy: 0 }),
      audit: () => ({
        ...{ records: 0, lost: 0, batches: 0, writeSeconds: 0, failing: false, bytes: 0, unsigned: 0 },
        secondsSinceCheckpoint: 0,
        forwarders: [{ name: "syslog", sent: 0, skipped: 0, backlogBytes: 0, failing: false }],
      }),
    },
  });
  metrics.full.requests.add("/v1/key/generate/", 200, 1, "key", "identity", true);
  metrics.full.keystoreCalls.observe("get", "ok", 1);
  const labels = new Map<string, readonly string[]>();
  for (const sample of samplesOf(await metrics.fullText("text")))
    labels.set(sample.name, Object.keys(sample.labels));
  return labels;
}

const alerts = alertsOf(read("deploy/prometheus/alerts.yml"));
const namesIn = (text: string): string[] => text.match(/\bkes_[a-z0-9_]+/g) ?? [];
const withoutSuffix = (name: string): string => name.replace(/_(?:bucket|sum|count)$/, "");

describe("monitoring", () => {
  let samples: ReadonlyMap<string, readonly string[]>;
  before(async () => {
    samples = await sampleNames();
  });

  it("has alerts about metrics that there are", () => {
    expect(alerts).to.have.length.greaterThan(8);
    for (const { name, expr } of alerts) {
      const named = namesIn(expr);
      expect(
        named.filter((one) => !samples.has(one)),
        name,
      ).to.deep.equal([]);
      if (name !== "KesServerDown") expect(named, name).not.to.deep.equal([]);
    }
  });

  it("has a runbook for each alert, and no other", () => {
    const page = read("docs/runbooks.md");
    const sections = [...page.matchAll(/^## (\w+)$/gm)].map(([, title = ""]) => title);
    expect(sections).to.deep.equal(alerts.map(({ name }) => name));
    for (const { name, runbook } of alerts) {
      expect(runbook, name).to.equal(`docs/runbooks.md#${name.toLowerCase()}`);
      const section = page.split(`## ${name}\n`)[1]?.split(/^## /m)[0] ?? "";
      expect(section, name)
        .to.match(/\*\*Means:\*\*/)
        .and.to.match(/\*\*Is over\*\*/);
    }
  });

  it("has runbooks and documents that name metrics that there are", () => {
    for (const file of ["docs/runbooks.md", "docs/monitoring.md"]) {
      const known = new Set([...samples.keys()].flatMap((name) => [name, withoutSuffix(name)]));
      expect(
        namesIn(read(file)).filter((name) => !known.has(name)),
        file,
      ).to.deep.equal([]);
    }
  });

  it("lists every family with its labels in docs/monitoring.md", () => {
    const rows =
      markdownFiles()
        .find(({ file }) => file === "docs/monitoring.md")
        ?.tables.get("metrics") ?? [];
    const listed = new Map<string, string[]>();
    for (const [names = "", labels = ""] of rows) {
      for (const name of namesIn(names)) listed.set(name, (labels.match(/[a-z_]+/g) ?? []).sort());
    }
    const families = new Map<string, string[]>();
    for (const [name, labels] of samples) {
      families.set(withoutSuffix(name), labels.filter((label) => label !== "le").sort());
    }
    expect(Object.fromEntries(listed)).to.deep.equal(Object.fromEntries(families));
  });

  it("has a dashboard about metrics and labels that there are", () => {
    const labels = new Set([...samples.values()].flat().concat("job", "instance"));
    for (const { title, queries } of [...panels, { title: "annotations", queries: annotations }]) {
      for (const query of queries) {
        expect(
          namesIn(query).filter((name) => !samples.has(name)),
          title,
        ).to.deep.equal([]);
        const by = [...query.matchAll(/ by \(([^)]*)\)/g)].flatMap(([, list = ""]) => list.split(/, */));
        expect(
          by.filter((label) => !labels.has(label)),
          `${title}: ${query}`,
        ).to.deep.equal([]);
      }
    }
  });

  it("has a dashboard whose panels have numbers and titles of their own, and choose by job and server", () => {
    expect(new Set(panels.map(({ id }) => id)).size).to.equal(panels.length);
    expect(new Set(panels.map(({ title }) => title)).size).to.equal(panels.length);
    for (const { title, queries } of panels) {
      expect(queries, title).not.to.deep.equal([]);
      for (const query of queries) expect(query, title).to.contain('{job=~"$job",instance=~"$instance"');
    }
    expect(JSON.stringify(dashboard.templating)).to.contain("label_values(kes_start_time_seconds");
  });

  it("has rules and an example of a configuration that promtool takes, and rules that pass their tests", async function () {
    this.timeout(60_000);
    const promtool = requireService(this, "promtool");
    const folder = await mkdtemp(join(tmpdir(), "keswick-promtool-"));
    try {
      await cp(join(root, "deploy/prometheus"), folder, { recursive: true });
      // Files that the example names.
      for (const name of ["ca.crt", "monitoring.crt", "monitoring.key"])
        await writeFile(join(folder, name), "");
      for (const words of [
        ["check", "config", "prometheus.yml"],
        ["check", "rules", "alerts.yml"],
        ["test", "rules", "alerts.test.yml"],
      ]) {
        const { code, stdout, stderr } = await run([promtool, ...words], { cwd: folder });
        expect(code, stdout + stderr).to.equal(0);
      }
      // Each rule is held by its test: one that is changed does not pass.
      const rules = await readFile(join(folder, "alerts.yml"), "utf8");
      for (const { name } of alerts) {
        await writeFile(join(folder, "alerts.yml"), withoutRule(rules, name));
        const { code } = await run([promtool, "test", "rules", "alerts.test.yml"], { cwd: folder });
        expect(code, `the test does not miss ${name}`).to.equal(1);
      }
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});

/** The rules with one that never fires. */
function withoutRule(rules: string, name: string): string {
  const [before = "", after = ""] = rules.split(`- alert: ${name}\n`);
  return `${before}- alert: ${name}\n${after.replace(/expr:(?: >-)?[\s\S]*?(?=\n {4}\w+:)/, "expr: vector(1) > 2")}`;
}
