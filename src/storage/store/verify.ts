/**
 * Holds the index against the files, both ways, while the store is in use, by this process or by another. What changes
 * meanwhile is looked at again before it is told. Contents are not read: whoever holds the keys does that.
 */
import { isDeepStrictEqual } from "node:util";
import { isS3Error } from "../s3/errors.js";
import type { Core } from "./core.js";
import { dataFiles } from "./data-walk.js";
import { readEntry } from "./entries.js";
import { errnoOf } from "./faults.js";
import { FileMarks } from "./file-marks.js";
import type { FileSystem } from "./file-system.js";
import { fileOf } from "./holds.js";
import { garbageKey, numberKey, readNumberKey } from "./index-keys.js";
import type { Entry, Table } from "./index-writes.js";
import type { FileName } from "./layout.js";
import { decodeRecordFile } from "./record-file.js";
import type { Piece, StoredRecord } from "./stored-record.js";

/** One thing that is not as it should be. */
export interface StoreFinding {
  readonly kind: /** The index has it, and its file is gone or cannot be read. */
    | "missing-record"
    | "damaged-record"
    /** The file says something else than the index. */
    | "other-record"
    | "missing-content"
    | "content-size"
    /** The disk does not give it back, or something else stands in its place. */
    | "unreadable-file"
    /** Files that belong to nothing, and no file of a store. */
    | "unused-file"
    | "foreign-file"
    /** The index knows a file that nothing refers to. */
    | "unused-entry";
  /** What it is about: `objects`, `uploads`… */
  readonly table?: Table;
  /** Bucket number and key, or whatever names it there; for people. */
  readonly name?: string;
  /** Path within the folder of data. */
  readonly path?: string;
}

const START = Buffer.of(0);
const END = Buffer.alloc(16, 0xff);
const STEPS_AT_ONCE = 1_000;
/** Of the process, not of a file. */
const SHORTAGES: ReadonlySet<string> = new Set(["EMFILE", "ENFILE", "ENOMEM"]);

/** An entry as the record file must have it. */
interface Expected {
  readonly table: Table;
  readonly key: Buffer;
  readonly value: string;
  readonly file: number;
  readonly pieces: readonly Piece[];
  readonly name: string;
  readonly isSame: (stored: StoredRecord) => boolean;
}

/**
 * @param settled - a number below which every file is in the index, was never, or was removed. Files above it that the
 *   index does not know are about to be entered, or were left by a crash: the next start removes them
 */
export async function* verifyStore(
  system: FileSystem,
  core: Core,
  settled: () => number,
): AsyncIterable<StoreFinding> {
  const { files, index } = core;
  const used = new FileMarks();
  for (const expected of expectations(core)) {
    mark(used, expected);
    const kind = await problemOf(core, expected);
    if (kind === undefined) continue;
    index.refresh();
    // Replaced or removed meanwhile: not a problem.
    if (index.get(expected.table, expected.key) !== expected.value) continue;
    yield { kind, table: expected.table, name: expected.name };
  }
  const foreign: string[] = [];
  for await (const file of dataFiles(system, files.layout, (path) => foreign.push(path))) {
    if (used.has(file.number)) continue;
    index.refresh();
    // In this order: what is entered in between is not missed.
    if (file.number >= settled() || index.get("files", numberKey(file.number)) !== undefined) continue;
    if ((await files.sizeOf(file)) === undefined) continue;
    yield { kind: "unused-file", path: files.layout.file(file) };
  }
  for (const path of foreign) yield { kind: "foreign-file", path };
  yield* unusedEntries(core, used);
}

/** @param used - may lack what was entered after it was made */
async function* unusedEntries(core: Core, used: FileMarks): AsyncIterable<StoreFinding> {
  const { index } = core;
  const suspected: number[] = [];
  for await (const { key } of unhurried(index.range("files", START, END))) {
    const number = readNumberKey(key);
    if (!used.has(number) && !isGarbage(core, { number })) suspected.push(number);
  }
  if (suspected.length === 0) return;
  index.refresh();
  // Whatever refers to one of them now is met by a second walk, or the file has become garbage.
  for await (const expected of unhurried(expectations(core))) mark(used, expected);
  index.refresh();
  for (const number of suspected) {
    if (used.has(number) || isGarbage(core, { number })) continue;
    if (index.get("files", numberKey(number)) !== undefined)
      yield { kind: "unused-entry", name: String(number) };
  }
}

