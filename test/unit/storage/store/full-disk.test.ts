/** The directory store on disks that are full: nothing is lost, what is there can be read and deleted. */
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect } from "chai";
import { compactIndex } from "../../../../src/storage/store/compact.js";
import { DirectoryStore } from "../../../../src/storage/store/directory-store.js";
import { until } from "../../../support/child-process.js";
import { always, bytesOf, contentOf, endOf, keysOf, put, scratchFolders } from "./support.js";

const BUCKET = "bucket";

describe("directory store on a full disk", function () {
  this.timeout(60_000);
  const scratch = scratchFolders();
  const mounts: string[] = [];

  /** False where nothing may be mounted. */
  function mounted(path: string, size: string): boolean {
    mkdirSync(path, { recursive: true });
    try {
      execFileSync("mount", ["-t", "tmpfs", "-o", `size=${size},mode=700`, "none", path], { stdio: "pipe" });
      mounts.push(path);
      return true;
    } catch {
      console.log("      skipped: mounting a tmpfs is not permitted here");
      return false;
    }
  }

  afterEach(() => {
    for (const path of mounts.splice(0)) {
      if (statSync(path).dev !== statSync(dirname(path)).dev)
        execFileSync("umount", ["-l", path], { stdio: "pipe" });
    }
  });

  /** Puts until nothing fits any more, several at a time. @returns what was acknowledged: key → content */
  async function fill(store: DirectoryStore, sizes: readonly number[]): Promise<Map<string, Buffer>> {
    const acknowledged = new Map<string, Buffer>();
    const ends = new Set<string>();
    await Promise.all(
      [0, 1, 2, 3].map(async (worker) => {
        for (let n = 0, failures = 0; failures < 2 * sizes.length; n++) {
          const key = `key-${worker}-${n}`;
          const content = bytesOf(sizes[n % sizes.length] ?? 0, n);
          const end = await endOf(put(store, BUCKET, key, content, { etag: "e".repeat(300) }));
          ends.add(end);
          if (end === "fulfilled") acknowledged.set(key, content);
          else failures++;
        }
      }),
    );
    expect([...ends].sort()).to.deep.equal(["STORAGE_FULL", "fulfilled"]);
    return acknowledged;
  }

  async function check(store: DirectoryStore, acknowledged: ReadonlyMap<string, Buffer>): Promise<void> {
    expect(keysOf(store, BUCKET)).to.deep.equal([...acknowledged.keys()].sort());
    for (const [key, content] of acknowledged)
      expect((await contentOf(store, BUCKET, key))?.equals(content), key).to.equal(true);
    for await (const finding of store.verify()) expect.fail(JSON.stringify(finding));
  }

  async function exercise(folder: string, sizes: readonly number[]): Promise<void> {
    // Nothing is kept free: the system itself says that it is full.
    const store = await DirectoryStore.open(folder, { reserveBytes: 0 });
    await store.createBucket({ name: BUCKET, createdMs: 1 });
    const acknowledged = await fill(store, sizes);
    expect(acknowledged.size).to.be.greaterThan(20);
    expect(readdirSync(join(folder, "tmp"))).to.deep.equal([]);
    await check(store, acknowledged);
    for (const key of [...acknowledged.keys()].slice(0, acknowledged.size / 2)) {
      await store.deleteObject(BUCKET, key, always);
      acknowledged.delete(key);
    }
    await put(store, BUCKET, "zzz", bytesOf(10));
    acknowledged.set("zzz", bytesOf(10));
    await store.close();
    const again = await DirectoryStore.open(folder, { reserveBytes: 0 });
    await check(again, acknowledged);
    await again.close();
  }

  it("tells so, loses nothing, and goes on after deletions", async function () {
    const folder = scratch();
    if (!mounted(folder, "4m")) this.skip();
    await exercise(folder, [900, 20_000, 100_000, 0]);
  });

  it("does the same where there is room but no more files, and can be started again then", async function () {
    const folder = scratch();
    if (!mounted(folder, "16m,nr_inodes=120")) this.skip();
    const store = await DirectoryStore.open(folder, { reserveBytes: 0, reserveFiles: 16 });
    await store.createBucket({ name: BUCKET, createdMs: 1 });
    const acknowledged = await fill(store, [900, 100_000, 0]);
    expect(acknowledged.size).to.be.greaterThan(20);
    await check(store, acknowledged);
    await store.close();
    // Nothing was deleted: what a start and a compaction need was kept free.
    await compactIndex(folder);
    const again = await DirectoryStore.open(folder, { reserveBytes: 0, reserveFiles: 16 });
    await check(again, acknowledged);
    for (const key of [...acknowledged.keys()].slice(0, 10)) {
      await again.deleteObject(BUCKET, key, always);
      acknowledged.delete(key);
    }
    await until(
      "a file to be free",
      async () => (await endOf(put(again, BUCKET, "zzz", bytesOf(10)))) === "fulfilled",
    );
    acknowledged.set("zzz", bytesOf(10));
    await check(again, acknowledged);
    await again.close();
  });

  it("takes every file there is when nothing is kept free, and loses nothing", async function () {
    const folder = scratch();
    if (!mounted(folder, "16m,nr_inodes=120")) this.skip();
    const store = await DirectoryStore.open(folder, { reserveBytes: 0, reserveFiles: 0 });
    await store.createBucket({ name: BUCKET, createdMs: 1 });
    const acknowledged = await fill(store, [900, 100_000, 0]);
    await check(store, acknowledged);
    for (const key of acknowledged.keys()) await store.deleteObject(BUCKET, key, always);
    await put(store, BUCKET, "zzz", bytesOf(10));
    await check(store, new Map([["zzz", bytesOf(10)]]));
    await store.close();
  });

  it("does the same where only the index has no room", async function () {
    const folder = scratch();
    for (const name of ["data", "tmp"]) mkdirSync(join(folder, name), { recursive: true });
    if (!mounted(join(folder, "index"), "1200k")) this.skip();
    await exercise(folder, [100]);
  });
});
