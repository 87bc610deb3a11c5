import { expect } from "chai";
import type { CopyPartRequest } from "../../../../src/storage/objects/object-service.js";
import { s3Error } from "../../../../src/storage/s3/errors.js";
import type { MemoryStore } from "../../../support/memory-store.js";
import { pattern } from "../sse/support.js";
import {
  asks,
  at,
  BUCKET,
  brings,
  copies,
  customerKey,
  type Kind,
  kinds,
  type LocalSite,
  md5,
  memorySite,
  otherCustomerKey,
  PART_BYTES,
  plainHeaders,
  rejects,
} from "./support.js";

const content = pattern(PART_BYTES + 70_000);
const [first, second] = [content.subarray(0, PART_BYTES), content.subarray(PART_BYTES)];
const generates = (kind: Kind) => (kind === "SSE-S3" || kind === "SSE-KMS" ? ["generate"] : []);
const decrypts = (kind: Kind) => (kind === "SSE-S3" || kind === "SSE-KMS" ? ["decrypt"] : []);
const nothing = { target: undefined, source: undefined };

describe("local objects: copies", function () {
  this.timeout(60_000);
  let site: LocalSite<MemoryStore>;
  before(async () => {
    site = await memorySite();
    await site.put("warm", pattern(1), "SSE-S3");
    for (const kind of kinds) {
      await site.put(`one/${kind}`, content, kind);
      await site.multipart(`parts/${kind}`, kind, first, second);
    }
  });

  for (const form of ["one", "parts"]) {
    for (const from of kinds) {
      for (const to of kinds) {
        it(`${form}: ${from} to ${to}, whole and as parts, one call for each side`, async () => {
          site.calls();
          const source = `${form}/${from}`;
          const copied = await site.copy(source, "copy", copies(from, to));
          expect(site.calls()).to.deep.equal([...decrypts(from), ...generates(to)]);
          const read = await site.get("copy", to, { wantsChecksum: true });
          expect(read.bytes.equals(content)).to.equal(true);
          expect(read.object.etag).to.equal(copied.etag);
          expect(copied.etag === md5(content)).to.equal(to === "none" || to === "SSE-S3");
          expect(read.object.parts).to.equal(undefined);
          expect(read.object.encryption?.kind).to.equal(to === "none" ? undefined : to);
          expect(read.object.checksum).to.deep.equal(copied.checksum);
          expect(copied.checksum?.algorithm).to.equal("CRC64NVME");
          const record = site.store.object(BUCKET, "copy");
          expect(Object.keys(record?.encryption ?? {}).length).to.equal(
            { none: 0, "SSE-C": 3, "SSE-S3": 5, "SSE-KMS": 6 }[to],
          );

          const { uploadId } = await site.upload("copy", to);
          site.calls();
          const all = await site.copyPart(source, "copy", uploadId, 2, [from, to]);
          expect(site.calls()).to.deep.equal([...decrypts(to), ...decrypts(from)]);
          const range = `bytes=65000-${PART_BYTES + 65_100}`;
          const some = await site.copyPart(source, "copy", uploadId, 7, [from, to], { range });
          const done = await site.complete("copy", uploadId, { 2: all.etag, 7: some.etag }, to);
          const wanted = Buffer.concat([content, content.subarray(65_000, PART_BYTES + 65_101)]);
          const whole = await site.get("copy", to);
          expect(whole.bytes.equals(wanted)).to.equal(true);
          expect(whole.object.etag).to.equal(done.etag).and.to.match(/-2$/);
          const part = await site.get("copy", to, { partNumber: 7 });
          expect(part.bytes.equals(wanted.subarray(content.length))).to.equal(true);
          expect(site.store.heldCount).to.equal(0);
          expect(site.store.draftCount).to.equal(0);
        });
      }
    }
  }

  for (const kind of kinds) {
    it(`${kind}: copies nothing at all`, async () => {
      await site.put("empty", Buffer.alloc(0), kind);
      for (const to of kinds) {
        await site.copy("empty", "copy", copies(kind, to));
        expect((await site.get("copy", to)).bytes.length).to.equal(0);
      }
    });

    it(`${kind}: takes over headers and tags, or those of the request, and no class of storage`, async () => {
      const tags = [{ key: "a", value: "1" }];
      const stored = { headers: { "x-amz-meta-a": "1" }, tags, storageClass: "STANDARD_IA" };
      await site.put("source", pattern(10), kind, { stored });
      await site.copy("source", "copy", copies(kind, "none"));
      const kept = await site.head("copy");
      expect(kept.object).to.deep.include({ headers: stored.headers, tagCount: 1 });
      expect(kept.object.storageClass).to.equal(undefined);
      const other = { headers: { "x-amz-meta-b": "2" }, tags: [], storageClass: "GLACIER_IR" };
      await site.copy("source", "copy", copies(kind, "none"), other);
      const replaced = await site.head("copy");
      expect(replaced.object).to.deep.include({
        ...{ headers: other.headers, tagCount: 0, storageClass: "GLACIER_IR" },
      });
    });

    it(`${kind}: keeps the algorithm of the source's checksum, or takes that of the request`, async () => {
      const bodyHeaders = { "x-amz-checksum-sha1": "qvTGHdzF6KLavt4PO0gs2a6pQ00=" };
      await site.put("source", Buffer.from("hello"), kind, { bodyHeaders });
      const kept = await site.copy("source", "copy", copies(kind, "SSE-S3"));
      const type = "FULL_OBJECT";
      expect(kept.checksum).to.deep.equal({
        algorithm: "SHA1",
        type,
        value: bodyHeaders["x-amz-checksum-sha1"],
      });
      const checksum = { algorithm: "CRC32", type } as const;
      const asked = await site.copy("source", "copy", copies(kind, "SSE-C"), { checksum });
      expect(asked.checksum).to.deep.equal({ algorithm: "CRC32", type, value: "NhCmhg==" });
    });

    it(`${kind}: holds conditions against the ETags that are shown`, async () => {
      const { etag } = await site.put("source", pattern(10), kind);
      const { etag: there } = await site.put("copy", pattern(11), kind);
      const source = (conditions: object) => ({ source: { path: at("source"), conditions } });
      const sse = copies(kind, kind);
      const copy = (more: object) => site.copy("source", "copy", sse, more);
      await rejects(() => copy(source({ match: "other" })), "PRECONDITION_FAILED");
      await rejects(() => copy(source({ noneMatch: `"${etag}"` })), "PRECONDITION_FAILED");
      await rejects(() => copy(source({ modifiedSinceMs: site.nowMs })), "PRECONDITION_FAILED");
      await rejects(() => copy({ conditions: { noneMatch: "*" } }), "PRECONDITION_FAILED");
      await rejects(() => copy({ conditions: { noneMatch: there } }), "PRECONDITION_FAILED");
      await rejects(() => copy({ conditions: { match: etag } }), "PRECONDITION_FAILED");
      await copy({ ...source({ match: etag }), conditions: { match: there } });
    });
  }

  it("copies between buckets, and says what is missing", async () => {
    await site.objects.createBucket("second");
    await site.copy("one/SSE-C", "x", copies("SSE-C", "SSE-KMS"), { path: at("x", "second") });
    const read = await site.get("x", "SSE-KMS", { path: at("x", "second") });
    expect(read.bytes.equals(content)).to.equal(true);
    await rejects(() => site.copy("absent", "x", nothing), "KEY_NOT_FOUND");
    await rejects(() => site.copy("warm", "x", nothing, { path: at("x", "none") }), "BUCKET_NOT_FOUND");
    const source = { path: at("x", "none"), conditions: {} };
    await rejects(() => site.copy("x", "x", nothing, { source }), "BUCKET_NOT_FOUND");
  });

  it("needs the key of an SSE-C source, and of no other", async () => {
    await rejects(() => site.copy("one/SSE-C", "x", nothing), "SSE_C_SOURCE_KEY_NEEDED");
    const stray = { target: undefined, source: customerKey };
    for (const kind of ["none", "SSE-S3", "SSE-KMS"]) {
      await rejects(() => site.copy(`one/${kind}`, "x", stray), "SSE_C_SOURCE_KEY_STRAY");
    }
    const wrong = { target: undefined, source: otherCustomerKey };
    await rejects(() => site.copy("one/SSE-C", "x", wrong), "SSE_C_KEY_WRONG");
    const { uploadId } = await site.upload("x", "SSE-C");
    const path = at("x");
    const source = { path: at("one/SSE-C"), conditions: {} };
    const part = { path, uploadId, number: 1, source };
    const own = brings("SSE-C").target;
    await rejects(
      () => site.objects.copyPart({ ...part, sse: { target: own, source: undefined } }),
      "SSE_C_SOURCE_KEY_NEEDED",
    );
    await rejects(
      () => site.objects.copyPart({ ...part, sse: { target: undefined, source: customerKey } }),
      "SSE_C_PART_KEY_NEEDED",
    );
    const other = { kind: "SSE-C", key: otherCustomerKey } as const;
    await rejects(
      () => site.objects.copyPart({ ...part, sse: { target: other, source: customerKey } }),
      "SSE_C_PART_KEY_WRONG",
    );
    await rejects(
      () => site.objects.copyPart({ ...part, sse: { target: own, source: customerKey }, range: "bytes=0-" }),
      "COPY_RANGE_INVALID",
    );
    const range = `bytes=0-${content.length}`;
    await rejects(
      () => site.objects.copyPart({ ...part, sse: { target: own, source: customerKey }, range }),
      "RANGE_UNSATISFIABLE",
    );
    expect(site.store.heldCount).to.equal(0);
  });

  it("keeps the keys of two SSE-C objects apart, whole and as parts", async () => {
    const other = { kind: "SSE-C", key: otherCustomerKey } as const;
    const reading = { sse: { target: other, source: undefined } };
    for (const form of ["one", "parts"]) {
      const source = `${form}/SSE-C`;
      await site.copy(source, "copy", { target: other, source: customerKey });
      expect((await site.get("copy", "SSE-C", reading)).bytes.equals(content)).to.equal(true);
      await rejects(() => site.get("copy", "SSE-C"), "SSE_C_KEY_WRONG");
      await rejects(
        () => site.copy(source, "copy", { target: other, source: otherCustomerKey }),
        "SSE_C_KEY_WRONG",
      );

      const { uploadId } = await site.upload("copy", "SSE-C", reading);
      const range = `bytes=65535-${PART_BYTES + 65_536}`;
      const copyPart = (sse: CopyPartRequest["sse"]) =>
        site.copyPart(source, "copy", uploadId, 3, ["SSE-C", "SSE-C"], { range, sse });
      const { etag } = await copyPart({ target: other, source: customerKey });
      const same = { target: { kind: "SSE-C", key: customerKey }, source: customerKey } as const;
      await rejects(() => copyPart(same), "SSE_C_PART_KEY_WRONG");
      await rejects(() => copyPart({ target: other, source: otherCustomerKey }), "SSE_C_KEY_WRONG");
      await site.complete("copy", uploadId, { 3: etag }, "SSE-C", reading);
      const wanted = content.subarray(65_535, PART_BYTES + 65_537);
      expect((await site.get("copy", "SSE-C", reading)).bytes.equals(wanted)).to.equal(true);
      expect([site.store.heldCount, site.store.draftCount]).to.deep.equal([0, 0]);
    }
  });

  it("hands no damage on with a checksum that fits", async () => {
    const bodyHeaders = { "x-amz-checksum-crc32": "NhCmhg==" };
    await site.put("source", Buffer.from("hello"), "none", { bodyHeaders });
    site.store.damage(BUCKET, "source", (bytes) => Buffer.from(bytes.fill("x", 0, 1)));
    await rejects(() => site.copy("source", "copied", nothing), "SSE_CONTENT_DAMAGED");
    await rejects(() => site.head("copied"), "KEY_NOT_FOUND");
    expect(site.store.draftCount).to.equal(0);
  });

  it("leaves nothing open when the store takes nothing, or the client goes", async () => {
    for (const kind of kinds) {
      const { uploadId } = await site.upload("x", "SSE-S3");
      const gone = { signal: AbortSignal.abort(new Error("gone")) };
      const ways: readonly ((more: object) => Promise<unknown>)[] = [
        (more) => site.copy(`one/${kind}`, "full", copies(kind, "SSE-S3"), more),
        (more) => site.copyPart(`one/${kind}`, "x", uploadId, 1, [kind, "SSE-S3"], more),
      ];
      for (const copy of ways) {
        site.store.draftFailure = s3Error("STORAGE_FULL");
        await rejects(() => copy({}), "STORAGE_FULL");
        site.store.draftFailure = undefined;
        await copy(gone).then(
          () => expect.fail("was copied"),
          (error: unknown) => expect(error).to.have.property("message", "gone"),
        );
        expect([site.store.heldCount, site.store.readCount, site.store.draftCount]).to.deep.equal([0, 0, 0]);
      }
    }
    await rejects(() => site.head("full", "SSE-S3"), "KEY_NOT_FOUND");
  });

  describe("onto itself", () => {
    const replaced = { headers: { "x-amz-meta-new": "1" } };

    for (const kind of kinds) {
      for (const form of ["one piece", "parts"]) {
        it(`${kind}, ${form}: new metadata leave content and ETag, and cost no call`, async () => {
          const key = "self";
          if (form === "parts") await site.multipart(key, kind, first, second);
          else await site.put(key, content, kind);
          const before = site.store.object(BUCKET, key);
          const { etag } = (await site.head(key, kind)).object;
          site.nowMs += 1000;
          site.calls();
          // Said by nobody, so that it is the bucket's default which asks for the same again.
          const byDefault = { algorithm: kind === "SSE-S3" ? "AES256" : "aws:kms", keyId: "other" } as const;
          if (kind === "SSE-S3") await site.objects.setBucketEncryption(BUCKET, { algorithm: "AES256" });
          if (kind === "SSE-KMS") {
            await site.put(key, content, "none", {
              sse: { target: { kind: "SSE-KMS", keyId: "other" }, source: undefined },
            });
            await site.objects.setBucketEncryption(BUCKET, byDefault);
          }
          site.calls();
          const known = kind === "SSE-KMS" ? site.store.object(BUCKET, key) : before;
          const shown = (await site.head(key, kind)).object.etag;
          const sse = kind === "SSE-C" ? copies("SSE-C", "SSE-C") : nothing;
          if (kind !== "SSE-C") await rejects(() => site.copy(key, key, sse), "COPY_TO_ITSELF");
          const written = await site.copy(key, key, sse, replaced);
          expect(site.calls()).to.deep.equal([]);
          expect(written).to.deep.include({ etag: shown, modifiedMs: site.nowMs });
          if (kind !== "SSE-KMS") expect(shown).to.equal(etag);
          const after = site.store.object(BUCKET, key);
          expect(after?.headers).to.deep.equal(replaced.headers);
          if (kind !== "SSE-C") expect(after?.encryption).to.deep.equal(known?.encryption);
          expect((await site.get(key, kind)).bytes.equals(content)).to.equal(true);
          await site.objects.setBucketEncryption(BUCKET, undefined);
        });
      }
    }

    for (const kind of ["SSE-S3", "SSE-KMS"] as const) {
      it(`${kind}: asked for again, the key is sealed anew and the content stays`, async () => {
        await site.put("self", pattern(100_000), kind);
        const before = site.store.object(BUCKET, "self");
        site.calls();
        const written = await site.copy("self", "self", copies(kind, kind));
        expect(site.calls()).to.deep.equal(["decrypt", "generate"]);
        const after = site.store.object(BUCKET, "self");
        expect(after?.etag).to.equal(before?.etag);
        expect(after?.encryption).not.to.deep.equal(before?.encryption);
        const read = await site.get("self", kind);
        expect(read.object.etag).to.equal(written.etag);
        expect(read.bytes.equals(pattern(100_000))).to.equal(true);
      });
    }

    it("SSE-KMS: of the old key and context nothing is left", async () => {
      await site.put("self", pattern(10), "SSE-KMS");
      const target = { kind: "SSE-KMS" } as const;
      const written = await site.copy("self", "self", { target, source: undefined });
      expect(written.encryption).to.deep.equal({ kind: "SSE-KMS", dek: { keyName: "default" } });
      expect((await site.get("self", "SSE-KMS")).bytes.length).to.equal(10);
    });

    it("SSE-C: another key opens it from then on, the iv stays, no call", async () => {
      const etag = await site.multipart("self", "SSE-C", first, second);
      const before = site.store.object(BUCKET, "self");
      site.calls();
      const other = { kind: "SSE-C", key: otherCustomerKey } as const;
      const written = await site.copy("self", "self", { target: other, source: customerKey });
      expect(written.etag).to.equal(etag);
      expect(site.calls()).to.deep.equal([]);
      const iv = "X-Minio-Internal-Server-Side-Encryption-Iv";
      expect(site.store.object(BUCKET, "self")?.encryption[iv]).to.equal(before?.encryption[iv]);
      await rejects(() => site.get("self", "SSE-C"), "SSE_C_KEY_WRONG");
      const sse = { target: other, source: undefined };
      expect((await site.get("self", "SSE-C", { sse })).bytes.equals(content)).to.equal(true);
      const again = (from: typeof customerKey, to: typeof customerKey) =>
        site.copy("self", "self", { target: { kind: "SSE-C", key: to }, source: from });
      await rejects(() => again(customerKey, customerKey), "SSE_C_SAME_KEY_WRONG");
      await rejects(() => again(customerKey, otherCustomerKey), "SSE_C_KEY_WRONG");
    });

    for (const from of kinds) {
      for (const to of kinds) {
        if (from === to) continue;
        it(`${from} to ${to}: is written anew`, async () => {
          await site.put("self", pattern(100_000), from);
          const before = site.store.object(BUCKET, "self");
          const sse = to === "none" ? copies(from, "none") : copies(from, to);
          await site.copy("self", "self", sse);
          const read = await site.get("self", to);
          expect(read.bytes.equals(pattern(100_000))).to.equal(true);
          expect(read.object.encryption?.kind).to.equal(to === "none" ? undefined : to);
          expect(site.store.object(BUCKET, "self")?.encryption).not.to.deep.equal(before?.encryption);
        });
      }
    }

    it("counts tags, class of storage and another checksum as changes", async () => {
      await site.put("self", Buffer.from("hello"), "none", {
        stored: { ...plainHeaders, storageClass: "STANDARD_IA" },
      });
      const same = { storageClass: "STANDARD_IA" };
      await rejects(() => site.copy("self", "self", nothing, same), "COPY_TO_ITSELF");
      await site.copy("self", "self", nothing, { ...same, tags: [{ key: "a", value: "b" }] });
      expect((await site.head("self")).object.tagCount).to.equal(1);
      await site.copy("self", "self", nothing);
      expect((await site.head("self")).object.storageClass).to.equal(undefined);
      const checksum = { algorithm: "CRC32", type: "FULL_OBJECT" } as const;
      const written = await site.copy("self", "self", nothing, { checksum });
      expect(written.checksum?.value).to.equal("NhCmhg==");
      await rejects(() => site.copy("self", "self", nothing, { checksum }), "COPY_TO_ITSELF");
    });

    it("starts again when the object changes meanwhile", async () => {
      await site.put("self", pattern(10), "SSE-S3");
      site.nowMs += 1;
      const sse = asks("SSE-S3");
      let rivals = 0;
      site.store.rival = () => {
        rivals++;
        site.store.replace(BUCKET, "self", (record) => ({ ...record, modifiedMs: record.modifiedMs + 1 }));
      };
      await site.copy("self", "self", sse, replaced);
      expect(rivals).to.equal(1);
      expect((await site.get("self", "SSE-S3")).object.headers).to.deep.equal(replaced.headers);
      const forever = (): void => {
        site.store.replace(BUCKET, "self", (record) => ({ ...record, modifiedMs: record.modifiedMs + 1 }));
        site.store.rival = forever;
      };
      site.store.rival = forever;
      await rejects(() => site.copy("self", "self", sse, replaced), "OPERATION_ABORTED");
      site.store.rival = undefined;
    });
  });
});
