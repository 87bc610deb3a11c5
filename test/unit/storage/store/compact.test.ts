/** The index made small: what it says stays, whatever happens on the way. */
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { compactIndex } from "../../../../src/storage/store/compact.js";
import { DirectoryStore } from "../../../../src/storage/store/directory-store.js";
import { IndexTables } from "../../../../src/storage/store/index-tables.js";
import { StoreReader } from "../../../../src/storage/store/store-reader.js";
import { BUCKET, copyStore, inspect, type State } from "./changes.js";
import {
  always,
  bytesOf,
  endOf,
  faultyFileSystem,
  put,
  putParts,
  recordOf,
  type SystemCall,
  scratchFolders,
  systemError,
} from "./support.js";

describe("compacting the index", function () {
  this.timeout(240_000);
  const scratch = scratchFolders();
  let prepared: string;
  let state: State;

  before(async () => {
    prepared = scratch();
    const store = await DirectoryStore.open(prepared);
    await store.createBucket({ name: BUCKET, createdMs: 1 });
    const headers = { "content-type": "x".repeat(2_000) };
    const keys = Array.from({ length: 400 }, (_, n) => `key-${n}`);
    await Promise.all(keys.map((key) => put(store, BUCKET, key, bytesOf(10), { headers })));
    await Promise.all(keys.slice(5).map((key) => store.deleteObject(BUCKET, key, always)));
    await put(store, BUCKET, "large", bytesOf(100_000));
    await putParts(store, BUCKET, "parts", "id", [bytesOf(90_000), bytesOf(10)]);
    const parts = store.parts(BUCKET, "parts", "id");
    await store.completeUpload(BUCKET, "id", recordOf("parts", { parts }), always);
    await putParts(store, BUCKET, "begun", "id-2", [bytesOf(10)]);
    await store.changeSetting("name", undefined, "value");
    await store.close();
    state = await inspect(prepared, "prepared");
  });

  const copied = (): string => copyStore(prepared, scratch());
  const indexSize = (folder: string): number => statSync(join(folder, "index", "data.mdb")).size;

  it("keeps every entry in a part of the room, and the store works on", async () => {
    const folder = copied();
    const report = await compactIndex(folder);
    expect(report.before).to.equal(indexSize(prepared));
    expect(report.after).to.equal(indexSize(folder));
    expect(report.after).to.be.lessThan(report.before / 4);
    expect(report.entries).to.be.greaterThan(10);
    expect(existsSync(join(folder, "index.new"))).to.equal(false);
    expect(readdirSync(join(folder, "tmp"))).to.deep.equal([]);
    for (const name of readdirSync(join(folder, "index")))
      expect(statSync(join(folder, "index", name)).mode & 0o777, name).to.equal(0o600);
    expect(await inspect(folder, "compacted")).to.deep.equal(state);
    const store = await DirectoryStore.open(folder);
    await put(store, BUCKET, "later", bytesOf(70_000));
    await store.close();
    await compactIndex(folder);
    expect(Object.keys(await inspect(folder, "again")).length).to.equal(Object.keys(state).length + 1);
  });

  /** The calls that change something or make it durable, one after the other. */
  async function steps(folder: string, at: (count: number, call: SystemCall) => void): Promise<string> {
    let count = 0;
    const before = (call: SystemCall): void => at(++count, call);
    return endOf(compactIndex(folder, { system: faultyFileSystem({ before }) }));
  }

  it("leaves the old or the new index wherever it is killed, and both say the same", async () => {
    const folder = copied();
    const snapshots = new Map<string, string>();
    let last = "";
    const end = await steps(folder, (count, { name, path }) => {
      const seen = readdirSync(folder)
        .concat(readdirSync(join(folder, "tmp")))
        .join();
      const change = `${seen} ${name === "rename" || name === "unlink" ? count : ""}`;
      // Between looks nothing changes.
      if (change === last) return;
      last = change;
      snapshots.set(`${count} ${name} ${path.slice(folder.length)}`, copyStore(folder, scratch()));
    });
    expect(end).to.equal("fulfilled");
    const names = [...snapshots.keys()].join("\n");
    expect(names).to.include("rename /index\n").and.to.include("rename /index.new");
    let interrupted = 0;
    for (const [moment, snapshot] of snapshots) {
      const mayRead = existsSync(join(snapshot, "index", "data.mdb"));
      if (!mayRead) {
        interrupted++;
        expect(await endOf(StoreReader.open(snapshot))).to.match(/is being exchanged/);
        // A start that is killed in turn, at each of its steps.
        for (let stop = 1; interrupted === 1; stop++) {
          const again = copyStore(snapshot, scratch());
          let count = 0;
          let isDying = true;
          const system = faultyFileSystem({
            before: () => {
              if (isDying && ++count >= stop) throw systemError("EIO");
            },
          });
          const opened = await DirectoryStore.open(again, { system }).catch(() => undefined);
          isDying = false;
          await opened?.close();
          if (opened !== undefined && count < stop) break;
          expect(await inspect(again, `${moment}, start ended at ${stop}`)).to.deep.equal(state);
        }
      }
      expect(await inspect(snapshot, moment)).to.deep.equal(state);
      expect(existsSync(join(snapshot, "index.new")), moment).to.equal(false);
    }
    expect(interrupted).to.be.greaterThan(0);
  });

  it("leaves a store that opens, whichever step fails", async () => {
    for (let stop = 1; ; stop++) {
      const folder = copied();
      let failed = "";
      const end = await steps(folder, (count, { name, path }) => {
        if (count !== stop) return;
        failed = `${name} ${path.slice(folder.length)}`;
        throw systemError("EIO");
      });
      expect(await inspect(folder, failed)).to.deep.equal(state);
      expect(existsSync(join(folder, "index.new")), failed).to.equal(false);
      if (failed !== "") continue;
      expect(end).to.equal("fulfilled");
      expect(stop).to.be.greaterThan(20);
      return;
    }
  });

  it("says that the disk is full, and leaves nothing on it", async () => {
    const folder = copied();
    const system = faultyFileSystem({
      before: ({ name, path }) => {
        if (name === "fsync" && path.endsWith("tmp/index/data.mdb")) throw systemError("ENOSPC");
      },
    });
    expect(await endOf(compactIndex(folder, { system }))).to.equal("STORAGE_FULL");
    expect(readdirSync(join(folder, "tmp"))).to.deep.equal([]);
    expect(await inspect(folder, "full")).to.deep.equal(state);
  });

  it("changes nothing when the copy is not the same", async () => {
    const folder = copied();
    const before = indexSize(folder);
    const system = faultyFileSystem({
      after: async ({ name, path }) => {
        if (name !== "chmod") return;
        const copy = new IndexTables(join(path, ".."));
        await copy.table("settings").put(Buffer.from("name"), "{}");
        await copy.close();
      },
    });
    expect(await endOf(compactIndex(folder, { system }))).to.match(/differs in table 'settings'/);
    expect(indexSize(folder)).to.equal(before);
    expect(readdirSync(join(folder, "tmp"))).to.deep.equal([]);
    expect(await inspect(folder, "refused")).to.deep.equal(state);
  });

  it("can be broken off", async () => {
    const folder = copied();
    const signal = AbortSignal.abort(new Error("broken off"));
    expect(await endOf(compactIndex(folder, { signal }))).to.equal("broken off");
    expect(readdirSync(join(folder, "tmp"))).to.deep.equal([]);
    expect(await inspect(folder, "broken off")).to.deep.equal(state);
  });

  it("is refused while the store is open, where none is, and with an index that is not its own", async () => {
    const folder = copied();
    const store = await DirectoryStore.open(folder);
    expect(await endOf(compactIndex(folder))).to.match(/is in use/);
    await store.close();
    const none = scratch();
    mkdirSync(none);
    expect(await endOf(compactIndex(none))).to.match(/holds no object store/);
    expect(readdirSync(none)).to.deep.equal([]);
    expect(await endOf(compactIndex(join(none, "none")))).to.match(/holds no object store/);
    const lost = copied();
    rmSync(join(lost, "index"), { recursive: true });
    expect(await endOf(compactIndex(lost))).to.match(/rebuild it/);
    const foreign = copied();
    writeFileSync(
      join(foreign, "keswick.json"),
      '{"format":"keswick object store","version":1,"session":"a","previous":"b"}\n',
    );
    expect(await endOf(compactIndex(foreign))).to.match(/rebuild it/);
  });
});
