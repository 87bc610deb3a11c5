/**
 * What a start does before anything else: takes away what a crash left. It looks at drafts and at the few folders that
 * were written to last, however many objects there are.
 */
import { join } from "node:path";
import { SETTLED } from "./core.js";
import { filesIn, foldersOf } from "./data-walk.js";
import { unless } from "./faults.js";
import type { FileSystem } from "./file-system.js";
import { syncFolder } from "./folder-sync.js";
import type { IndexDatabase } from "./index-database.js";
import { numberKey, readNumberKey } from "./index-keys.js";
import type { Layout } from "./layout.js";

/** @returns a number above those of all files */
export async function recover(
  system: FileSystem,
  layout: Layout,
  index: IndexDatabase,
  warn: (message: string) => void,
): Promise<number> {
  await removeDrafts(system, layout.drafts);
  const settled = Number(index.get("state", SETTLED) ?? "0");
  const lastKey = index.lastKey("files");
  let last = lastKey === undefined ? 0 : readNumberKey(lastKey);
  const foreign = (path: string): void => warn(`'${path}' among the data belongs to no store`);
  for (const folder of await foldersOf(system, layout, foreign)) {
    if (folder < settled) continue;
    let isChanged = false;
    for await (const file of filesIn(system, layout, folder, foreign)) {
      last = Math.max(last, file.number);
      if (index.get("files", numberKey(file.number)) === file.kind) continue;
      await unless("ENOENT", system.unlink(layout.file(file)));
      isChanged = true;
    }
    if (isChanged) await syncFolder(system, layout.folder(folder));
  }
  return last + 1;
}

/** Drafts of uploads, of the marker, and of takers of the lock. To be called with the lock held. */
export async function removeDrafts(system: FileSystem, folder: string): Promise<void> {
  for await (const entry of system.entries(folder)) {
    const path = join(folder, entry.name);
    if (!entry.isDirectory()) {
      await unless("ENOENT", system.unlink(path));
      continue;
    }
    for await (const { name } of system.entries(path))
      await unless("ENOENT", system.unlink(join(path, name)));
    await unless("ENOENT", system.rmdir(path));
  }
}
