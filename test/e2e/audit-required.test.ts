/** With `audit.required` no answer with key material leaves before its record is kept, and none is given without. */
import { connect } from "node:http2";
import { setTimeout as delay } from "node:timers/promises";
import { expect } from "chai";
import { MemoryKeystore } from "../../keystores/memory/store.js";
import { routes } from "../../src/api/routes.js";
import type { AuditSink } from "../../src/audit/sink.js";
import type { AuditConfig } from "../../src/config/config.js";
import { KesError } from "../../src/errors.js";
import { until } from "../support/child-process.js";
import { type Answer, type Outgoing, overHttp1, overHttp2 } from "../support/send.js";
import { startTestServer, type TestServer } from "../support/test-server.js";

const audit = (required: boolean): AuditConfig => ({
  file: { path: "/none", keyFile: "/none", maxBytes: 0, maxAgeMs: 0, keep: 0 },
  required,
});

/** A sink that a test opens and shuts. */
class Gate implements AuditSink {
  readonly taken: string[] = [];
  mode: "open" | "shut" | "broken" = "open";
  #waiting: (() => void)[] = [];

  get waiting(): number {
    return this.#waiting.length;
  }

  async append(members: string): Promise<void> {
    if (this.mode === "broken")
      throw new KesError("AUDIT_UNAVAILABLE", [], { cause: new Error("disk full") });
    if (this.mode === "shut") await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.taken.push(members);
  }

  record(members: string): void {
    this.taken.push(members);
  }

