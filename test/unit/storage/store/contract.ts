/** What every object store must do, for any of them. */
import { expect } from "chai";
import fc from "fast-check";
import { s3Error } from "../../../../src/storage/s3/errors.js";
import type { ObjectStore } from "../../../../src/storage/store/object-store.js";
import {
  always,
  bytesOf,
  chunksOf,
  contentOf,
  endOf,
  keysOf,
  put,
  putPart,
  putParts,
  readAll,
  recordOf,
  uploadOf,
} from "./support.js";

const KIB = 1024;

/** A store under test, and the same once more after a restart. */
export interface StoreUnderTest {
  readonly store: ObjectStore;
  readonly reopen: () => Promise<ObjectStore>;
}

/** Keys in the order of their bytes, which is not that of JavaScript's texts. */
const KEYS_IN_ORDER = [
  "\u0000",
  "\u0001\u0000",
  " ",
  "..",
  "../../etc/passwd",
  "/",
  "//",
  "a",
  "a\u0000",
  "a\u0000b",
  "a ",
  "a/",
  "a/b",
  "a0",
  `b${"\u0000".repeat(1023)}`,
  `b${"x".repeat(1023)}`,
  "é",
  "\uffff",
  "😀",
  "\u{10ffff}",
];

export function objectStoreContract(name: string, open: () => Promise<StoreUnderTest>): void {
  describe(`${name} as an object store`, () => {
    let under: StoreUnderTest;
    let store: ObjectStore;

    beforeEach(async () => {
      under = await open();
      store = under.store;
      await store.createBucket({ name: "bucket", createdMs: 1 });
    });
    afterEach(() => store.close());

    async function restarted(): Promise<ObjectStore> {
      await store.close();
      store = await under.reopen();
      return store;
    }

    describe("buckets", () => {
      it("are made, listed by name, changed and deleted", async () => {
        await store.createBucket({ name: "another", createdMs: 2 });
        await store.changeBucket("bucket", (record) => ({ ...record, createdMs: 3 }));
        await restarted();
        expect(store.buckets()).to.deep.equal([
          { name: "another", createdMs: 2 },
          { name: "bucket", createdMs: 3 },
        ]);
        await store.deleteBucket("another");
        expect(store.bucket("another")).to.equal(undefined);
        expect((await restarted()).bucket("another")).to.equal(undefined);
      });

      it("exist once", async () => {
        expect(await endOf(store.createBucket({ name: "bucket", createdMs: 9 }))).to.equal("BUCKET_OWNED");
        const ends = await Promise.all(
          [1, 2, 3, 4].map((createdMs) => endOf(store.createBucket({ name: "raced", createdMs }))),
        );
        expect(ends.sort()).to.deep.equal(["BUCKET_OWNED", "BUCKET_OWNED", "BUCKET_OWNED", "fulfilled"]);
      });

      it("are deleted only when they are empty, together with their uploads", async () => {
        await putParts(store, "bucket", "begun", "id", [bytesOf(10)]);
        await put(store, "bucket", "key", bytesOf(10));
        expect(await endOf(store.deleteBucket("bucket"))).to.equal("BUCKET_NOT_EMPTY");
        await store.deleteObject("bucket", "key", always);
        await store.deleteBucket("bucket");
        await store.createBucket({ name: "bucket", createdMs: 2 });
        expect(store.upload("bucket", "begun", "id")).to.equal(undefined);
        expect([...store.scanUploads("bucket", Buffer.alloc(0))]).to.deep.equal([]);
      });

      it("are not deleted under an object that is being put", async () => {
        for (let turn = 0; turn < 10; turn++) {
          const bucket = `raced-${turn}`;
          await store.createBucket({ name: bucket, createdMs: 1 });
          const [putEnd, deleteEnd] = await Promise.all([
            endOf(put(store, bucket, "key", bytesOf(5))),
            endOf(store.deleteBucket(bucket)),
          ]);
          const ends = `${putEnd} ${deleteEnd}`;
          expect(ends).to.be.oneOf(["fulfilled BUCKET_NOT_EMPTY", "BUCKET_NOT_FOUND fulfilled"]);
          expect(store.bucket(bucket) === undefined).to.equal(deleteEnd === "fulfilled");
        }
      });

      it("are named by every call on what is not there", async () => {
        const missing = "missing";
        const draft = () => store.draft(chunksOf(bytesOf(3)));
        const part = { number: 1, size: 3, storedSize: 3, etag: "e", modifiedMs: 1 };
        const calls = [
          async () => store.object(missing, "key"),
          async () => store.scan(missing, Buffer.alloc(0)),
          async () => store.scanUploads(missing, Buffer.alloc(0)),
          async () => store.upload(missing, "key", "id"),
          async () => store.parts(missing, "key", "id"),
          async () => store.hold(missing, "key"),
          async () => store.publish(missing, recordOf("key"), await draft(), always),
          async () => store.changeObject(missing, "key", () => recordOf("key")),
          async () => store.deleteObject(missing, "key", always),
          async () => store.createUpload(missing, uploadOf("key", "id")),
          async () => store.putPart(missing, "key", "id", part, await draft()),
          async () => store.completeUpload(missing, "id", recordOf("key"), always),
          async () => store.abortUpload(missing, "key", "id"),
          async () => store.changeBucket(missing, (record) => record),
          async () => store.deleteBucket(missing),
        ];
        for (const call of calls) expect(await endOf(call()), String(call)).to.equal("BUCKET_NOT_FOUND");
      });
    });

    describe("objects", () => {
      it("come back as they were put, after a restart too", async () => {
        const sizes = [0, 1, 64 * KIB - 1, 64 * KIB, 64 * KIB + 1, 512 * KIB, 1024 * KIB + 7, 3_000_000];
        for (const size of sizes) await put(store, "bucket", `of-${size}`, bytesOf(size, size));
        for (const run of [async () => store, restarted]) {
          const current = await run();
          for (const size of sizes) {
            expect(current.object("bucket", `of-${size}`)).to.deep.equal(recordOf(`of-${size}`, { size }));
            const content = await contentOf(current, "bucket", `of-${size}`);
            expect(content?.equals(bytesOf(size, size)), String(size)).to.equal(true);
          }
        }
        expect(store.object("bucket", "none")).to.equal(undefined);
        expect(await store.hold("bucket", "none")).to.equal(undefined);
      });

      it("keep all of their record", async () => {
        const record = recordOf("key", {
          indexETag: "0123",
          headers: { "x-amz-meta-é": "ÿ\u0001", "content-type": "" },
          storageClass: "STANDARD",
          tags: [{ key: "a", value: "ü" }],
          encryption: { "X-Minio-Internal-Server-Side-Encryption-Iv": "aXY=" },
          checksum: { algorithm: "CRC32", type: "FULL_OBJECT", value: "AAAAAA==", isSealed: true },
        });
        await store.publish("bucket", record, await store.draft(chunksOf(bytesOf(3))), always);
        expect(store.object("bucket", "key")).to.deep.equal(record);
        expect((await restarted()).object("bucket", "key")).to.deep.equal(record);
      });

      it("are read from any place to any other", async () => {
        const content = bytesOf(1_200_000);
        await put(store, "bucket", "large", content);
        await put(store, "bucket", "small", content.subarray(0, 1000));
        for (const [key, size] of [
          ["large", content.length],
          ["small", 1000],
        ] as const) {
          const held = await store.hold("bucket", key);
          if (held === undefined) throw new Error("not there");
          await fc.assert(
            fc.asyncProperty(fc.nat(size), fc.nat(size), async (a, b) => {
              const [from, to] = [Math.min(a, b), Math.max(a, b)];
              const read = await readAll(held, from, to - from);
              expect(read.equals(content.subarray(from, to))).to.equal(true);
            }),
            { numRuns: 20 },
          );
          held.release();
        }
      });

      it("are listed in the order of the bytes of their keys, from any position", async () => {
        for (const key of [...KEYS_IN_ORDER].reverse()) await put(store, "bucket", key, bytesOf(1));
        expect(keysOf(store, "bucket")).to.deep.equal(KEYS_IN_ORDER);
        for (const [at, key] of KEYS_IN_ORDER.entries()) {
          const from = Array.from(store.scan("bucket", Buffer.from(key)), (record) => record.key);
          expect(from).to.deep.equal(KEYS_IN_ORDER.slice(at));
          const behind = Buffer.concat([Buffer.from(key), Buffer.of(0)]);
          expect(Array.from(store.scan("bucket", behind), (record) => record.key)).to.include.members(
            KEYS_IN_ORDER.slice(at + 2),
          );
        }
        expect([...store.scan("bucket", Buffer.of(0xff))]).to.deep.equal([]);
      });

      it("of one bucket are not listed in another", async () => {
        await store.createBucket({ name: "other", createdMs: 1 });
        await put(store, "bucket", "mine", bytesOf(1));
        await put(store, "other", "its", bytesOf(1));
        expect(keysOf(store, "bucket")).to.deep.equal(["mine"]);
        expect(keysOf(store, "other")).to.deep.equal(["its"]);
      });

      it("are listed by thousands, also while others are put and deleted", async () => {
        const keys = Array.from({ length: 1_500 }, (_, n) => `key-${String(n).padStart(5, "0")}`);
        await Promise.all(keys.map((key) => put(store, "bucket", key, bytesOf(1))));
        expect(keysOf(store, "bucket")).to.deep.equal(keys);
        const seen: string[] = [];
        for (const { key } of store.scan("bucket", Buffer.alloc(0))) {
          seen.push(key);
          if (seen.length % 500 === 0) await put(store, "bucket", `key-${seen.length}a`, bytesOf(1));
        }
        expect(seen.filter((key) => !key.endsWith("a"))).to.deep.equal(keys);
      });

      it("are replaced whole, and deleted; nothing there is no failure", async () => {
        await put(store, "bucket", "key", bytesOf(200_000, 1));
        await put(store, "bucket", "key", bytesOf(10, 2));
        expect((await contentOf(store, "bucket", "key"))?.equals(bytesOf(10, 2))).to.equal(true);
        await put(store, "bucket", "key", bytesOf(300_000, 3));
        await restarted();
        expect((await contentOf(store, "bucket", "key"))?.equals(bytesOf(300_000, 3))).to.equal(true);
        await store.deleteObject("bucket", "key", always);
        await store.deleteObject("bucket", "key", always);
        expect(keysOf(await restarted(), "bucket")).to.deep.equal([]);
      });

      it("stay as they are when the check throws", async () => {
        await put(store, "bucket", "key", bytesOf(70_000));
        const seen: unknown[] = [];
        const refuse = (existing: unknown): never => {
          seen.push(existing);
          throw s3Error("PRECONDITION_FAILED");
        };
        const draft = await store.draft(chunksOf(bytesOf(90_000)));
        expect(await endOf(store.publish("bucket", recordOf("key"), draft, refuse))).to.equal(
          "PRECONDITION_FAILED",
        );
        expect(await endOf(store.deleteObject("bucket", "key", refuse))).to.equal("PRECONDITION_FAILED");
        expect(await endOf(store.changeObject("bucket", "key", refuse))).to.equal("PRECONDITION_FAILED");
        for (const record of seen) expect(record).to.deep.equal(recordOf("key", { size: 70_000 }));
        expect((await contentOf(store, "bucket", "key"))?.equals(bytesOf(70_000))).to.equal(true);
      });

      it("get another record for the same content", async () => {
        for (const size of [0, 100, 100_000]) {
          await put(store, "bucket", "key", bytesOf(size));
          await store.changeObject("bucket", "key", (existing) => {
            if (existing === undefined) throw new Error("not there");
            return { ...existing, tags: [{ key: "a", value: String(size) }] };
          });
          expect(store.object("bucket", "key")?.tags).to.deep.equal([{ key: "a", value: String(size) }]);
          expect((await contentOf(store, "bucket", "key"))?.equals(bytesOf(size))).to.equal(true);
        }
        expect(await endOf(store.changeObject("bucket", "none", () => recordOf("none")))).to.equal(
          "KEY_NOT_FOUND",
        );
      });

      it("lose no change when many are made at once", async () => {
        await put(store, "bucket", "counter", bytesOf(10), { etag: "0" });
        await Promise.all(
          Array.from({ length: 20 }, () =>
            store.changeObject("bucket", "counter", (existing) => {
              if (existing === undefined) throw new Error("not there");
              return { ...existing, etag: String(Number(existing.etag) + 1) };
            }),
          ),
        );
        expect(store.object("bucket", "counter")?.etag).to.equal("20");
        expect((await contentOf(store, "bucket", "counter"))?.equals(bytesOf(10))).to.equal(true);
      });

      it("that must be new are made by exactly one of many", async () => {
        const ifNoneMatch = (existing: unknown): void => {
          if (existing !== undefined) throw s3Error("PRECONDITION_FAILED");
        };
        const contents = Array.from({ length: 20 }, (_, n) => bytesOf(n % 2 === 0 ? 50 : 80_000, n));
        const ends = await Promise.all(
          contents.map(async (content, n) => {
            const draft = await store.draft(chunksOf(content));
            return endOf(store.publish("bucket", recordOf("new", { etag: String(n) }), draft, ifNoneMatch));
          }),
        );
        expect(ends.filter((end) => end === "fulfilled")).to.have.length(1);
        expect(ends.filter((end) => end === "PRECONDITION_FAILED")).to.have.length(19);
        const winner = ends.indexOf("fulfilled");
        expect(store.object("bucket", "new")?.etag).to.equal(String(winner));
        const expected = contents[winner];
        expect(expected && (await contentOf(store, "bucket", "new"))?.equals(expected)).to.equal(true);
      });

      it("are one or the other when many replace them at once", async () => {
        const contents = Array.from({ length: 16 }, (_, n) => bytesOf(n % 2 === 0 ? 500 : 70_000 + n, n));
        await Promise.all(
          contents.map((content, n) => put(store, "bucket", "key", content, { etag: String(n) })),
        );
        const last = contents[Number(store.object("bucket", "key")?.etag)];
        expect(last && (await contentOf(store, "bucket", "key"))?.equals(last)).to.equal(true);
      });
    });

    describe("held objects", () => {
      for (const size of [100, 1_500_000]) {
        it(`of ${size} bytes stay readable when they are replaced and deleted`, async () => {
          await put(store, "bucket", "key", bytesOf(size, 1));
          const first = await store.hold("bucket", "key");
          await put(store, "bucket", "key", bytesOf(size, 2));
          const second = await store.hold("bucket", "key");
          await store.deleteObject("bucket", "key", always);
          if (first === undefined || second === undefined) throw new Error("not there");
          expect((await readAll(first)).equals(bytesOf(size, 1))).to.equal(true);
          expect((await readAll(second)).equals(bytesOf(size, 2))).to.equal(true);
          first.release();
          second.release();
        });

        it(`of ${size} bytes stay readable for a read that is open when they are released`, async () => {
          await put(store, "bucket", "key", bytesOf(size));
          const held = await store.hold("bucket", "key");
          if (held === undefined) throw new Error("not there");
          const chunks: Buffer[] = [];
          for await (const chunk of held.read(0, size)) {
            if (chunks.length === 0) {
              held.release();
              await store.deleteObject("bucket", "key", always);
            }
            chunks.push(chunk);
          }
          expect(Buffer.concat(chunks).equals(bytesOf(size))).to.equal(true);
        });
      }

      it("can be left in the middle", async () => {
        await put(store, "bucket", "key", bytesOf(2_000_000));
        const held = await store.hold("bucket", "key");
        if (held === undefined) throw new Error("not there");
        for await (const _ of held.read(0, 2_000_000)) break;
        held.release();
        await store.deleteObject("bucket", "key", always);
      });

      it("are found while others replace them all the time", async () => {
        await put(store, "bucket", "key", bytesOf(100, 0));
        let isDone = false;
        const writing = (async () => {
          for (let n = 1; n < 60; n++)
            await put(store, "bucket", "key", bytesOf(n % 3 === 0 ? 70_000 : 100, n));
          isDone = true;
        })();
        while (!isDone) {
          const content = await contentOf(store, "bucket", "key");
          expect(content?.length).to.be.oneOf([100, 70_000]);
        }
        await writing;
      });
    });

    describe("drafts", () => {
      it("reject with the error of their source", async () => {
        for (const size of [10, 100_000]) {
          const broken = async function* () {
            yield bytesOf(size);
            throw new Error("the source broke");
          };
          expect(await endOf(store.draft(broken()))).to.equal("the source broke");
        }
      });

      it("end at once when they are aborted, also while their source stands still", async () => {
        for (const size of [10, 100_000]) {
          let isStopped = false;
          const stuck: AsyncIterable<Uint8Array> = {
            [Symbol.asyncIterator]: () => {
              let turn = 0;
              return {
                next: () =>
                  turn++ === 0
                    ? Promise.resolve({ done: false, value: bytesOf(size) })
                    : new Promise(() => {}),
                return: () => {
                  isStopped = true;
                  return new Promise(() => {});
                },
              };
            },
          };
          const controller = new AbortController();
          const draft = endOf(store.draft(stuck, controller.signal));
          setImmediate(() => controller.abort(new Error("the client has gone")));
          expect(await draft).to.equal("the client has gone");
          expect(isStopped).to.equal(true);
        }
        const gone = AbortSignal.abort(new Error("gone before"));
        expect(await endOf(store.draft(chunksOf(bytesOf(10)), gone))).to.equal("gone before");
      });

      it("copy what their source may use again", async () => {
        const shared = Buffer.alloc(50_000);
        const reusing = async function* () {
          for (let n = 0; n < 30; n++) yield shared.fill(n);
        };
        const draft = await store.draft(reusing());
        await store.publish("bucket", recordOf("key"), draft, always);
        const expected = Buffer.concat(Array.from({ length: 30 }, (_, n) => Buffer.alloc(50_000, n)));
        expect((await contentOf(store, "bucket", "key"))?.equals(expected)).to.equal(true);
      });

      it("are discarded once or twice, and not after they were published", async () => {
        for (const size of [10, 100_000]) {
          const first = await store.draft(chunksOf(bytesOf(size)));
          expect(first.storedSize).to.equal(size);
          await first.discard();
          await first.discard();
          const second = await store.draft(chunksOf(bytesOf(size)));
          await store.publish("bucket", recordOf("key"), second, always);
          await second.discard();
          expect((await contentOf(store, "bucket", "key"))?.length).to.equal(size);
          expect(await endOf(store.publish("bucket", recordOf("again"), second, always))).to.equal(
            "INTERNAL",
          );
          expect(await endOf(store.publish("bucket", recordOf("again"), first, always))).to.equal("INTERNAL");
        }
      });
    });

    describe("uploads", () => {
      const contents = [bytesOf(200_000, 1), bytesOf(100, 2), bytesOf(90_000, 3), Buffer.alloc(0)];

      it("become an object of those parts that are named, in their order", async () => {
        await putParts(store, "bucket", "key", "id", contents);
        await restarted();
        const parts = store.parts("bucket", "key", "id");
        expect(parts.map(({ number }) => number)).to.deep.equal([1, 2, 3, 4]);
        const taken = parts.filter(({ number }) => number !== 3);
        const record = recordOf("key", { size: 200_100, parts: taken });
        await store.completeUpload("bucket", "id", record, always);
        const expected = Buffer.concat(contents.slice(0, 2));
        for (const run of [async () => store, restarted]) {
          const current = await run();
          expect(current.object("bucket", "key")).to.deep.equal(record);
          const held = await current.hold("bucket", "key");
          expect(held?.storedSize).to.equal(200_100);
          expect(held?.record.parts).to.deep.equal(taken);
          expect((await contentOf(current, "bucket", "key"))?.equals(expected)).to.equal(true);
          expect(
            held && (await readAll(held, 199_950, 100)).equals(expected.subarray(199_950, 200_050)),
          ).to.equal(true);
          held?.release();
          expect(current.upload("bucket", "key", "id")).to.equal(undefined);
          expect(current.parts("bucket", "key", "id")).to.deep.equal([]);
        }
        await store.changeObject("bucket", "key", (existing) => ({ ...(existing ?? record), etag: "new" }));
        expect(store.object("bucket", "key")).to.deep.equal({ ...record, etag: "new" });
        expect((await contentOf(store, "bucket", "key"))?.equals(expected)).to.equal(true);
        await put(store, "bucket", "key", bytesOf(4));
        expect(store.object("bucket", "key")).to.deep.equal(recordOf("key", { size: 4 }));
      });

      it("keep the last part of a number, also when many come at once", async () => {
        await store.createUpload("bucket", uploadOf("key", "id"));
        await Promise.all(
          [10, 20, 70_000, 80_000, 30].map((size) =>
            putPart(store, "bucket", "key", "id", 7, bytesOf(size, size)),
          ),
        );
        const parts = store.parts("bucket", "key", "id");
        expect(parts).to.have.length(1);
        await store.completeUpload("bucket", "id", recordOf("key", { parts }), always);
        const size = parts[0]?.size ?? -1;
        expect((await contentOf(store, "bucket", "key"))?.equals(bytesOf(size, size))).to.equal(true);
      });

      it("are refused parts that are not there as they are named", async () => {
        await putParts(store, "bucket", "key", "id", contents.slice(0, 2));
        const parts = store.parts("bucket", "key", "id");
        const wrong = [
          parts.map((part) => ({ ...part, etag: "other" })),
          parts.map((part) => ({ ...part, number: part.number + 1 })),
        ];
        for (const list of wrong) {
          const record = recordOf("key", { parts: list });
          expect(await endOf(store.completeUpload("bucket", "id", record, always))).to.equal("PART_INVALID");
        }
        expect(store.parts("bucket", "key", "id")).to.deep.equal(parts);
        expect(store.object("bucket", "key")).to.equal(undefined);
      });

      it("are as they were when the check throws", async () => {
        await put(store, "bucket", "key", bytesOf(5));
        await putParts(store, "bucket", "key", "id", contents.slice(0, 2));
        const parts = store.parts("bucket", "key", "id");
        const refuse = (): never => {
          throw s3Error("PRECONDITION_FAILED");
        };
        const record = recordOf("key", { parts });
        expect(await endOf(store.completeUpload("bucket", "id", record, refuse))).to.equal(
          "PRECONDITION_FAILED",
        );
        expect(store.parts("bucket", "key", "id")).to.deep.equal(parts);
        expect((await contentOf(store, "bucket", "key"))?.equals(bytesOf(5))).to.equal(true);
        await store.completeUpload("bucket", "id", record, always);
      });

      it("are completed by one of many, while parts still come", async () => {
        await putParts(store, "bucket", "key", "id", contents.slice(0, 2));
        const parts = store.parts("bucket", "key", "id");
        const record = recordOf("key", { parts });
        const late = [3, 4, 5].map((number) =>
          endOf(putPart(store, "bucket", "key", "id", number, bytesOf(70_000))),
        );
        const ends = await Promise.all(
          [1, 2, 3].map(() => endOf(store.completeUpload("bucket", "id", record, always))),
        );
        expect(ends.sort()).to.deep.equal(["UPLOAD_NOT_FOUND", "UPLOAD_NOT_FOUND", "fulfilled"]);
        for (const end of await Promise.all(late)) expect(end).to.be.oneOf(["fulfilled", "UPLOAD_NOT_FOUND"]);
        expect(store.object("bucket", "key")?.parts).to.deep.equal(parts);
        expect((await contentOf(store, "bucket", "key"))?.length).to.equal(200_100);
        expect(store.parts("bucket", "key", "id")).to.deep.equal([]);
      });

      it("are aborted, and are not there then", async () => {
        await putParts(store, "bucket", "key", "id", contents);
        await store.abortUpload("bucket", "key", "id");
        const draft = await store.draft(chunksOf(bytesOf(10)));
        const part = { number: 1, size: 10, storedSize: 10, etag: "e", modifiedMs: 1 };
        const calls = [
          () => store.abortUpload("bucket", "key", "id"),
          () => store.putPart("bucket", "key", "id", part, draft),
          () => store.completeUpload("bucket", "id", recordOf("key", { parts: [] }), always),
          () => store.abortUpload("bucket", "another", "id"),
        ];
        for (const call of calls) expect(await endOf(call()), String(call)).to.equal("UPLOAD_NOT_FOUND");
        expect(store.parts("bucket", "key", "id")).to.deep.equal([]);
      });

      it("are listed by key, then id, and kept apart", async () => {
        const all = KEYS_IN_ORDER.flatMap((key) => ["1", "2"].map((id) => ({ key, id })));
        for (const { key, id } of [...all].reverse()) await store.createUpload("bucket", uploadOf(key, id));
        const list = (start: Buffer) =>
          Array.from(store.scanUploads("bucket", start), ({ key, id }) => ({ key, id }));
        expect(list(Buffer.alloc(0))).to.deep.equal(all);
        for (const [at, key] of KEYS_IN_ORDER.entries())
          expect(list(Buffer.from(key))).to.deep.equal(all.slice(2 * at));
        expect(store.upload("bucket", "a", "2")).to.deep.equal(uploadOf("a", "2"));
        expect(store.upload("bucket", "a", "3")).to.equal(undefined);
      });
    });

    describe("settings", () => {
      it("change only from what they are thought to be", async () => {
        expect(store.setting("name")).to.equal(undefined);
        expect(await store.changeSetting("name", "x", "y")).to.equal(false);
        expect(await store.changeSetting("name", undefined, "one")).to.equal(true);
        expect(await store.changeSetting("name", undefined, "two")).to.equal(false);
        const races = await Promise.all(
          ["a", "b", "c"].map((value) => store.changeSetting("name", "one", value)),
        );
        expect(races.filter((won) => won)).to.have.length(1);
        const value = ["a", "b", "c"][races.indexOf(true)];
        expect((await restarted()).setting("name")).to.equal(value);
      });
    });

    it("refuses every call once it is closed", async () => {
      const stuck = (async function* () {
        yield bytesOf(100_000);
        await new Promise(() => {});
      })();
      const draft = endOf(store.draft(stuck));
      await store.close();
      expect(await draft).to.equal("UNAVAILABLE");
      expect(await endOf(put(store, "bucket", "key", bytesOf(1)))).to.equal("UNAVAILABLE");
      await store.close();
      await restarted();
      expect(keysOf(store, "bucket")).to.deep.equal([]);
    });
  });
}
