import { expect } from "chai";
import type { MemoryStore } from "../../../support/memory-store.js";
import { uploadBody } from "../../../support/upload-body.js";
import { pattern } from "../sse/support.js";
import {
  at,
  BUCKET,
  customerKey,
  kinds,
  type LocalSite,
  MIB,
  md5,
  memorySite,
  otherCustomerKey,
  plainHeaders,
  rejects,
} from "./support.js";

const sizes = [0, 1, 65_535, 65_536, 65_537, 200_000];
const range = (first: number, last: number) => ({ asked: { first, last }, header: `bytes=${first}-${last}` });

describe("local objects: put, get, head", () => {
  let site: LocalSite<MemoryStore>;
  beforeEach(async () => {
    site = await memorySite();
  });

  for (const kind of kinds) {
    describe(kind, () => {
      for (const size of sizes) {
        it(`gives back ${size} bytes, sealed at rest`, async () => {
          const content = pattern(size);
          const written = await site.put("a/b", content, kind);
          const read = await site.get("a/b", kind);
          expect(read.bytes.equals(content)).to.equal(true);
          expect(read.object).to.deep.include({ size, etag: written.etag, modifiedMs: site.nowMs });
          expect(read.object.headers).to.deep.equal({ "content-type": "text/plain" });
          expect(read.object.encryption?.kind).to.equal(kind === "none" ? undefined : kind);
          expect(written.encryption?.kind).to.equal(kind === "none" ? undefined : kind);
          const head = await site.head("a/b", kind);
          expect(head.object).to.deep.equal(read.object);
          const [listed] = await site.listed();
          expect(listed).to.deep.include({ key: "a/b", size, etag: written.etag });
          if (size > 1000 && kind !== "none") {
            expect(site.store.dump()).not.to.include(content.subarray(100, 200).toString("latin1"));
          }
          expect(site.store.heldCount).to.equal(0);
          expect(site.store.draftCount).to.equal(0);
        });
      }

      it("shows the ETag of its kind", async () => {
        const content = pattern(1000);
        const { etag } = await site.put("k", content, kind);
        const isMd5 = kind === "none" || kind === "SSE-S3";
        expect(etag === md5(content)).to.equal(isMd5);
        expect(etag).to.match(/^[0-9a-f]{32}$/);
        const digest = { "content-md5": Buffer.from(md5(content), "hex").toString("base64") };
        const told = await site.put("told", content, kind, { bodyHeaders: digest });
        expect(told.etag === md5(content)).to.equal(isMd5);
        if (kind !== "none") expect(site.store.dump()).not.to.include(md5(content));
      });

      it("reads every range over the borders of packages", async () => {
        const content = pattern(200_000);
        await site.put("k", content, kind);
        for (const [first, last] of [
          [0, 0],
          [65_535, 65_536],
          [65_536, 131_071],
          [199_999, 199_999],
          [1, 199_998],
          [100, 9_999_999],
        ] as const) {
          const read = await site.get("k", kind, { range: range(first, last) });
          const end = Math.min(last, 199_999);
          expect(read.range).to.deep.equal({ first, last: end });
          expect(read.bytes.equals(content.subarray(first, end + 1)), `${first}-${last}`).to.equal(true);
        }
        const suffix = await site.get("k", kind, { range: { asked: { suffix: 5 }, header: "bytes=-5" } });
        expect(suffix.bytes.equals(content.subarray(-5))).to.equal(true);
        const error = await rejects(
          () => site.get("k", kind, { range: range(200_000, 200_001) }),
          "RANGE_UNSATISFIABLE",
        );
        expect(error.members.ActualObjectSize).to.equal("200000");
        expect((await site.head("k", kind, { range: range(5, 9) })).range).to.deep.equal({
          first: 5,
          last: 9,
        });
        expect(site.store.heldCount).to.equal(0);
      });

      it("answers 304 without opening anything, and reads nothing", async () => {
        const { etag } = await site.put("k", pattern(10), kind);
        site.calls();
        const read = await site.get("k", kind, { conditions: { noneMatch: `"${etag}"` } });
        expect(read.isNotModified).to.equal(true);
        expect(read.bytes.length).to.equal(0);
        expect(site.calls()).to.deep.equal([]);
        await rejects(() => site.get("k", kind, { conditions: { match: '"other"' } }), "PRECONDITION_FAILED");
        expect((await site.get("k", kind, { conditions: { match: etag } })).bytes.length).to.equal(10);
        expect(site.store.heldCount).to.equal(0);
      });

      it("takes part 1 of an object in one piece for the whole", async () => {
        await site.put("k", pattern(10), kind);
        const read = await site.get("k", kind, { partNumber: 1 });
        expect(read.range).to.deep.equal({ first: 0, last: 9 });
        expect(read.bytes.length).to.equal(10);
        await rejects(() => site.get("k", kind, { partNumber: 2 }), "PART_ABSENT");
        await site.put("empty", pattern(0), kind);
        expect((await site.get("empty", kind, { partNumber: 1 })).range).to.equal(undefined);
        await rejects(() => site.get("empty", kind, { range: range(0, 0) }), "RANGE_UNSATISFIABLE");
      });

      it("keeps checksums sealed, and gives them when they are wanted", async () => {
        const sum = { "x-amz-checksum-crc32": "NhCmhg==" };
        const written = await site.put("k", Buffer.from("hello"), kind, { bodyHeaders: sum });
        const shown = { algorithm: "CRC32", type: "FULL_OBJECT", value: "NhCmhg==" };
        expect(written.checksum).to.deep.equal(shown);
        expect((await site.get("k", kind, { wantsChecksum: true })).object.checksum).to.deep.equal(shown);
        const head = await site.head("k", kind, { wantsChecksum: true });
        expect(head.object.checksum).to.deep.equal(kind === "SSE-KMS" ? undefined : shown);
        expect((await site.get("k", kind)).object.checksum).to.equal(undefined);
        const ranged = await site.get("k", kind, { wantsChecksum: true, range: range(0, 1) });
        expect(ranged.object.checksum).to.equal(undefined);
        expect(site.store.dump().includes("NhCmhg==")).to.equal(kind === "none");
        const [listed] = await site.listed();
        expect(listed).to.deep.include({ checksumAlgorithm: "CRC32", checksumType: "FULL_OBJECT" });
      });

      it("stores nothing of a body that is not what it says", async () => {
        const bad = { "content-md5": Buffer.alloc(16).toString("base64") };
        await rejects(() => site.put("k", pattern(100_000), kind, { bodyHeaders: bad }), "DIGEST_MISMATCH");
        const wrong = { "x-amz-checksum-crc32": "AAAAAA==" };
        await rejects(
          () => site.put("k", Buffer.from("hello"), kind, { bodyHeaders: wrong }),
          "CHECKSUM_MISMATCH",
        );
        const body = uploadBody(pattern(10), {}, 11);
        await rejects(() => site.put("k", pattern(10), kind, { body }), "BODY_INCOMPLETE");
        await rejects(() => site.head("k", kind), "KEY_NOT_FOUND");
        expect(site.store.draftCount).to.equal(0);
      });

      it("stores nothing for a client that has gone", async () => {
        const gone = new AbortController();
        const reason = new Error("gone");
        const body = uploadBody(
          async function* () {
            yield pattern(10);
            gone.abort(reason);
          },
          {},
          10,
        );
        const put = site.put("k", pattern(0), kind, { body, signal: gone.signal });
        await put.then(
          () => expect.fail("was stored"),
          (error: unknown) => expect(error).to.equal(reason),
        );
        await rejects(() => site.head("k", kind), "KEY_NOT_FOUND");
        expect(site.store.draftCount).to.equal(0);
      });
    });
  }

  it("checks an SSE-C key for HEAD, GET and an empty object", async () => {
    await site.put("k", pattern(0), "SSE-C");
    const wrong = { sse: { target: { kind: "SSE-C", key: otherCustomerKey }, source: undefined } } as const;
    for (const read of [site.head.bind(site), site.get.bind(site)]) {
      await rejects(() => read("k", "none"), "SSE_C_KEY_NEEDED");
      await rejects(() => read("k", "SSE-C", wrong), "SSE_C_KEY_WRONG");
    }
    for (const kind of ["none", "SSE-S3", "SSE-KMS"] as const) {
      await site.put("k", pattern(1), kind);
      await rejects(() => site.head("k", "SSE-C"), "SSE_C_KEY_STRAY");
      await rejects(() => site.get("k", "SSE-C"), "SSE_C_KEY_STRAY");
    }
    expect(customerKey.equals(otherCustomerKey)).to.equal(false);
    expect(site.store.heldCount).to.equal(0);
  });

  it("returns key id and context as they were given", async () => {
    const target = { kind: "SSE-KMS", keyId: "arn:aws:kms:other", context: { a: "b" } } as const;
    const written = await site.put("k", pattern(1), "none", { sse: { target, source: undefined } });
    const shown = {
      kind: "SSE-KMS",
      dek: { keyName: "other" },
      keyId: "arn:aws:kms:other",
      context: { a: "b" },
    };
    expect(written.encryption).to.deep.equal(shown);
    expect((await site.head("k", "SSE-KMS")).object.encryption).to.deep.equal(shown);
    expect((await site.get("k", "SSE-KMS")).bytes.length).to.equal(1);
  });

  it("overwrites with another kind, and deletes", async () => {
    for (const kind of [...kinds, ...kinds]) {
      site.nowMs += 1000;
      await site.put("k", pattern(70_000), kind);
      expect((await site.get("k", kind)).object.modifiedMs).to.equal(site.nowMs);
    }
    await site.objects.delete(at("k"), {});
    await site.objects.delete(at("k"), {});
    await rejects(() => site.get("k"), "KEY_NOT_FOUND");
    await rejects(() => site.objects.delete(at("k"), { match: "*" }), "KEY_NOT_FOUND");
    await rejects(() => site.objects.delete(at("k", "none"), {}), "BUCKET_NOT_FOUND");
    await rejects(() => site.put("k", pattern(1), "none", { path: at("k", "none") }), "BUCKET_NOT_FOUND");
  });

  it("refuses names that are its own, before the body is opened", async () => {
    for (const name of [
      "x-amz-meta-x-minio-internal-a",
      "x-amz-meta-x-keswick-internal-a",
      "x-minio-internal-b",
    ]) {
      const body = uploadBody(pattern(1));
      const stored = { headers: { [name]: "1" }, tags: [] };
      await rejects(() => site.put("k", pattern(1), "none", { stored, body }), "METADATA_INVALID");
      expect(body.isOpened).to.equal(false);
      await rejects(() => site.upload("k", "none", { stored }), "METADATA_INVALID");
      await site.put("source", pattern(1));
      await rejects(
        () =>
          site.copy("source", "k", { target: undefined, source: undefined }, { headers: { [name]: "1" } }),
        "METADATA_INVALID",
      );
    }
  });

  it("decides conditions by what is there when it stores, not by what was there before", async () => {
    for (const kind of kinds) {
      for (const rival of kinds) {
        const { etag } = await site.put("k", pattern(1), kind);
        const swap = async (): Promise<void> => {
          await site.put("other", pattern(2), rival);
          site.store.rival = () => site.store.rename(BUCKET, "other", "k");
        };
        await swap();
        const isUnknown = rival === "SSE-S3" && kind !== "SSE-S3";
        await rejects(
          () => site.put("k", pattern(3), kind, { conditions: { match: etag } }),
          isUnknown ? "CONDITION_CONFLICT" : "PRECONDITION_FAILED",
        );
        await site.put("k", pattern(1), kind);
        const now = (await site.head("k", kind)).object.etag;
        await swap();
        await rejects(
          () => site.objects.delete(at("k"), { match: now }),
          isUnknown ? "CONDITION_CONFLICT" : "PRECONDITION_FAILED",
        );
        await site.objects.delete(at("k"), {});
        await swap();
        const fresh = { conditions: { noneMatch: "*" } };
        await rejects(() => site.put("k", pattern(3), kind, fresh), "PRECONDITION_FAILED");
        expect(site.store.draftCount).to.equal(0);
      }
    }
  });

  it("changes tags and nothing else", async () => {
    await site.put("k", pattern(1), "SSE-C", {
      stored: { ...plainHeaders, tags: [{ key: "a", value: "1" }] },
    });
    const before = await site.head("k", "SSE-C");
    expect(before.object.tagCount).to.equal(1);
    site.nowMs += 1;
    await site.objects.setTags(at("k"), [
      { key: "b", value: "2" },
      { key: "c", value: "3" },
    ]);
    expect(await site.objects.tags(at("k"))).to.deep.equal([
      { key: "b", value: "2" },
      { key: "c", value: "3" },
    ]);
    const after = await site.head("k", "SSE-C");
    expect(after.object).to.deep.equal({ ...before.object, tagCount: 2 });
    await rejects(() => site.objects.tags(at("none")), "KEY_NOT_FOUND");
    await rejects(() => site.objects.setTags(at("none"), []), "KEY_NOT_FOUND");
  });

  it("lists pages with prefixes, kinds mixed", async () => {
    for (const [i, key] of ["a", "b/1", "b/2", "c", "é"].entries()) {
      await site.put(key, pattern(i), kinds[i % kinds.length]);
    }
    const page = await site.objects.list(BUCKET, { prefix: "", delimiter: "/", after: "", maxKeys: 3 });
    expect(page.contents.map(({ key }) => key)).to.deep.equal(["a", "c"]);
    expect(page.commonPrefixes).to.deep.equal(["b/"]);
    expect(page.isTruncated).to.equal(true);
    await rejects(
      () => site.objects.list("none", { prefix: "", delimiter: "", after: "", maxKeys: 1 }),
      "BUCKET_NOT_FOUND",
    );
  });

  it("stops reading when its reader does, and releases the object", async () => {
    for (const kind of kinds) {
      await site.put("k", pattern(MIB), kind);
      const { content } = await site.objects.get(site.reading("k", kind));
      await content.next();
      expect(site.store.heldCount).to.equal(1);
      await content.return?.();
      expect(site.store.heldCount).to.equal(0);
      const unread = await site.objects.get(site.reading("k", kind));
      await unread.content.return?.();
      expect(site.store.heldCount).to.equal(0);
    }
  });

  it("serves the object as it was when it was asked for", async () => {
    await site.put("k", pattern(MIB), "SSE-S3");
    const { content } = await site.objects.get(site.reading("k", "SSE-S3"));
    await site.put("k", Buffer.alloc(10), "SSE-C");
    let size = 0;
    for await (const chunk of content) size += chunk.length;
    expect(size).to.equal(MIB);
  });

  it("cuts contents that are being read when it closes, and takes no more calls", async () => {
    await site.put("k", pattern(MIB), "SSE-S3");
    const { content } = await site.objects.get(site.reading("k", "SSE-S3"));
    await content.next();
    await site.objects.close();
    expect(site.store.heldCount).to.equal(0);
    expect(site.store.isClosed).to.equal(true);
    await rejects(() => content.next(), "UNAVAILABLE");
    await rejects(() => site.get("k", "SSE-S3"), "UNAVAILABLE");
    expect((await site.objects.status()).isStorageOnline).to.equal(false);
  });
});
