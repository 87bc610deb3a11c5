/**
 * The index built anew, from the files alone. Of several records for one thing the newest holds; what belongs to
 * nothing is noted as garbage, for the next start. Records that cannot be read are put aside, into `damaged`, and as
 * long as there are any, contents without a record are kept: they may be theirs.
 *
 * The new index is made aside. The marker of the folder is changed before the new index takes the old one's place, so
 * that a crash at any step leaves a folder that is either refused, until this was run again, or right.
 */
import { randomBytes } from "node:crypto";
import { basename, join } from "node:path";
import { SETTLED } from "./core.js";
import { dataFiles } from "./data-walk.js";
import { unless } from "./faults.js";
import { type FileSystem, nodeFileSystem } from "./file-system.js";
import { Files } from "./files.js";
import { syncFolder } from "./folder-sync.js";
import { type IndexDatabase, openIndex } from "./index-database.js";
import { settleIndex } from "./index-exchange.js";
import { type FileName, folderOf, Layout } from "./layout.js";
import { prepareFolder, StoreFolderError } from "./prepare-folder.js";
import { takeLock } from "./process-lock.js";
import { enterAll } from "./rebuild-entries.js";
import { type Damage, settleAll } from "./rebuild-references.js";
import { decodeRecordFile } from "./record-file.js";
import { removeDrafts } from "./recovery.js";
import { joinSession, readMarker, writeMarker } from "./session.js";
import type { StoredRecord } from "./stored-record.js";

export interface RebuildReport {
  readonly buckets: number;
  readonly objects: number;
  readonly uploads: number;
  /** Files that belong to nothing, for the next start to remove. */
  readonly garbage: number;
  readonly damages: readonly Damage[];
}

export interface RebuildOptions {
  readonly system?: FileSystem;
  readonly randomId?: () => string;
  /** Called after each folder of at most 4,096 files. */
  readonly progress?: (files: number) => void;
}

/** Record files that are read at a time. */
const READ_AHEAD = 32;

/**
 * Builds the index of a store that nobody has open.
 * @throws LockedError, StoreFolderError as `DirectoryStore.open`
 */
export async function rebuildIndex(folder: string, options: RebuildOptions = {}): Promise<RebuildReport> {
  const system = options.system ?? nodeFileSystem;
  const randomId = options.randomId ?? (() => randomBytes(16).toString("hex"));
  const layout = new Layout(folder);
  // A folder that is misspelt must not become an empty store.
  await system.lstat(layout.data).catch(() => {
    throw new StoreFolderError(`'${folder}' holds no object store`);
  });
  await prepareFolder(system, layout);
  const unlock = await takeLock(system, layout.lock, layout.drafts, randomId());
  try {
    await readMarker(system, layout);
    await settleIndex(system, layout);
    await removeDrafts(system, layout.drafts);
    const path = join(layout.drafts, "index");
    await system.mkdir(path, 0o700);
    const session = randomId();
    const index = openIndex(system, path);
    let report: RebuildReport;
    try {
      report = await build(system, layout, index, options.progress ?? (() => {}));
      await joinSession(index, session);
    } finally {
      await index.close();
    }
    await syncFolder(system, path);
    await writeMarker(system, layout, { session, previous: session });
    for await (const { name } of system.entries(layout.index))
      await unless("ENOENT", system.unlink(join(layout.index, name)));
    await system.rmdir(layout.index);
    await system.rename(path, layout.index);
    await syncFolder(system, layout.root);
    return report;
  } finally {
    await unlock();
  }
}

async function build(
  system: FileSystem,
  layout: Layout,
  index: IndexDatabase,
  progress: (files: number) => void,
): Promise<RebuildReport> {
  const damages: Damage[] = [];
  let last = 0;
  let count = 0;
  const walked = async function* (): AsyncIterable<FileName> {
    for await (const file of dataFiles(system, layout, (path) =>
      damages.push({ kind: "foreign-file", path }),
    )) {
      if (folderOf(file.number) !== folderOf(last)) progress(count);
      last = file.number;
      count++;
      yield file;
    }
  };
  const files = new Files(layout, system, 1);
  const read = async (file: FileName): Promise<StoredRecord | undefined> => {
    const bytes = await files.readWhole(file);
    const stored = bytes === undefined ? undefined : decodeRecordFile(bytes)?.stored;
    if (stored !== undefined) return stored;
    damages.push({ kind: "damaged-record", file: file.number });
    await unless("EEXIST", system.mkdir(layout.damaged, 0o700));
    const path = layout.file(file);
    await system.rename(path, join(layout.damaged, basename(path)));
    await syncFolder(system, layout.damaged);
    await syncFolder(system, layout.folder(folderOf(file.number)));
    return undefined;
  };
  await enterAll(
    index,
    ahead(walked(), READ_AHEAD, async (file) => ({
      file,
      stored: file.kind === "record" ? await read(file) : undefined,
    })),
  );
  const keepsContent = damages.some(({ kind }) => kind === "damaged-record");
  const counts = await settleAll(index, files, keepsContent, (damage) => damages.push(damage));
  await index.change((change) => change.put("state", SETTLED, String(folderOf(last + 1))));
  return { ...counts, damages };
}

/** Results of `work` in the order of the items, with at most `width` of them under way. */
async function* ahead<Item, Result>(
  items: AsyncIterable<Item>,
  width: number,
  work: (item: Item) => Promise<Result>,
): AsyncIterable<Result> {
  const running: Promise<Result>[] = [];
  for await (const item of items) {
    const promise = work(item);
    // Told when its turn comes.
    promise.catch(() => {});
    running.push(promise);
    const first = running.length >= width ? running.shift() : undefined;
    if (first !== undefined) yield await first;
  }
  for (const promise of running) yield await promise;
}
