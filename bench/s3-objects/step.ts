/** One step of `bench:s3`, in a process of its own: prints what it did as JSON. */
import { createHash } from "node:crypto";
import { mkdir, open } from "node:fs/promises";
import { join } from "node:path";
import { secureRandom } from "../../src/crypto/random.js";
import { StaticKeyService } from "../../src/storage/keys/static-key.js";
import { LocalObjects } from "../../src/storage/local/local-objects.js";
import type { PageRequest } from "../../src/storage/s3/listing.js";
import type { RequestedEncryption } from "../../src/storage/sse/request.js";
import { DirectoryStore } from "../../src/storage/store/directory-store.js";
import { uploadBody } from "../../test/support/upload-body.js";

const MIB = 1024 * 1024;
const PIECE = 64 * 1024;
const PART = 64 * MIB;
const PARTS_AT_ONCE = 4;
const RANGES = 400;
const SMALL_BYTES = 4096;
const SMALL_AT_ONCE = 32;
const KEK = Buffer.alloc(32, 7);

interface Step {
  readonly folder: string;
  readonly what: string;
  readonly kind: string;
  readonly gib: number;
  readonly small: number;
}

const { folder, what, kind, gib, small }: Step = JSON.parse(process.argv[2] ?? "");
const bytes = Math.floor(gib * 1024) * MIB;
/** The same MiB over and over, so that nothing is spent on making content; each MiB begins with its number. */
const block = Buffer.alloc(MIB, createHash("sha512").update("content").digest());

/** Content from `start` on, both in whole MiB. */
async function* content(start: number, length: number): AsyncGenerator<Buffer> {
  for (let at = start; at < start + length; at += MIB) {
    const numbered = Buffer.from(block.subarray(0, PIECE));
    numbered.writeDoubleBE(at / MIB);
    yield numbered;
    for (let piece = PIECE; piece < MIB; piece += PIECE) yield block.subarray(piece, piece + PIECE);
  }
}

/** Reads to the end, and looks that every MiB is where it belongs. */
async function check(source: AsyncIterable<Uint8Array>, start: number, length: number): Promise<void> {
  let at = start;
  for await (const chunk of source) {
    const view = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    const next = Math.ceil(at / MIB) * MIB;
    for (let mark = next; mark + 8 <= at + view.length; mark += MIB) {
      if (view.readDoubleBE(mark - at) !== mark / MIB) throw new Error(`another content at ${mark}`);
    }
    at += view.length;
  }
  if (at !== start + length) throw new Error(`${at - start} bytes in place of ${length}`);
}

interface Done {
  readonly amount: number;
  readonly unit: string;
}

async function onFile(): Promise<Done> {
  await mkdir(folder, { recursive: true });
  const file = await open(join(folder, "file"), what === "put" ? "w" : "r");
  if (what === "put") {
    for (let at = 0; at < bytes; at += MIB) {
      block.writeDoubleBE(at / MIB);
      await file.write(block);
    }
    await file.sync();
  } else await check(file.createReadStream({ highWaterMark: 512 * 1024, autoClose: false }), 0, bytes);
  await file.close();
  return { amount: bytes / MIB, unit: "MiB" };
}

const bucket = "bucket";
const path = (object: string) => ({ bucket, object });
const sse = {
  target:
    kind === "none"
      ? undefined
      : ({ kind: kind === "SSE-S3" ? "SSE-S3" : "SSE-KMS" } satisfies RequestedEncryption),
  source: undefined,
};
const nothing = { target: undefined, source: undefined };
const stored = { headers: { "content-type": "binary/octet-stream" }, tags: [] };
const reading = (object: string) => ({
  path: path(object),
  sse: nothing,
  conditions: {},
  wantsChecksum: false,
});