  release(): void {
    this.mode = "open";
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

const context = "YnVja2V0";
const B64 = Buffer.from("secret").toString("base64");

describe("audit.required", () => {
  let gate: Gate;
  let server: TestServer;
  let keystore: MemoryKeystore;
  let ciphertext: string;
  beforeEach(async () => {
    gate = new Gate();
    keystore = new MemoryKeystore();
    server = await startTestServer({ auditSink: gate, keystore, config: { audit: audit(true) } });
    await put("/v1/key/create/k");
    ciphertext = JSON.parse((await put("/v1/key/generate/k", { context })).body).ciphertext;
    gate.taken.length = 0;
  });
  afterEach(async () => {
    gate.release();
    await server.close();
  });

  const put = (path: string, body?: object, send = overHttp2): Promise<Answer> =>
    send(server, server.admin, {
      method: "PUT",
      path,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });

  /** Routes whose answers hold what keys protect. */
  const guarded = (): readonly Outgoing[] => [
    { method: "PUT", path: "/v1/key/generate/k", body: JSON.stringify({ context }) },
    { method: "PUT", path: "/v1/key/encrypt/k", body: JSON.stringify({ plaintext: B64, context }) },
    { method: "PUT", path: "/v1/key/decrypt/k", body: JSON.stringify({ ciphertext, context }) },
    { method: "PUT", path: "/v1/key/hmac/k", body: JSON.stringify({ message: B64 }) },
    { method: "PUT", path: "/v1/key/bulk/generate/k", body: JSON.stringify([{ context }, { context }]) },
    { method: "PUT", path: "/v1/key/bulk/decrypt/k", body: JSON.stringify([{ ciphertext, context }]) },
  ];

  for (const send of [overHttp1, overHttp2]) {
    const version = send === overHttp1 ? "HTTP/1.1" : "HTTP/2";
    it(`holds answers back until their records are kept, over ${version}`, async () => {
      for (const outgoing of guarded()) {
        gate.mode = "shut";
        let answer: Answer | undefined;
        const answered = send(server, server.admin, outgoing).then((value) => {
          answer = value;
        });
        await until("the record waits", async () => gate.waiting === 1);
        await delay(20);
        expect(answer, outgoing.path).to.equal(undefined);
        gate.release();
        await answered;
        expect(answer?.status, `${outgoing.path} ${answer?.body}`).to.equal(200);
        const id = String(answer?.headers["x-request-id"]);
        const own = gate.taken.filter((members) => members.includes(id));
        expect(own, outgoing.path).to.have.length(1);
        expect(JSON.parse(`{${own[0]}}`)).to.deep.include({ type: "request" });
        expect(JSON.parse(`{${own[0]}}`).response.code).to.equal(200);
      }
    });

    it(`gives nothing out when they cannot be kept, over ${version}`, async () => {
      gate.mode = "broken";
      for (const outgoing of guarded()) {
        const answer = await send(server, server.admin, outgoing);
        expect([answer.status, JSON.parse(answer.body)], outgoing.path).to.deep.equal([
          503,
          { message: "audit log is unavailable" },
        ]);
        expect(answer.headers["retry-after"]).to.match(/^1$/);
      }
      expect(gate.taken.map((members) => JSON.parse(`{${members}}`).response.code)).to.deep.equal(
        guarded().map(() => 503),
      );
    });
  }

  it("leaves out no route that uses a key", () => {
    // A node is told to look at its keystore again: that uses no key and changes none.
    const isUse = (path: string): boolean => path.startsWith("/v1/key/") && path !== "/v1/key/changed/";
    const uses = routes.filter(({ path, method }) => isUse(path) && method !== "GET");
    const left = uses.filter((route) => route.recordFirst !== true && route.auditMessage === undefined);
    expect(uses.length).to.be.greaterThan(8);
    expect(left.map(({ path }) => path)).to.deep.equal([]);
  });

  it("makes no change that cannot be recorded before", async () => {
    gate.mode = "broken";
    const key = Buffer.alloc(32, 1).toString("base64");
    expect((await put("/v1/key/create/new")).status).to.equal(503);
    expect((await put("/v1/key/import/new", { key, cipher: "AES256" })).status).to.equal(503);
    const removed = await overHttp2(server, server.admin, { method: "DELETE", path: "/v1/key/delete/k" });
    expect(removed.status).to.equal(503);
    const { names } = await keystore.list({ prefix: "", limit: 10 }, AbortSignal.timeout(1000));
    expect(names).to.deep.equal(["k"]);
  });

  it("records a change as intended before it is made, and its outcome afterwards", async () => {
    gate.mode = "shut";
    const answered = put("/v1/key/create/new");
    await until("the intent waits", async () => gate.waiting === 1);
    await delay(20);
    expect((await keystore.list({ prefix: "", limit: 10 }, AbortSignal.timeout(1000))).names).to.deep.equal([
      "k",
    ]);
    gate.release();
    expect((await answered).status).to.equal(200);
    await until("the outcome is recorded", async () => gate.taken.length === 2);
    const [intent, outcome] = gate.taken.map((members) => JSON.parse(`{${members}}`));
    expect(intent).to.include({ type: "intent" }).and.not.have.property("response");
    expect(outcome).to.deep.include({ type: "request", message: "secret key 'new' created" });
    expect(intent.request).to.deep.equal(outcome.request);
  });

  it("records the failure of a change as well", async () => {
    expect((await put("/v1/key/create/k")).status).to.equal(400);
    const kinds = gate.taken
      .map((members) => JSON.parse(`{${members}}`))
      .map(({ type, response }) => [type, response?.code]);
    expect(kinds).to.deep.equal([
      ["intent", undefined],
      ["request", 400],
    ]);
  });

  it("keeps the record when the client leaves while it waits", async () => {
    gate.mode = "shut";
    const session = connect(server.url, {
      ca: server.ca.certPem,
      cert: server.admin.certPem,
      key: server.admin.keyPem,
    });
    session.on("error", () => undefined);
    const stream = session.request({ ":method": "PUT", ":path": "/v1/key/generate/k" }, { endStream: true });
    stream.on("error", () => undefined);
    await until("the record waits", async () => gate.waiting === 1);
    stream.close(8);
    session.destroy();
    await delay(20);
    gate.release();
    await until("the record is kept", async () => gate.taken.length === 1);
    expect(JSON.parse(`{${gate.taken[0]}}`).response.code).to.equal(200);
    expect((await put("/v1/key/generate/k")).status).to.equal(200);
    expect(server.stderr()).to.not.include("internal");
  });

  it("does not make a change for a client that has left before it was recorded", async () => {
    gate.mode = "shut";
    const session = connect(server.url, {
      ca: server.ca.certPem,
      cert: server.admin.certPem,
      key: server.admin.keyPem,
    });
    session.on("error", () => undefined);
    const stream = session.request({ ":method": "PUT", ":path": "/v1/key/create/new" }, { endStream: true });
    stream.on("error", () => undefined);
    await until("the intent waits", async () => gate.waiting === 1);
    stream.close(8);
    session.destroy();
    await delay(50);
    gate.release();
    await until("the outcome is recorded", async () => gate.taken.length === 2);
    expect(JSON.parse(`{${gate.taken[1]}}`).response.code).to.equal(499);
    expect((await keystore.list({ prefix: "", limit: 10 }, AbortSignal.timeout(1000))).names).to.deep.equal([
      "k",
    ]);
  });

  it("goes on with all other routes", async () => {
    gate.mode = "broken";
    const get = (path: string): Promise<Answer> => overHttp2(server, server.admin, { method: "GET", path });
    for (const path of [
      "/version",
      "/v1/ready",
      "/v1/status",
      "/v1/metrics",
      "/v1/key/describe/k",
      "/v1/key/list/",
    ]) {
      expect((await get(path)).status, path).to.equal(200);
    }
    // Refusals hold no key material and do not wait either.
    expect((await put("/v1/key/generate/none")).status).to.equal(404);
    expect(gate.taken.length).to.equal(7);
  });

  it("holds nothing back when it is off", async () => {
    await server.close();
    server = await startTestServer({ auditSink: gate, config: { audit: audit(false) } });
    gate.taken.length = 0;
    gate.mode = "broken";
    expect((await put("/v1/key/create/k")).status).to.equal(200);
    expect((await put("/v1/key/generate/k")).status).to.equal(200);
    expect(gate.taken.map((members) => JSON.parse(`{${members}}`).type)).to.deep.equal([
      "request",
      "request",
    ]);
  });
});
