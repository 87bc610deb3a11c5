/**
 * The index in as few bytes as it takes. lmdb uses pages again that have become free and never gives them back, so that a
 * store which once held ten times as much has an index for ten times as much.
 *
 * The copy is made by lmdb, held against the original entry by entry, and takes its place once it is durable.
 */
import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { join } from "node:path";
import { errnoOf, onDisk, storeFault } from "./faults.js";
import { type FileSystem, nodeFileSystem } from "./file-system.js";
import { syncFolder } from "./folder-sync.js";
import { DATA_FILE, exchangeIndex, isThere, settleIndex } from "./index-exchange.js";
import { IndexTables } from "./index-tables.js";
import { tableNames } from "./index-writes.js";
import { Layout } from "./layout.js";
import { prepareFolder, StoreFolderError } from "./prepare-folder.js";
import { takeLock } from "./process-lock.js";
import { removeDrafts } from "./recovery.js";
import { isOwnIndex, readMarker } from "./session.js";

export interface CompactReport {
  /** Bytes of the index's file. */
  readonly before: number;
  readonly after: number;
  /** Of all tables; each was found in the copy as it was. */
  readonly entries: number;
}

export interface CompactOptions {
  readonly system?: FileSystem;
  readonly randomId?: () => string;
  readonly signal?: AbortSignal;
}

const READ = constants.O_RDONLY | constants.O_NOFOLLOW;
const START = Buffer.of(0);
const END = Buffer.alloc(16, 0xff);
/** Entries that are compared before others have their turn. */
const STEPS_AT_ONCE = 10_000;

/**
 * Of a store that nobody has open. When it fails, or is broken off, the index is as it was.
 * @throws LockedError, StoreFolderError as `DirectoryStore.open`; S3Error `STORAGE_FULL`, `INTERNAL`; the signal's reason
 */
export async function compactIndex(folder: string, options: CompactOptions = {}): Promise<CompactReport> {
  const { system = nodeFileSystem, signal } = options;
  const randomId = options.randomId ?? (() => randomBytes(16).toString("hex"));
  const layout = new Layout(folder);
  // A folder that is misspelt must not become an empty store.
  if (!(await isThere(system, layout.marker)))
    throw new StoreFolderError(`'${folder}' holds no object store`);
  await prepareFolder(system, layout);
  const unlock = await takeLock(system, layout.lock, layout.drafts, randomId());
  try {
    await settleIndex(system, layout);
    await removeDrafts(system, layout.drafts);
    const made = join(layout.drafts, "index");
    try {
      const entries = await copyIndex(system, layout, made, signal);
      const report = {
        before: await sizeOf(system, layout.index),
        after: await sizeOf(system, made),
        entries,
      };
      signal?.throwIfAborted();
      await exchangeIndex(system, layout, made);
      return report;
    } catch (cause) {
      // Else what it takes of a full disk would stay there until the next start.
      await removeDrafts(system, layout.drafts).catch(() => undefined);
      throw storeFault(cause);
    }
  } finally {
    await unlock();
  }
}

/** @returns the number of entries. The copy is durable then. */
async function copyIndex(
  system: FileSystem,
  layout: Layout,
  made: string,
  signal: AbortSignal | undefined,
): Promise<number> {
  if (!(await isThere(system, join(layout.index, DATA_FILE)))) throw notItsOwn(layout);
  const marker = await readMarker(system, layout);
  const old = new IndexTables(layout.index, { readOnly: true });
  try {
    if (marker === undefined || !isOwnIndex(old, marker)) throw notItsOwn(layout);
    await system.mkdir(made, 0o700);
    try {
      await old.root.backup(made, true);
    } catch (cause) {
      throw backupFault(cause);
    }
    const file = join(made, DATA_FILE);
    // lmdb makes copies for everybody to read.
    await system.chmod(file, 0o600);
    const copy = new IndexTables(made, { readOnly: true });
    let entries: number;
    try {
      entries = await compare(old, copy, signal);
    } finally {
      await copy.close();
    }
    const fd = await onDisk(system.open(file, READ));
    try {
      await onDisk(system.fsync(fd));
    } finally {
      await onDisk(system.close(fd));
    }
    await syncFolder(system, made);
    return entries;
  } finally {
    await old.close();
  }
}

/** @throws StoreFolderError when they differ anywhere */
async function compare(
  old: IndexTables,
  copy: IndexTables,
  signal: AbortSignal | undefined,
): Promise<number> {
  let count = 0;
  for (const table of tableNames) {
    const copied = copy.range(table, START, END)[Symbol.iterator]();
    for (const { key, value } of old.range(table, START, END)) {
      const { value: other, done } = copied.next();
      if (done === true || !key.equals(other.key) || value !== other.value) throw differs(table);
      if (++count % STEPS_AT_ONCE !== 0) continue;
      await new Promise((resolve) => setImmediate(resolve));
      signal?.throwIfAborted();
    }
    if (copied.next().done !== true) throw differs(table);
  }
  return count;
}

function differs(table: string): StoreFolderError {
  return new StoreFolderError(`the copy of the index differs in table '${table}': nothing was changed`);
}

function notItsOwn({ root }: Layout): StoreFolderError {
  return new StoreFolderError(
    `the index of '${root}' is missing, or older than its data: rebuild it (kes-s3 verify --rebuild-index)`,
  );
}

async function sizeOf(system: FileSystem, folder: string): Promise<number> {
  return (await system.lstat(join(folder, DATA_FILE))).size;
}

/** lmdb tells errors of the system by their number alone. */
function backupFault(cause: unknown): unknown {
  const number = cause instanceof Error && "code" in cause ? Number(cause.code) : Number.NaN;
  if (errnoOf(cause) !== undefined || !FULL_NUMBERS.has(number)) return cause;
  return Object.assign(new Error("ENOSPC: no space left for the copy of the index", { cause }), {
    code: "ENOSPC",
  });
}

// EFBIG, ENOSPC, EDQUOT of Linux; of macOS EDQUOT is 69.
const FULL_NUMBERS: ReadonlySet<number> = new Set([27, 28, 69, 122]);
