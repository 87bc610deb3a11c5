/** The directory store when a step fails, or is the last one before a crash: each of them in turn. */
import { cpSync, readdirSync } from "node:fs";
import { expect } from "chai";
import { DirectoryStore } from "../../../../src/storage/store/directory-store.js";
import type { ObjectStore } from "../../../../src/storage/store/object-store.js";
import { rebuildIndex } from "../../../../src/storage/store/rebuild.js";
import {
  always,
  bytesOf,
  contentOf,
  endOf,
  faultyFileSystem,
  put,
  putPart,
  putParts,
  recordOf,
  scratchFolders,
  systemError,
  uploadOf,
} from "./support.js";

const BUCKET = "bucket";
const OLD = bytesOf(90_000, 1);
const SMALL = bytesOf(100, 2);
const LARGE = bytesOf(150_000, 3);

/** What is there, in words that can be compared. */
type State = Readonly<Record<string, string>>;

/** What a change begins with, and what it does. */
interface Change {
  readonly before: (store: ObjectStore) => Promise<void>;
  readonly run: (store: ObjectStore) => Promise<unknown>;
}

const parted = async (store: ObjectStore): Promise<void> => {
  await put(store, BUCKET, "key", OLD);
  await putParts(store, BUCKET, "key", "id", [LARGE, SMALL, LARGE]);
};

const changes: Readonly<Record<string, Change>> = {
  "a small object": {
    before: async () => {},
    run: (store) => put(store, BUCKET, "key", SMALL),
  },
  "an object in place of another": {
    before: (store) => put(store, BUCKET, "key", OLD),
    run: (store) => put(store, BUCKET, "key", LARGE),
  },
  "a small object in place of another": {
    before: (store) => put(store, BUCKET, "key", SMALL),
    run: (store) => put(store, BUCKET, "key", bytesOf(99, 9)),
  },
  "another record": {
    before: (store) => put(store, BUCKET, "key", OLD),
    run: (store) => store.changeObject(BUCKET, "key", () => recordOf("key", { etag: "changed" })),
  },
  "another record of a small object": {
    before: (store) => put(store, BUCKET, "key", SMALL),
    run: (store) => store.changeObject(BUCKET, "key", () => recordOf("key", { etag: "changed" })),
  },
  "a deletion": {
    before: async (store) => {
      await put(store, BUCKET, "key", OLD);
      await put(store, BUCKET, "key", LARGE);
    },
    run: (store) => store.deleteObject(BUCKET, "key", always),
  },
  "the begin of an upload": {
    before: async () => {},
    run: (store) => store.createUpload(BUCKET, uploadOf("key", "id")),
  },
  "a part in place of another": {
    before: parted,
    run: (store) => putPart(store, BUCKET, "key", "id", 3, bytesOf(80_000, 7)),
  },
  "the end of an upload": {
    before: parted,
    run: (store) => {
      const parts = store.parts(BUCKET, "key", "id").slice(0, 2);
      return store.completeUpload(BUCKET, "id", recordOf("key", { parts }), always);
    },
  },
  "an upload that is given up": {
    before: parted,
    run: (store) => store.abortUpload(BUCKET, "key", "id"),
  },
  "a new bucket": {
    before: async () => {},
    run: (store) => store.createBucket({ name: "other", createdMs: 2 }),
  },
  "a bucket that changes": {
    before: async () => {},
    run: (store) => store.changeBucket(BUCKET, (record) => ({ ...record, createdMs: 2 })),
  },
  "a bucket that goes": {
    before: async (store) => {
      await store.createBucket({ name: "going", createdMs: 1 });
      await putParts(store, "going", "key", "id", [SMALL]);
    },
    run: (store) => store.deleteBucket("going"),
  },
  "a setting": {
    before: async (store) => {
      await store.changeSetting("name", undefined, "old");
    },
    run: (store) => store.changeSetting("name", "old", "new"),
  },
};

async function stateOf(store: ObjectStore): Promise<State> {
  const state: Record<string, string> = {};
  state.setting = String(store.setting("name"));
  for (const { name, createdMs } of store.buckets()) {
    state[`bucket ${name}`] = String(createdMs);
    for (const { key } of store.scan(name, Buffer.alloc(0))) {
      const content = await contentOf(store, name, key);
      const record = store.object(name, key);
      state[`object ${key}`] = `${JSON.stringify(record)} ${content?.toString("base64")}`;
    }
    for (const { key, id } of store.scanUploads(name, Buffer.alloc(0)))
      state[`upload ${key} ${id}`] = JSON.stringify(store.parts(name, key, id));
  }
  return state;
}

/** Opened anew: what is there. Everything must fit, and nothing must be left over. */
async function inspect(folder: string, what: string): Promise<State> {
  const store = await DirectoryStore.open(folder);
  const state = await stateOf(store);
  await store.close();
  // Another start: the background of the first has come to its end.
  const again = await DirectoryStore.open(folder);
  try {
    const findings: unknown[] = [];
    for await (const finding of again.verify()) findings.push(finding);
    expect(findings, what).to.deep.equal([]);
    expect(await stateOf(again), what).to.deep.equal(state);
    expect(readdirSync(`${folder}/tmp`), what).to.deep.equal([]);
  } finally {
    await again.close();
  }
  return state;
}

