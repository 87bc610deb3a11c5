import { expect } from "chai";
import { SEALED_PACKAGE_BYTES } from "../../../../src/crypto/dare-sizes.js";
import type { VerifiedObject, VerifyRequest } from "../../../../src/storage/local/verify.js";
import type { MemoryStore } from "../../../support/memory-store.js";
import { SeveralKeys } from "../keys/support.js";
import { pattern } from "../sse/support.js";
import {
  at,
  BUCKET,
  customerKey,
  type Kind,
  kinds,
  LocalSite,
  memorySite,
  otherCustomerKey,
  PART_BYTES,
  rejects,
} from "./support.js";

const PACKAGE = 65_536;
const content = pattern(4 * PACKAGE + 10);
const big = pattern(PART_BYTES);
const keysOfClients = [otherCustomerKey, customerKey];

async function verified(
  site: LocalSite<MemoryStore>,
  request: VerifyRequest = {},
): Promise<VerifiedObject[]> {
  const all: VerifiedObject[] = [];
  for await (const each of site.objects.verify({ customerKeys: keysOfClients, ...request })) all.push(each);
  return all;
}

const flipAt =
  (...places: readonly number[]) =>
  (bytes: Buffer): Buffer => {
    for (const place of places) bytes[place] = (bytes[place] ?? 0) ^ 0x80;
    return bytes;
  };

