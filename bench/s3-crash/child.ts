/**
 * A store about to be killed: puts, replaces, changes, deletes, uploads and reads as fast as it can, and tells of each
 * change before and after it.
 *
 * Arguments: the folder and a word that sets its contents apart. It starts when a line comes on stdin. Lines on stdout,
 * each one write(2), so that a kill cannot tear one: those of `journal.ts`.
 */
import { writeSync } from "node:fs";
import { DirectoryStore } from "../../src/storage/store/directory-store.js";
import { BUCKET, contentOf, fingerprint, recordOf, source, stateOf } from "./content.js";
import { ABSENT, type State } from "./journal.js";

const WORKERS = 6;
/** Keys of each worker: few, so that most changes are in place of something. */
const KEYS = 12;

async function step(name: string, state: State, change: () => Promise<void>): Promise<void> {
  writeSync(1, `try ${name} ${state}\n`);
  await change();
  writeSync(1, `ack ${name} ${state}\n`);
}

async function put(store: DirectoryStore, key: string, seed: string): Promise<void> {
  const content = contentOf(seed);
  await step(key, fingerprint(seed, content), async () => {
    const draft = await store.draft(source(content));
    await store.publish(BUCKET, recordOf(key, content.length, seed), draft, () => {});
  });
}

async function change(store: DirectoryStore, key: string, seed: string): Promise<void> {
  const held = await store.hold(BUCKET, key);
  if (held === undefined) return put(store, key, seed);
  const chunks: Buffer[] = [];
  for await (const chunk of held.read(0, held.storedSize)) chunks.push(chunk);
  held.release();
  await step(key, fingerprint(seed, Buffer.concat(chunks)), () =>
    store.changeObject(BUCKET, key, (existing) => ({ ...(existing ?? held.record), etag: seed })),
  );
}

async function upload(store: DirectoryStore, key: string, seed: string): Promise<void> {
  const contents = ["one", "two", "three"].map((part) => contentOf(`${seed}-${part}`));
  await store.createUpload(BUCKET, {
    key,
    id: seed,
    createdMs: 1,
    headers: {},
    tags: [],
    encryption: {},
  });
  await Promise.all(
    contents.map(async (content, at) => {
      const size = content.length;
      const part = { number: at + 1, size, storedSize: size, etag: `${at}`, modifiedMs: 1 };
      await store.putPart(BUCKET, key, seed, part, await store.draft(source(content)));
    }),
  );
  const taken = store.parts(BUCKET, key, seed).slice(0, 2);
  const content = Buffer.concat(contents.slice(0, 2));
  await step(key, fingerprint(seed, content), () =>
    store.completeUpload(BUCKET, seed, { ...recordOf(key, content.length, seed), parts: taken }, () => {}),
  );
}

async function work(store: DirectoryStore, worker: number, word: string): Promise<never> {
  for (let n = 0; ; n++) {
    const key = `key-${worker}-${(n * 7) % KEYS}`;
    const seed = `${word}-${worker}-${n}`;
    switch (n % 8) {
      case 3:
        await change(store, key, seed);
        break;
      case 5:
        await step(key, ABSENT, () => store.deleteObject(BUCKET, key, () => {}));
        break;
      case 6:
        await upload(store, key, seed);
        break;
      case 7:
        await stateOf(store, `key-${(worker + 1) % WORKERS}-${n % KEYS}`);
        break;
      default:
        await put(store, key, seed);
    }
    if (n % 20 === 19)
      await step(`setting-${worker}`, seed, async () => {
        await store.changeSetting(`setting-${worker}`, store.setting(`setting-${worker}`), seed);
      });
  }
}

const [folder, word] = process.argv.slice(2);
if (folder === undefined || word === undefined) throw new Error("usage: child.ts FOLDER WORD");

process.stdin.once("data", async () => {
  const store = await DirectoryStore.open(folder);
  if (store.bucket(BUCKET) === undefined) await store.createBucket({ name: BUCKET, createdMs: 1 });
  writeSync(1, "try ready 1\n");
  await Promise.all(Array.from({ length: WORKERS }, (_, worker) => work(store, worker, word)));
});
