/** Each weakness of KES with Vault (KES keystore reference §6), held against OpenBao behind a proxy that fails. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import type { VaultOptions } from "../../keystores/vault/config.js";
import type { VaultEnvironment } from "../../keystores/vault/environment.js";
import { openVault, realEnvironment } from "../../keystores/vault/index.js";
import type { Keystore } from "../../src/keystore/contract.js";
import { CleanUp } from "../support/clean-up.js";
import { type Fault, FaultProxy } from "../support/fault-proxy.js";
import { causesOf, codeOf, errorOf, named } from "../support/keystore.js";
import { requireService } from "../support/services/index.js";
import { kv2Policy, Vault } from "../support/vault.js";

const VALUE = Buffer.from("first value");
const OTHER = Buffer.from("another value");
const key = named("key");

describe("keystores/vault: faults", function () {
  this.timeout(60_000);
  const cleanUp = new CleanUp();
  const each = new CleanUp();
  let folder: string;
  let vault: Vault;
  let proxy: FaultProxy;
  let engine: string;
  let next = 0;

  before(async function () {
    const program = requireService(this, "bao");
    folder = await mkdtemp(join(tmpdir(), "keswick-vault-faults-"));
    cleanUp.add(() => rm(folder, { recursive: true, force: true }));
    vault = await Vault.start(program, folder);
    cleanUp.add(() => vault.stop());
    proxy = await FaultProxy.start(vault.url);
    cleanUp.add(() => proxy.stop());
  });
  beforeEach(async () => {
    engine = `kv-${next++}`;
    await vault.mountKv(engine, "2");
    proxy.script = () => undefined;
    proxy.seen.length = 0;
  });
  afterEach(() => each.run());
  after(() => cleanUp.run());

  const environment: VaultEnvironment = { ...realEnvironment, variables: {}, attemptTimeoutMs: 300 };

  async function open(
    options: Partial<VaultOptions> = {},
    env: Partial<VaultEnvironment> = {},
    warnings: string[] = [],
  ): Promise<Keystore> {
    const login = "approle" in options || "token_file" in options ? {} : { token: vault.rootToken };
    const all: VaultOptions = { endpoint: proxy.url, engine, version: "v2", ...login, ...options };
    const store = await openVault(all, (text) => warnings.push(text), { ...environment, ...env });
    each.add(() => store.close());
    return store;
  }

  /** The first `count` requests that fit meet the fault. */
  function strike(method: string, part: string, fault: Fault, count = Number.POSITIVE_INFINITY): void {
    let left = count;
    proxy.script = (asked, path) =>
      asked === method && path.includes(part) && left-- > 0 ? fault : undefined;
  }

  describe("create", () => {
    for (const fault of ["lose the answer", "cut the answer", "hang after it"] as const) {
      it(`is done when the server did it and we ${fault}`, async () => {
        const store = await open();
        strike("POST", "/data/key", fault, 1);
        await store.create(key, VALUE);
        expect(Buffer.from(await store.get(key)).toString()).to.equal("first value");
      });

      it(`of a key that was there is refused, though we ${fault}`, async () => {
        const store = await open();
        await store.create(key, OTHER);
        strike("POST", "/data/key", fault, 1);
        expect(await codeOf(store.create(key, VALUE))).to.equal("KEY_EXISTS");
        expect(Buffer.from(await store.get(key)).toString()).to.equal("another value");
      });
    }

    it("is done when something on the way sends it twice", async () => {
      const store = await open();
      strike("POST", "/data/key", "double the request", 1);
      await store.create(key, VALUE);
      expect(Buffer.from(await store.get(key)).toString()).to.equal("first value");
    });

    it("has an unknown outcome when every answer is lost and nothing can be read", async () => {
      const store = await open();
      proxy.script = (_, path) => (path.includes("/data/key") ? "lose the answer" : undefined);
      expect(await codeOf(store.create(key, VALUE))).to.equal("KEYSTORE_UNCERTAIN");
    });

    it("has an unknown outcome when an error of the server leaves it open", async () => {
      const store = await open();
      proxy.script = (_, path) =>
        path.includes("/data/key") ? { status: 500, body: '{"errors":["x"]}' } : undefined;
      expect(await codeOf(store.create(key, VALUE))).to.equal("KEYSTORE_UNCERTAIN");
    });

    it("changed nothing when Vault was not reached", async () => {
      const store = await open();
      const { url } = await gone();
      const other = openVault({ endpoint: url, engine, version: "v2", token: "t" }, () => {}, environment);
      expect(await codeOf(other)).to.equal("KEYSTORE_UNREACHABLE");
      expect(await codeOf(store.get(key))).to.equal("KEY_NOT_FOUND");
    });

    it("loses a race as 'key exists', also with the least policy", async () => {
      const approle = await vault.appRole(`least-${engine}`, kv2Policy(engine));
      const store = await open({ approle: { engine: "approle", ...approle } });
      await vault.call("POST", `${engine}/data/key`, { options: { cas: 0 }, data: { key: "theirs" } });
      expect(await codeOf(store.create(key, VALUE))).to.equal("KEY_EXISTS");
    });
  });

  describe("an outage is never 'key does not exist'", () => {
    const answers: Record<string, Fault> = {
      "404 in HTML": { status: 404 },
      "404 of a route that is not there": { status: 404, body: '{"errors":["no handler for route"]}' },
      "404 of another API": { status: 404, body: '{"message":"not found"}' },
      "200 in HTML": { status: 200 },
      "200 without the field": { status: 200, body: '{"data":{"data":{}}}' },
      "502": { status: 502 },
      "429": { status: 429, body: '{"errors":["slow down"]}' },
      "403": { status: 403, body: '{"errors":["permission denied"]}' },
      "a redirect to nowhere": { status: 307, headers: { location: "ftp://127.0.0.1/" } },
      "half an answer": "cut the answer",
      "no answer": "hang",
      "a closed connection": "lose the request",
    };
    for (const [what, fault] of Object.entries(answers)) {
      it(what, async () => {
        const store = await open();
        strike("GET", "/data/key", fault);
        expect(await codeOf(store.get(key))).to.be.oneOf(["KEYSTORE_UNREACHABLE", "KEYSTORE_UNAVAILABLE"]);
        expect(await codeOf(store.create(key, VALUE))).to.equal("fulfilled");
      });
    }

    it("a version that was deleted, and one that was destroyed, say how to go on", async () => {
      const store = await open();
      await store.create(key, VALUE);
      await vault.call("DELETE", `${engine}/data/key`);
      const deleted = await errorOf(store.get(key));
      expect(causesOf(deleted)).to.include("undelete -versions=1");
      expect(await codeOf(store.create(key, OTHER))).to.equal("KEYSTORE_UNAVAILABLE");
      await vault.call("POST", `${engine}/undelete/key`, { versions: [1] });
      expect(Buffer.from(await store.get(key)).toString()).to.equal("first value");
      await vault.call("POST", `${engine}/destroy/key`, { versions: [1] });
      expect(causesOf(await errorOf(store.get(key)))).to.include("destroyed");
    });

    it("an entry that was written over gives its first version, and a pruned one an error", async () => {
      const store = await open();
      await store.create(key, VALUE);
      await vault.call("POST", `${engine}/data/key`, { data: { key: "theirs" } });
      expect(Buffer.from(await store.get(key)).toString()).to.equal("first value");
      await vault.call("POST", `${engine}/metadata/key`, { max_versions: 1 });
      await vault.call("POST", `${engine}/data/key`, { data: { key: "theirs" } });
      const error = await errorOf(store.get(key));
      expect(causesOf(error)).to.include("max_versions");
      expect(await codeOf(store.get(key))).to.equal("KEYSTORE_UNAVAILABLE");
    });
  });

  it("reads repeat over a connection that died, and end within a bound", async () => {
    const store = await open();
    await store.create(key, VALUE);
    strike("GET", "/data/key", "hang", 2);
    expect(Buffer.from(await store.get(key)).toString()).to.equal("first value");
    strike("GET", "/data/key", "lose the request", 2);
    expect(Buffer.from(await store.get(key)).toString()).to.equal("first value");
  });

  it("keeps connections: no new one for each call", async () => {
    const store = await open();
    await store.create(key, VALUE);
    const [calls, connections] = [proxy.seen.length, proxy.connections];
    for (let i = 0; i < 20; i++) await store.get(key);
    expect(proxy.seen.length - calls).to.equal(20);
    expect(proxy.connections).to.equal(connections);
  });

  it("deletes twice without harm when an answer is lost", async () => {
    const store = await open();
    await store.create(key, VALUE);
    strike("DELETE", "/metadata/key", "lose the answer", 1);
    expect(await codeOf(store.delete(key))).to.equal("fulfilled");
    expect(await codeOf(store.get(key))).to.equal("KEY_NOT_FOUND");
    strike("DELETE", "/metadata/key", "lose the answer");
    expect(await codeOf(store.delete(key))).to.equal("KEYSTORE_UNCERTAIN");
  });

  it("follows a standby's redirect", async () => {
    const store = await open();
    strike("GET", "/data/key", {
      status: 307,
      headers: { location: `${vault.url}/v1/${engine}/data/key?version=1` },
    });
    await vault.call("POST", `${engine}/data/key`, { data: { key: "value" } });
    expect(Buffer.from(await store.get(key)).toString()).to.equal("value");
  });

  it("opens what any version of a transit key made", async () => {
    await vault.call("POST", `sys/mounts/transit-${engine}`, { type: "transit" });
    await vault.call("POST", `transit-${engine}/keys/kes`, {});
    const transit = { engine: `transit-${engine}`, key: "kes" };
    const store = await open({ transit });
    await store.create(named("one"), VALUE);
    await vault.call("POST", `transit-${engine}/keys/kes/rotate`);
    await store.create(named("two"), OTHER);
    const stored = await vault.call("GET", `${engine}/data/two`);
    expect(JSON.stringify(stored.body)).to.include("vault:v2:");
    expect(Buffer.from(await store.get(named("one"))).toString()).to.equal("first value");
    expect(Buffer.from(await store.get(named("two"))).toString()).to.equal("another value");
    const plain = await open();
    expect(causesOf(await errorOf(plain.get(named("one"))))).to.include("configure 'transit'");
  });

  it("leaves folders and strange names out of listings", async () => {
    const store = await open();
    for (const name of ["a", "b/inner", "c.d", "e f", "g"]) {
      await vault.call("POST", `${engine}/data/${encodeURI(name)}`, { data: { x: "y" } });
    }
    expect((await store.list({ prefix: "", limit: 10 })).names).to.deep.equal(["a", "g"]);
  });

  describe("the mount", () => {
    const cases: readonly [what: string, prepare: () => Promise<Partial<VaultOptions>>, says: RegExp][] = [
      ["is of version 2", async () => ({ version: "v1" }), /set 'version: v2'/],
      [
        "is of version 1",
        async () => {
          await vault.mountKv(`${engine}-one`, "1");
          return { engine: `${engine}-one` };
        },
        /set 'version: v1'/,
      ],
      [
        "is no KV engine",
        async () => {
          await vault.call("POST", `sys/mounts/${engine}-t`, { type: "transit" });
          return { engine: `${engine}-t` };
        },
        /no KV engine/,
      ],
    ];
    for (const [what, prepare, says] of cases) {
      it(`that ${what} is found at start`, async () => {
        const error = await errorOf(open(await prepare()));
        expect(error).to.be.instanceOf(Error);
        expect(causesOf(error)).to.match(says);
      });
    }

    it("of version 1 creates nothing unless that is allowed", async () => {
      await vault.mountKv(`${engine}-one`, "1");
      const store = await open({ engine: `${engine}-one`, version: "v1" });
      expect(causesOf(await errorOf(store.create(key, VALUE)))).to.include("allow_racy_create");
      expect(store.abilities.atomicCreate).to.equal(false);
    });
  });

  it("a sealed Vault is not reachable, and serves again once it is unsealed", async function () {
    const own = await Vault.start(requireService(this, "bao"), join(folder, "sealed"));
    each.add(() => own.stop());
    await own.mountKv("kv", "2");
    const store = await openVault(
      { endpoint: own.url, engine: "kv", version: "v2", token: own.rootToken },
      () => {},
      environment,
    );
    each.add(() => store.close());
    await store.create(key, VALUE);
    await store.status();
    await own.call("PUT", "sys/seal");
    for (const call of [
      () => store.status(),
      () => store.get(key),
      () => store.create(named("new"), VALUE),
    ]) {
      const error = await errorOf(call());
      expect(error).to.have.property("code", "KEYSTORE_UNREACHABLE");
      expect(causesOf(error)).to.match(/unseal/i);
    }
    await own.unseal();
    await store.status();
    expect(Buffer.from(await store.get(key)).toString()).to.equal("first value");
  });

  describe("the token", () => {
    it("that was revoked is replaced by one log-in", async () => {
      let clock = 0;
      const store = await openAppRole({ now: () => clock });
      await store.create(key, VALUE);
      clock = 11_000;
      await vault.call("POST", "auth/token/revoke", { token: await tokenOf() });
      proxy.seen.length = 0;
      const all = await Promise.all(Array.from({ length: 10 }, () => store.get(key)));
      expect(all.every((value) => Buffer.from(value).equals(VALUE))).to.equal(true);
      expect(proxy.seen.filter((line) => line.includes("/login"))).to.have.length(1);
    });

    it("is not replaced again and again for a permission that is missing", async () => {
      const store = await openAppRole();
      for (let i = 0; i < 5; i++)
        expect(await codeOf(store.list({ prefix: "", limit: 1 }))).to.equal("fulfilled");
      await vault.call("PUT", `sys/policies/acl/role-${engine}`, {
        policy: `path "${engine}/x" { capabilities = ["read"] }`,
      });
      proxy.seen.length = 0;
      for (let i = 0; i < 5; i++) expect(await codeOf(store.get(key))).to.equal("KEYSTORE_UNAVAILABLE");
      expect(proxy.seen.filter((line) => line.includes("/login")).length).to.be.lessThan(2);
    });

    it("is renewed before it ends, and replaced when that fails", async () => {
      const timers: { ms: number; task: () => void }[] = [];
      const store = await openAppRole({ after: collect(timers), random: () => 0 }, "60s");
      const renewal = timers.at(-1);
      expect(renewal?.ms).to.be.within(29_000, 31_000);
      proxy.seen.length = 0;
      renewal?.task();
      await until(() => proxy.seen.some((line) => line.includes("renew-self")));
      await until(() => timers.length > 1);
      expect(proxy.seen.filter((line) => line.includes("/login"))).to.deep.equal([]);
      proxy.script = (_, path) => (path.includes("renew-self") ? { status: 403, body: "{}" } : undefined);
      timers.at(-1)?.task();
      await until(() => proxy.seen.some((line) => line.includes("/login")));
      await store.create(key, VALUE);
    });

    it("is asked for again after a failure, more and more slowly", async () => {
      const timers: { ms: number; task: () => void }[] = [];
      const warnings: string[] = [];
      await openAppRole({ after: collect(timers), random: () => 1 }, "60s", warnings);
      proxy.script = (_, path) =>
        /renew-self|login/.test(path) ? { status: 400, body: '{"errors":["no"]}' } : undefined;
      const waits: number[] = [];
      for (let i = 0; i < 4; i++) {
        const count = timers.length;
        timers.at(-1)?.task();
        await until(() => timers.length > count);
        waits.push(timers.at(-1)?.ms ?? 0);
      }
      expect(waits).to.deep.equal([1_000, 2_000, 4_000, 8_000]);
      expect(warnings.join("\n")).to.include("could not be renewed");
    });

    it("is revoked on close", async () => {
      const store = await openAppRole();
      const token = await tokenOf();
      expect((await vault.try("GET", "auth/token/lookup-self", undefined, { token })).status).to.equal(200);
      await store.close();
      expect((await vault.try("GET", "auth/token/lookup-self", undefined, { token })).status).to.equal(403);
    });

    it("of a file is read again when Vault refuses the old one, and never revoked", async () => {
      const file = join(folder, `token-${engine}`);
      const [first, second] = [await vault.token(), await vault.token()];
      await writeFile(file, `${first}\n`);
      let clock = 0;
      const store = await open({ token_file: file }, { now: () => clock });
      await store.create(key, VALUE);
      await vault.call("POST", "auth/token/revoke", { token: first });
      await writeFile(file, second);
      clock = 11_000;
      expect(Buffer.from(await store.get(key)).toString()).to.equal("first value");
      await store.close();
      expect(
        (await vault.try("GET", "auth/token/lookup-self", undefined, { token: second })).status,
      ).to.equal(200);
    });

    it("is not given for wrong credentials, and the reason is told", async () => {
      const error = await errorOf(open({ approle: { engine: "approle", id: "no", secret: "no" } }));
      expect(error).to.have.property("code", "KEYSTORE_UNAVAILABLE");
      expect(causesOf(error)).to.match(/invalid role|approle/i);
      expect(causesOf(error)).to.not.include("secret_id");
    });

    async function openAppRole(
      env: Partial<VaultEnvironment> = {},
      ttl = "1h",
      warnings: string[] = [],
    ): Promise<Keystore> {
      const approle = await vault.appRole(`role-${engine}`, kv2Policy(engine), { ttl });
      return open({ approle: { engine: "approle", ...approle } }, env, warnings);
    }

    /** The token of the log-in that came last: its accessor is the youngest. */
    async function tokenOf(): Promise<string> {
      const token = proxy.lastToken;
      if (token === undefined) throw new Error("no token was sent");
      return token;
    }
  });

  async function gone(): Promise<{ url: string }> {
    const closed = await FaultProxy.start(vault.url);
    await closed.stop();
    return { url: closed.url };
  }
});

function collect(timers: { ms: number; task: () => void }[]): VaultEnvironment["after"] {
  return (ms, task) => {
    // Waits between attempts pass at once; those of the token's life are the test's to end.
    if (ms < 900) {
      const timer = setTimeout(task, 0);
      return () => clearTimeout(timer);
    }
    timers.push({ ms, task });
    return () => {};
  };
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error("it did not happen in time");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
