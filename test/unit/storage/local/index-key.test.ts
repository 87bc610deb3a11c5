import { expect } from "chai";
import type {
  GeneratedDek,
  KeyCallOptions,
  KeyService,
  KeyServiceStatus,
} from "../../../../src/storage/keys/key-service.js";
import { type SseFailure, sseError } from "../../../../src/storage/sse/errors.js";
import type { KmsContext } from "../../../../src/storage/sse/kms-context.js";
import { MemoryStore } from "../../../support/memory-store.js";
import { SeveralKeys } from "../keys/support.js";
import { pattern } from "../sse/support.js";
import { at, BUCKET, LocalSite, md5, rejects } from "./support.js";

const content = pattern(1000);

/** Fails as it is told, for keys of one name or of all. */
class FailingKeys implements KeyService {
  defaultKey: string;
  readonly #keys: SeveralKeys;
  readonly failures = new Map<string, SseFailure>();

  constructor(keys: SeveralKeys, defaultKey = keys.defaultKey) {
    this.#keys = keys;
    this.defaultKey = defaultKey;
  }

  async generate(keyName = this.defaultKey, context: KmsContext): Promise<GeneratedDek> {
    this.#check(keyName);
    return this.#keys.generate(keyName, context);
  }

  async decrypt(
    keyName: string,
    ciphertext: Uint8Array,
    context: KmsContext,
    _options?: KeyCallOptions,
  ): Promise<Buffer> {
    this.#check(keyName);
    return this.#keys.decrypt(keyName, ciphertext, context);
  }

  createKey(keyName: string): Promise<void> {
    return this.#keys.createKey(keyName);
  }

  status(): Promise<KeyServiceStatus> {
    return this.#keys.status();
  }

  async close(): Promise<void> {}

  #check(keyName: string): void {
    const failure = this.failures.get(keyName) ?? this.failures.get("*");
    if (failure !== undefined) throw sseError(failure);
  }
}

/** Each service over the same store is a process of its own. */
function sites(): {
  store: MemoryStore;
  keys: FailingKeys;
  start: (defaultKey?: string) => LocalSite<MemoryStore>;
} {
  const store = new MemoryStore();
  const several = new SeveralKeys("default", "second");
  const keys = new FailingKeys(several);
  const start = (defaultKey = "default"): LocalSite<MemoryStore> => {
    keys.defaultKey = defaultKey;
    return new LocalSite({ store, keys });
  };
  return { store, keys, start };
}

async function filled() {
  const all = sites();
  const site = all.start();
  await site.objects.createBucket(BUCKET);
  await site.put("k", content, "SSE-S3");
  return { ...all, site };
}

const etags = async (site: LocalSite<MemoryStore>): Promise<string[]> =>
  (await site.listed()).map(({ etag }) => etag);

