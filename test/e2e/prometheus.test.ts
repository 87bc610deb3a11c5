/** A real Prometheus scrapes a real server over mTLS: the dashboard's queries have answers, the rules can be evaluated. */
import { generateKeyPairSync } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect } from "chai";
import { MemoryKeystore } from "../../keystores/memory/store.js";
import type { AuditConfig } from "../../src/config/config.js";
import { ApiClient } from "../support/api-client.js";
import { selfSigned } from "../support/certificates.js";
import { freePort } from "../support/child-process.js";
import { annotations, asSent, panels } from "../support/dashboard.js";
import { FaultyKeystore } from "../support/faulty-keystore.js";
import { Prometheus } from "../support/prometheus.js";
import { requireService } from "../support/services/index.js";
import { startTestServer, type TestServer } from "../support/test-server.js";

const rulesFile = resolve(import.meta.dirname, "../../deploy/prometheus/alerts.yml");

/** A file, and a collector that nobody answers for. */
async function auditConfig(folder: string): Promise<AuditConfig> {
  const keyFile = join(folder, "audit.key");
  const { privateKey } = generateKeyPairSync("ed25519");
  await writeFile(keyFile, privateKey.export({ type: "pkcs8", format: "pem" }), { mode: 0o600 });
  return {
    file: { path: join(folder, "audit.log"), keyFile, maxBytes: 0, maxAgeMs: 0, keep: 0 },
    required: false,
    webhook: { url: `https://127.0.0.1:${await freePort()}/`, blocks: false, maxBacklogBytes: 1_000_000 },
  };
}

describe("Prometheus", function () {
  this.timeout(90_000);
  const monitoring = selfSigned({ algorithm: "p256", cn: "monitoring" });
  let folder: string;
  let server: TestServer;
  let prometheus: Prometheus | undefined;
  let load: NodeJS.Timeout | undefined;
  const clients: ApiClient[] = [];

  before(async function () {
    const binary = requireService(this, "prometheus");
    folder = await mkdtemp(join(tmpdir(), "keswick-scraped-"));
    const keystore = new FaultyKeystore(new MemoryKeystore());
    server = await startTestServer({
      keystore,
      policies: { monitoring: { allow: ["/v1/metrics/full"], identities: [monitoring.identity] } },
      cache: { offlineMs: 3_600_000 },
      config: { audit: await auditConfig(folder), log: { errorLevel: 9, auditLevel: 9, format: "text" } },
    });
    const client = new ApiClient("h2", server.port, server.admin);
    clients.push(client);
    await client.ok("PUT", "/v1/key/create/known");
    keystore.script = [
      { method: "get", name: "broken", fault: { kind: "fail", code: "KEYSTORE_UNAVAILABLE" } },
    ];
    // Successes, refusals and failures, so that every outcome has a rate.
    load = setInterval(() => {
      for (const path of ["/v1/key/generate/known", "/v1/key/generate/missing", "/v1/key/generate/broken"]) {
        client.send({ method: "PUT", path }).catch(() => undefined);
      }
    }, 100);
    const target = `127.0.0.1:${server.port}`;
    const rules = await readFile(rulesFile, "utf8");
    prometheus = await Prometheus.start({ binary, target, ca: server.ca, client: monitoring, rules });
    await prometheus.scraped(5);
  });
  after(async () => {
    clearInterval(load);
    for (const client of clients) client.close();
    await prometheus?.close();
    await server?.close();
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  });

  const started = (): Prometheus => {
    if (prometheus === undefined) throw new Error("Prometheus was not started");
    return prometheus;
  };

  it("takes the server's page as OpenMetrics", async () => {
    const [up] = await started().query('up{job="kes"}');
    expect(up?.value[1]).to.equal("1");
    const [samples] = await started().query('scrape_samples_scraped{job="kes"}');
    expect(Number(samples?.value[1])).to.be.greaterThan(100);
  });

  for (const { title, queries } of panels) {
    it(`has data for the panel '${title}'`, async () => {
      expect(queries).not.to.have.length(0);
      for (const query of queries) {
        const found = await started().query(asSent(query, "10s"));
        const numbers = found.filter(({ value: [, value] }) => Number.isFinite(Number(value)));
        expect(numbers, query).not.to.have.length(0);
      }
    });
  }

  it("can evaluate what marks the graphs", async () => {
    for (const query of annotations) await started().query(asSent(query, "10s"));
  });

  it("evaluates every rule", async () => {
    const rules = await started().rules();
    expect(rules).to.have.length.greaterThan(8);
    expect(rules.filter(({ health }) => health !== "ok")).to.deep.equal([]);
  });
});
