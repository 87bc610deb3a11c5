/** Copies of a folder that a server has open, as an administrator makes them without a snapshot. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { BUCKET as LOAD_BUCKET, stateOf } from "../../../../bench/s3-crash/content.js";
import { DirectoryStore } from "../../../../src/storage/store/directory-store.js";
import { rebuildIndex } from "../../../../src/storage/store/rebuild.js";
import { bytesOf, contentOf, endOf, keysOf, put, scratchFolders } from "./support.js";

const BUCKET = "quiet";
const SIZES = [0, 100, 70_000, 200_000];

describe("copy of a store that is in use", function () {
  this.timeout(180_000);
  const scratch = scratchFolders();

  it("holds every object that nobody touched meanwhile, once its index is built anew", async () => {
    const folder = scratch();
    const store = await DirectoryStore.open(folder);
    await store.createBucket({ name: BUCKET, createdMs: 1 });
    for (const [n, size] of SIZES.entries()) await put(store, BUCKET, `key-${n}`, bytesOf(size, n));
    await store.close();
    const file = fileURLToPath(new URL("../../../../bench/s3-crash/child.ts", import.meta.url));
    const child = spawn(process.execPath, ["--import", "tsx", file, folder, "word"], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    const exited = once(child, "exit");
    const copies = [scratch(), scratch(), scratch()];
    try {
      child.stdin.on("error", () => undefined).write("go\n");
      await once(child.stdout, "data");
      child.stdout.resume();
      for (const copy of copies) copyRunning(folder, copy);
    } finally {
      child.kill("SIGKILL");
      await exited;
    }
    for (const copy of copies) {
      const { damages } = await rebuildIndex(copy);
      // Those that were being written as they were copied.
      for (const { kind } of damages)
        expect(kind).to.be.oneOf(["damaged-record", "unused-content", "missing-content"]);
      const copied = await DirectoryStore.open(copy);
      for (const [n, size] of SIZES.entries())
        expect(await contentOf(copied, BUCKET, `key-${n}`)).to.deep.equal(bytesOf(size, n));
      const keys = copied.bucket(LOAD_BUCKET) === undefined ? [] : keysOf(copied, LOAD_BUCKET);
      // Whole, or told to be damaged; never other bytes.
      for (const key of keys)
        expect(await endOf(stateOf(copied, key))).to.be.oneOf(["fulfilled", "INTERNAL"]);
      await copied.close();
    }
  });
});

/** As `cp -r`: files come and go while it runs. */
function copyRunning(from: string, to: string): void {
  mkdirSync(join(to, "data"), { recursive: true });
  cpSync(join(from, "keswick.json"), join(to, "keswick.json"));
  for (const folder of readdirSync(join(from, "data"))) {
    mkdirSync(join(to, "data", folder), { recursive: true });
    for (const name of readdirSync(join(from, "data", folder))) {
      try {
        cpSync(join(from, "data", folder, name), join(to, "data", folder, name));
      } catch (cause) {
        if (!(cause instanceof Error && "code" in cause && cause.code === "ENOENT")) throw cause;
      }
    }
  }
}