const steps: Readonly<Record<string, (objects: LocalObjects) => Promise<Done>>> = {
  async put(objects) {
    const body = uploadBody(() => content(0, bytes), {}, bytes);
    await objects.put({ path: path("large"), stored, sse, conditions: {}, body });
    return { amount: bytes / MIB, unit: "MiB" };
  },
  async get(objects) {
    await check((await objects.get(reading("large"))).content, 0, bytes);
    return { amount: bytes / MIB, unit: "MiB" };
  },
  async ranges(objects) {
    for (let i = 0; i < RANGES; i++) {
      const first = Math.floor(((i * 0.618) % 1) * (bytes - MIB));
      const range = { asked: { first, last: first + MIB - 1 }, header: "" };
      await check((await objects.get({ ...reading("large"), range })).content, first, MIB);
    }
    return { amount: RANGES, unit: "MiB" };
  },
  async parts(objects) {
    const { uploadId } = await objects.createUpload({ path: path("parts"), stored, sse });
    const numbers = Array.from({ length: Math.ceil(bytes / PART) }, (_, i) => i + 1);
    const etags = await atOnce(PARTS_AT_ONCE, numbers, async (number) => {
      const start = (number - 1) * PART;
      const length = Math.min(PART, bytes - start);
      const body = uploadBody(() => content(start, length), {}, length);
      return (await objects.putPart({ path: path("parts"), uploadId, number, sse: nothing, body })).etag;
    });
    const parts = etags.map((etag, i) => ({ number: i + 1, etag }));
    await objects.completeUpload({ path: path("parts"), uploadId, sse: nothing, parts, conditions: {} });
    return { amount: bytes / MIB, unit: "MiB" };
  },
  "put small": (objects) =>
    everySmall(async (key) => {
      const body = uploadBody(block.subarray(0, SMALL_BYTES));
      await objects.put({ path: path(key), stored, sse, conditions: {}, body });
    }),
  "get small": (objects) =>
    everySmall(async (key) => {
      let size = 0;
      for await (const chunk of (await objects.get(reading(key))).content) size += chunk.length;
      if (size !== SMALL_BYTES) throw new Error("another size");
    }),
  "head small": (objects) => everySmall(async (key) => void (await objects.head(reading(key)))),
  async "list small"(objects) {
    let count = 0;
    let request: PageRequest = { prefix: "small/", delimiter: "", after: "", maxKeys: 1000 };
    for (;;) {
      const page = await objects.list(bucket, request);
      count += page.contents.length;
      if (page.next === undefined) break;
      request = { ...request, after: page.next };
    }
    if (count !== small) throw new Error(`${count} objects in place of ${small}`);
    return { amount: count, unit: "object" };
  },
};

async function everySmall(work: (key: string) => Promise<void>): Promise<Done> {
  const keys = Array.from({ length: small }, (_, i) => `small/${String(i).padStart(9, "0")}`);
  await atOnce(SMALL_AT_ONCE, keys, work);
  return { amount: small, unit: "object" };
}

async function atOnce<Item, Result>(
  parallel: number,
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let i = next++; i < items.length; i = next++) {
      const item = items[i];
      if (item !== undefined) results[i] = await work(item);
    }
  };
  await Promise.all(Array.from({ length: parallel }, worker));
  return results;
}

async function onObjects(): Promise<Done> {
  const store = await DirectoryStore.open(folder);
  const keys = new StaticKeyService("key", KEK);
  const objects = new LocalObjects({ store, keys, random: secureRandom, now: Date.now });
  if (store.bucket(bucket) === undefined) await objects.createBucket(bucket);
  const run = steps[what];
  if (run === undefined) throw new Error(`no step ${what}`);
  const done = await measured(() => run(objects));
  await objects.close();
  return done;
}

let seconds = 0;
let cpuSeconds = 0;
async function measured(work: () => Promise<Done>): Promise<Done> {
  const [started, cpu] = [performance.now(), process.cpuUsage()];
  const done = await work();
  const { user, system } = process.cpuUsage(cpu);
  seconds = (performance.now() - started) / 1000;
  cpuSeconds = (user + system) / 1e6;
  return done;
}

const done = kind === "file" ? await measured(onFile) : await onObjects();
const peakMib = Math.round(process.resourceUsage().maxRSS / 1024);
console.log(JSON.stringify({ ...done, seconds, cpuSeconds, peakMib }));
