/** Rewrapped values in Vault, against an OpenBao server behind a proxy that fails. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import type { VaultOptions } from "../../keystores/vault/config.js";
import type { VaultEnvironment } from "../../keystores/vault/environment.js";
import { openVault, realEnvironment } from "../../keystores/vault/index.js";
import type { Keystore, RewrapOutcome } from "../../src/keystore/contract.js";
import type { KeyName } from "../../src/names.js";
import { CleanUp } from "../support/clean-up.js";
import { type Fault, FaultProxy } from "../support/fault-proxy.js";
import { causesOf, codeOf, errorOf, named } from "../support/keystore.js";
import { requireService } from "../support/services/index.js";
import { member, Vault } from "../support/vault.js";

const VALUE = Buffer.from("first value");
const OTHER = Buffer.from("another value");
const key = named("key");

describe("keystores/vault: rewrap", function () {
  this.timeout(60_000);
  const cleanUp = new CleanUp();
  const each = new CleanUp();
  let vault: Vault;
  let proxy: FaultProxy;
  let engine: string;
  let next = 0;

  before(async function () {
    const program = requireService(this, "bao");
    const folder = await mkdtemp(join(tmpdir(), "keswick-vault-rewrap-"));
    cleanUp.add(() => rm(folder, { recursive: true, force: true }));
    vault = await Vault.start(program, folder);
    cleanUp.add(() => vault.stop());
    proxy = await FaultProxy.start(vault.url);
    cleanUp.add(() => proxy.stop());
  });
  beforeEach(async () => {
    engine = `kv-${next++}`;
    await vault.mountKv(engine, "2");
    await vault.call("POST", `sys/mounts/transit-${engine}`, { type: "transit" });
    await vault.call("POST", `transit-${engine}/keys/kes`, {});
    proxy.script = () => undefined;
    proxy.seen.length = 0;
  });
  afterEach(() => each.run());
  after(() => cleanUp.run());

  const environment: VaultEnvironment = { ...realEnvironment, variables: {}, attemptTimeoutMs: 1_000 };

  async function open(options: Partial<VaultOptions> = {}): Promise<Keystore> {
    const all: VaultOptions = {
      ...{ endpoint: proxy.url, engine, version: "v2", token: vault.rootToken },
      transit: { engine: `transit-${engine}`, key: "kes" },
      ...options,
    };
    const store = await openVault(all, () => {}, environment);
    each.add(() => store.close());
    return store;
  }

  async function rewrap(store: Keystore, name: KeyName = key, isDryRun = false): Promise<RewrapOutcome> {
    if (store.rewrap === undefined) throw new Error("the key store cannot rewrap");
    return store.rewrap(name, { isDryRun });
  }

  const textOf = async (store: Keystore, name = key): Promise<string> =>
    Buffer.from(await store.get(name)).toString();
  const rotate = () => vault.call("POST", `transit-${engine}/keys/kes/rotate`);
  const openFrom = (version: number) =>
    vault.call("POST", `transit-${engine}/keys/kes/config`, { min_decryption_version: version });
  const write = (data: object) => vault.call("POST", `${engine}/data/key`, { data });

  /** The document of a version as another program sees it. */
  async function documentOf(version = 0): Promise<{ document: Record<string, string>; version: number }> {
    const { body } = await vault.call("GET", `${engine}/data/key?version=${version}`);
    const { data, metadata } = Object(body.data);
    return { document: data, version: metadata.version };
  }

  function strike(method: string, part: string, fault: Fault, count = Number.POSITIVE_INFINITY): void {
    let left = count;
    proxy.script = (asked, path) =>
      asked === method && path.includes(part) && left-- > 0 ? fault : undefined;
  }

  it("keeps the first version, and opens keys when that is too old", async () => {
    const store = await open();
    await store.create(key, VALUE);
    const created = await documentOf(1);
    await rotate();
    expect(await rewrap(store)).to.equal("rewrapped");
    expect((await documentOf(1)).document).to.deep.equal(created.document);
    const newest = await documentOf();
    expect(newest.version).to.equal(2);
    expect(newest.document.key).to.match(/^vault:v2:/);
    expect(await textOf(store)).to.equal("first value");
    await openFrom(2);
    expect(await textOf(store)).to.equal("first value");
    expect(await codeOf(store.create(key, OTHER))).to.equal("KEY_EXISTS");
    // From the rewrapped one, for the first cannot be opened any more.
    await rotate();
    expect(await rewrap(store)).to.equal("rewrapped");
    await openFrom(3);
    expect(await textOf(store)).to.equal("first value");
  });

  it("says what to do about a key that is too old and was not rewrapped, and is no 'not found'", async () => {
    const store = await open();
    await store.create(key, VALUE);
    await rotate();
    await openFrom(2);
    for (const call of [() => store.get(key), () => rewrap(store)]) {
      const error = await errorOf(call());
      expect(error).to.have.property("code", "KEYSTORE_UNAVAILABLE");
      expect(causesOf(error)).to.match(/min_decryption_version: lower it, then run 'kes keystore rewrap'/);
    }
  });

  it("leaves alone what is at the newest version, or was never encrypted", async () => {
    const store = await open();
    await store.create(key, VALUE);
    expect(await rewrap(store)).to.equal("current");
    await rotate();
    expect(await rewrap(store)).to.equal("rewrapped");
    expect(await rewrap(store)).to.equal("current");
    expect((await documentOf()).version).to.equal(2);
    const plain = await openPlain();
    expect(plain.rewrap).to.equal(undefined);
    await plain.create(named("plain"), VALUE);
    expect(await rewrap(store, named("plain"))).to.equal("plain");
    expect(await codeOf(rewrap(store, named("absent")))).to.equal("KEY_NOT_FOUND");
    expect((await vault.try("GET", `${engine}/data/absent`)).status).to.equal(404);
  });

  it("changes nothing in a dry run", async () => {
    const store = await open();
    await store.create(key, VALUE);
    await rotate();
    expect(await rewrap(store, key, true)).to.equal("rewrapped");
    expect((await documentOf()).version).to.equal(1);
  });

  describe("what somebody else wrote over a key never counts", () => {
    const theirs: Record<string, (marked: Record<string, string>, cipher: string) => object> = {
      "without the mark": (_, cipher) => ({ key: cipher }),
      "with the mark of another text, as 'vault kv patch' leaves it": (marked, cipher) => ({
        ...marked,
        key: cipher,
      }),
      "with a mark made up": (_, cipher) => ({ key: cipher, "keswick:rewrapped": "1" }),
      "in plain text": (marked) => ({ ...marked, key: "theirs" }),
    };
    for (const [what, make] of Object.entries(theirs)) {
      it(what, async () => {
        const store = await open();
        await store.create(key, VALUE);
        await rotate();
        await rewrap(store);
        const plaintext = OTHER.toString("base64");
        const cipher = member(
          await vault.call("POST", `transit-${engine}/encrypt/kes`, { plaintext }),
          "ciphertext",
        );
        await write(make((await documentOf()).document, cipher));
        expect(await textOf(store)).to.equal("first value");
        await openFrom(2);
        expect(await codeOf(store.get(key))).to.equal("KEYSTORE_UNAVAILABLE");
        expect(await codeOf(rewrap(store))).to.equal("KEYSTORE_UNAVAILABLE");
        // As long as the first version opens, another rewrap mends it.
        await openFrom(1);
        expect(await rewrap(store)).to.equal("rewrapped");
        await openFrom(2);
        expect(await textOf(store)).to.equal("first value");
        // Without its first version a key that was written over is an error, as ever.
        await vault.call("POST", `${engine}/metadata/key`, { max_versions: 1 });
        await write(make((await documentOf()).document, cipher));
        expect(causesOf(await errorOf(store.get(key)))).to.include("max_versions");
      });
    }

    it("also when a key of that name was deleted and made anew", async () => {
      const store = await open();
      await store.create(key, VALUE);
      await rotate();
      await rewrap(store);
      const { document } = await documentOf();
      await store.delete(key);
      const plaintext = OTHER.toString("base64");
      const old = await vault.call("POST", `transit-${engine}/encrypt/kes`, { plaintext, key_version: 1 });
      await write({ key: member(old, "ciphertext") });
      await write(document);
      expect(await textOf(store)).to.equal("another value");
      await openFrom(2);
      expect(await codeOf(store.get(key))).to.equal("KEYSTORE_UNAVAILABLE");
      await openFrom(1);
      expect(await rewrap(store)).to.equal("rewrapped");
      await openFrom(2);
      expect(await textOf(store)).to.equal("another value");
    });
  });

  it("a first version that was pruned is served from the rewrapped one, and rewrapped again", async () => {
    const store = await open();
    await store.create(key, VALUE);
    await rotate();
    await rewrap(store);
    const { document } = await documentOf();
    await vault.call("POST", `${engine}/metadata/key`, { max_versions: 1 });
    await write(document);
    expect((await vault.try("GET", `${engine}/data/key?version=1`)).status).to.equal(404);
    expect(await textOf(store)).to.equal("first value");
    expect(await codeOf(store.create(key, OTHER))).to.equal("KEY_EXISTS");
    await rotate();
    expect(await rewrap(store)).to.equal("rewrapped");
    await openFrom(3);
    expect(await textOf(store)).to.equal("first value");
  });

  for (const [place, path] of [
    ["entry", "metadata/key"],
    ["engine", "config"],
  ] as const) {
    it(`does not push the first version out: max_versions of the ${place}`, async () => {
      const store = await open();
      await store.create(key, VALUE);
      await vault.call("POST", `${engine}/${path}`, { max_versions: 2 });
      await rotate();
      expect(await rewrap(store)).to.equal("rewrapped");
      await rotate();
      for (const isDryRun of [true, false]) {
        expect(causesOf(await errorOf(rewrap(store, key, isDryRun)))).to.include("-max-versions=");
      }
      expect((await documentOf(1)).document.key).to.match(/^vault:v1:/);
      expect((await documentOf()).version).to.equal(2);
    });
  }

  it("of the tenth version, the default, pushes nothing out, and there is no eleventh", async () => {
    const store = await open();
    await store.create(key, VALUE);
    for (let version = 2; version <= 10; version++) {
      await rotate();
      expect(await rewrap(store)).to.equal("rewrapped");
    }
    expect((await documentOf(1)).document.key).to.match(/^vault:v1:/);
    await rotate();
    expect(await codeOf(rewrap(store))).to.equal("KEYSTORE_UNAVAILABLE");
    expect((await documentOf(1)).document.key).to.match(/^vault:v1:/);
  });

  for (const fault of ["lose the answer", "cut the answer", "hang after it", "double the request"] as const) {
    it(`is done once although we ${fault}`, async () => {
      const store = await open();
      await store.create(key, VALUE);
      await rotate();
      strike("POST", "/data/key", fault, 1);
      expect(await rewrap(store)).to.equal("rewrapped");
      expect((await documentOf()).version).to.equal(2);
      await openFrom(2);
      expect(await textOf(store)).to.equal("first value");
    });
  }

  it("that is lost for good leaves the key as it was", async () => {
    const store = await open();
    await store.create(key, VALUE);
    await rotate();
    strike("POST", "/data/key", "lose the request");
    expect(await codeOf(rewrap(store))).to.equal("KEYSTORE_UNCERTAIN");
    expect((await documentOf()).version).to.equal(1);
    proxy.script = () => undefined;
    expect(await rewrap(store)).to.equal("rewrapped");
  });

  it("of many processes at once makes one version, and every read meanwhile succeeds", async () => {
    const stores = await Promise.all(Array.from({ length: 6 }, () => open()));
    const [first] = stores;
    if (first === undefined) throw new Error("no store");
    await first.create(key, VALUE);
    await rotate();
    let isEnded = false;
    const reads = (async () => {
      let count = 0;
      for (; !isEnded; count++) expect(await textOf(first)).to.equal("first value");
      return count;
    })();
    const outcomes = await Promise.all(stores.map((store) => rewrap(store)));
    isEnded = true;
    expect(await reads).to.be.greaterThan(0);
    expect(outcomes.filter((each) => each === "rewrapped")).to.have.length(1);
    expect(outcomes.filter((each) => each === "current")).to.have.length(5);
    expect((await documentOf()).version).to.equal(2);
  });

  /** Runs `task` after a rewrap has read everything and before it writes. */
  function beforeWrite(task: () => Promise<unknown>): Promise<unknown> {
    return new Promise((resolve, reject) => {
      let isBegun = false;
      proxy.script = (method, path) => {
        if (isBegun || method !== "GET" || !path.endsWith(`${engine}/config`)) return undefined;
        isBegun = true;
        task().then(resolve, reject);
        // It is asked again when the task has long ended.
        return "hang";
      };
    });
  }

  it("does not bring back a key that is deleted meanwhile", async () => {
    const store = await open();
    await store.create(key, VALUE);
    await rotate();
    const deleted = beforeWrite(() => vault.call("DELETE", `${engine}/metadata/key`));
    const outcome = codeOf(rewrap(store));
    await deleted;
    expect(await outcome).to.equal("KEYSTORE_UNCERTAIN");
    expect(proxy.seen).to.include(`POST /v1/${engine}/data/key`);
    expect(await codeOf(rewrap(store))).to.equal("KEY_NOT_FOUND");
    expect((await vault.try("GET", `${engine}/metadata/key`)).status).to.equal(404);
  });

  it("never gives a key that is deleted and made anew meanwhile the old value", async () => {
    const store = await open();
    const second = await open();
    await store.create(key, VALUE);
    await rotate();
    const remade = beforeWrite(async () => {
      await second.delete(key);
      await second.create(key, OTHER);
    });
    const outcome = rewrap(store);
    await remade;
    expect(await outcome).to.equal("current");
    expect((await documentOf()).version).to.equal(2);
    expect(await textOf(store)).to.equal("another value");
    await rotate();
    await openFrom(3);
    expect(await codeOf(store.get(key))).to.equal("KEYSTORE_UNAVAILABLE");
    await openFrom(1);
    expect(await rewrap(store)).to.equal("rewrapped");
    await openFrom(3);
    expect(await textOf(store)).to.equal("another value");
  });

  describe("in KV version 1", () => {
    beforeEach(async () => {
      await vault.mountKv(`${engine}-one`, "1");
    });
    const one = (mayRace: boolean) =>
      open({ engine: `${engine}-one`, version: "v1", v1: { allow_racy_create: mayRace } });

    it("writes over the value, and only where that is allowed", async () => {
      const store = await one(true);
      await store.create(key, VALUE);
      await rotate();
      const careful = await one(false);
      for (const isDryRun of [true, false]) {
        expect(causesOf(await errorOf(rewrap(careful, key, isDryRun)))).to.include("allow_racy_create");
      }
      expect(member(await vault.call("GET", `${engine}-one/key`), "key")).to.match(/^vault:v1:/);
      expect(await rewrap(store)).to.equal("rewrapped");
      expect(await rewrap(store)).to.equal("current");
      await openFrom(2);
      expect(await textOf(store)).to.equal("first value");
    });

    it("is read back when the answer was lost", async () => {
      const store = await one(true);
      await store.create(key, VALUE);
      await rotate();
      strike("PUT", "-one/key", "lose the answer", 1);
      expect(await codeOf(rewrap(store))).to.equal("KEYSTORE_UNCERTAIN");
      expect(await rewrap(store)).to.equal("current");
      expect(await textOf(store)).to.equal("first value");
    });
  });

  async function openPlain(): Promise<Keystore> {
    const options: VaultOptions = { endpoint: proxy.url, engine, version: "v2", token: vault.rootToken };
    const store = await openVault(options, () => {}, environment);
    each.add(() => store.close());
    return store;
  }
});
