/** 100,000 keys in one folder: listed in pages without loss, in little memory, and opened as fast as none. */
import { existsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { expect } from "chai";
import type { FsKeystore } from "../../keystores/fs/store.js";
import { type FileSystem, nodeFileSystem } from "../../keystores/fs/system.js";
import { FakeTime, openFs } from "../support/fs-keystore.js";
import { named, scratchFolders } from "../support/keystore.js";

const KEYS = 100_000;
const MIB = 1024 * 1024;
/** The size of a page on the wire. */
const PAGE = 1024;

describe(`a folder of ${KEYS} keys`, function () {
  this.timeout(180_000);
  const scratch = scratchFolders(existsSync("/dev/shm") ? "/dev/shm" : tmpdir());
  const value = Buffer.alloc(208, "A");
  const notes: string[] = [];
  const names = Array.from({ length: KEYS }, (_, i) => `key-${(i * 7919) % KEYS}`);
  let path = "";
  let store: FsKeystore;
  let opened = 0;
  let read = 0;

  const counting: FileSystem = {
    ...nodeFileSystem,
    open(file, flags, mode) {
      opened++;
      return nodeFileSystem.open(file, flags, mode);
    },
    async *entries(folder) {
      for await (const entry of nodeFileSystem.entries(folder)) {
        read++;
        yield entry;
      }
    },
  };

  before(async () => {
    path = scratch();
    timed("made", () => {
      for (const name of names) writeFileSync(`${path}/${name}`, value, { mode: 0o600 });
    });
    const start = performance.now();
    const env = new FakeTime();
    // The folder was filled just now; a folder at rest is listed with fewer readings.
    env.pass(60_000);
    ({ store } = await openFs(path, { system: counting, env }));
    notes.push(`opened in ${(performance.now() - start).toFixed(1)} ms`);
  });

  after(async () => {
    await store.close();
    console.log(`      ${notes.join(", ")}`);
  });

  function timed(what: string, run: () => void): void {
    const start = performance.now();
    run();
    notes.push(`${what} in ${(performance.now() - start).toFixed(0)} ms`);
  }

  it("is opened without reading it", () => {
    // The look for leftovers has begun by now, in the background, and is a batch or two along.
    expect(read).to.be.lessThan(KEYS / 10);
  });

  it("is listed without loss or repetition, in order, in less than 300 MiB, and no key is opened", async () => {
    const expected = [...names].sort();
    opened = read = 0;
    const rssBefore = process.memoryUsage.rss();
    let rssMost = 0;
    let heapMost = 0;
    let pages = 0;
    let at = 0;
    const start = performance.now();
    for (let after: string | undefined; ; ) {
      const page = await store.list(
        after === undefined ? { prefix: "", limit: PAGE } : { prefix: "", limit: PAGE, after },
      );
      for (const name of page.names) if (name !== expected[at++]) expect.fail(`${name} at ${at}`);
      const { rss, heapUsed } = process.memoryUsage();
      rssMost = Math.max(rssMost, rss);
      heapMost = Math.max(heapMost, heapUsed);
      pages++;
      after = page.names.at(-1);
      if (!page.more) break;
    }
    expect(at).to.equal(KEYS);
    expect(pages).to.equal(Math.ceil(KEYS / PAGE));
    expect(opened).to.equal(0);
    expect(read).to.be.lessThan(10 * KEYS);
    expect(heapMost).to.be.lessThan(300 * MIB);
    expect(rssMost - rssBefore).to.be.lessThan(200 * MIB);
    const ms = performance.now() - start;
    notes.push(`${pages} pages in ${ms.toFixed(0)} ms (${(ms / pages).toFixed(1)} ms each)`);
    notes.push(`heap at most ${(heapMost / MIB).toFixed(0)} MiB, RSS ${(rssMost / MIB).toFixed(0)} MiB`);
  });

  it("gives one of them as fast as one of few", async () => {
    const start = performance.now();
    for (let i = 0; i < 100; i++) expect(await store.get(named(`key-${i * 997}`))).to.have.length(208);
    notes.push(`one get in ${((performance.now() - start) * 10).toFixed(0)} µs`);
  });
});
