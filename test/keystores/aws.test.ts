/** The AWS Secrets Manager keystore against moto, an emulator that others wrote. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import type { AwsOptions } from "../../keystores/aws-secrets-manager/config.js";
import { realEnvironment } from "../../keystores/aws-secrets-manager/index.js";
import { openAws } from "../../keystores/aws-secrets-manager/open.js";
import type { Keystore } from "../../src/keystore/contract.js";
import { CleanUp } from "../support/clean-up.js";
import { causesOf, codeOf, errorOf, named } from "../support/keystore.js";
import { CREDENTIALS, Moto, REGION } from "../support/moto.js";
import { requireService } from "../support/services/index.js";
import { keystoreConformance } from "./conformance.js";

/** What KES stores: base64 of a protobuf message, 208 characters (KES keystore reference §2). */
const KES_VALUE = Buffer.alloc(156, 7).toString("base64");
/** What KES stored until January 2024. */
const LEGACY_VALUE = '{"bytes":"AAAA",\n "algorithm":"AES256"}\n';
const VALUE = Buffer.from("first value");
const OTHER = Buffer.from("another value");
const key = named("key");

describe("keystores/aws-secrets-manager against moto", function () {
  this.timeout(60_000);
  const cleanUp = new CleanUp();
  const each = new CleanUp();
  let moto: Moto;

  before(async function () {
    const program = requireService(this, "moto");
    const folder = await mkdtemp(join(tmpdir(), "keswick-moto-"));
    cleanUp.add(() => rm(folder, { recursive: true, force: true }));
    moto = await Moto.start(program, folder);
    cleanUp.add(() => moto.stop());
  });
  afterEach(() => each.run());
  after(() => cleanUp.run());

  const openWith = (options: Partial<AwsOptions> = {}, warnings: string[] = []): Promise<Keystore> =>
    openAws(
      { endpoint: moto.url, region: REGION, credentials: CREDENTIALS, ...options },
      (text) => warnings.push(text),
      { ...realEnvironment, variables: {} },
    );

  async function open(options: Partial<AwsOptions> = {}, warnings: string[] = []): Promise<Keystore> {
    await moto.reset();
    const store = await openWith(options, warnings);
    each.add(() => store.close());
    return store;
  }

  for (const days of [0, 30]) {
    const options = { delete: { recovery_window: days } };
    keystoreConformance(
      `moto, recovery window of ${days} days`,
      async () => {
        await moto.reset();
        return openWith(options);
      },
      { second: () => openWith(options), keepsDeletedNames: days > 0 },
    );
  }

  describe("as KES", () => {
    it("stores a key's text as the text of a secret of the same name, and nothing else", async () => {
      const store = await open();
      await store.create(key, Buffer.from(KES_VALUE));
      expect(await moto.text("key")).to.equal(KES_VALUE);
      const { Tags, Description, KmsKeyId, VersionIdsToStages } = await moto.describe("key");
      expect([Tags ?? [], Description, KmsKeyId]).to.deep.equal([[], undefined, undefined]);
      expect(Object.values(VersionIdsToStages ?? {})).to.deep.equal([["AWSCURRENT"]]);
    });

    it("reads what KES made, of either form, and what stands in SecretBinary", async () => {
      const store = await open();
      await moto.create("new", KES_VALUE);
      await moto.create("legacy", LEGACY_VALUE);
      const { SecretString: _, ...binary } = { SecretString: "", SecretBinary: Buffer.from(KES_VALUE) };
      await moto.create("binary", KES_VALUE, { SecretString: undefined, ...binary });
      for (const name of ["new", "binary"])
        expect(Buffer.from(await store.get(named(name))).toString()).to.equal(KES_VALUE);
      expect(Buffer.from(await store.get(named("legacy"))).toString()).to.equal(LEGACY_VALUE);
    });

    it("stores legacy values unchanged too, so that going back finds them", async () => {
      const store = await open();
      await store.create(key, Buffer.from(LEGACY_VALUE));
      expect(await moto.text("key")).to.equal(LEGACY_VALUE);
    });
  });

  it("encrypts new keys by `kmskey` and marks them with `tags`", async () => {
    const store = await open({ kmskey: "alias/kes", tags: { service: "kes", team: "storage" } });
    await store.create(key, VALUE);
    const { KmsKeyId, Tags } = await moto.describe("key");
    expect(KmsKeyId).to.equal("alias/kes");
    expect(Tags).to.deep.equal([
      { Key: "service", Value: "kes" },
      { Key: "team", Value: "storage" },
    ]);
  });

  describe("deletion", () => {
    it("leaves a window of 30 days: the key is gone, its name taken, and the error says how to go on", async () => {
      const store = await open();
      await store.create(key, VALUE);
      await store.delete(key);
      const { DeletedDate } = await moto.describe("key");
      const days = ((DeletedDate?.getTime() ?? 0) - Date.now()) / 86_400_000;
      expect(days).to.be.within(29.9, 30.1);
      expect(await codeOf(store.get(key))).to.equal("KEY_NOT_FOUND");
      expect(await codeOf(store.delete(key))).to.equal("KEY_NOT_FOUND");
      const error = await errorOf(store.create(key, OTHER));
      expect(error).to.have.property("code", "KEYSTORE_UNAVAILABLE");
      expect(causesOf(error)).to.include("restore-secret");
      expect((await store.list({ prefix: "", limit: 10 })).names).to.deep.equal([]);
    });

    it("with a window of 0 removes the secret at once, as KES does", async () => {
      const store = await open({ delete: { recovery_window: 0 } });
      await store.create(key, VALUE);
      await store.delete(key);
      expect(await errorOf(moto.describe("key"))).to.have.property("name", "ResourceNotFoundException");
      await store.create(key, OTHER);
      expect(Buffer.from(await store.get(key)).toString()).to.equal("another value");
    });
  });

  describe("a secret that somebody writes over", () => {
    it("is still the key that was created, and the move is told", async () => {
      const warnings: string[] = [];
      const store = await open({}, warnings);
      await store.create(key, VALUE);
      await moto.put("key", "rotated");
      expect(Buffer.from(await store.get(key)).toString()).to.equal("first value");
      expect(warnings.join("\n")).to.include("AWSCURRENT of the secret 'key' was moved");
      await moto.put("key", "rotated again");
      await moto.put("key", "and again");
      expect(Buffer.from(await store.get(key)).toString()).to.equal("first value");
      expect(await codeOf(store.create(key, OTHER))).to.equal("KEY_EXISTS");
    });

    it("that KES made is what KES reads, and the move is told once", async () => {
      const warnings: string[] = [];
      const store = await open({}, warnings);
      await moto.create("key", "made by KES");
      expect(Buffer.from(await store.get(key)).toString()).to.equal("made by KES");
      expect(warnings).to.deep.equal([]);
      await moto.put("key", "put by hand");
      for (let i = 0; i < 3; i++)
        expect(Buffer.from(await store.get(key)).toString()).to.equal("put by hand");
      expect(warnings).to.have.length(1);
      expect(warnings[0]).to.include("moved from version");
    });
  });

  it("leaves secrets that are no keys out of listings", async () => {
    const store = await open();
    for (const name of ["a", "b/inner", "c.d", "e=f", "g"]) await moto.create(name, "x");
    expect((await store.list({ prefix: "", limit: 10 })).names).to.deep.equal(["a", "g"]);
  });

  it("lists 1,000 keys in pages of any size, without loss, from a walk of 10 calls", async () => {
    const store = await open();
    const names = Array.from({ length: 1_000 }, (_, i) => `key-${(i * 7919) % 1_000}`);
    const queue = [...names];
    const worker = async (): Promise<void> => {
      for (let name = queue.pop(); name !== undefined; name = queue.pop())
        await store.create(named(name), VALUE);
    };
    await Promise.all(Array.from({ length: 16 }, worker));
    await moto.create("other", "x");
    const expected = [...names].sort();
    const start = performance.now();
    for (const limit of [1_024, 300]) {
      const got: string[] = [];
      for (let after: string | undefined; ; after = got.at(-1)) {
        const page = await store.list({ prefix: "key-", limit, ...(after === undefined ? {} : { after }) });
        got.push(...page.names);
        if (!page.more) break;
      }
      expect(got).to.deep.equal(expected);
    }
    console.log(`      two listings of 1,000 keys in ${(performance.now() - start).toFixed(0)} ms`);
  });
});
