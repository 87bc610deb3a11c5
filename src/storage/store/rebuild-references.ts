/** Second half of a rebuild: what belongs to nothing goes out of the index, and its files become garbage. */
import { readEntry } from "./entries.js";
import { FileMarks } from "./file-marks.js";
import type { Files } from "./files.js";
import { fileOf } from "./holds.js";
import type { IndexDatabase } from "./index-database.js";
import { garbageKey, numberKey, readNumberKey } from "./index-keys.js";
import type { Entry, Table } from "./index-writes.js";
import { COMPLETED_END, COMPLETED_START, completedKey } from "./rebuild-entries.js";
import type { Piece } from "./stored-record.js";

/** What is not as it should be. Numbers are those of files. */
export type Damage =
  /** A record file that cannot be read: whatever it described is lost unless the file can be repaired. */
  | { readonly kind: "damaged-record"; readonly file: number }
  /** Content that no record names, kept because a record could not be read. */
  | { readonly kind: "unused-content"; readonly file: number }
  /** The object is listed, and reading it fails. */
  | {
      readonly kind: "missing-content";
      readonly bucket: string;
      readonly key: string;
      readonly file: number;
    }
  /** Among the data, and no file of a store. */
  | { readonly kind: "foreign-file"; readonly path: string };

interface Counts {
  readonly buckets: number;
  readonly objects: number;
  readonly uploads: number;
  readonly garbage: number;
}

const START = Buffer.of(0);
const END = Buffer.alloc(16, 0xff);
const BATCH = 1_000;

export async function settleAll(
  index: IndexDatabase,
  files: Files,
  keepsContent: boolean,
  damage: (damage: Damage) => void,
): Promise<Counts> {
  const used = new FileMarks();
  const buckets = new Map<number, string>();
  for (const { value } of index.range("buckets", START, END)) {
    const { bucket, file, record } = readEntry("bucket", value);
    buckets.set(bucket, record.name);
    used.add(file);
  }
  for (const { value } of index.range("settings", START, END)) used.add(readEntry("setting", value).file);

  const objects = await keep(index, "objects", async ({ key, value }) => {
    const bucket = buckets.get(readNumberKey(key));
    if (bucket === undefined) return false;
    const { file, pieces, record } = readEntry("object", value);
    used.add(file);
    const all = pieces ?? readEntry("pieces", index.get("pieces", numberKey(file)))?.pieces ?? [];
    for (const piece of all) {
      used.add(piece.file);
      if (piece.file !== file && !(await isThere(files, piece)))
        damage({ kind: "missing-content", bucket, key: record.key, file: piece.file });
    }
    return true;
  });

  const live = new FileMarks();
  const uploads = await keep(index, "uploads", async ({ key, value }) => {
    const { file } = readEntry("upload", value);
    if (!buckets.has(readNumberKey(key)) || index.get("state", completedKey(file)) !== undefined)
      return false;
    live.add(file);
    used.add(file);
    return true;
  });
  await keep(index, "parts", async ({ key, value }) => {
    if (!live.has(readNumberKey(key))) return false;
    const { file, pieces } = readEntry("part", value);
    for (const piece of [{ file }, ...pieces]) used.add(piece.file);
    return true;
  });
  // Those of objects that were replaced.
  await keep(index, "pieces", async ({ key }) => used.has(readNumberKey(key)));
  await removeAll(index, "state", COMPLETED_START, COMPLETED_END);
  const garbage = await noteGarbage(index, ({ key, value }) => {
    const file = readNumberKey(key);
    if (used.has(file)) return false;
    if (!keepsContent || value !== "content") return true;
    damage({ kind: "unused-content", file });
    return false;
  });
  return { buckets: buckets.size, objects, uploads, garbage };
}

async function isThere(files: Files, piece: Piece): Promise<boolean> {
  const size = await files.sizeOf(fileOf(piece));
  if (size === undefined) return false;
  return piece.at === undefined ? size === piece.size : size >= piece.at + piece.size;
}

/** Removes the entries that do not pass. @returns the number of those that do */
async function keep(
  index: IndexDatabase,
  table: Table,
  isKept: (entry: Entry) => Promise<boolean>,
): Promise<number> {
  let kept = 0;
  let dropped: Buffer[] = [];
  for (const entry of index.range(table, START, END)) {
    if (await isKept(entry)) kept++;
    else dropped.push(entry.key);
    if (dropped.length < BATCH) continue;
    await remove(index, table, dropped);
    dropped = [];
  }
  await remove(index, table, dropped);
  return kept;
}

async function removeAll(index: IndexDatabase, table: Table, start: Buffer, end: Buffer): Promise<void> {
  for (;;) {
    const keys: Buffer[] = [];
    for (const { key } of index.range(table, start, end)) {
      keys.push(key);
      if (keys.length === BATCH) break;
    }
    if (keys.length === 0) return;
    await remove(index, table, keys);
  }
}

async function remove(index: IndexDatabase, table: Table, keys: readonly Buffer[]): Promise<void> {
  await index.change((change) => {
    for (const key of keys) change.remove(table, key);
  });
}

async function noteGarbage(index: IndexDatabase, isGarbage: (file: Entry) => boolean): Promise<number> {
  let count = 0;
  let batch: Entry[] = [];
  const flush = async (): Promise<void> => {
    const noted = batch;
    batch = [];
    await index.change((change) => {
      for (const { key, value } of noted) {
        const number = readNumberKey(key);
        change.put("garbage", garbageKey(number, value === "content"), value);
      }
    });
  };
  for (const entry of index.range("files", START, END)) {
    if (!isGarbage(entry)) continue;
    count++;
    batch.push(entry);
    if (batch.length === BATCH) await flush();
  }
  await flush();
  return count;
}