describe("directory store under faults", () => {
  const scratch = scratchFolders();

  for (const [name, change] of Object.entries(changes)) {
    describe(name, () => {
      let prepared = "";
      let old: State;
      let changed: State;
      let steps: readonly string[] = [];

      /** A copy of the prepared folder. */
      function copied(from = prepared): string {
        const folder = scratch();
        // A socket cannot be copied, and is not needed.
        cpSync(from, folder, { recursive: true, filter: (path) => !path.startsWith(`${from}/lock/`) });
        return folder;
      }

      /** Runs the change, with `around` at each of its steps; steps of the start are not counted. */
      async function run(
        folder: string,
        around: (step: string, at: number, moment: "before" | "after") => void | Promise<void>,
      ): Promise<string> {
        let isActive = false;
        let count = 0;
        const hook = (moment: "before" | "after") => (step: string) => {
          if (!isActive) return;
          if (moment === "before") count++;
          return around(step, count, moment);
        };
        const [first, last] = [hook("before"), hook("after")];
        const describeCall = ({ name, path }: { name: string; path: string }) =>
          `${name} ${path.slice(folder.length)}`;
        const store = await DirectoryStore.open(folder, {
          system: faultyFileSystem({
            before: (call) => first(describeCall(call)),
            after: (call) => last(describeCall(call)),
          }),
          committer: async (commit) => {
            await first("commit");
            await commit();
            await last("commit");
          },
        });
        isActive = true;
        const end = await endOf(change.run(store));
        isActive = false;
        await store.close();
        return end;
      }

      before(async () => {
        prepared = scratch();
        const store = await DirectoryStore.open(prepared);
        await store.createBucket({ name: BUCKET, createdMs: 1 });
        await put(store, BUCKET, "bystander", LARGE);
        await change.before(store);
        await store.close();
        old = await inspect(prepared, "before");
        const seen: string[] = [];
        const done = copied();
        expect(
          await run(done, (step, _, moment) => {
            if (moment === "before") seen.push(step);
          }),
        ).to.equal("fulfilled");
        changed = await inspect(done, "after");
        steps = seen;
        expect(changed).to.not.deep.equal(old);
        expect(steps).to.include("commit");
      });

      for (const errno of ["EIO", "ENOSPC"]) {
        it(`tells the truth when any of its steps fails with ${errno}`, async () => {
          for (let failing = 1; failing <= steps.length; failing++) {
            const folder = copied();
            let what = "";
            const end = await run(folder, (step, at, moment) => {
              if (at !== failing || moment !== "before") return;
              what = `${errno} at ${failing}: ${step}`;
              throw systemError(errno);
            });
            const state = await inspect(folder, what);
            // Reads that fail are what closing and looking come to; what was done before is done all the same.
            const isDone = JSON.stringify(state) === JSON.stringify(changed);
            if (end === "fulfilled") expect(isDone, what).to.equal(true);
            else {
              expect(end, what).to.be.oneOf(errno === "EIO" ? ["INTERNAL"] : ["STORAGE_FULL"]);
              expect(state, what).to.be.deep.equal(old);
            }
          }
        });
      }

      it("leaves the old or the new, whatever step is the last before a crash", async () => {
        const ends = new Set<string>();
        // Behind a step is before the next one; only behind the last there is none.
        for (const moment of ["before", "after"]) {
          for (let last = moment === "before" ? 1 : steps.length; last <= steps.length; last++) {
            const folder = copied();
            let crashed: string | undefined;
            let what = "";
            await run(folder, (step, at, now) => {
              if (at !== last || now !== moment || crashed !== undefined) return;
              what = `crash ${moment} ${last}: ${step}`;
              crashed = copied(folder);
            });
            if (crashed === undefined) continue;
            for (const rebuilt of [false, true]) {
              const left = copied(crashed);
              if (rebuilt) {
                const { damages } = await rebuildIndex(left);
                expect(
                  damages.filter(({ kind }) => kind !== "damaged-record"),
                  what,
                ).to.deep.equal([]);
              }
              const state = await inspectRebuilt(left, `${what}${rebuilt ? ", rebuilt" : ""}`, rebuilt);
              const text = JSON.stringify(state);
              ends.add(text === JSON.stringify(changed) ? "after" : "before");
              if (text !== JSON.stringify(changed)) expect(state, what).to.deep.equal(old);
            }
          }
        }
        expect([...ends].sort()).to.deep.equal(["after", "before"]);
      });
    });
  }
});

/** A record that was being written when the crash came is reported and left where it is. */
async function inspectRebuilt(folder: string, what: string, isRebuilt: boolean): Promise<State> {
  if (!isRebuilt) return inspect(folder, what);
  const store = await DirectoryStore.open(folder);
  const state = await stateOf(store);
  for await (const { kind } of store.verify()) expect(kind, what).to.equal("unused-file");
  await store.close();
  return state;
}
