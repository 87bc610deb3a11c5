import { connect } from "node:net";
import { expect } from "chai";
import { ConfigError } from "../../../src/errors.js";
import { HealthListener } from "../../../src/server/health-listener.js";
import { connectRaw, untilClosed } from "../../support/attacks.js";

/** The answer to `request`, to the end of the connection. */
async function ask(port: number, request: string): Promise<string> {
  const socket = await connectRaw(port);
  socket.write(request.replaceAll("\n", "\r\n"));
  return (await untilClosed(socket)).text;
}

const get = (path: string, method = "GET"): string => `${method} ${path} HTTP/1.1\nConnection: close\n\n`;

describe("HealthListener", function () {
  this.timeout(15_000);
  let state: "ready" | "not ready" | "broken" = "ready";
  const warnings: string[] = [];
  const listener = new HealthListener({
    ready: async () => {
      if (state === "broken") throw new Error("boom");
      return state === "ready";
    },
    warn: (message) => void warnings.push(message),
    timeoutMs: 500,
  });
  let port: number;
  before(async () => {
    port = (await listener.listen("127.0.0.1", 0)).port;
  });
  after(() => listener.close());

  const answers: readonly (readonly [request: string, status: number, body: string])[] = [
    [get("/live"), 200, "ok\n"],
    [get("/ready"), 200, "ok\n"],
    [get("/ready?verbose"), 200, "ok\n"],
    [get("/live", "HEAD"), 200, ""],
    [get("/"), 404, "not found\n"],
    [get("/ready/"), 404, "not found\n"],
    [get("/v1/ready"), 404, "not found\n"],
    [get("/v1/metrics"), 404, "not found\n"],
    [get("/LIVE"), 404, "not found\n"],
    [get("//live"), 404, "not found\n"],
    [get("http://other.example/live"), 404, "not found\n"],
    [get("/live", "PUT"), 405, "method not allowed\n"],
    [get("/live", "OPTIONS"), 405, "method not allowed\n"],
    [get("*", "OPTIONS"), 404, "not found\n"],
    ["GET /live HTTP/1.0\n\n", 200, "ok\n"],
    ["POST /live HTTP/1.1\nContent-Length: 1000000\n\n", 405, "method not allowed\n"],
    ["GET /live HTTP/1.1\nExpect: 100-continue\nContent-Length: 9\n\n", 200, "ok\n"],
    ["GET /live HTTP/1.1\nTransfer-Encoding: chunked\n\n", 200, "ok\n"],
  ];
  for (const [request, status, body] of answers) {
    it(`${JSON.stringify(request.split("\n\n")[0])}: ${status}`, async () => {
      const answer = await ask(port, request);
      expect(answer).to.match(new RegExp(`^HTTP/1\\.1 ${status} `));
      expect(answer.split("\r\n\r\n").slice(1)).to.deep.equal([body]);
      if (status === 405) expect(answer).to.match(/^allow: GET, HEAD\r$/m);
    });
  }

  it("says no when keys cannot be served, and when nobody knows", async () => {
    try {
      state = "not ready";
      expect(await ask(port, get("/ready"))).to.match(/^HTTP\/1\.1 503 [\s\S]*\r\n\r\nnot ready\n$/);
      expect(await ask(port, get("/live"))).to.match(/^HTTP\/1\.1 200 /);
      state = "broken";
      expect(await ask(port, get("/ready"))).to.match(/^HTTP\/1\.1 503 /);
      expect(warnings).to.deep.equal(["readiness could not be found out: boom"]);
    } finally {
      state = "ready";
    }
  });

  it("keeps a connection for the next check", async () => {
    const answer = await ask(port, `GET /live HTTP/1.1\n\n${get("/ready")}`);
    expect(answer.match(/HTTP\/1\.1 200/g)).to.have.length(2);
  });

  it("closes what is no HTTP, what is too long and what comes too slowly, without an answer of its own", async () => {
    expect(await ask(port, "\u0016\u0003\u0001 hello\n\n")).to.equal("");
    expect(await ask(port, `GET /live HTTP/1.1\nX: ${"a".repeat(9_000)}\n\n`)).to.equal("");
    const socket = await connectRaw(port);
    socket.write("GET /live HTTP/1.1\r\n");
    const { text, ms } = await untilClosed(socket);
    expect(text).to.equal("");
    expect(ms).to.be.lessThan(3_000);
  });

  it("takes 256 connections at a time", async function () {
    this.timeout(60_000);
    // So many take a busy machine longer than connections of the listener above may be silent.
    const patient = new HealthListener({ ready: async () => true, warn: () => undefined, timeoutMs: 30_000 });
    const { port: own } = await patient.listen("127.0.0.1", 0);
    try {
      const sockets = await Promise.all(Array.from({ length: 256 }, () => connectRaw(own)));
      expect(await ask(own, get("/live"))).to.equal("");
      await Promise.all(sockets.map((socket) => untilClosed(socket.end())));
      expect(await ask(own, get("/live"))).to.match(/^HTTP\/1\.1 200 /);
    } finally {
      patient.close();
    }
  });

  it("draining says no, closing ends connections", async () => {
    const other = new HealthListener({ ready: async () => true, warn: () => undefined });
    const { port: own } = await other.listen("127.0.0.1", 0);
    other.drain();
    expect(await ask(own, get("/ready"))).to.match(/^HTTP\/1\.1 503 /);
    expect(await ask(own, get("/live"))).to.match(/^HTTP\/1\.1 200 /);
    const closed = untilClosed(connect(own, "127.0.0.1"));
    other.close();
    await closed;
  });

  it("an address that is taken is a fault of the configuration", async () => {
    const second = new HealthListener({ ready: async () => true, warn: () => undefined });
    const error = await second.listen("127.0.0.1", port).catch((cause: unknown) => cause);
    expect(error).to.be.instanceOf(ConfigError);
    expect(String(error)).to.match(
      /server\.health\.address: cannot listen on 127\.0\.0\.1:\d+: .*EADDRINUSE/,
    );
  });
});