describe("local objects: the index's key", () => {
  it("is made with the first SSE-S3 object, and opened once in a process", async () => {
    const { site, start, store } = await filled();
    expect(site.calls()).to.deep.equal(["generate", "generate"]);
    await site.put("j", content, "SSE-S3");
    expect(site.calls()).to.deep.equal(["generate"]);
    const again = start();
    const [first, second] = await Promise.all([etags(again), etags(again)]);
    expect(first).to.deep.equal([md5(content), md5(content)]);
    expect(second).to.deep.equal(first);
    expect((await again.head("k", "SSE-S3")).object.etag).to.equal(md5(content));
    expect(again.calls()).to.deep.equal(["decrypt"]);
    expect(again.counted.contexts).to.deep.equal([]);
    expect(site.counted.contexts[0]).to.deep.equal({ ".keswick": ".keswick/index" });
    expect(store.dump()).not.to.include(md5(content));
    await rejects(() => again.objects.createBucket(".keswick"), "BUCKET_NAME_INVALID");
  });

  it("is one, of two that are made at once", async () => {
    const { start } = sites();
    const site = start();
    await site.objects.createBucket(BUCKET);
    await Promise.all(["a", "b", "c"].map((key) => site.put(key, content, "SSE-S3")));
    expect(await etags(start())).to.deep.equal([md5(content), md5(content), md5(content)]);
    const [one, two] = [start(), start()];
    await one.put("d", content, "SSE-S3");
    await two.put("e", content, "SSE-S3");
    expect(new Set(await etags(start()))).to.deep.equal(new Set([md5(content)]));
  });

  it("needs nothing for buckets without SSE-S3", async () => {
    const { start, keys } = sites();
    keys.failures.set("*", "KMS_UNAVAILABLE");
    const site = start();
    await site.objects.createBucket(BUCKET);
    await site.put("k", content);
    await site.put("c", content, "SSE-C");
    expect((await etags(site)).length).to.equal(2);
    await site.objects.delete(at("k"), { match: md5(content) });
  });

  for (const failure of ["KMS_UNAVAILABLE", "KMS_DENIED", "KMS_FAILED"] as const) {
    it(`${failure}: HEAD and listings fail, and recover; what is open stays open`, async () => {
      const { site, start, keys } = await filled();
      const again = start();
      keys.failures.set("*", failure);
      expect(await etags(site)).to.deep.equal([md5(content)]);
      await rejects(() => again.head("k", "SSE-S3"), failure);
      await rejects(() => again.listed(), failure);
      await rejects(() => again.put("k", content, "none", { conditions: { match: md5(content) } }), failure);
      await again.put("k2", content, "none", { conditions: { noneMatch: "*" } });
      await rejects(
        () => again.put("k", content, "none", { conditions: { noneMatch: "*" } }),
        "PRECONDITION_FAILED",
      );
      keys.failures.clear();
      again.nowMs += 60_000;
      expect((await again.head("k", "SSE-S3")).object.etag).to.equal(md5(content));
    });
  }

  for (const failure of ["KMS_KEY_NOT_FOUND", "KMS_ALTERED"] as const) {
    it(`${failure}: shows what SSE-KMS shows, without a call each time, and takes a new key`, async () => {
      const { start, keys, store } = await filled();
      keys.failures.set("default", failure);
      const again = start("second");
      const tail = store.object(BUCKET, "k")?.etag.slice(-32);
      expect(await etags(again)).to.deep.equal([tail]);
      expect((await again.head("k", "SSE-S3")).object.etag).to.equal(tail);
      expect(again.calls()).to.deep.equal(["decrypt"]);
      await again.put("new", content, "SSE-S3");
      expect(again.calls()).to.deep.equal(["generate", "generate"]);
      expect(await etags(again)).to.deep.equal([tail, md5(content)]);
      // The key comes back: both are open.
      keys.failures.clear();
      expect(await etags(start("second"))).to.deep.equal([md5(content), md5(content)]);
    });
  }

  it("takes a new key while the old one is locked, whose ETags then are not to be had", async () => {
    const { start, keys } = await filled();
    keys.failures.set("default", "KMS_DENIED");
    const again = start("second");
    await again.put("new", content, "SSE-S3");
    expect((await again.head("new", "SSE-S3")).object.etag).to.equal(md5(content));
    await rejects(() => again.head("k", "SSE-S3"), "KMS_DENIED");
    keys.failures.clear();
    again.nowMs += 60_000;
    expect((await again.head("k", "SSE-S3")).object.etag).to.equal(md5(content));
    expect((await again.head("new", "SSE-S3")).object.etag).to.equal(md5(content));
  });

  it("follows the default key, so that the old one can be deleted", async () => {
    const { start, keys } = await filled();
    const moved = start("second");
    expect(await etags(moved)).to.deep.equal([md5(content)]);
    expect(moved.calls()).to.deep.equal(["decrypt", "decrypt", "generate"]);
    keys.failures.set("default", "KMS_KEY_NOT_FOUND");
    const later = start("second");
    expect(await etags(later)).to.deep.equal([md5(content)]);
    expect(later.calls()).to.deep.equal(["decrypt"]);
  });

  it("follows with an object that is resealed, also when nothing was ever listed", async () => {
    const { start, keys } = await filled();
    const moved = start("second");
    await moved.objects.reseal(at("k"), { kind: "SSE-S3" });
    keys.failures.set("default", "KMS_KEY_NOT_FOUND");
    const later = start("second");
    expect(await etags(later)).to.deep.equal([md5(content)]);
    expect((await later.get("k", "SSE-S3")).bytes.equals(content)).to.equal(true);
  });

  it("is used as it is when it cannot follow", async () => {
    const { start, keys } = await filled();
    keys.failures.set("second", "KMS_DENIED");
    expect(await etags(start("second"))).to.deep.equal([md5(content)]);
    keys.failures.clear();
    const moved = start("second");
    await moved.listed();
    expect(moved.calls()).to.deep.equal(["decrypt", "decrypt", "generate"]);
  });

  it("follows a minute later what it could not at once, so that no restart is needed before the old key goes", async () => {
    const { start, keys } = await filled();
    const moved = start("second");
    keys.failures.set("second", "KMS_UNAVAILABLE");
    expect(await etags(moved)).to.deep.equal([md5(content)]);
    expect(moved.calls()).to.deep.equal(["decrypt", "decrypt", "generate"]);
    await moved.listed();
    expect(moved.calls()).to.deep.equal([]);
    moved.nowMs += 60_000;
    expect(await etags(moved)).to.deep.equal([md5(content)]);
    expect(moved.calls()).to.deep.equal(["decrypt", "generate"]);
    keys.failures.clear();
    moved.nowMs += 60_000;
    await moved.listed();
    moved.nowMs += 600_000;
    await moved.listed();
    expect(moved.calls()).to.deep.equal(["decrypt", "generate"]);
    keys.failures.set("default", "KMS_KEY_NOT_FOUND");
    expect(await etags(start("second"))).to.deep.equal([md5(content)]);
  });

  it("follows with every key that opens, not with the newest alone", async () => {
    const { start, keys } = await filled();
    keys.failures.set("default", "KMS_DENIED");
    const locked = start("second");
    await locked.put("new", content, "SSE-S3");
    keys.failures.clear();
    locked.nowMs += 60_000;
    expect(await etags(locked)).to.deep.equal([md5(content), md5(content)]);
    keys.failures.set("default", "KMS_KEY_NOT_FOUND");
    expect(await etags(start("second"))).to.deep.equal([md5(content), md5(content)]);
  });

  it("goes on with what is open when another key is locked and then the service is away", async () => {
    const { start, keys } = await filled();
    keys.failures.set("default", "KMS_DENIED");
    const site = start("second");
    await site.put("new", content, "SSE-S3");
    keys.failures.set("*", "KMS_UNAVAILABLE");
    keys.failures.delete("default");
    for (let i = 0; i < 3; i++) {
      site.nowMs += 60_000;
      expect((await site.head("new", "SSE-S3")).object.etag).to.equal(md5(content));
      await rejects(() => site.head("k", "SSE-S3"), "KMS_UNAVAILABLE");
    }
    keys.failures.clear();
    site.nowMs += 60_000;
    expect(await etags(site)).to.deep.equal([md5(content), md5(content)]);
  });

  it("makes no further key while an older one opens: none is crowded out", async () => {
    const { start, keys, store } = await filled();
    // Back and forth between two key servers, as by a wrong setting.
    for (let i = 0; i < 10; i++) {
      const [here, there] = i % 2 === 0 ? (["second", "default"] as const) : (["default", "second"] as const);
      keys.failures.clear();
      keys.failures.set(there, "KMS_KEY_NOT_FOUND");
      await start(here).put(`n${i}`, content, "SSE-S3");
    }
    const list: unknown = JSON.parse(store.setting("index-keys") ?? "");
    expect(list).to.have.length(2);
    keys.failures.clear();
    expect(new Set(await etags(start()))).to.deep.equal(new Set([md5(content)]));
  });

  it("is not there without a key service: ETags are those of SSE-KMS, and SSE-S3 is refused", async () => {
    const { store } = await filled();
    const bare = new LocalSite({ store, keys: "none" });
    expect((await bare.head("k", "SSE-S3")).object.etag).to.equal(store.object(BUCKET, "k")?.etag.slice(-32));
    await rejects(() => bare.put("n", content, "SSE-S3"), "KMS_NOT_CONFIGURED");
    await rejects(() => bare.put("n", content, "SSE-KMS"), "KMS_NOT_CONFIGURED");
    await rejects(() => bare.get("k", "SSE-S3"), "KMS_NOT_CONFIGURED");
    await bare.put("n", content, "SSE-C");
    expect((await bare.get("n", "SSE-C")).bytes.equals(content)).to.equal(true);
  });
});
