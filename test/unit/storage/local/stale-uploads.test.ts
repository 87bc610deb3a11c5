/** Uploads that nobody goes on with are removed; those that somebody works on never. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { isS3Error, s3Error } from "../../../../src/storage/s3/errors.js";
import { DirectoryStore } from "../../../../src/storage/store/directory-store.js";
import type { ObjectStore } from "../../../../src/storage/store/object-store.js";
import { MemoryStore } from "../../../support/memory-store.js";
import { uploadBody } from "../../../support/upload-body.js";
import { allKeys, at, BUCKET, LocalSite, rejects } from "./support.js";

const HOUR_MS = 3_600_000;
const EXPIRY_MS = 24 * HOUR_MS;

for (const [name, open] of [
  ["in memory", async () => new MemoryStore()],
  ["in a folder", (folder: string) => DirectoryStore.open(folder)],
] as readonly (readonly [string, (folder: string) => Promise<ObjectStore>])[]) {
  describe(`stale uploads ${name}`, function () {
    this.timeout(60_000);
    let folder: string;
    let site: LocalSite<ObjectStore>;

    beforeEach(async () => {
      folder = mkdtempSync(join(tmpdir(), "keswick-stale-"));
      site = new LocalSite({ store: await open(join(folder, "store")) });
      await site.objects.createBucket(BUCKET);
    });

    afterEach(async () => {
      await site.objects.close();
      rmSync(folder, { recursive: true, force: true });
    });

    const uploads = async (): Promise<string[]> =>
      (await site.objects.uploads(BUCKET, allKeys)).contents.map(({ key }) => key);
    const removed = async (): Promise<number> => {
      const { count, failure } = await site.objects.removeStaleUploads(EXPIRY_MS);
      expect(failure).to.equal(undefined);
      return count;
    };
    const later = (ms: number): void => {
      site.nowMs += ms;
    };

    it("go once begin and last part lie back far enough, and not before", async () => {
      await site.upload("begun", "none");
      const { uploadId } = await site.upload("parts", "SSE-S3");
      later(20 * HOUR_MS);
      await site.part("parts", uploadId, 1, Buffer.from("part"), "SSE-S3");
      await site.upload("young", "none");
      later(4 * HOUR_MS);
      expect(await removed()).to.equal(0);
      later(1);
      expect(await removed()).to.equal(1);
      expect(await uploads()).to.deep.equal(["parts", "young"]);
      later(20 * HOUR_MS);
      expect(await removed()).to.equal(2);
      expect(await uploads()).to.deep.equal([]);
      await rejects(() => site.part("parts", uploadId, 2, Buffer.from("late"), "SSE-S3"), "UPLOAD_NOT_FOUND");
    });

    it("stay as long as a part comes in, however slowly", async () => {
      const { uploadId } = await site.upload("slow", "none");
      let finish = (): void => undefined;
      const finished = new Promise<void>((resolve) => {
        finish = resolve;
      });
      // Its content waits until the look below is over.
      const content = async function* (): AsyncIterable<Buffer> {
        yield Buffer.from("con");
        await finished;
        yield Buffer.from("tent");
      };
      const held = site.objects.putPart({
        ...{ path: at("slow"), uploadId, number: 1, body: uploadBody(content, {}, 7) },
        sse: { target: undefined, source: undefined },
      });
      later(100 * HOUR_MS);
      expect(await removed()).to.equal(0);
      finish();
      await held;
      expect(await removed()).to.equal(0);
      later(EXPIRY_MS + 1);
      expect(await removed()).to.equal(1);
    });

    it("stay when the clock goes back, and objects are never touched", async () => {
      await site.put("object", Buffer.from("content"), "none");
      await site.upload("begun", "none");
      later(-1_000 * HOUR_MS);
      expect(await removed()).to.equal(0);
      later(10_000 * HOUR_MS);
      expect(await removed()).to.equal(1);
      expect((await site.get("object", "none")).bytes.toString()).to.equal("content");
    });

    it("are found among many, in all buckets", async () => {
      await site.objects.createBucket("another");
      await Promise.all(Array.from({ length: 110 }, (_, n) => site.upload(`key-${n % 40}`, "none")));
      later(EXPIRY_MS + 1);
      for (let n = 0; n < 3; n++) await site.upload(`young-${n}`, "none");
      expect(await removed()).to.equal(110);
      expect(await uploads()).to.deep.equal(["young-0", "young-1", "young-2"]);
    });

    it("are removed although another one cannot be", async () => {
      for (const key of ["a", "b", "c"]) await site.upload(key, "none");
      later(EXPIRY_MS + 1);
      const { store } = site;
      const abort = store.abortUpload.bind(store);
      store.abortUpload = async (bucket, key, id, check) => {
        if (key === "a") throw s3Error("INTERNAL");
        await abort(bucket, key, id, check);
      };
      const { count, failure } = await site.objects.removeStaleUploads(EXPIRY_MS);
      expect(count).to.equal(2);
      expect(isS3Error(failure, "INTERNAL")).to.equal(true);
      expect(await uploads()).to.deep.equal(["a"]);
    });

    it("are no longer looked for when the service is closed", async () => {
      await Promise.all(Array.from({ length: 10 }, (_, n) => site.upload(`key-${n}`, "none")));
      later(EXPIRY_MS + 1);
      const looking = rejects(() => site.objects.removeStaleUploads(EXPIRY_MS), "UNAVAILABLE");
      await site.objects.close();
      await looking;
      await rejects(() => site.objects.removeStaleUploads(EXPIRY_MS), "UNAVAILABLE");
    });
  });
}
