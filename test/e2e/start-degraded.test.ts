import { expect } from "chai";
import { MemoryKeystore } from "../../keystores/memory/store.js";
import { KesError } from "../../src/errors.js";
import { ApiClient } from "../support/api-client.js";
import { until } from "../support/child-process.js";
import { FaultyKeystore } from "../support/faulty-keystore.js";
import { named } from "../support/keystore.js";
import { startTestServer, type TestServer } from "../support/test-server.js";

const keys = [{ name: named("at-start"), algorithm: "AES256" as const }];

describe("a server whose keystore is out when it starts", () => {
  const open: { close(): unknown }[] = [];
  afterEach(async () => {
    for (const each of open.splice(0).reverse()) await each.close();
  });

  const failure = (work: Promise<unknown>): Promise<string> =>
    work.then(
      () => "started",
      (error: unknown) => String(error),
    );

  for (const code of ["KEYSTORE_UNREACHABLE", "KEYSTORE_UNAVAILABLE"] as const) {
    it(`does not start when the keystore opens and does not answer: ${code}`, async () => {
      const keystore = new FaultyKeystore(new MemoryKeystore(), [
        { method: "status", fault: { kind: "fail", code } },
      ]);
      expect(await failure(startTestServer({ keystore }))).to.match(/test: keystore\.memory: key store is/);
    });
  }

  it("starts all the same when it is to, is not ready, and serves as soon as the keystore can be opened", async () => {
    const store = new MemoryKeystore();
    let isOut = true;
    let opened = 0;
    const server: TestServer = await startTestServer({
      degraded: true,
      config: { keys },
      async openKeystore() {
        if (isOut) throw new KesError("KEYSTORE_UNREACHABLE", [], { cause: new Error("no route to host") });
        opened += 1;
        return store;
      },
    });
    const admin = new ApiClient("h2", server.port, server.admin);
    open.push(server, admin);
    const status = async (path: string, method = "GET"): Promise<number> =>
      (await admin.send({ method, path })).status;
    expect(await status("/version")).to.equal(200);
    expect(await status("/v1/ready")).to.equal(504);
    // Never "no such key": a caller would make another one.
    expect(await status("/v1/key/describe/at-start")).to.equal(502);
    expect(await status("/v1/key/create/other", "PUT")).to.equal(502);
    expect(await admin.ok("GET", "/v1/status")).to.include({ keystore_unreachable: true });
    expect(server.stderr()).to.match(/the key store cannot be opened yet: .*no route to host/);
    isOut = false;
    await until("the server to be ready", async () => (await status("/v1/ready")) === 200);
    await until("the predefined key", async () => (await status("/v1/key/describe/at-start")) === 200);
    await admin.ok("PUT", "/v1/key/create/other");
    expect(opened).to.equal(1);
    expect(server.server.state.services.keys.description).to.equal(store.description);
  });

  it("does not take a reload for a start: the old keystore stays", async () => {
    const store = new MemoryKeystore();
    let isOut = false;
    const server = await startTestServer({
      degraded: true,
      async openKeystore() {
        if (isOut) throw new KesError("KEYSTORE_UNREACHABLE");
        return store;
      },
    });
    const admin = new ApiClient("h2", server.port, server.admin);
    open.push(server, admin);
    await admin.ok("PUT", "/v1/key/create/kept");
    isOut = true;
    expect(await failure(server.server.reload(async () => server.config))).to.include("not reachable");
    await admin.ok("PUT", "/v1/key/generate/kept");
  });
});