/** Others have their turn now and then. */
async function* unhurried<Item>(items: Iterable<Item>): AsyncIterable<Item> {
  let steps = 0;
  for (const item of items) {
    if (++steps % STEPS_AT_ONCE === 0) await new Promise((resolve) => setImmediate(resolve));
    yield item;
  }
}

function mark(used: FileMarks, { file, pieces }: Expected): void {
  used.add(file);
  for (const piece of pieces) used.add(piece.file);
}

function isGarbage({ index }: Core, { number }: Pick<FileName, "number">): boolean {
  return [true, false].some((waits) => index.get("garbage", garbageKey(number, waits)) !== undefined);
}

/** Parts before objects: those that become an object's meanwhile are seen in one of both. */
function* expectations(core: Core): Iterable<Expected> {
  const { index } = core;
  const each = (table: Table): Iterable<Entry> => index.range(table, START, END);
  for (const { key, value } of each("buckets")) {
    const { bucket, file, record } = readEntry("bucket", value);
    yield {
      ...{ table: "buckets", key, value, file, pieces: [], name: record.name },
      isSame: (stored) =>
        stored.kind === "bucket" && stored.bucket === bucket && isDeepStrictEqual(stored.record, record),
    };
  }
  for (const { key, value } of each("settings")) {
    const { file, value: text } = readEntry("setting", value);
    yield {
      ...{ table: "settings", key, value, file, pieces: [], name: key.toString("utf8") },
      isSame: (stored) => stored.kind === "setting" && stored.value === text,
    };
  }
  for (const { key, value } of each("uploads")) {
    const { file, record } = readEntry("upload", value);
    yield {
      ...{ table: "uploads", key, value, file, pieces: [], name: record.key },
      isSame: (stored) => stored.kind === "upload" && isDeepStrictEqual(stored.record, record),
    };
  }
  for (const { key, value } of each("parts")) {
    const { file, pieces, record } = readEntry("part", value);
    yield {
      ...{ table: "parts", key, value, file, pieces, name: `part ${record.number}` },
      isSame: (stored) =>
        stored.kind === "part" &&
        stored.upload === key.readUIntBE(0, 6) &&
        isDeepStrictEqual([stored.record, stored.pieces], [record, pieces]),
    };
  }
  for (const { key, value } of each("objects")) {
    const entry = readEntry("object", value);
    const parted = entry.pieces === undefined ? index.get("pieces", numberKey(entry.file)) : undefined;
    const { parts, pieces } = readEntry("pieces", parted) ?? { pieces: entry.pieces ?? [] };
    const record = { ...entry.record, ...(parts === undefined ? {} : { parts }) };
    yield {
      ...{ table: "objects", key, value, file: entry.file, pieces, name: entry.record.key },
      isSame: (stored) =>
        stored.kind === "object" &&
        stored.bucket === key.readUIntBE(0, 6) &&
        isDeepStrictEqual([stored.record, stored.pieces], [record, pieces]),
    };
  }
}

async function problemOf(core: Core, expected: Expected): Promise<StoreFinding["kind"] | undefined> {
  try {
    return await differenceOf(core, expected);
  } catch (cause) {
    if (!isS3Error(cause, "INTERNAL") || SHORTAGES.has(errnoOf(cause.cause) ?? "")) throw cause;
    return "unreadable-file";
  }
}

async function differenceOf(
  { files }: Core,
  { file, pieces, isSame }: Expected,
): Promise<StoreFinding["kind"] | undefined> {
  const bytes = await files.readWhole({ number: file, kind: "record" });
  if (bytes === undefined) return "missing-record";
  const stored = decodeRecordFile(bytes)?.stored;
  if (stored === undefined) return "damaged-record";
  if (!isSame(stored)) return "other-record";
  for (const piece of pieces) {
    const size = await files.sizeOf(fileOf(piece));
    if (size === undefined) return "missing-content";
    if (piece.at === undefined ? size !== piece.size : size < piece.at + piece.size) return "content-size";
  }
  return undefined;
}