describe("local objects: verification", () => {
  let keys: SeveralKeys;
  let site: LocalSite<MemoryStore>;
  beforeEach(async () => {
    keys = new SeveralKeys("default", "other");
    site = await memorySite({ keys });
  });

  it("finds everything whole that is, in the order of buckets and keys, one call for each", async () => {
    await site.objects.createBucket("another");
    const sum = { "x-amz-checksum-crc32": "NhCmhg==" };
    for (const kind of kinds) {
      await site.put(`one/${kind}`, Buffer.from("hello"), kind, { bodyHeaders: sum });
      await site.multipart(`parts/${kind}`, kind, big, content);
      await site.put(`empty/${kind}`, Buffer.alloc(0), kind, { path: at(`empty/${kind}`, "another") });
    }
    site.calls();
    let read = 0;
    const all = await verified(site, { onRead: (bytes) => (read += bytes) });
    expect(all.map(({ bucket, object }) => `${bucket}/${object}`)).to.deep.equal(
      ["another/empty/", `${BUCKET}/one/`, `${BUCKET}/parts/`]
        .flatMap((prefix) => [...kinds].sort().map((kind) => prefix + kind))
        .sort(),
    );
    expect(new Set(all.map(({ outcome }) => outcome))).to.deep.equal(new Set(["whole"]));
    expect(read).to.equal(4 * (5 + big.length + content.length));
    expect(site.calls()).to.deep.equal(Array.from({ length: 6 }, () => "decrypt"));
    expect(site.store.heldCount).to.equal(0);

    const after = { bucket: BUCKET, object: "one/SSE-S3" };
    const rest = await verified(site, { after });
    expect(rest.map(({ object }) => object)).to.deep.equal([
      ...["one/none"],
      ...[...kinds].sort().map((kind) => `parts/${kind}`),
    ]);
    const some = await verified(site, { bucket: BUCKET, prefix: "one/" });
    expect(some.length).to.equal(4);
  });

  for (const kind of kinds.filter((each) => each !== "none")) {
    it(`${kind}: tells every damaged package by part and offset`, async () => {
      await site.put("k", content, kind);
      site.store.damage(
        BUCKET,
        "k",
        flipAt(100, 2 * SEALED_PACKAGE_BYTES + 5, 4 * SEALED_PACKAGE_BYTES + 20),
      );
      const [one] = await verified(site);
      expect(one).to.deep.include({ outcome: "damaged", size: content.length });
      expect(one?.damage.map(({ offset }) => offset)).to.deep.equal([0, 2 * PACKAGE, 4 * PACKAGE]);

      const { uploadId } = await site.upload("k", kind);
      const first = await site.part("k", uploadId, 3, big, kind);
      const second = await site.part("k", uploadId, 9, content, kind);
      await site.complete("k", uploadId, { 3: first.etag, 9: second.etag }, kind);
      const sealedPart = (big.length / PACKAGE) * SEALED_PACKAGE_BYTES;
      site.store.damage(BUCKET, "k", flipAt(sealedPart - 1, sealedPart + SEALED_PACKAGE_BYTES + 50));
      const [parts] = await verified(site);
      expect(parts?.damage).to.deep.equal([
        { flaw: "altered", part: 3, offset: big.length - PACKAGE },
        { flaw: "altered", part: 9, offset: big.length + PACKAGE },
      ]);
    });

    it(`${kind}: finds what is cut, and records that were altered`, async () => {
      await site.put("k", content, kind);
      site.store.damage(BUCKET, "k", (sealed) => sealed.subarray(0, -1));
      expect((await verified(site))[0]?.damage).to.deep.equal([{ flaw: "record" }]);
      await site.put("k", content, kind);
      site.store.replace(BUCKET, "k", (record) => ({
        ...record,
        encryption: { "X-Minio-Internal-Encrypted-Multipart": "" },
      }));
      expect((await verified(site))[0]).to.deep.include({ outcome: "damaged", damage: [{ flaw: "record" }] });
    });

    it(`${kind}: finds a part that was taken away from record and content`, async () => {
      await site.multipart("k", kind, big, big, content);
      const sealedPart = (big.length / PACKAGE) * SEALED_PACKAGE_BYTES;
      site.store.damage(BUCKET, "k", (sealed) =>
        Buffer.concat([sealed.subarray(0, sealedPart), sealed.subarray(2 * sealedPart)]),
      );
      site.store.replace(BUCKET, "k", (record) => ({
        ...record,
        size: record.size - big.length,
        parts: record.parts?.filter(({ number }) => number !== 2) ?? [],
      }));
      expect((await verified(site))[0]?.damage).to.deep.equal([{ flaw: "etag" }]);
    });
  }

  it("none: holds content against ETags and checksums", async () => {
    await site.put("k", content);
    site.store.damage(BUCKET, "k", flipAt(5));
    expect((await verified(site))[0]?.damage).to.deep.equal([{ flaw: "etag" }]);
    const sum = { "x-amz-checksum-crc32": "NhCmhg==" };
    await site.put("k", Buffer.from("hello"), "none", { bodyHeaders: sum });
    site.store.damage(BUCKET, "k", flipAt(0));
    expect((await verified(site))[0]?.damage).to.deep.equal([{ flaw: "etag" }, { flaw: "checksum" }]);
    await site.multipart("k", "none", big, content);
    site.store.damage(BUCKET, "k", flipAt(big.length));
    expect((await verified(site))[0]?.damage).to.deep.equal([{ flaw: "etag", part: 2 }]);
  });

  for (const kind of kinds) {
    it(`${kind}: holds the joined checksum against the object's`, async () => {
      const checksum = { algorithm: "CRC32", type: "FULL_OBJECT" } as const;
      const { uploadId } = await site.upload("k", kind, { checksum });
      const first = await site.part("k", uploadId, 1, big, kind);
      const second = await site.part("k", uploadId, 2, content, kind);
      await site.complete("k", uploadId, { 1: first.etag, 2: second.etag }, kind);
      expect((await verified(site))[0]?.outcome).to.equal("whole");
      const parts = site.store.object(BUCKET, "k")?.parts ?? [];
      site.store.replace(BUCKET, "k", (record) => {
        const [part] = parts;
        return part?.checksum === undefined ? record : { ...record, checksum: part.checksum };
      });
      expect((await verified(site))[0]?.damage).to.deep.equal([{ flaw: "checksum" }]);
    });
  }

  it("tells what cannot be opened now, and what only a client can open", async () => {
    for (const kind of kinds) await site.put(kind, content, kind);
    const without = await verified(site, { customerKeys: [otherCustomerKey] });
    expect(without.find(({ object }) => object === "SSE-C")?.outcome).to.equal("unchecked");
    keys.remove("other");
    const locked = await verified(site);
    const outcomes = new Map<string, string>(locked.map(({ object, outcome }) => [object, outcome]));
    const wanted: Readonly<Record<Kind, string>> = {
      none: "whole",
      "SSE-S3": "whole",
      "SSE-KMS": "locked",
      "SSE-C": "whole",
    };
    expect(Object.fromEntries(outcomes)).to.deep.equal(wanted);
    expect(locked.find(({ object }) => object === "SSE-KMS")?.error?.reason).to.equal("KMS_KEY_NOT_FOUND");
    await rejects(() => verified(new LocalSite({ store: site.store, keys: "none" })), "KMS_NOT_CONFIGURED");
    await rejects(() => verified(site, { bucket: "none" }), "BUCKET_NOT_FOUND");
  });

  it("stops when its reader does", async () => {
    for (let i = 0; i < 20; i++) await site.put(`k${i}`, content, "SSE-S3");
    site.calls();
    for await (const _ of site.objects.verify({ parallel: 2 })) break;
    expect(site.calls().length).to.be.at.most(3);
    expect(site.store.heldCount).to.equal(0);
  });
});
