/** The local object service over files: what a store in memory cannot show. */
import { mkdtemp, open, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { DirectoryStore } from "../../../../src/storage/store/directory-store.js";
import { CleanUp } from "../../../support/clean-up.js";
import { SeveralKeys } from "../keys/support.js";
import { pattern } from "../sse/support.js";
import { at, BUCKET, copies, customerKey, kinds, LocalSite, md5, PART_BYTES, rejects } from "./support.js";

const small = pattern(1000);
const medium = pattern(300_000);
const big = pattern(PART_BYTES);

describe("local objects over files", function () {
  this.timeout(60_000);
  const cleanUp = new CleanUp();
  const keys = new SeveralKeys("default", "other", "second");
  let folder: string;
  let site: LocalSite<DirectoryStore>;

  async function start(): Promise<LocalSite<DirectoryStore>> {
    return new LocalSite({ store: await DirectoryStore.open(folder), keys });
  }

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "keswick-local-objects-"));
    cleanUp.add(() => rm(folder, { recursive: true, force: true }));
    site = await start();
    await site.objects.createBucket(BUCKET);
  });

  afterEach(async () => {
    await site.objects.close();
    await cleanUp.run();
  });

  /** The one file of content. */
  async function contentFile(): Promise<string> {
    const names = await readdir(folder, { recursive: true });
    const files = names.filter((name) => name.endsWith(".content"));
    expect(files.length).to.equal(1);
    return join(folder, files[0] ?? "");
  }

  for (const kind of kinds) {
    it(`${kind}: keeps objects of every size over a restart`, async () => {
      const contents = { empty: Buffer.alloc(0), small, medium } as const;
      const etags = new Map<string, string>();
      const sum = { "x-amz-checksum-crc32": "NhCmhg==" };
      for (const [name, content] of Object.entries(contents)) {
        etags.set(name, (await site.put(name, content, kind)).etag);
      }
      etags.set("sum", (await site.put("sum", Buffer.from("hello"), kind, { bodyHeaders: sum })).etag);
      etags.set("parts", await site.multipart("parts", kind, big, medium));
      await site.copy("parts", "copy", copies(kind, kind));
      await site.objects.close();
      site = await start();
      for (const [name, content] of Object.entries({ ...contents, parts: Buffer.concat([big, medium]) })) {
        const read = await site.get(name, kind);
        expect(read.bytes.equals(content), name).to.equal(true);
        expect(read.object.etag).to.equal(etags.get(name));
      }
      expect((await site.get("copy", kind)).bytes.equals(Buffer.concat([big, medium]))).to.equal(true);
      const { object } = await site.get("sum", kind, { wantsChecksum: true });
      expect(object.checksum?.value).to.equal("NhCmhg==");
      const part = await site.get("parts", kind, { partNumber: 2 });
      expect(part.bytes.equals(medium)).to.equal(true);
      const across = { asked: { first: big.length - 100, last: big.length + 99 }, header: "" };
      const ranged = await site.get("parts", kind, { range: across });
      expect(ranged.bytes.equals(Buffer.concat([big.subarray(-100), medium.subarray(0, 100)]))).to.equal(
        true,
      );
      for (const { key, etag } of await site.listed()) {
        if (key !== "copy") expect(etag).to.equal(etags.get(key));
      }
      for await (const verified of site.objects.verify({ customerKeys: [customerKey] })) {
        expect(verified).to.deep.include({ outcome: "whole", damage: [] });
      }
    });

    it(`${kind}: an upload goes on after a restart, and its completion is remembered`, async () => {
      const { uploadId } = await site.upload("k", kind, {
        checksum: { algorithm: "CRC32", type: "COMPOSITE" },
      });
      const first = await site.part("k", uploadId, 1, big, kind);
      await site.objects.close();
      site = await start();
      const second = await site.part("k", uploadId, 2, small, kind);
      const etags = { 1: first.etag, 2: second.etag };
      const done = await site.complete("k", uploadId, etags, kind);
      await site.objects.close();
      site = await start();
      expect(await site.complete("k", uploadId, etags, kind)).to.deep.include({
        ...{ etag: done.etag, modifiedMs: done.modifiedMs, size: done.size },
      });
      expect((await site.get("k", kind)).bytes.equals(Buffer.concat([big, small]))).to.equal(true);
    });
  }

  it("gives nothing of a file whose bytes were altered or cut", async () => {
    for (const kind of ["SSE-S3", "SSE-KMS", "SSE-C"] as const) {
      await site.objects.delete(at("k"), {});
      await site.put("k", medium, kind);
      const path = await newestContent();
      const file = await open(path, "r+");
      const { size } = await stat(path);
      await file.write(Buffer.of(1, 2, 3, 4), 0, 4, 40_000);
      await rejects(() => site.get("k", kind), "SSE_CONTENT_DAMAGED");
      const range = { asked: { first: 200_000, last: 299_999 }, header: "" };
      expect((await site.get("k", kind, { range })).bytes.equals(medium.subarray(200_000))).to.equal(true);
      await file.truncate(size - 1);
      await file.close();
      await site.get("k", kind, { range }).then(
        () => expect.fail("was read"),
        (error: unknown) => expect(error).to.have.property("status", 500),
      );
      const found = [];
      for await (const verified of site.objects.verify({ customerKeys: [customerKey] })) found.push(verified);
      expect(found.map(({ outcome }) => outcome)).to.deep.equal(["damaged"]);
      expect(found[0]?.damage[0]).to.deep.include({ offset: 0 });
    }
  });

  it("goes on past small objects whose file was altered", async () => {
    for (const key of ["a", "b", "c"]) await site.put(key, small, "SSE-KMS");
    const records = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith(".record"));
    const second = records.sort().at(-2);
    if (second === undefined) throw new Error("there are no records");
    const file = await open(join(folder, second), "r+");
    const { size } = await file.stat();
    await file.write(Buffer.of(1, 2, 3, 4), 0, 4, size - 200);
    await file.close();
    await rejects(() => site.get("b", "SSE-KMS"), "INTERNAL");
    const found = [];
    for await (const { object, outcome, damage } of site.objects.verify())
      found.push([object, outcome, damage]);
    expect(found).to.deep.equal([
      ["a", "whole", []],
      ["b", "damaged", [{ flaw: "storage" }]],
      ["c", "whole", []],
    ]);
  });

  async function newestContent(): Promise<string> {
    const names = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith(".content"));
    const newest = names.sort().at(-1);
    if (newest === undefined) throw new Error("there is no content");
    return join(folder, newest);
  }

  it("seals content, ETags and checksums on the disk", async () => {
    await site.put("k", medium, "SSE-S3");
    const file = await open(await contentFile());
    const { buffer } = await file.read(Buffer.alloc(400_000));
    await file.close();
    expect(buffer.includes(medium.subarray(0, 64))).to.equal(false);
    await site.objects.close();
    for (const name of await readdir(folder, { recursive: true })) {
      const path = join(folder, name);
      if (!(await stat(path)).isFile()) continue;
      const handle = await open(path);
      const bytes = await handle.readFile();
      await handle.close();
      expect(bytes.includes(md5(medium)), name).to.equal(false);
    }
    site = await start();
    expect((await site.head("k", "SSE-S3")).object.etag).to.equal(md5(medium));
  });

  it("holds conditions in the step of the change: one of many winners", async () => {
    for (const kind of kinds) {
      const puts = await Promise.allSettled(
        Array.from({ length: 12 }, () =>
          site.put(`once/${kind}`, small, kind, { conditions: { noneMatch: "*" } }),
        ),
      );
      expect(puts.filter(({ status }) => status === "fulfilled").length, kind).to.equal(1);
      const { etag } = (await site.head(`once/${kind}`, kind)).object;
      const swaps = await Promise.allSettled(
        Array.from({ length: 12 }, (_, i) =>
          site.put(`once/${kind}`, pattern(i + 1), kind, { conditions: { match: etag } }),
        ),
      );
      expect(swaps.filter(({ status }) => status === "fulfilled").length, kind).to.equal(1);
    }
  });

  it("reseals a bucket while others read and write", async () => {
    for (let i = 0; i < 30; i++) await site.put(`k${i}`, medium, "SSE-S3");
    const reading = (async () => {
      for (let i = 0; i < 60; i++) {
        const read = await site.get(`k${i % 30}`, "SSE-S3");
        expect(read.bytes.length).to.be.oneOf([medium.length, small.length]);
        if (i % 5 === 0) await site.put(`k${(i * 7) % 30}`, small, "SSE-S3");
      }
    })();
    const to = { kind: "SSE-S3", keyId: "second" } as const;
    const outcomes: string[] = [];
    for await (const { outcome } of site.objects.rotate({ bucket: BUCKET, to })) outcomes.push(outcome);
    await reading;
    expect(new Set(outcomes)).to.deep.equal(new Set(["resealed"]));
    for (let i = 0; i < 30; i++) {
      expect((await site.get(`k${i}`, "SSE-S3")).bytes.length).to.be.oneOf([medium.length, small.length]);
    }
  });
});
