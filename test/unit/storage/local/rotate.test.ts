import { expect } from "chai";
import type { KeyService } from "../../../../src/storage/keys/key-service.js";
import type { RotationRequest, RotationStep } from "../../../../src/storage/local/rotate.js";
import { sseError } from "../../../../src/storage/sse/errors.js";
import { readEncryption } from "../../../../src/storage/sse/metadata.js";
import type { MemoryStore } from "../../../support/memory-store.js";
import { SeveralKeys } from "../keys/support.js";
import { pattern } from "../sse/support.js";
import { at, BUCKET, type Kind, kinds, LocalSite, memorySite, PART_BYTES, rejects } from "./support.js";

const content = pattern(100_000);
const big = pattern(PART_BYTES);

async function steps(
  site: LocalSite<MemoryStore>,
  request: Partial<RotationRequest>,
): Promise<RotationStep[]> {
  const all: RotationStep[] = [];
  const to = { kind: "SSE-S3", keyId: "second" } as const;
  for await (const step of site.objects.rotate({ bucket: BUCKET, to, ...request })) all.push(step);
  return all;
}

const keyNameOf = (site: LocalSite<MemoryStore>, key: string): string | undefined => {
  const encryption = readEncryption(site.store.object(BUCKET, key)?.encryption ?? {});
  return encryption === undefined || encryption.kind === "SSE-C" ? undefined : encryption.dek.keyName;
};

