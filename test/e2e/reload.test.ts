import { expect } from "chai";
import { MemoryKeystore } from "../../keystores/memory/store.js";
import type { Config } from "../../src/config/config.js";
import type { Keystore } from "../../src/keystore/contract.js";
import { ApiClient } from "../support/api-client.js";
import { until } from "../support/child-process.js";
import { FaultyKeystore, type Rule } from "../support/faulty-keystore.js";
import { named } from "../support/keystore.js";
import { startTestServer, type TestServer, type TestServerOptions } from "../support/test-server.js";

/** A keystore that knows whether it was closed. */
class Closing extends FaultyKeystore {
  closed = 0;
  constructor(script: readonly Rule[] = []) {
    super(new MemoryKeystore(), script);
  }
  override close(): Promise<void> {
    this.closed++;
    return super.close();
  }
}

describe("reload", () => {
  const open: { close(): unknown }[] = [];
  afterEach(async () => {
    for (const each of open.splice(0).reverse()) await each.close();
  });

  /** A server whose keystores come one after the other, one for each reload. */
  async function start(
    stores: readonly Closing[],
    more: Partial<TestServerOptions> = {},
  ): Promise<{ server: TestServer; admin: ApiClient }> {
    let next = 0;
    const server = await startTestServer({
      ...more,
      openKeystore: async (): Promise<Keystore> => {
        const store = stores[next++];
        if (store === undefined) throw new Error("no keystore left");
        return store;
      },
    });
    const admin = new ApiClient("h2", server.port, server.admin);
    open.push(server, admin);
    return { server, admin };
  }
  const same =
    ({ config }: TestServer) =>
    async (): Promise<Config> =>
      config;

  it("S16 #19: the old keystore serves what it has begun, the new one all that comes later", async () => {
    const [old, fresh] = [new Closing(), new Closing()];
    const { server, admin } = await start([old, fresh]);
    await admin.ok("PUT", "/v1/key/create/my-key");
    old.script = [{ method: "list", fault: { kind: "hang" } }];
    const slow = admin.ok("GET", "/v1/key/list/");
    await until("the listing to reach the keystore", async () => old.hanging === 1);
    await server.server.reload(same(server));
    expect(await admin.ok("GET", "/v1/key/list/")).to.deep.equal({ names: [] });
    expect([old.closed, fresh.closed]).to.deep.equal([0, 0]);
    old.release();
    expect(await slow).to.deep.equal({ names: ["my-key"] });
    await until("the old keystore to be closed", async () => old.closed === 1);
    expect(fresh.closed).to.equal(0);
  });

  it("S16 #19: a reload that fails leaves everything as it was, and nothing open", async () => {
    const broken = new Closing([{ method: "create", fault: { kind: "fail", code: "KEYSTORE_UNAVAILABLE" } }]);
    const old = new Closing();
    const { server, admin } = await start([old, broken]);
    await admin.ok("PUT", "/v1/key/create/my-key");
    const next = { ...server.config, keys: [{ name: named("new-key"), algorithm: "AES256" as const }] };
    const failure = await server.server
      .reload(async () => next)
      .then(
        () => "done",
        (error: unknown) => String(error),
      );
    expect(failure).to.include("failed to create key");
    expect([old.closed, broken.closed]).to.deep.equal([0, 1]);
    expect(await admin.ok("GET", "/v1/key/list/")).to.deep.equal({ names: ["my-key"] });
    // And a configuration that cannot be read opens nothing at all.
    await server.server.reload(() => Promise.reject(new Error("no such file"))).catch(() => undefined);
    expect(old.closed).to.equal(0);
  });

  it("policies are those of the new configuration, for connections that are open as well", async () => {
    const { server, admin } = await start([new Closing(), new Closing()]);
    await admin.ok("GET", "/v1/status");
    await server.server.reload(async () => ({ ...server.config, admin: { text: "disabled" } }));
    expect((await admin.send({ method: "GET", path: "/v1/status" })).status).to.equal(403);
  });

  it("what is deleted by the new keystore is not served from the old one's memory", async () => {
    const [old, fresh] = [new Closing(), new Closing()];
    const { server, admin } = await start([old, fresh]);
    await admin.ok("PUT", "/v1/key/create/my-key");
    await admin.ok("PUT", "/v1/key/generate/my-key");
    await server.server.reload(same(server));
    expect((await admin.send({ method: "PUT", path: "/v1/key/generate/my-key" })).status).to.equal(404);
  });

  it("S16 #20: keys of the configuration are created at start and at reload, once", async () => {
    const keys = [{ name: named("at-start"), algorithm: "AES256" as const }];
    const [first, second] = [new Closing(), new Closing()];
    const { server, admin } = await start([first, second], { config: { keys } });
    expect(await admin.ok("GET", "/v1/key/list/")).to.deep.equal({ names: ["at-start"] });
    const more = [...keys, { name: named("at-reload"), algorithm: "ChaCha20" as const }];
    const value = await first.get(named("at-start"));
    await second.create(named("at-start"), value);
    await server.server.reload(async () => ({ ...server.config, keys: more }));
    expect(await admin.ok("GET", "/v1/key/list/")).to.deep.equal({ names: ["at-reload", "at-start"] });
    expect(await second.get(named("at-start"))).to.deep.equal(value);
  });
});
