/** The folder of a directory store: its lock, its marker, its modes; what is collected, verified and built anew. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { DirectoryStore } from "../../../../src/storage/store/directory-store.js";
import type { ObjectStore } from "../../../../src/storage/store/object-store.js";
import { rebuildIndex } from "../../../../src/storage/store/rebuild.js";
import { until } from "../../../support/child-process.js";
import {
  always,
  bytesOf,
  chunksOf,
  contentOf,
  endOf,
  faultyFileSystem,
  keysOf,
  put,
  putParts,
  readAll,
  recordOf,
  type SystemCall,
  scratchFolders,
  systemError,
} from "./support.js";

const BUCKET = "bucket";

describe("folder of a directory store", function () {
  this.timeout(60_000);
  const scratch = scratchFolders();

  async function opened(folder = scratch()): Promise<{ folder: string; store: DirectoryStore }> {
    const store = await DirectoryStore.open(folder);
    if (store.bucket(BUCKET) === undefined) await store.createBucket({ name: BUCKET, createdMs: 1 });
    return { folder, store };
  }

  /** Files of data, by their paths in it. */
  function dataOf(folder: string): string[] {
    return readdirSync(join(folder, "data"), { recursive: true, encoding: "utf8" })
      .filter((path) => /\.(record|content)$/.test(path))
      .sort();
  }

  async function findingsOf(store: DirectoryStore): Promise<string[]> {
    const kinds: string[] = [];
    for await (const { kind } of store.verify()) kinds.push(kind);
    return kinds.sort();
  }

  describe("lock", () => {
    it("keeps a second store out, and is free again after the first is closed", async () => {
      const { folder, store } = await opened();
      for (let turn = 0; turn < 3; turn++)
        expect(await endOf(DirectoryStore.open(folder))).to.match(/is in use/);
      await put(store, BUCKET, "key", bytesOf(100_000));
      await store.close();
      await (await opened(folder)).store.close();
    });

    it("is taken by one of many, whatever a dead holder has left", async () => {
      const { folder, store } = await opened();
      await store.close();
      for (let turn = 0; turn < 5; turn++) {
        // A socket file on which nobody listens, as a kill leaves it.
        mkdirSync(join(folder, "lock"), { recursive: true });
        writeFileSync(join(folder, "lock", `dead-${turn}`), "");
        const ends = await Promise.allSettled(Array.from({ length: 8 }, () => DirectoryStore.open(folder)));
        const winners = ends.flatMap((end) => (end.status === "fulfilled" ? [end.value] : []));
        expect(winners).to.have.length(1);
        for (const end of ends) {
          if (end.status === "rejected") expect(String(end.reason)).to.match(/is in use/);
        }
        await winners[0]?.close();
      }
    });

    it("keeps another process out as long as it lives, and dies with it", async function () {
      this.timeout(60_000);
      const folder = scratch();
      const script = `
        import { DirectoryStore } from ${JSON.stringify(
          new URL("../../../../src/storage/store/directory-store.ts", import.meta.url).href,
        )};
        await DirectoryStore.open(${JSON.stringify(folder)});
        console.log("open");
        setInterval(() => {}, 1000);
      `;
      const child = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "--eval", script], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      try {
        await once(child.stdout, "data");
        expect(await endOf(DirectoryStore.open(folder))).to.match(/is in use/);
        child.kill("SIGSTOP");
        expect(await endOf(DirectoryStore.open(folder))).to.match(/is in use/);
      } finally {
        const exited = once(child, "exit");
        child.kill("SIGKILL");
        await exited;
      }
      await (await opened(folder)).store.close();
    });

    it("works in a folder whose path is longer than that of a socket may be", async () => {
      const folder = join(scratch(), "x".repeat(120));
      const { store } = await opened(folder);
      expect(await endOf(DirectoryStore.open(folder))).to.match(/is in use/);
      await store.close();
      await (await opened(folder)).store.close();
    });
  });

  describe("layout", () => {
    it("lets nobody else in, and shows no key", async () => {
      const { folder, store } = await opened();
      for (const key of ["../../secret", "a/b/secret", "secret"]) {
        await put(store, BUCKET, key, bytesOf(10));
        await put(store, BUCKET, `${key}-large`, bytesOf(100_000));
      }
      const paths = readdirSync(folder, { recursive: true, encoding: "utf8" });
      for (const path of paths) {
        expect(path).to.not.include("secret");
        // The socket of the lock, in a folder of its own.
        if (path.startsWith("lock/")) continue;
        expect(statSync(join(folder, path)).mode & 0o077, path).to.equal(0);
      }
      expect(existsSync(join(folder, "..", "secret"))).to.equal(false);
      await store.close();
    });

    it("refuses folders that hold something else", async () => {
      const folder = scratch();
      mkdirSync(folder);
      writeFileSync(join(folder, "letter.txt"), "dear");
      expect(await endOf(DirectoryStore.open(folder))).to.match(/neither empty nor an object store.*letter/);
      expect(readdirSync(folder)).to.deep.equal(["letter.txt"]);
      const other = scratch();
      mkdirSync(other);
      writeFileSync(join(other, "keswick.json"), "{}");
      expect(await endOf(DirectoryStore.open(other))).to.match(/not the marker/);
      const file = scratch();
      writeFileSync(file, "");
      expect(await endOf(DirectoryStore.open(file))).to.match(/ENOTDIR|not a folder/);
    });

    it("refuses a store of a later version", async () => {
      const { folder, store } = await opened();
      await store.close();
      const marker = join(folder, "keswick.json");
      writeFileSync(marker, readFileSync(marker, "utf8").replace('"version":1', '"version":2'));
      expect(await endOf(DirectoryStore.open(folder))).to.match(/version 2/);
      expect(await endOf(rebuildIndex(folder))).to.match(/version 2/);
    });

    it("follows no links", async () => {
      const { folder, store } = await opened();
      await put(store, BUCKET, "key", bytesOf(100));
      await store.close();
      const outside = scratch();
      renameSync(join(folder, "data"), outside);
      symlinkSync(outside, join(folder, "data"));
      expect(await endOf(DirectoryStore.open(folder))).to.match(/not a folder/);
      rmSync(join(folder, "data"));
      renameSync(outside, join(folder, "data"));
      const again = await DirectoryStore.open(folder);
      const record = join(folder, "data", dataOf(folder).at(-1) ?? "");
      renameSync(record, `${outside}-record`);
      symlinkSync(`${outside}-record`, record);
      expect(await endOf(contentOf(again, BUCKET, "key"))).to.equal("INTERNAL");
      await again.close();
    });

    it("says which files do not belong there, and leaves them alone", async () => {
      const { folder, store } = await opened();
      await store.close();
      writeFileSync(join(folder, "data", "notes"), "");
      writeFileSync(join(folder, "data", "000000000", "notes.txt"), "");
      const warnings: string[] = [];
      const again = await DirectoryStore.open(folder, { warn: (message) => warnings.push(message) });
      expect(warnings).to.have.length(2);
      expect(await findingsOf(again)).to.deep.equal(["foreign-file", "foreign-file"]);
      await again.close();
    });
  });

  describe("order of syncs", () => {
    it("is content, its place, and the index last", async () => {
      for (const size of [100, 200_000]) {
        const calls: string[] = [];
        const folder = scratch();
        const name = ({ name: call, path, to }: SystemCall) =>
          `${call} ${(to ?? path).slice(folder.length + 1).replace(/[0-9a-f]{32}/, "ID")}`;
        const store = await DirectoryStore.open(folder, {
          system: faultyFileSystem({
            after: (call) => {
              // Room for the index, taken in advance, says nothing of what is in it.
              if (call.path.includes("/index/")) return;
              if (/^(fsync|fdatasync|rename|write)$/.test(call.name)) calls.push(name(call));
            },
          }),
          committer: async (commit) => {
            calls.push("commit");
            await commit();
            calls.push("committed");
          },
        });
        await store.createBucket({ name: BUCKET, createdMs: 1 });
        calls.length = 0;
        await put(store, BUCKET, "key", bytesOf(size));
        calls.push("acknowledged");
        const record = size === 100 ? 2 : 3;
        const file = `data/000000000/00000000000${record}.record`;
        expect(calls.filter((call) => !call.startsWith("write tmp"))).to.deep.equal([
          ...(size === 100 ? [] : ["fsync tmp/ID", "rename data/000000000/000000000002.content"]),
          `write ${file}`,
          `fsync ${file}`,
          "fsync data/000000000",
          "commit",
          "committed",
          "acknowledged",
        ]);
        await store.close();
      }
    });

    it("is shared by changes that come at once", async () => {
      let folders = 0;
      let commits = 0;
      const store = await DirectoryStore.open(scratch(), {
        system: faultyFileSystem({
          before: ({ name, path }) => {
            if (name === "fsync" && path.endsWith("000000000")) folders++;
          },
        }),
        committer: (commit) => {
          commits++;
          return commit();
        },
      });
      await store.createBucket({ name: BUCKET, createdMs: 1 });
      folders = 0;
      commits = 0;
      await Promise.all(Array.from({ length: 200 }, (_, n) => put(store, BUCKET, `key-${n}`, bytesOf(10))));
      expect(folders).to.be.lessThan(120);
      expect(commits).to.be.lessThan(120);
      await store.close();
    });
  });

  describe("limits", () => {
    it("read no more of a source than the disk takes", async () => {
      let letGo = (): void => {};
      const stuck = new Promise<void>((resolve) => {
        letGo = resolve;
      });
      const store = await DirectoryStore.open(scratch(), {
        system: faultyFileSystem({
          before: ({ name, path }) =>
            name === "write" && /tmp\/[0-9a-f]{32}$/.test(path) ? stuck : undefined,
        }),
      });
      let taken = 0;
      const endless = async function* (): AsyncIterable<Uint8Array> {
        for (; taken < 50_000_000; taken += 100_000) yield Buffer.alloc(100_000);
      };
      const draft = store.draft(endless());
      await until("the first buffer to be full", async () => taken >= 500_000);
      for (let turn = 0; turn < 500; turn++) await new Promise((resolve) => setImmediate(resolve));
      // Two buffers of 512 KiB, and a chunk.
      expect(taken).to.be.lessThan(1_500_000);
      letGo();
      expect((await draft).storedSize).to.equal(50_000_000);
      await store.close();
    });

    it("leave room on the disk, for deletions too", async () => {
      const folder = scratch();
      let freeBytes = 100_000_000;
      const real = faultyFileSystem({});
      let clock = 0;
      const store = await DirectoryStore.open(folder, {
        system: { ...real, state: async (path) => ({ ...(await real.state(path)), freeBytes }) },
        reserveBytes: 1_000_000,
        now: () => clock,
      });
      await store.createBucket({ name: BUCKET, createdMs: 1 });
      await put(store, BUCKET, "key", bytesOf(300_000));
      freeBytes = 1_100_000;
      clock += 2_000;
      expect(await endOf(put(store, BUCKET, "large", bytesOf(300_000)))).to.equal("STORAGE_FULL");
      await put(store, BUCKET, "small", bytesOf(1_000));
      freeBytes = 500_000;
      clock += 2_000;
      expect(await endOf(put(store, BUCKET, "other", bytesOf(1_000)))).to.equal("STORAGE_FULL");
      expect(readdirSync(join(folder, "tmp"))).to.deep.equal([]);
      await store.deleteObject(BUCKET, "key", always);
      expect(keysOf(store, BUCKET)).to.deep.equal(["small"]);
      freeBytes = 100_000_000;
      clock += 2_000;
      await put(store, BUCKET, "other", bytesOf(1_000));
      await store.close();
    });

    it("let so many uploads write at a time, and the next wait", async () => {
      let open = 0;
      let most = 0;
      const isDraft = (path: string) => /tmp\/[0-9a-f]{32}$/.test(path);
      const store = await DirectoryStore.open(scratch(), {
        maxUploads: 2,
        system: faultyFileSystem({
          after: ({ name, path }) => {
            if (name === "open" && isDraft(path)) most = Math.max(most, ++open);
          },
          before: ({ name, path }) => {
            if (name === "close" && isDraft(path)) open--;
          },
        }),
      });
      const drafts = await Promise.all(
        Array.from({ length: 8 }, () => store.draft(chunksOf(bytesOf(140_000)))),
      );
      expect(most).to.equal(2);
      await Promise.all(drafts.map((draft) => draft.discard()));
      await store.close();
    });
  });

  describe("leftovers", () => {
    it("are all gone after overwrites, deletions and uploads", async () => {
      const { folder, store } = await opened();
      for (let turn = 0; turn < 3; turn++) {
        await put(store, BUCKET, "key", bytesOf(100_000));
        await put(store, BUCKET, "small", bytesOf(10));
        await putParts(store, BUCKET, "parts", `id-${turn}`, [bytesOf(100_000), bytesOf(10)]);
      }
      const parts = store.parts(BUCKET, "parts", "id-0");
      await store.completeUpload(BUCKET, "id-0", recordOf("parts", { parts }), always);
      await store.abortUpload(BUCKET, "parts", "id-1");
      await store.abortUpload(BUCKET, "parts", "id-2");
      for (const key of ["key", "small", "parts"]) await store.deleteObject(BUCKET, key, always);
      // Of the bucket.
      await until("the files to be gone", async () => dataOf(folder).length === 1);
      expect(await findingsOf(store)).to.deep.equal([]);
      await store.close();
    });

    it("wait for who reads them", async () => {
      const { folder, store } = await opened();
      await put(store, BUCKET, "key", bytesOf(100_000));
      const held = await store.hold(BUCKET, "key");
      await store.deleteObject(BUCKET, "key", always);
      await put(store, BUCKET, "other", bytesOf(10));
      const isThere = () => dataOf(folder).some((path) => path.endsWith(".content"));
      expect(isThere()).to.equal(true);
      expect(held && (await readAll(held)).equals(bytesOf(100_000))).to.equal(true);
      held?.release();
      await until("the content to be gone", async () => !isThere());
      await store.close();
    });

    it("that were held when the process ended are collected at the next start", async () => {
      const { folder, store } = await opened();
      await put(store, BUCKET, "key", bytesOf(100_000));
      await store.hold(BUCKET, "key");
      await store.deleteObject(BUCKET, "key", always);
      await store.close();
      const again = await DirectoryStore.open(folder);
      await until("the content to be gone", async () => dataOf(folder).length === 1);
      await again.close();
    });

    it("of a deleted bucket do not keep the store from closing, and go after the next start", async () => {
      const { folder, store } = await opened();
      await store.createBucket({ name: "many", createdMs: 1 });
      const ids = Array.from({ length: 60 }, (_, n) => `id-${n}`);
      await Promise.all(ids.map((id) => putParts(store, "many", "key", id, [bytesOf(10)])));
      const before = dataOf(folder).length;
      await store.deleteBucket("many");
      await store.close();
      const left = dataOf(folder).length;
      expect(left).to.be.greaterThan(before - 2 * 3 * 16);
      expect(left).to.be.lessThan(before);
      const again = await DirectoryStore.open(folder);
      await until("the uploads to be gone", async () => dataOf(folder).length === 1);
      expect(await findingsOf(again)).to.deep.equal([]);
      await again.close();
    });

    it("that cannot be removed keep nobody from working, and are tried again", async () => {
      const folder = scratch();
      let isBroken = true;
      const warnings: string[] = [];
      const store = await DirectoryStore.open(folder, {
        warn: (message) => warnings.push(message),
        system: faultyFileSystem({
          before: ({ name, path }) => {
            if (isBroken && name === "unlink" && path.endsWith("000000000002.record"))
              throw systemError("EIO");
          },
        }),
      });
      await store.createBucket({ name: BUCKET, createdMs: 1 });
      for (const key of ["a", "b", "c"]) await put(store, BUCKET, key, bytesOf(10));
      for (const key of ["a", "b", "c"]) await store.deleteObject(BUCKET, key, always);
      expect(warnings.length).to.be.greaterThan(0);
      expect(dataOf(folder)).to.have.length(2);
      isBroken = false;
      await put(store, BUCKET, "d", bytesOf(10));
      await store.deleteObject(BUCKET, "d", always);
      expect(dataOf(folder)).to.have.length(1);
      await store.close();
    });
  });

  describe("verification", () => {
    const damages: Readonly<
      Record<string, readonly [damage: (path: string, folder: string) => void, file: string, found: string[]]>
    > = {
      "a record that is gone": [(path) => unlinkSync(path), "small.record", ["missing-record"]],
      "a record that was altered": [
        (path) => writeFileSync(path, readFileSync(path).fill(1, 20, 21)),
        "small.record",
        ["damaged-record"],
      ],
      "a record that was cut off": [(path) => truncateSync(path, 60), "small.record", ["damaged-record"]],
      "a record of another object": [
        (path, folder) => cpSync(join(folder, "data", dataOf(folder)[0] ?? ""), path),
        "small.record",
        ["other-record"],
      ],
      "content that is gone": [(path) => unlinkSync(path), "large.content", ["missing-content"]],
      "content that was cut off": [(path) => truncateSync(path, 60), "large.content", ["content-size"]],
      "a file that nobody knows": [
        (path, folder) => cpSync(path, join(folder, "data", "000000000", "000000000000.content")),
        "large.content",
        ["unused-file"],
      ],
    };

    for (const [name, [damage, file, found]] of Object.entries(damages)) {
      it(`finds ${name}`, async () => {
        const { folder, store } = await opened();
        await put(store, BUCKET, "small", bytesOf(100));
        await put(store, BUCKET, "large", bytesOf(100_000));
        expect(await findingsOf(store)).to.deep.equal([]);
        // In the order in which they were put: bucket, small, content and record of large.
        const path = dataOf(folder)[file === "small.record" ? 1 : 2];
        damage(join(folder, "data", path ?? ""), folder);
        expect(await findingsOf(store)).to.deep.equal(found);
        if (file === "small.record" && found[0] !== "other-record")
          expect(await endOf(contentOf(store, BUCKET, "small"))).to.equal("INTERNAL");
        if (found[0] === "missing-content" || found[0] === "content-size")
          expect(await endOf(contentOf(store, BUCKET, "large"))).to.equal("INTERNAL");
        await store.close();
      });
    }

    it("finds nothing while objects come and go", async () => {
      const { store } = await opened();
      let isDone = false;
      const working = (async () => {
        for (let n = 0; n < 60; n++) {
          await put(store, BUCKET, `key-${n % 7}`, bytesOf(n % 2 === 0 ? 100 : 80_000));
          if (n % 5 === 0) await store.deleteObject(BUCKET, `key-${n % 3}`, always);
          if (n % 10 === 0) {
            await putParts(store, BUCKET, "parts", `id-${n}`, [bytesOf(70_000), bytesOf(5)]);
            const parts = store.parts(BUCKET, "parts", `id-${n}`);
            await store.completeUpload(BUCKET, `id-${n}`, recordOf("parts", { parts }), always);
          }
        }
        isDone = true;
      })();
      while (!isDone) expect(await findingsOf(store)).to.deep.equal([]);
      await working;
      expect(await findingsOf(store)).to.deep.equal([]);
      await store.close();
    }).timeout(60_000);
  });

  describe("rebuilding", () => {
    async function everything(store: ObjectStore) {
      const objects = [];
      for (const { key } of store.scan(BUCKET, Buffer.alloc(0)))
        objects.push([store.object(BUCKET, key), await contentOf(store, BUCKET, key)]);
      const uploads = [...store.scanUploads(BUCKET, Buffer.alloc(0))];
      const parts = uploads.map(({ key, id }) => store.parts(BUCKET, key, id));
      return { buckets: store.buckets(), objects, uploads, parts, setting: store.setting("name") };
    }

    async function filled(): Promise<{ folder: string; store: DirectoryStore }> {
      const { folder, store } = await opened();
      await store.createBucket({ name: "gone", createdMs: 1 });
      await putParts(store, "gone", "key", "id", [bytesOf(10)]);
      await store.deleteBucket("gone");
      await store.createBucket({ name: "gone", createdMs: 2 });
      await store.changeBucket(BUCKET, (record) => ({ ...record, createdMs: 7 }));
      await store.changeSetting("name", undefined, "one");
      await store.changeSetting("name", "one", "two");
      for (const size of [0, 10, 100_000])
        for (const turn of [1, 2]) await put(store, BUCKET, `of-${size}`, bytesOf(size, turn));
      await store.changeObject(BUCKET, "of-100000", () => recordOf("of-100000", { etag: "changed" }));
      await store.changeObject(BUCKET, "of-10", () => recordOf("of-10", { etag: "changed" }));
      await put(store, BUCKET, "deleted", bytesOf(10));
      await store.deleteObject(BUCKET, "deleted", always);
      await putParts(store, BUCKET, "whole", "id-1", [bytesOf(90_000, 1), bytesOf(10, 2), bytesOf(20, 3)]);
      const parts = store.parts(BUCKET, "whole", "id-1").slice(0, 2);
      await store.completeUpload(BUCKET, "id-1", recordOf("whole", { parts }), always);
      await putParts(store, BUCKET, "begun", "id-2", [bytesOf(90_000), bytesOf(30)]);
      return { folder, store };
    }

    it("gives back all that was there, from the files alone", async () => {
      const { folder, store } = await filled();
      const before = await everything(store);
      await store.close();
      rmSync(join(folder, "index"), { recursive: true });
      expect(await endOf(DirectoryStore.open(folder))).to.match(/rebuild/);
      const report = await rebuildIndex(folder);
      expect(report).to.deep.equal({ buckets: 2, objects: 4, uploads: 1, garbage: 0, damages: [] });
      const again = await DirectoryStore.open(folder);
      expect(await everything(again)).to.deep.equal(before);
      expect(await findingsOf(again)).to.deep.equal([]);
      await put(again, BUCKET, "of-10", bytesOf(10, 3));
      const rest = again.parts(BUCKET, "begun", "id-2");
      await again.completeUpload(BUCKET, "id-2", recordOf("begun", { parts: rest }), always);
      expect(await findingsOf(again)).to.deep.equal([]);
      await again.close();
    });

    it("is refused where no store is", async () => {
      const folder = scratch();
      expect(await endOf(rebuildIndex(folder))).to.match(/no object store/);
      expect(existsSync(folder)).to.equal(false);
    });

    it("is refused while the store is open", async () => {
      const { folder, store } = await opened();
      expect(await endOf(rebuildIndex(folder))).to.match(/is in use/);
      await store.close();
    });

    it("reports what is damaged, and keeps it", async () => {
      const { folder, store } = await opened();
      await put(store, BUCKET, "small", bytesOf(100));
      await put(store, BUCKET, "large", bytesOf(100_000));
      await put(store, BUCKET, "lost", bytesOf(100_000));
      await store.close();
      const data = dataOf(folder);
      // Bucket; small; content and record of large; content and record of lost.
      writeFileSync(join(folder, "data", data[3] ?? ""), "not a record");
      unlinkSync(join(folder, "data", data[4] ?? ""));
      const { damages, objects } = await rebuildIndex(folder);
      expect(damages.map(({ kind }) => kind).sort()).to.deep.equal([
        "damaged-record",
        "missing-content",
        "unused-content",
      ]);
      expect(objects).to.equal(2);
      expect(readdirSync(join(folder, "damaged"))).to.deep.equal(["000000000004.record"]);
      const again = await DirectoryStore.open(folder);
      expect(keysOf(again, BUCKET)).to.deep.equal(["lost", "small"]);
      expect(await endOf(contentOf(again, BUCKET, "lost"))).to.equal("INTERNAL");
      expect(dataOf(folder)).to.include(data[2]);
      await again.deleteObject(BUCKET, "lost", always);
      await again.close();
      // Put back by hand, the object is there again.
      expect(dataOf(folder)).to.include(data[2]);
    });

    it("is asked for when the index is older than the data", async () => {
      const { folder, store } = await opened();
      await put(store, BUCKET, "old", bytesOf(10));
      await store.close();
      const backup = scratch();
      cpSync(join(folder, "index"), backup, { recursive: true });
      for (const key of ["new", "newer"]) {
        const { store: next } = await opened(folder);
        await put(next, BUCKET, key, bytesOf(100_000));
        await next.close();
      }
      rmSync(join(folder, "index"), { recursive: true });
      cpSync(backup, join(folder, "index"), { recursive: true });
      const data = dataOf(folder);
      expect(await endOf(DirectoryStore.open(folder))).to.match(/older than its data/);
      expect(dataOf(folder)).to.deep.equal(data);
      await rebuildIndex(folder);
      const { store: again } = await opened(folder);
      expect(keysOf(again, BUCKET)).to.deep.equal(["new", "newer", "old"]);
      await again.close();
    });

    it("is asked for when the marker is gone", async () => {
      const { folder, store } = await opened();
      await put(store, BUCKET, "key", bytesOf(10));
      await store.close();
      unlinkSync(join(folder, "keswick.json"));
      expect(await endOf(DirectoryStore.open(folder))).to.match(/rebuild its index/);
      await rebuildIndex(folder);
      const { store: again } = await opened(folder);
      expect(keysOf(again, BUCKET)).to.deep.equal(["key"]);
      await again.close();
    });
  });
});
