import { expect } from "chai";
import { TopModel } from "../../../../src/cli/top/model.js";
import type { AuditEvent } from "../../../../src/client/types.js";
import { KesError } from "../../../../src/errors.js";
import { FakeServer, fakeMetrics, fakeStatus } from "../../../support/fake-server.js";
import { ManualTicker, settled } from "../../../support/manual-ticker.js";

const ME = "e".repeat(64);
const ALICE = "a".repeat(64);

function event(path: string, identity = ALICE, code = 200): AuditEvent {
  const request = { path, ...(identity === "" ? {} : { identity }) };
  return { time: "2026-01-02T03:04:05Z", request, response: { code, timeNs: 2_000_000 } };
}

const names = (rows: readonly { readonly name: string }[]): string[] => rows.map(({ name }) => name).sort();

describe("cli/top/model", () => {
  let abort: AbortController;
  let ticker: ManualTicker;
  beforeEach(() => {
    abort = new AbortController();
    ticker = new ManualTicker();
  });
  afterEach(() => abort.abort());

  async function watch(...servers: FakeServer<AuditEvent>[]): Promise<TopModel> {
    const model = new TopModel(
      servers.map(({ target }) => target),
      { ticker, everyMs: 1000, windowSeconds: 10, routes: ["/version", "/v1/key/create/", "/v1/status"] },
    );
    model.start(abort.signal);
    await settled();
    return model;
  }

  it("counts requests by route and by identity, of all servers together", async () => {
    const [a, b] = [new FakeServer<AuditEvent>("a:1", ME), new FakeServer<AuditEvent>("b:1", ME)];
    const model = await watch(a, b);
    for (const { log } of [a, b]) log.connect();
    a.log.send(event("/v1/key/create/x"));
    b.log.send(event("/v1/key/create/y", ALICE, 403));
    b.log.send(event("/nonsense/\x1b[2J", "", 404));
    await ticker.pass(1000);
    const { routes, identities, total, servers, notes } = model.snapshot();
    expect(names(routes)).to.deep.equal(["(no such path)", "/v1/key/create/"]);
    expect(routes.find(({ name }) => name === "/v1/key/create/")).to.include({ requests: 2, erred: 1 });
    expect(names(identities)).to.deep.equal(["(no certificate)", ALICE]);
    expect(total).to.include({ requests: 3, erred: 2, failed: 0 });
    expect(servers.map(({ audited }) => audited?.requests)).to.deep.equal([1, 2]);
    expect(notes).to.deep.equal([]);
  });

  it("leaves out its own questions, but not those of others with the same identity", async () => {
    const server = new FakeServer<AuditEvent>("a:1", ME);
    const model = await watch(server);
    server.log.connect();
    // Each of the paths was asked once by now.
    for (const path of ["/v1/log/audit", "/v1/metrics", "/v1/status"]) server.log.send(event(path, ME));
    await ticker.pass(500);
    expect(model.snapshot().total?.requests).to.equal(0);
    server.log.send(event("/v1/status", ME));
    server.log.send(event("/v1/status", ALICE));
    await ticker.pass(400);
    expect(model.snapshot().total?.requests).to.equal(2);
  });

  it("asks for metrics at the rate, for the status less often", async () => {
    const server = new FakeServer<AuditEvent>("a:1", ME);
    await watch(server);
    await ticker.pass(10_500);
    const count = (path: string): number => server.asked.filter((asked) => asked === path).length;
    expect([count("/v1/metrics"), count("/v1/status"), count("/v1/log/audit")]).to.deep.equal([11, 3, 1]);
  });

  it("takes rates of the metrics over the window", async () => {
    const server = new FakeServer<AuditEvent>("a:1", ME);
    const model = await watch(server);
    for (let i = 1; i <= 20; i++) {
      server.metrics = fakeMetrics({ requestsSucceeded: 90 + i * i, uptimeSeconds: 100 + i });
      await ticker.pass(1000);
    }
    // From the square of 10 to that of 20 in ten seconds.
    expect(model.snapshot().servers[0]?.change?.requests).to.be.closeTo(30, 1);
  });

  it("shows what it may see, and says what it may not and why", async () => {
    const server = new FakeServer<AuditEvent>("a:1", ME);
    const model = await watch(server);
    server.log.fail(new KesError("NOT_AUTHORIZED"));
    await ticker.pass(1000);
    model.check();
    expect(model.hasFigures).to.equal(true);
    const snapshot = model.snapshot();
    expect(snapshot).to.not.have.property("total");
    expect(snapshot.servers[0]?.metrics?.requestsSucceeded).to.equal(90);
    expect(snapshot.notes).to.deep.equal(["not authorized for /v1/log/audit: no routes and identities"]);
  });

  it("asks again for a log that was refused", async () => {
    const server = new FakeServer<AuditEvent>("a:1", ME);
    const model = await watch(server);
    server.log.fail(new KesError("NOT_AUTHORIZED"));
    await ticker.pass(10_500);
    server.log.connect();
    expect(model.snapshot().notes).to.deep.equal([]);
    expect(model.snapshot()).to.have.property("total");
  });

  it("fails with the server's refusal when it may see nothing at all", async () => {
    const server = new FakeServer<AuditEvent>("a:1", ME);
    server.metrics = new KesError("NOT_AUTHORIZED");
    server.status = new KesError("NOT_AUTHORIZED");
    const model = await watch(server);
    model.check();
    server.log.fail(new KesError("NOT_AUTHORIZED"));
    await settled();
    expect(() => model.check()).to.throw("not authorized: insufficient permissions");
  });

  it("goes on without a server that is down, names it once, and sees it come back", async () => {
    const [good, bad] = [new FakeServer<AuditEvent>("good:1", ME), new FakeServer<AuditEvent>("bad:1", ME)];
    const dead = new KesError("ENDPOINT_UNREACHABLE", ["https://bad:1", "refused"]);
    Object.assign(bad, { metrics: dead, status: dead });
    const model = await watch(good, bad);
    bad.log.fail(dead);
    await ticker.pass(3000);
    model.check();
    expect(model.snapshot().servers.map(({ isUp }) => isUp)).to.deep.equal([true, false]);
    expect(model.snapshot().notes).to.deep.equal([`bad:1: ${dead.message}`]);
    Object.assign(bad, { metrics: fakeMetrics(), status: fakeStatus() });
    await ticker.pass(10_000);
    bad.log.connect();
    expect(model.snapshot().servers.map(({ isUp }) => isUp)).to.deep.equal([true, true]);
    expect(model.snapshot().notes).to.deep.equal([]);
  });

  it("passes on what is no failure of a server, and ends when it is told to", async () => {
    const server = new FakeServer<AuditEvent>("a:1", ME);
    const bug = new TypeError("a bug");
    const model = await watch(server);
    server.metrics = bug;
    await ticker.pass(1000);
    expect(() => model.check()).to.throw(bug);
    abort.abort();
    await model.ended();
    expect(server.log.isOpen).to.equal(false);
    expect(ticker.waiting).to.equal(0);
  });

  it("stays bounded under callers and paths without end", async () => {
    const server = new FakeServer<AuditEvent>("a:1", ME);
    const model = await watch(server);
    server.log.connect();
    for (let i = 0; i < 2000; i++) {
      server.log.send(event(`/v1/made-up/${i}`, i.toString(16).padStart(64, "0"), 404));
    }
    await ticker.pass(1000);
    const { routes, identities, total } = model.snapshot();
    expect([routes.length, identities.length, total?.requests]).to.deep.equal([1, 65, 2000]);
  });
});
