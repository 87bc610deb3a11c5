/** One change of each kind, and a look at what is there afterwards: for tests of failures and crashes. */
import { cpSync, lstatSync, readdirSync } from "node:fs";
import { expect } from "chai";
import { DirectoryStore } from "../../../../src/storage/store/directory-store.js";
import type { ObjectStore } from "../../../../src/storage/store/object-store.js";
import { always, bytesOf, contentOf, put, putPart, putParts, recordOf, uploadOf } from "./support.js";

export const BUCKET = "bucket";
const OLD = bytesOf(90_000, 1);
const SMALL = bytesOf(100, 2);
export const LARGE = bytesOf(150_000, 3);

/** What is there, in words that can be compared. */
export type State = Readonly<Record<string, string>>;

/** What a change begins with, and what it does. */
export interface Change {
  readonly before: (store: ObjectStore) => Promise<void>;
  readonly run: (store: ObjectStore) => Promise<unknown>;
}

const parted = async (store: ObjectStore): Promise<void> => {
  await put(store, BUCKET, "key", OLD);
  await putParts(store, BUCKET, "key", "id", [LARGE, SMALL, LARGE]);
};

export const changes: Readonly<Record<string, Change>> = {
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

/** Opened anew: what is there. Everything must fit, and nothing must be left over but what is noted as garbage. */
export async function inspect(folder: string, what: string): Promise<State> {
  const warnings: string[] = [];
  const store = await DirectoryStore.open(folder, { warn: (message) => warnings.push(message) });
  try {
    const state = await stateOf(store);
    const findings: unknown[] = [];
    for await (const finding of store.verify()) findings.push(finding);
    expect(findings, what).to.deep.equal([]);
    expect(warnings, what).to.deep.equal([]);
    expect(readdirSync(`${folder}/tmp`), what).to.deep.equal([]);
    return state;
  } finally {
    await store.close();
  }
}

/** A copy of a store that is closed, or of one that is open and stands still. */
export function copyStore(from: string, to: string): string {
  // A socket cannot be copied, and is not needed.
  cpSync(from, to, { recursive: true, filter: (path) => !lstatSync(path).isSocket() });
  return to;
}

/** A new store with a bystander and what the change needs. */
export async function prepare(folder: string, change: Change): Promise<State> {
  const store = await DirectoryStore.open(folder);
  await store.createBucket({ name: BUCKET, createdMs: 1 });
  await put(store, BUCKET, "bystander", LARGE);
  await change.before(store);
  await store.close();
  return inspect(folder, "before");
}
