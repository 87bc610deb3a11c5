/**
 * `npm run bench:s3-million [-- --objects N] [--folder DIR] [--rebuild]`: a million small objects in the directory store: how fast
 * they are put, listed and found, how long a start takes, and what memory and disk they cost. No HTTP, no encryption.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { listPage } from "../src/storage/s3/listing.js";
import { DirectoryStore } from "../src/storage/store/directory-store.js";
import { rebuildIndex } from "../src/storage/store/rebuild.js";

const WRITERS = 64;
const CONTENT_BYTES = 1024;
const PAGE = 1000;
const BUCKET = "bucket";

const { values } = parseArgs({
  options: {
    objects: { type: "string", default: "1000000" },
    folder: { type: "string", default: tmpdir() },
    rebuild: { type: "boolean", default: false },
  },
});
const count = Number(values.objects);
if (!Number.isSafeInteger(count) || count < 1) throw new Error("--objects takes a whole number of 1 or more");

const root = mkdtempSync(join(values.folder, "keswick-million-"));
const folder = join(root, "store");
const rows: Record<string, string> = {};

/** Into the table at the end, and at once to who waits. */
function tell(name: string, value: string): void {
  rows[name] = value;
  console.error(`${name}: ${value}`);
}

/** Memory of the process itself, and what it maps of the index: the system takes that back when it is short of memory. */
function memory(): string {
  const status = existsSync("/proc/self/status") ? readFileSync("/proc/self/status", "utf8") : "";
  const kilobytes = (name: string): number => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? 0);
  return `${megabytes(kilobytes("RssAnon") * 1024)} and ${megabytes(kilobytes("RssFile") * 1024)} mapped`;
}

/** A thousand prefixes of a thousand keys. */
function keyOf(n: number): string {
  return `photos/${String(n % 1000).padStart(4, "0")}/${String(Math.floor(n / 1000)).padStart(8, "0")}.jpg`;
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1024 / 1024)} MiB`;
}

async function timed<T>(work: () => Promise<T>): Promise<[seconds: number, result: T]> {
  const start = performance.now();
  const result = await work();
  return [(performance.now() - start) / 1000, result];
}

async function putAll(store: DirectoryStore): Promise<void> {
  const content = Buffer.alloc(CONTENT_BYTES, 1);
  let next = 0;
  await Promise.all(
    Array.from({ length: WRITERS }, async () => {
      for (let n = next++; n < count; n = next++) {
        const draft = await store.draft(
          (async function* () {
            yield content;
          })(),
        );
        const record = {
          key: keyOf(n),
          size: CONTENT_BYTES,
          etag: n.toString(16).padStart(32, "0"),
          modifiedMs: Date.now(),
          headers: { "content-type": "image/jpeg" },
          tags: [],
          encryption: {},
        };
        await store.publish(BUCKET, record, draft, () => {});
        if (n % 50_000 === 0) console.error(`${n} of ${count}, ${memory()}`);
      }
    }),
  );
}

/** All pages of a listing. @returns entries */
async function listAll(store: DirectoryStore, prefix: string, delimiter: string): Promise<number> {
  let entries = 0;
  for (let after = ""; ; ) {
    const page = await listPage((start) => store.scan(BUCKET, start), {
      prefix,
      delimiter,
      after,
      maxKeys: PAGE,
    });
    entries += page.contents.length + page.commonPrefixes.length;
    if (page.next === undefined) return entries;
    after = page.next;
  }
}

function rate(n: number, seconds: number): string {
  return `${Math.round(n / seconds)}/s (${n} in ${seconds.toFixed(1)} s)`;
}

try {
  let store = await DirectoryStore.open(folder);
  await store.createBucket({ name: BUCKET, createdMs: Date.now() });
  const [putSeconds] = await timed(() => putAll(store));
  tell("put, 64 at a time", rate(count, putSeconds));
  tell("memory after the puts", memory());
  await store.close();
  const [openSeconds, opened] = await timed(() => DirectoryStore.open(folder));
  store = opened;
  tell("start", `${Math.round(openSeconds * 1000)} ms`);
  const [listSeconds, listed] = await timed(() => listAll(store, "", ""));
  tell("list all, pages of 1000", rate(listed, listSeconds));
  const [prefixSeconds, prefixes] = await timed(() => listAll(store, "photos/", "/"));
  tell("list common prefixes", rate(prefixes, prefixSeconds));
  const [someSeconds] = await timed(() => listAll(store, "photos/0500/", "/"));
  tell("list one prefix", `${Math.round(someSeconds * 1000)} ms`);
  const [findSeconds] = await timed(async () => {
    for (let n = 0; n < 100_000; n++) store.object(BUCKET, keyOf((n * 7919) % count));
  });
  tell("find a record", rate(100_000, findSeconds));
  const [readSeconds] = await timed(async () => {
    for (let n = 0; n < 5_000; n++) {
      const held = await store.hold(BUCKET, keyOf((n * 7919) % count));
      if (held !== undefined) for await (const _ of held.read(0, held.storedSize));
      held?.release();
    }
  });
  tell("read, one at a time", rate(5_000, readSeconds));
  tell("memory at the end", memory());
  tell("index on disk", megabytes(statSync(join(folder, "index", "data.mdb")).size));
  tell("folders", String(readdirSync(join(folder, "data")).length));
  await store.close();
  if (values.rebuild) {
    const [rebuildSeconds, report] = await timed(() => rebuildIndex(folder));
    tell("rebuild the index", rate(report.objects, rebuildSeconds));
  }
  console.table(rows);
} finally {
  rmSync(root, { recursive: true, force: true });
}