describe("local objects: resealing", () => {
  let site: LocalSite<MemoryStore>;
  beforeEach(async () => {
    site = await memorySite({ keys: new SeveralKeys("default", "other", "second") });
  });

  const rows: readonly (readonly [Kind, "SSE-S3" | "SSE-KMS", string, string | undefined])[] = [
    ["none", "SSE-S3", "plain", undefined],
    ["none", "SSE-KMS", "plain", undefined],
    ["SSE-C", "SSE-S3", "customer-key", undefined],
    ["SSE-C", "SSE-KMS", "customer-key", undefined],
    ["SSE-S3", "SSE-S3", "resealed", "second"],
    ["SSE-S3", "SSE-KMS", "resealed", "second"],
    ["SSE-KMS", "SSE-KMS", "resealed", "second"],
    ["SSE-KMS", "SSE-S3", "refused", "other"],
  ];
  for (const [kind, to, outcome, keyName] of rows) {
    it(`${kind} to ${to}: ${outcome}; content, ETag, kind and time stay`, async () => {
      await site.put("one", content, kind);
      await site.multipart("parts", kind, big, content);
      for (const key of ["one", "parts"]) {
        const before = await site.head(key, kind);
        site.nowMs += 1000;
        expect(await site.objects.reseal(at(key), { kind: to, keyId: "second" })).to.equal(outcome);
        expect(keyNameOf(site, key)).to.equal(keyName);
        const read = await site.get(key, kind);
        const { encryption: was, ...object } = before.object;
        const { encryption: is, ...after } = read.object;
        expect(after).to.deep.equal(object);
        expect(is?.kind).to.equal(was?.kind);
        expect(read.bytes.equals(key === "one" ? content : Buffer.concat([big, content]))).to.equal(true);
      }
    });
  }

  it("keeps the context, or takes the one it is given", async () => {
    await site.put("k", content, "SSE-KMS");
    await site.objects.reseal(at("k"), { kind: "SSE-KMS", keyId: "second" });
    const shown = (await site.head("k", "SSE-KMS")).object.encryption;
    const context = { tenant: "north" };
    expect(shown).to.deep.equal({ kind: "SSE-KMS", dek: { keyName: "second" }, context });
    await site.objects.reseal(at("k"), { kind: "SSE-KMS", context: { tenant: "south" } });
    const changed = (await site.head("k", "SSE-KMS")).object.encryption;
    expect(changed).to.deep.equal({
      kind: "SSE-KMS",
      dek: { keyName: "second" },
      context: { tenant: "south" },
    });
    expect((await site.get("k", "SSE-KMS")).bytes.equals(content)).to.equal(true);
  });

  it("never makes a new record out of an old one", async () => {
    await site.put("k", content, "SSE-S3");
    site.store.rival = () => {
      site.store.replace(BUCKET, "k", (record) => ({ ...record, tags: [{ key: "a", value: "b" }] }));
    };
    expect(await site.objects.reseal(at("k"), { kind: "SSE-S3", keyId: "second" })).to.equal("resealed");
    expect(await site.objects.tags(at("k"))).to.deep.equal([{ key: "a", value: "b" }]);
    // Overwritten meanwhile: the new object is resealed, not the old key put beside new content.
    await site.put("other", pattern(7), "SSE-S3");
    site.store.rival = () => {
      site.store.rename(BUCKET, "other", "k");
    };
    const to = { kind: "SSE-S3" } as const;
    await rejects(() => site.objects.reseal(at("k"), to), "KMS_ALTERED");
    await site.objects.delete(at("k"), {});
    await rejects(() => site.objects.reseal(at("k"), { kind: "SSE-S3" }), "KEY_NOT_FOUND");
  });

  describe("a bucket", () => {
    beforeEach(async () => {
      for (let i = 0; i < 40; i++) {
        const kind = kinds[i % kinds.length] ?? "none";
        await site.put(`${i < 20 ? "a" : "b"}/${String(i).padStart(2, "0")}`, content, kind);
      }
    });

    it("is gone through in order, every object told of once", async () => {
      const all = await steps(site, {});
      expect(all.map(({ key }) => key)).to.deep.equal((await site.listed()).map(({ key }) => key));
      expect(all.length).to.equal(40);
      const tally = (outcome: string) => all.filter((step) => step.outcome === outcome).length;
      expect([tally("plain"), tally("resealed"), tally("refused"), tally("customer-key")]).to.deep.equal([
        ...[10, 10, 10, 10],
      ]);
      const kms = await steps(site, { to: { kind: "SSE-KMS", keyId: "second" }, skipsDone: true });
      expect(kms.filter(({ outcome }) => outcome === "already").length).to.equal(10);
      expect(kms.filter(({ outcome }) => outcome === "resealed").length).to.equal(10);
      for (let i = 0; i < 40; i++) {
        const kind = kinds[i % kinds.length] ?? "none";
        const key = `${i < 20 ? "a" : "b"}/${String(i).padStart(2, "0")}`;
        expect((await site.get(key, kind)).bytes.equals(content)).to.equal(true);
      }
    });

    it("may be cut by a prefix and resumed behind a key", async () => {
      const part = await steps(site, { prefix: "b/", after: "b/25" });
      expect(part.map(({ key }) => key)).to.deep.equal(Array.from({ length: 14 }, (_, i) => `b/${26 + i}`));
      expect((await steps(site, { prefix: "b/", after: "a/19" })).length).to.equal(20);
    });

    it("interrupted again and again, is whole at every moment and done in the end", async () => {
      let after: string | undefined;
      let told = 0;
      for (let round = 0; round < 100; round++) {
        let taken = 0;
        let isDone = true;
        const request = { bucket: BUCKET, to: { kind: "SSE-S3", keyId: "second" } } as const;
        for await (const step of site.objects.rotate({
          ...request,
          ...(after === undefined ? {} : { after }),
        })) {
          after = step.key;
          told++;
          if (++taken === 4) {
            isDone = false;
            break;
          }
        }
        for (const [i, { key }] of (await site.listed()).entries()) {
          const kind = kinds[i % kinds.length] ?? "none";
          expect((await site.get(key, kind)).bytes.length).to.equal(content.length);
        }
        if (isDone) break;
      }
      expect(told).to.equal(40);
      for (let i = 1; i < 40; i += 4) {
        expect(keyNameOf(site, `${i < 20 ? "a" : "b"}/${String(i).padStart(2, "0")}`)).to.equal("second");
      }
    });

    it("stops at once when it cannot succeed, and goes on past what only concerns one", async () => {
      await rejects(() => steps(site, { to: { kind: "SSE-S3", keyId: "missing" } }), "KMS_KEY_NOT_FOUND");
      await rejects(() => steps(site, { bucket: "none" }), "BUCKET_NOT_FOUND");
      site.store.replace(BUCKET, "a/01", (record) => ({
        ...record,
        encryption: { ...record.encryption, "X-Minio-Internal-Server-Side-Encryption-Iv": "AAAA" },
      }));
      const all = await steps(site, {});
      const failed = all.filter((step) => step.outcome === "failed");
      expect(failed.map(({ key }) => key)).to.deep.equal(["a/01"]);
      expect(all.filter(({ outcome }) => outcome === "resealed").length).to.equal(9);
    });

    it("stops when the key service goes away, and its signal counts", async () => {
      const broken = new LocalSite({ store: site.store, keys: new AfterCalls(site.counted, 12) });
      await rejects(() => steps(broken, { parallel: 1 }), "KMS_UNAVAILABLE");
      const controller = new AbortController();
      const request = {
        bucket: BUCKET,
        to: { kind: "SSE-S3", keyId: "second" },
        signal: controller.signal,
      } as const;
      let told = 0;
      try {
        for await (const _ of site.objects.rotate(request))
          if (++told === 5) controller.abort(new Error("enough"));
        expect.fail("went on");
      } catch (error) {
        expect(error).to.have.property("message", "enough");
      }
    });

    it("needs a key service", async () => {
      const bare = new LocalSite({ store: site.store, keys: "none" });
      await rejects(() => steps(bare, {}), "KMS_NOT_CONFIGURED");
    });
  });
});

/** A key service that is gone after so many calls. */
class AfterCalls implements KeyService {
  readonly defaultKey: string;
  readonly #keys: KeyService;
  #left: number;

  constructor(keys: KeyService, calls: number) {
    this.#keys = keys;
    this.#left = calls;
    this.defaultKey = keys.defaultKey;
  }

  async generate(...args: Parameters<KeyService["generate"]>) {
    this.#count();
    return this.#keys.generate(...args);
  }

  async decrypt(...args: Parameters<KeyService["decrypt"]>) {
    this.#count();
    return this.#keys.decrypt(...args);
  }

  createKey(name: string): Promise<void> {
    return this.#keys.createKey(name);
  }

  status() {
    return this.#keys.status();
  }

  async close(): Promise<void> {}

  #count(): void {
    if (this.#left-- <= 0) throw sseError("KMS_UNAVAILABLE");
  }
}
