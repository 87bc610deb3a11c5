import { expect } from "chai";
import { MemoryKeystore } from "../../keystores/memory/store.js";
import { ApiClient } from "../support/api-client.js";
import { selfSigned } from "../support/certificates.js";
import { run } from "../support/child-process.js";
import { type Sample, samplesOf } from "../support/exposition.js";
import { FaultyKeystore } from "../support/faulty-keystore.js";
import { requireService } from "../support/services/index.js";
import { startTestServer, type TestServer } from "../support/test-server.js";

const monitor = selfSigned({ cn: "monitor" });
const app = selfSigned({ cn: "app" });
const stranger = selfSigned({ cn: "stranger" });
const policies = {
  monitor: { allow: ["/v1/metrics/full"], identities: [monitor.identity] },
  app: { allow: ["/v1/key/*", "/v1/metrics"], identities: [app.identity] },
};

describe("GET /v1/metrics/full", () => {
  const keystore = new FaultyKeystore(new MemoryKeystore());
  let server: TestServer;
  const clients: ApiClient[] = [];
  const client = (who = server.admin, protocol: "h1" | "h2" = "h2"): ApiClient => {
    const made = new ApiClient(protocol, server.port, who);
    clients.push(made);
    return made;
  };
  const page = async (headers: Record<string, string> = {}) =>
    client(monitor).send({ method: "GET", path: "/v1/metrics/full", headers });
  const read = async (name: string): Promise<readonly Sample[]> =>
    samplesOf((await page()).body).filter((sample) => sample.name === name);
  const values = async (name: string): Promise<readonly number[]> =>
    (await read(name)).map(({ value }) => value);

  before(async () => {
    server = await startTestServer({
      keystore,
      policies,
      cache: { offlineMs: 60_000 },
      config: { metrics: { maxKeys: 2, maxIdentities: 2 } },
    });
  });
  after(async () => {
    for (const each of clients) each.close();
    await server.close();
  });

  it("counts what was done, by route, key and identity", async () => {
    const user = client(app);
    for (const key of ["one", "two", "three"]) await user.ok("PUT", `/v1/key/create/${key}`);
    for (const key of ["one", "one", "three"]) await user.ok("PUT", `/v1/key/generate/${key}`);
    const refused = await client(stranger).send({ method: "PUT", path: "/v1/key/generate/guessed" });
    expect(refused.status).to.equal(403);
    expect((await user.send({ method: "PUT", path: "/v1/key/generate/missing" })).status).to.equal(404);
    expect((await client().send({ method: "GET", path: "/no/such/path" })).status).to.equal(404);

    const generate = "/v1/key/generate/";
    const times = (await read("kes_request_duration_seconds_count"))
      .filter(({ labels }) => labels.route === generate)
      .map(({ labels, value }) => [labels.outcome, value]);
    expect(times).to.have.deep.members([
      ["ok", 3],
      ["denied", 1],
      ["invalid", 1],
    ]);
    const keys = (await read("kes_key_requests_total")).map(({ labels, value }) => {
      return [labels.key, labels.route, labels.outcome, value];
    });
    expect(keys).to.have.deep.members([
      ["one", "/v1/key/create/", "ok", 1],
      ["two", "/v1/key/create/", "ok", 1],
      ["one", generate, "ok", 2],
      ["(others)", "/v1/key/create/", "ok", 1],
      ["(others)", generate, "ok", 1],
      ["(others)", generate, "denied", 1],
      ["(others)", generate, "invalid", 1],
    ]);
    const identities = (await read("kes_identity_requests_total")).map(({ labels }) => labels.identity);
    expect(new Set(identities)).to.deep.equal(new Set([app.identity, monitor.identity, "(others)"]));
    const codes = (await read("kes_requests_total")).find(({ labels }) => labels.route === "(none)");
    expect(codes).to.deep.include({ labels: { route: "(none)", code: "404" }, value: 1 });
  });

  it("tells of the keystore, the cache, certificates, the event loop and the process", async () => {
    const calls = (await read("kes_keystore_call_duration_seconds_count")).map(({ labels, value }) => {
      return [labels.operation, labels.outcome, value];
    });
    expect(calls).to.deep.include.members([
      ["create", "ok", 3],
      ["get", "key_not_found", 1],
    ]);
    expect(await values("kes_keystore_up")).to.deep.equal([1]);
    expect(await values("kes_offline_window_seconds")).to.deep.equal([60]);
    expect(await values("kes_offline_window_left_seconds")).to.deep.equal([60]);
    expect((await values("kes_cache_oldest_entry_seconds"))[0]).to.be.within(0, 60);
    expect(await values("kes_cache_entries")).to.deep.equal([3]);
    const [certificate] = await read("kes_certificate_end_time_seconds");
    expect(certificate?.labels).to.deep.equal({ use: "tls.cert", identity: "" });
    expect(certificate?.value).to.be.greaterThan(Date.now() / 1000);
    expect((await values("kes_event_loop_delay_max_seconds"))[0]).to.be.within(0, 30);
    expect((await values("kes_event_loop_busy_seconds_total"))[0]).to.be.greaterThan(0);
    expect((await values("kes_process_open_files"))[0]).to.be.greaterThan(3);
    expect((await values("kes_process_max_files"))[0]).to.be.greaterThan(3);
  });

  it("tells of an outage", async () => {
    keystore.script = ["status", "get", "list"].map((method) => ({
      method: method === "status" ? "status" : method === "get" ? "get" : "list",
      fault: { kind: "fail", code: "KEYSTORE_UNREACHABLE" },
    }));
    expect((await client().send({ method: "GET", path: "/v1/ready" })).status).to.equal(504);
    expect(await values("kes_keystore_up")).to.deep.equal([0]);
    expect((await values("kes_keystore_outage_seconds"))[0]).to.be.within(0, 30);
    expect((await values("kes_offline_window_left_seconds"))[0]).to.be.within(30, 60);
    keystore.script = [];
    expect((await client().send({ method: "GET", path: "/v1/ready" })).status).to.equal(200);
    expect(await values("kes_keystore_up")).to.deep.equal([1]);
  });

  it("is for those whom a policy allows it, and for nobody else", async () => {
    expect((await client(app).send({ method: "GET", path: "/v1/metrics/full" })).status).to.equal(403);
    expect((await client(stranger).send({ method: "GET", path: "/v1/metrics/full" })).status).to.equal(403);
    expect((await client().send({ method: "GET", path: "/v1/metrics/full" })).status).to.equal(200);
  });

  for (const protocol of ["h1", "h2"] as const) {
    it(`is OpenMetrics for those who ask, over ${protocol}`, async () => {
      const headers = { accept: "application/openmetrics-text;version=1.0.0,text/plain;q=0.5" };
      const answer = await client(monitor, protocol).send({
        method: "GET",
        path: "/v1/metrics/full",
        headers,
      });
      expect(answer.headers["content-type"]).to.equal(
        "application/openmetrics-text; version=1.0.0; charset=utf-8",
      );
      expect(answer.body)
        .to.contain("# TYPE kes_requests counter\n")
        .and.to.match(/\n# EOF\n$/);
    });
  }

  it("leaves /v1/metrics as it was", async () => {
    const { body } = await client(app).send({ method: "GET", path: "/v1/metrics" });
    const names = new Set(samplesOf(body).map(({ name }) => name.replace(/_(bucket|sum|count)$/, "")));
    expect(
      [...names].filter((name) => !/^kes_(http|log|system|cache|certificate)_/.test(name)),
    ).to.deep.equal([]);
    expect(body).not.to.contain("route=");
  });

  it("passes the checks of promtool", async function () {
    const promtool = requireService(this, "promtool");
    const { code, stdout, stderr } = await run([promtool, "check", "metrics"], {
      input: (await page()).body,
    });
    expect([code, stdout, stderr]).to.deep.equal([0, "", ""]);
  });
});

describe("traceparent", () => {
  const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
  const headers = { traceparent: `00-${TRACE}-00f067aa0ba902b7-01` };

  it("stands in the audit log and in the error log", async () => {
    const broken = new FaultyKeystore(new MemoryKeystore(), [
      { method: "get", fault: { kind: "fail", code: "KEYSTORE_UNREACHABLE" } },
    ]);
    const server = await startTestServer({ keystore: broken });
    const client = new ApiClient("h2", server.port, server.admin);
    try {
      await client.send({ method: "PUT", path: "/v1/key/generate/any", headers });
      await client.send({ method: "GET", path: "/version", headers: { traceparent: "00-forged msg=x-01" } });
      await client.send({ method: "GET", path: "/version" });
      const [first, ...others] = server.stdout().trimEnd().split("\n");
      expect(first).to.contain(`req.trace_id=${TRACE} req.span_id=00f067aa0ba902b7`);
      expect(others).to.have.length(2);
      expect(others.join("\n")).not.to.match(/trace_id|forged/);
      expect(server.stderr()).to.match(new RegExp(`level=ERROR.* req\\.trace_id=${TRACE} `));
    } finally {
      client.close();
      await server.close();
    }
  });
});
