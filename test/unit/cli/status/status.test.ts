import { expect } from "chai";
import { jsonOf } from "../../../../src/cli/status/json.js";
import { reportOf, type ServerReport } from "../../../../src/cli/status/report.js";
import { reportLines } from "../../../../src/cli/status/text.js";
import { KesError } from "../../../../src/errors.js";
import { FakeServer, fakeStatus } from "../../../support/fake-server.js";
import { plainStyle, taggedStyle } from "../../../support/plain-style.js";

const NOW = Date.parse("2026-06-01T00:00:00Z");
const text = { style: plainStyle, width: 80, short: false, nowMs: NOW };
const up: ServerReport = { server: "127.0.0.1:7373", status: fakeStatus(), latencyMs: 1.6 };
const down: ServerReport = {
  server: "10.0.0.2:7373",
  failure: { message: "cannot reach key server https://10.0.0.2:7373: connection refused", hints: ["hint"] },
};
const identity = "3ecfcdf38fcbe141ae26a1030f81e96b753365a46760ae6b578698a97c59fd22";

describe("cli/status/text", () => {
  it("shows KES's lines, and the keystore", () => {
    expect(reportLines(up, text)).to.deep.equal([
      "● 127.0.0.1:7373",
      "  Version     1.2.3",
      "  Uptime      1 day 2 hours",
      "  Latency     2ms",
      "  OS          linux/amd64",
      "  CPUs        8",
      "  Memory      Heap  31.2MB",
      "              Stack 135.2KB",
      "  Keystore    ok, 3ms",
    ]);
  });

  it("is one line with --short, also of a server that is down", () => {
    const short = { ...text, short: true };
    expect(reportLines(up, short)).to.deep.equal(["● 127.0.0.1:7373"]);
    expect(reportLines(down, short)).to.deep.equal([
      "● 10.0.0.2:7373 cannot reach key server https://10.0.0.2:7373: connection refus…",
    ]);
    const [whole] = reportLines(down, { ...short, width: undefined });
    expect(whole).to.match(/connection refused$/);
  });

  it("says why a server is down, within the width", () => {
    const lines = reportLines(down, { ...text, width: 40 });
    expect(lines).to.deep.equal([
      "● 10.0.0.2:7373 down",
      "  cannot reach key server",
      "  https://10.0.0.2:7373: connection",
      "  refused",
    ]);
  });

  it("colours a server by how it is doing", () => {
    const style = { ...text, style: taggedStyle };
    const unavailable = { ...up, status: fakeStatus({ keystoreUnavailable: true }) };
    const unreachable = {
      ...up,
      status: fakeStatus({ keystoreUnavailable: true, keystoreUnreachable: true }),
    };
    expect(reportLines(up, style)[0]).to.match(/^<green:●>/);
    expect(reportLines(unavailable, style)[0]).to.match(/^<yellow:●>/);
    expect(reportLines(unavailable, style).at(-1)).to.equal("  Keystore    <red:unavailable>");
    expect(reportLines(unreachable, style).at(-1)).to.equal("  Keystore    <red:not reachable>");
    expect(reportLines(down, style)[0]).to.equal("<red:●> 10.0.0.2:7373 <red:down>");
  });

  it("names certificates that end within a month, the first to end first", () => {
    const certificates = [
      { use: "admin", identity, expiresAt: "2027-06-01T00:00:00Z" },
      { use: "policy.minio", identity, expiresAt: "2026-06-20T12:00:00Z" },
      { use: "policy.a-policy-with-a-long-name", identity, expiresAt: "2026-06-03T00:00:00Z" },
      { use: "policy.old", identity, expiresAt: "2026-05-30T00:00:00Z" },
    ];
    const report = { ...up, status: fakeStatus({ certificates }) };
    expect(reportLines(report, text).slice(-3)).to.deep.equal([
      "  Certificate ended 2d ago       2026-05-30  policy.old 3ecfcdf38fcbe141ae26a10…",
      "              ends in 2d         2026-06-03  policy.a-policy-with-a-long-name 3…",
      "              ends in 19d 12h    2026-06-20  policy.minio 3ecfcdf38fcbe141ae26a…",
    ]);
    const coloured = reportLines(report, { ...text, style: taggedStyle })
      .slice(-3)
      .join("\n");
    expect(coloured).to.match(/<red:ended[\s\S]*<red:ends in 2d>[\s\S]*<yellow:ends in 19d/);
    const whole = reportLines(report, { ...text, width: undefined }).at(-1);
    expect(whole).to.include(identity);
  });

  it("appends the routes", () => {
    const apis = [
      { method: "GET", path: "/v1/log/audit", maxBodyBytes: 0, timeoutSeconds: 0 },
      { method: "PUT", path: "/v1/key/create/", maxBodyBytes: 0, timeoutSeconds: 15 },
    ];
    expect(reportLines({ ...up, apis }, text).slice(-4)).to.deep.equal([
      "",
      "  Method  API              Timeout",
      "  GET     /v1/log/audit        Inf",
      "  PUT     /v1/key/create/      15s",
    ]);
  });

  it("shows nothing of a server's making as anything but text", () => {
    const hostile = fakeStatus({ version: "\x1b[2J1.0", os: "\x07", keystoreUnavailable: true });
    expect(reportLines({ ...up, status: hostile }, text).join("\n")).to.not.match(/(?!\n)\p{Cc}/u);
  });
});

