/** Looking at a directory store while another process changes it, was killed in doing so, or nobody has it. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { BUCKET as LOAD_BUCKET, stateOf } from "../../../../bench/s3-crash/content.js";
import { DirectoryStore } from "../../../../src/storage/store/directory-store.js";
import { nodeFileSystem } from "../../../../src/storage/store/file-system.js";
import { IndexDatabase } from "../../../../src/storage/store/index-database.js";
import { IndexRoom } from "../../../../src/storage/store/index-room.js";
import { StoreReader } from "../../../../src/storage/store/store-reader.js";
import {
  always,
  bytesOf,
  contentOf,
  endOf,
  faultyFileSystem,
  put,
  putParts,
  readAll,
  recordOf,
  scratchFolders,
  systemError,
} from "./support.js";

const BUCKET = "bucket";

describe("reader of a directory store", function () {
  this.timeout(180_000);
  const scratch = scratchFolders();

  async function filled(): Promise<string> {
    const folder = scratch();
    const store = await DirectoryStore.open(folder);
    await store.createBucket({ name: BUCKET, createdMs: 1 });
    await put(store, BUCKET, "small", bytesOf(100));
    await put(store, BUCKET, "large", bytesOf(100_000));
    await putParts(store, BUCKET, "parts", "id", [bytesOf(90_000), bytesOf(10)]);
    const parts = store.parts(BUCKET, "parts", "id");
    await store.completeUpload(BUCKET, "id", recordOf("parts", { parts }), always);
    await putParts(store, BUCKET, "begun", "id-2", [bytesOf(90_000)]);
    await store.changeSetting("name", undefined, "value");
    await store.close();
    return folder;
  }

  async function findingsOf(store: Pick<StoreReader, "verify">): Promise<string[]> {
    const found: string[] = [];
    for await (const { kind, table, name, path } of store.verify())
      found.push(`${kind} ${table ?? ""} ${name ?? path}`);
    return found.sort();
  }

  /** Every path with what would show that it was touched. */
  function stateOfFolder(folder: string): string[] {
    return readdirSync(folder, { recursive: true, encoding: "utf8" })
      .sort()
      .map((path) => {
        const { size, mtimeMs, ino } = statSync(join(folder, path));
        return path === "index/lock.mdb" ? path : `${path} ${size} ${mtimeMs} ${ino}`;
      });
  }

  function writer(folder: string, word: string): ChildProcess {
    const file = fileURLToPath(new URL("../../../../bench/s3-crash/child.ts", import.meta.url));
    const child = spawn(process.execPath, ["--import", "tsx", file, folder, word], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    child.stdin?.on("error", () => undefined).write("go\n");
    return child;
  }

  it("shows what is there and changes nothing, be there leftovers of a crash", async () => {
    const folder = await filled();
    const last =
      readdirSync(join(folder, "data", "000000000"))
        .sort()
        .at(-1) ?? "";
    const lastPath = join(folder, "data", "000000000", last);
    cpSync(lastPath, join(folder, "data", "000000000", "000000000fff.record"));
    writeFileSync(join(folder, "tmp", "upload"), "begun");
    const before = stateOfFolder(folder);
    const reader = await StoreReader.open(folder);
    expect(reader.buckets().map(({ name }) => name)).to.deep.equal([BUCKET]);
    expect(reader.setting("name")).to.equal("value");
    expect(await contentOf(reader, BUCKET, "small")).to.deep.equal(bytesOf(100));
    expect(await contentOf(reader, BUCKET, "large")).to.deep.equal(bytesOf(100_000));
    expect(reader.object(BUCKET, "parts")?.parts).to.have.length(2);
    expect([...reader.scanUploads(BUCKET, Buffer.alloc(0))].map(({ id }) => id)).to.deep.equal(["id-2"]);
    expect(reader.parts(BUCKET, "begun", "id-2")).to.have.length(1);
    expect(await findingsOf(reader)).to.deep.equal([]);
    expect(await reader.version(BUCKET, "small")).to.be.a("number");
    expect(await reader.version(BUCKET, "none")).to.equal(undefined);
    expect(await reader.version("nowhere", "none")).to.equal(undefined);
    await reader.close();
    expect(stateOfFolder(folder)).to.deep.equal(before);
  });

  it("refuses every change before a byte is written", async () => {
    const folder = await filled();
    const before = stateOfFolder(folder);
    const reader: import("../../../../src/storage/store/object-store.js").ObjectStore =
      await StoreReader.open(folder);
    const record = { name: "other", createdMs: 1 };
    const draft = { storedSize: 1, discard: async () => undefined };
    const part = { number: 1, size: 1, storedSize: 1, etag: "e", modifiedMs: 1 };
    const upload = { key: "k", id: "i", createdMs: 1, headers: {}, tags: [], encryption: {} };
    for (const call of [
      () => reader.createBucket(record),
      () => reader.changeBucket(BUCKET, () => record),
      () => reader.deleteBucket(BUCKET),
      () => reader.draft((async function* () {})()),
      () => reader.publish(BUCKET, recordOf("k"), draft, always),
      () => reader.changeObject(BUCKET, "small", () => recordOf("small")),
      () => reader.deleteObject(BUCKET, "small", always),
      () => reader.createUpload(BUCKET, upload),
      () => reader.putPart(BUCKET, "begun", "id-2", part, draft),
      () => reader.completeUpload(BUCKET, "id-2", recordOf("begun"), always),
      () => reader.abortUpload(BUCKET, "begun", "id-2"),
      () => reader.changeSetting("name", "value", "other"),
    ]) {
      expect(await endOf(call())).to.equal("METHOD_NOT_ALLOWED");
    }
    await reader.close();
    expect(stateOfFolder(folder)).to.deep.equal(before);
  });

  it("finds no damage while another process works, nor after it was killed", async () => {
    const folder = scratch();
    let verified = 0;
    let read = 0;
    for (let turn = 0; turn < 3; turn++) {
      const child = writer(folder, `word-${turn}`);
      const exited = once(child, "exit");
      if (child.stdout === null) throw new Error("the child has no pipes");
      await once(child.stdout, "data");
      child.stdout.resume();
      const reader = await StoreReader.open(folder);
      try {
        const deadline = performance.now() + 4_000;
        while (performance.now() < deadline) {
          expect(await findingsOf(reader)).to.deep.equal([]);
          verified++;
          for (const { key } of reader.bucket(LOAD_BUCKET) ? reader.scan(LOAD_BUCKET, Buffer.alloc(0)) : []) {
            const version = await reader.version(LOAD_BUCKET, key);
            const end = await endOf(stateOf(reader, key));
            if (end === "fulfilled") read++;
            // What failed was replaced meanwhile, or it would be damage.
            else expect(await reader.version(LOAD_BUCKET, key), end).not.to.equal(version);
          }
        }
      } finally {
        child.kill("SIGKILL");
        await exited;
      }
      expect(await findingsOf(reader)).to.deep.equal([]);
      await reader.close();
    }
    expect(verified).to.be.greaterThan(3);
    expect(read).to.be.greaterThan(20);
    await (await DirectoryStore.open(folder)).close();
  });

  for (const [name, damage, found] of [
    [
      "a record that is gone",
      (data: string) => unlinkSync(join(data, "000000000002.record")),
      "missing-record objects small",
    ],
    [
      "a record that was cut off",
      (data: string) => truncateSync(join(data, "000000000002.record"), 60),
      "damaged-record objects small",
    ],
    [
      "content that is gone",
      (data: string) => unlinkSync(join(data, "000000000003.content")),
      "missing-content objects large",
    ],
    [
      "a folder in the place of content",
      (data: string) => {
        unlinkSync(join(data, "000000000003.content"));
        mkdirSync(join(data, "000000000003.content"));
      },
      "unreadable-file objects large",
    ],
  ] as const) {
    it(`finds ${name}, and the object stays listed`, async () => {
      const folder = await filled();
      damage(join(folder, "data", "000000000"));
      const reader = await StoreReader.open(folder);
      expect(await findingsOf(reader)).to.include(found);
      const key = found.split(" ").at(-1) ?? "";
      expect(await endOf(contentOf(reader, BUCKET, key))).to.equal("INTERNAL");
      expect(await reader.version(BUCKET, key)).to.be.a("number");
      await reader.close();
      const store = await DirectoryStore.open(folder);
      expect(store.object(BUCKET, key)).not.to.equal(undefined);
      expect(await endOf(contentOf(store, BUCKET, key))).to.equal("INTERNAL");
      await store.deleteObject(BUCKET, key, always).catch(() => undefined);
      await store.close();
    });
  }

  it("tells of what the disk does not give back, and goes on behind it", async () => {
    const folder = await filled();
    const system = faultyFileSystem({
      before: ({ name, path }) => {
        if (name === "read" && path.endsWith("000000000002.record")) throw systemError("EIO");
      },
    });
    const reader = await StoreReader.open(folder, system);
    expect(await findingsOf(reader)).to.deep.equal(["unreadable-file objects small"]);
    await reader.close();
    const exhausted = faultyFileSystem({
      before: ({ name, path }) => {
        if (name === "open" && path.endsWith("000000000002.record")) throw systemError("EMFILE");
      },
    });
    const other = await StoreReader.open(folder, exhausted);
    expect(await endOf(findingsOf(other))).to.equal("INTERNAL");
    await other.close();
  });

  it("is told when another index has taken the place of its own", async () => {
    const folder = await filled();
    const reader = await StoreReader.open(folder);
    const aside = scratch();
    cpSync(join(folder, "index"), aside, { recursive: true });
    rmSync(join(folder, "index"), { recursive: true });
    renameSync(aside, join(folder, "index"));
    expect(await endOf(findingsOf(reader))).to.match(/was replaced by another meanwhile/);
    expect(await endOf(reader.version(BUCKET, "small"))).to.match(/was replaced by another meanwhile/);
    await reader.close();
  });

  it("is refused where no store is, and makes none", async () => {
    const folder = scratch();
    mkdirSync(folder);
    expect(await endOf(StoreReader.open(folder))).to.match(/holds no object store/);
    expect(readdirSync(folder)).to.deep.equal([]);
    expect(await endOf(StoreReader.open(join(folder, "none")))).to.match(/holds no object store/);
    expect(existsSync(join(folder, "none"))).to.equal(false);
    const store = await filled();
    rmSync(join(store, "index"), { recursive: true });
    expect(await endOf(StoreReader.open(store))).to.match(/rebuild it/);
    expect(existsSync(join(store, "index"))).to.equal(false);
  });

  it("is refused with an index that is not that of the data", async () => {
    const [one, other] = [await filled(), await filled()];
    rmSync(join(one, "index"), { recursive: true });
    cpSync(join(other, "index"), join(one, "index"), { recursive: true });
    expect(await endOf(StoreReader.open(one))).to.match(/older than its data: rebuild it/);
  });

  it("that was killed in the middle keeps nothing in the index", async () => {
    const folder = await filled();
    const path = join(folder, "index");
    const index = new IndexDatabase(path, new IndexRoom(nodeFileSystem, join(path, "data.mdb")));
    const script = `
      import { IndexTables } from ${JSON.stringify(
        new URL("../../../../src/storage/store/index-tables.ts", import.meta.url).href,
      )};
      const tables = new IndexTables(${JSON.stringify(path)}, { readOnly: true });
      for (const _ of tables.range("objects", Buffer.of(0), Buffer.alloc(16, 255))) {
        console.log("reading");
        // Its transaction is open as long as nobody else has a turn.
        for (;;);
      }
    `;
    const child = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "--eval", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    try {
      await once(child.stdout, "data");
      expect(index.releaseDeadReaders()).to.equal(0);
    } finally {
      const exited = once(child, "exit");
      child.kill("SIGKILL");
      await exited;
    }
    expect(index.releaseDeadReaders()).to.equal(1);
    expect(index.releaseDeadReaders()).to.equal(0);
    await index.close();
  });

  it("reads on from what it holds when it was replaced in between, and says so", async () => {
    const folder = await filled();
    const reader = await StoreReader.open(folder);
    const held = await reader.hold(BUCKET, "large");
    if (held === undefined) throw new Error("no object");
    unlinkSync(join(folder, "data", "000000000", "000000000003.content"));
    expect(await endOf(readAll(held))).to.equal("INTERNAL");
    held.release();
    await reader.close();
  });
});
