import { expect } from "chai";
import type { MemoryStore } from "../../../support/memory-store.js";
import { uploadBody } from "../../../support/upload-body.js";
import { SeveralKeys } from "../keys/support.js";
import { pattern } from "../sse/support.js";
import { CHECKSUMS } from "./checksum-vectors.js";
import {
  allKeys,
  asks,
  at,
  BUCKET,
  brings,
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

const big = pattern(PART_BYTES);
const small = pattern(70_000);
const query = { maxParts: 1000, marker: 0, encoding: undefined };

function multipartOf(...contents: readonly Buffer[]): string {
  const joined = Buffer.concat(contents.map((content) => Buffer.from(md5(content), "hex")));
  return `${md5(joined)}-${contents.length}`;
}

describe("local objects: uploads in parts", function () {
  this.timeout(60_000);
  let site: LocalSite<MemoryStore>;
  beforeEach(async () => {
    site = await memorySite();
  });

  for (const kind of kinds) {
    describe(kind, () => {
      it("joins parts that came in any order, with gaps, and again", async () => {
        const { uploadId, encryption } = await site.upload("k", kind);
        expect(encryption?.kind).to.equal(kind === "none" ? undefined : kind);
        expect(uploadId).to.match(/^[0-9a-f]{32}$/);
        const last = await site.part("k", uploadId, 10_000, small, kind);
        await site.part("k", uploadId, 2, pattern(PART_BYTES + 1), kind);
        await site.part("k", uploadId, 1, pattern(9), kind);
        const first = await site.part("k", uploadId, 2, big, kind);
        expect(first.encryption?.kind).to.equal(kind === "none" ? undefined : kind);
        expect(first.etag === md5(big)).to.equal(kind === "none" || kind === "SSE-S3");
        await rejects(() => site.head("k", kind), "KEY_NOT_FOUND");
        expect(await site.listed()).to.deep.equal([]);
        const done = await site.complete("k", uploadId, { 2: first.etag, 10000: `${last.etag}` }, kind);
        const content = Buffer.concat([big, small]);
        const read = await site.get("k", kind);
        expect(read.bytes.equals(content)).to.equal(true);
        expect(read.object).to.deep.include({ size: content.length, etag: done.etag });
        expect(read.object.parts).to.deep.equal([
          { number: 2, size: big.length },
          { number: 10_000, size: small.length },
        ]);
        expect(done.encryption?.kind).to.equal(kind === "none" ? undefined : kind);
        if (kind === "none" || kind === "SSE-S3") expect(done.etag).to.equal(multipartOf(big, small));
        else expect(done.etag).to.match(/^[0-9a-f]{32}-2$/);
        expect((await site.listed()).map(({ etag }) => etag)).to.deep.equal([done.etag]);
        const tail = await site.get("k", kind, { partNumber: 10_000 });
        expect(tail.range).to.deep.equal({ first: big.length, last: content.length - 1 });
        expect(tail.bytes.equals(small)).to.equal(true);
        await rejects(() => site.get("k", kind, { partNumber: 1 }), "PART_ABSENT");
        const across = { asked: { first: big.length - 5, last: big.length + 4 }, header: "" };
        expect(
          (await site.get("k", kind, { range: across })).bytes.equals(
            content.subarray(big.length - 5, big.length + 5),
          ),
        ).to.equal(true);
        expect(site.store.draftCount).to.equal(0);
      });

      it("lists parts and uploads, with the ETags that the parts' answers had", async () => {
        const { uploadId } = await site.upload("k", kind);
        const etags: string[] = [];
        for (const number of [1, 2, 3])
          etags.push((await site.part("k", uploadId, number, pattern(number), kind)).etag);
        const request = { path: at("k"), uploadId, sse: brings(kind) };
        const all = await site.objects.parts(request, query);
        expect(all.parts.map(({ etag }) => etag)).to.deep.equal(etags);
        expect(all.parts.map(({ number, size }) => [number, size])).to.deep.equal([
          [1, 1],
          [2, 2],
          [3, 3],
        ]);
        expect(all.isTruncated).to.equal(false);
        const page = await site.objects.parts(request, { ...query, maxParts: 1, marker: 1 });
        expect(page.parts.map(({ number }) => number)).to.deep.equal([2]);
        expect(page.isTruncated).to.equal(true);
        await site.upload("j", kind);
        await site.upload("k", kind);
        const uploads = await site.objects.uploads(BUCKET, allKeys);
        expect(uploads.contents.map(({ key }) => key)).to.deep.equal(["j", "k", "k"]);
        await site.objects.abortUpload(at("k"), uploadId);
        await rejects(() => site.objects.parts(request, query), "UPLOAD_NOT_FOUND");
        await rejects(() => site.objects.abortUpload(at("k"), uploadId), "UPLOAD_NOT_FOUND");
        await rejects(() => site.part("k", uploadId, 1, small, kind), "UPLOAD_NOT_FOUND");
      });

      it("refuses what is not there, or is not what is named", async () => {
        const { uploadId } = await site.upload("k", kind);
        const { etag } = await site.part("k", uploadId, 1, small, kind);
        const second = await site.part("k", uploadId, 2, small, kind);
        const complete = (etags: Record<number, string>, more = {}) =>
          site.complete("k", uploadId, etags, kind, more);
        await rejects(() => complete({ 1: "0".repeat(32) }), "PART_INVALID");
        await rejects(() => complete({ 1: etag, 3: etag }), "PART_INVALID");
        const error = await rejects(() => complete({ 1: etag, 2: second.etag }), "ENTITY_TOO_SMALL");
        expect(error.members).to.deep.include({ PartNumber: "1", ProposedSize: "70000" });
        await rejects(() => complete({ 1: etag }, { size: 5 }), "REQUEST_INVALID");
        await rejects(() => complete({ 1: etag }, { conditions: { match: "*" } }), "KEY_NOT_FOUND");
        await site.put("k", small, kind);
        await rejects(() => complete({ 1: etag }, { conditions: { noneMatch: "*" } }), "PRECONDITION_FAILED");
        await rejects(() => site.complete("other", uploadId, { 1: etag }, kind), "UPLOAD_NOT_FOUND");
        const own = (await site.head("k", kind)).object.etag;
        await complete({ 1: etag }, { conditions: { match: own }, size: small.length });
      });

      it("answers a completion that is repeated as before, and only that", async () => {
        const { uploadId } = await site.upload("k", kind);
        const { etag } = await site.part("k", uploadId, 1, small, kind);
        const done = await site.complete("k", uploadId, { 1: etag }, kind);
        site.nowMs += 5000;
        const again = await site.complete("k", uploadId, { 1: etag }, kind, {
          conditions: { noneMatch: "*" },
        });
        expect(again).to.deep.equal(done);
        await rejects(() => site.complete("k", uploadId, { 1: "0".repeat(32) }, kind), "UPLOAD_NOT_FOUND");
        await rejects(() => site.complete("k", "0".repeat(32), { 1: etag }, kind), "UPLOAD_NOT_FOUND");
        await site.put("k", small, kind);
        await rejects(() => site.complete("k", uploadId, { 1: etag }, kind), "UPLOAD_NOT_FOUND");
      });

      it("has one winner of two completions at once, and one answer", async () => {
        const { uploadId } = await site.upload("k", kind);
        const { etag } = await site.part("k", uploadId, 1, small, kind);
        const both = await Promise.all([0, 1].map(() => site.complete("k", uploadId, { 1: etag }, kind)));
        expect(both[0]).to.deep.equal(both[1]);
      });

      it("is completed with one call, or none", async () => {
        const { uploadId } = await site.upload("k", kind);
        const { etag } = await site.part("k", uploadId, 1, small, kind);
        site.calls();
        await site.complete("k", uploadId, { 1: etag }, kind);
        const isManaged = kind === "SSE-S3" || kind === "SSE-KMS";
        expect(site.calls()).to.deep.equal(isManaged ? ["decrypt"] : []);
      });

      it("ends with an empty part, or is one", async () => {
        await site.multipart("k", kind, big, Buffer.alloc(0));
        expect((await site.get("k", kind)).bytes.equals(big)).to.equal(true);
        await rejects(() => site.get("k", kind, { partNumber: 2 }), "RANGE_UNSATISFIABLE");
        await site.multipart("empty", kind, Buffer.alloc(0));
        expect((await site.get("empty", kind, { partNumber: 1 })).bytes.length).to.equal(0);
        expect((await site.get("empty", kind)).object.size).to.equal(0);
      });

      for (const { algorithm, type, parts, whole } of CHECKSUMS) {
        it(`${algorithm}, ${type}: is checked, kept and given back`, async () => {
          const checksum = { algorithm, type };
          const created = await site.upload("k", kind, { checksum });
          expect(created.checksum).to.deep.equal(checksum);
          const { uploadId } = created;
          const header = `x-amz-checksum-${algorithm.toLowerCase()}`;
          // The first says its checksum, the second leaves it to the server.
          const body = uploadBody(big, { [header]: parts[0].toString("base64") });
          const first = await site.part("k", uploadId, 1, big, kind, { body });
          const second = await site.part("k", uploadId, 2, small, kind);
          expect(first.checksum).to.deep.equal({ algorithm, value: parts[0].toString("base64") });
          expect(second.checksum).to.deep.equal({ algorithm, value: parts[1].toString("base64") });
          const bad = uploadBody(big, { [header]: Buffer.alloc(parts[0].length).toString("base64") });
          await rejects(() => site.part("k", uploadId, 1, big, kind, { body: bad }), "CHECKSUM_MISMATCH");
          const other = algorithm === "CRC32" ? "crc32c" : "crc32";
          const strange = uploadBody(big, { [`x-amz-checksum-${other}`]: "AAAAAA==" });
          await rejects(
            () => site.part("k", uploadId, 1, big, kind, { body: strange }),
            "CHECKSUM_ALGORITHM_INVALID",
          );
          const listed = await site.objects.parts({ path: at("k"), uploadId, sse: brings(kind) }, query);
          expect(listed.parts.map((part) => part.checksum?.value)).to.deep.equal(
            parts.map((part) => part.toString("base64")),
          );
          const etags = { 1: first.etag, 2: second.etag };
          const complete = (more = {}) => site.complete("k", uploadId, etags, kind, more);
          await rejects(() => complete({ checksum: { algorithm, value: "AAAA" } }), "CHECKSUM_MISMATCH");
          const otherType = type === "COMPOSITE" ? "FULL_OBJECT" : "COMPOSITE";
          await rejects(() => complete({ checksumType: otherType }), "CHECKSUM_ALGORITHM_INVALID");
          const named = (values: readonly Buffer[]) => ({
            parts: [first, second].map(({ etag }, i) => ({
              ...{ number: i + 1, etag },
              checksum: { algorithm, value: values[i] ?? Buffer.alloc(0) },
            })),
          });
          await rejects(() => complete(named([parts[1], parts[1]])), "PART_INVALID");
          const done = await complete({ ...named(parts), checksum: { algorithm, value: whole } });
          const shown = { algorithm, type, value: whole };
          expect(done.checksum).to.deep.equal(shown);
          const read = await site.get("k", kind, { wantsChecksum: true });
          expect(read.object.checksum).to.deep.equal(shown);
          const part = await site.get("k", kind, { wantsChecksum: true, partNumber: 2 });
          expect(part.object.parts?.map((each) => each.checksum?.value)).to.deep.equal([
            ...[undefined, parts[1].toString("base64")],
          ]);
          if (kind !== "none") {
            expect(site.store.dump()).not.to.include(whole.replace(/-2$/, ""));
            expect(site.store.dump()).not.to.include(parts[0].toString("base64"));
          }
        });
      }
    });
  }

  it("checks a checksum that is said only at the end", async () => {
    const checksum = CHECKSUMS.find(({ algorithm, type }) => algorithm === "CRC32" && type === "FULL_OBJECT");
    if (checksum === undefined) throw new Error("no such vector");
    const { algorithm, parts, whole } = checksum;
    for (const kind of kinds) {
      const { uploadId } = await site.upload("k", kind);
      const bodies = [big, small].map((content, i) =>
        uploadBody(content, { "x-amz-checksum-crc32": parts[i]?.toString("base64") ?? "" }),
      );
      const etags: Record<number, string> = {};
      for (const [i, body] of bodies.entries()) {
        etags[i + 1] = (await site.part("k", uploadId, i + 1, small, kind, { body })).etag;
      }
      const complete = (value: string) =>
        site.complete("k", uploadId, etags, kind, { checksum: { algorithm, value } });
      await rejects(() => complete("AAAAAA=="), "CHECKSUM_MISMATCH");
      expect((await complete(whole)).checksum?.type).to.equal("FULL_OBJECT");
      const second = await site.upload("k", kind);
      const plain = await site.part("k", second.uploadId, 1, small, kind);
      await rejects(
        () =>
          site.complete("k", second.uploadId, { 1: plain.etag }, kind, {
            checksum: { algorithm, value: whole },
          }),
        "PART_INVALID",
      );
    }
  });

  for (const [kind, keyName] of [
    ["SSE-S3", "default"],
    ["SSE-KMS", "other"],
  ] as const) {
    it(`${kind}: is not said to be stored when its key went away after the last part`, async () => {
      const keys = new SeveralKeys("default", "other");
      const place = await memorySite({ keys });
      await place.put("k", pattern(5));
      const { uploadId } = await place.upload("k", kind);
      const { etag } = await place.part("k", uploadId, 1, small, kind);
      keys.remove(keyName);
      await rejects(() => place.complete("k", uploadId, { 1: etag }, kind), "KMS_KEY_NOT_FOUND");
      expect((await place.get("k")).bytes.equals(pattern(5))).to.equal(true);
      const { contents } = await place.objects.uploads(BUCKET, allKeys);
      expect(contents.map(({ id }) => id)).to.deep.equal([uploadId]);
    });
  }

  it("demands the client's key for parts, and checks it wherever it comes", async () => {
    const { uploadId } = await site.upload("k", "SSE-C");
    const { etag } = await site.part("k", uploadId, 1, small, "SSE-C");
    const body = uploadBody(small);
    await rejects(() => site.part("k", uploadId, 1, small, "none", { body }), "SSE_C_PART_KEY_NEEDED");
    expect(body.isOpened).to.equal(false);
    const other = { target: { kind: "SSE-C", key: otherCustomerKey }, source: undefined } as const;
    await rejects(() => site.part("k", uploadId, 1, small, "SSE-C", { sse: other }), "SSE_C_PART_KEY_WRONG");
    const list = (sse: typeof other | ReturnType<typeof brings>) =>
      site.objects.parts({ path: at("k"), uploadId, sse }, query);
    await rejects(() => list(other), "SSE_C_PART_KEY_WRONG");
    expect((await list(brings("none"))).parts[0]?.etag).to.equal(etag);
    await rejects(
      () => site.complete("k", uploadId, { 1: etag }, "SSE-C", { sse: other }),
      "SSE_C_PART_KEY_WRONG",
    );
    await site.complete("k", uploadId, { 1: etag }, "none");
    expect((await site.get("k", "SSE-C")).bytes.equals(small)).to.equal(true);

    const summed = await site.upload("k", "SSE-C", { checksum: { algorithm: "CRC32", type: "COMPOSITE" } });
    const part = await site.part("k", summed.uploadId, 1, small, "SSE-C");
    await rejects(
      () => site.complete("k", summed.uploadId, { 1: part.etag }, "none"),
      "SSE_C_PART_KEY_NEEDED",
    );
    for (const kind of ["none", "SSE-S3", "SSE-KMS"] as const) {
      const upload = await site.upload("k", kind);
      const sse = asks("SSE-C");
      await rejects(() => site.part("k", upload.uploadId, 1, small, kind, { sse }), "SSE_C_PART_KEY_STRAY");
      const own = await site.part("k", upload.uploadId, 1, small, kind);
      await rejects(
        () => site.complete("k", upload.uploadId, { 1: own.etag }, kind, { sse }),
        "SSE_C_PART_KEY_STRAY",
      );
      await rejects(
        () => site.objects.parts({ path: at("k"), uploadId: upload.uploadId, sse }, query),
        "SSE_C_PART_KEY_STRAY",
      );
    }
  });

  it("refuses parts out of order, twice or none, whoever let them through", async () => {
    const { uploadId } = await site.upload("k", "SSE-S3");
    const first = await site.part("k", uploadId, 1, big);
    const second = await site.part("k", uploadId, 2, big);
    const complete = (parts: readonly { number: number; etag: string }[]) =>
      site.complete("k", uploadId, {}, "none", { parts });
    const [one, two] = [
      { number: 1, etag: first.etag },
      { number: 2, etag: second.etag },
    ];
    await rejects(() => complete([two, one]), "PART_ORDER_INVALID");
    await rejects(() => complete([one, one]), "PART_ORDER_INVALID");
    await rejects(() => complete([]), "XML_MALFORMED");
    await complete([one, two]);
  });

  it("refuses part numbers that there are not, before the body is opened", async () => {
    const { uploadId } = await site.upload("k", "SSE-S3");
    for (const number of [0, 10_001, 1.5]) {
      const body = uploadBody(small);
      await rejects(() => site.part("k", uploadId, number, small, "none", { body }), "PART_NUMBER_INVALID");
      expect(body.isOpened).to.equal(false);
    }
  });

  it("gives the object what the upload was created with", async () => {
    const stored = {
      headers: { "x-amz-meta-a": "1" },
      tags: [{ key: "a", value: "b" }],
      storageClass: "STANDARD_IA",
    };
    const { uploadId } = await site.upload("k", "SSE-KMS", { stored });
    const { etag } = await site.part("k", uploadId, 1, small);
    await site.complete("k", uploadId, { 1: etag });
    const { object } = await site.head("k");
    expect(object).to.deep.include({ headers: stored.headers, tagCount: 1, storageClass: "STANDARD_IA" });
    expect(await site.objects.tags(at("k"))).to.deep.equal(stored.tags);
    expect(plainHeaders.tags).to.deep.equal([]);
  });

  it("takes part 10,000", async () => {
    const kind: Kind = "SSE-S3";
    const { uploadId } = await site.upload("k", kind);
    const part = await site.part("k", uploadId, 1, big, kind);
    const etags: Record<number, string> = { 1: part.etag };
    const last = await site.part("k", uploadId, 10_000, Buffer.from("end"), kind);
    etags[10_000] = last.etag;
    await site.complete("k", uploadId, etags, kind);
    const range = { asked: { suffix: 4 }, header: "" };
    const read = await site.get("k", kind, { range });
    expect(read.bytes.toString("latin1")).to.equal(`${big.subarray(-1).toString("latin1")}end`);
  });
});