describe("cli/status/json", () => {
  const raw = { version: "1.2.3", keystore_latency: 3, keystore_unreachable: false, certificates: [] };

  it("passes the state of one server on as it came, flags that are false left out", () => {
    expect(jsonOf([{ ...up, status: fakeStatus({ raw }) }])).to.deep.equal([
      { version: "1.2.3", keystore_latency: 3, certificates: [] },
    ]);
  });

  it("is the array of routes with --api, in the wire's words", () => {
    const apis = [{ method: "GET", path: "/version", maxBodyBytes: 0, timeoutSeconds: 10 }];
    const rows = [{ method: "GET", path: "/version", max_body: 0, timeout: 10 }];
    expect(jsonOf([{ server: "a:1", apis }])).to.deep.equal([rows]);
    expect(jsonOf([{ server: "a:1", apis }, down])).to.deep.equal([
      { server: "a:1", api: rows },
      { server: down.server, error: down.failure?.message },
    ]);
  });

  it("is one object for each of several servers", () => {
    expect(jsonOf([{ ...up, status: fakeStatus({ raw }) }, down])).to.deep.equal([
      { server: up.server, version: "1.2.3", keystore_latency: 3, certificates: [] },
      { server: down.server, error: down.failure?.message },
    ]);
  });
});

describe("cli/status/report", () => {
  const signal = new AbortController().signal;

  it("asks for what is wanted alone", async () => {
    const server = new FakeServer("a:1");
    await reportOf(server.target, { status: true, apis: false }, signal);
    expect(server.asked).to.deep.equal(["/v1/status", "/version"]);
    const routes = new FakeServer("a:1");
    expect(await reportOf(routes.target, { status: false, apis: true }, signal)).to.deep.equal({
      server: "a:1",
      apis: [],
    });
    expect(routes.asked).to.deep.equal(["/v1/api"]);
  });

  it("keeps what was answered before a failure", async () => {
    const server = new FakeServer("a:1");
    const failing = {
      ...server.target,
      client: { ...server.target.client, apis: () => Promise.reject(new KesError("NOT_AUTHORIZED")) },
    };
    const report = await reportOf(failing, { status: true, apis: true }, signal);
    expect(report.status?.version).to.equal("1.2.3");
    expect(report.failure?.message).to.equal("not authorized: insufficient permissions");
  });

  it("takes the round trip of the status when the version is not to be had", async () => {
    const server = new FakeServer("a:1");
    const failing = {
      ...server.target,
      client: { ...server.target.client, version: () => Promise.reject(new KesError("INTERNAL")) },
    };
    const report = await reportOf(failing, { status: true, apis: false }, signal);
    expect(report).to.include({ latencyMs: 5 }).and.not.have.property("failure");
  });

  it("hides no bug behind a server that is down", async () => {
    const server = new FakeServer("a:1");
    const bug = new TypeError("a bug");
    server.status = bug;
    const report = reportOf(server.target, { status: true, apis: false }, signal);
    expect(await report.catch((error: unknown) => error)).to.equal(bug);
  });
});
