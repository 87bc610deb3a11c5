/**
 * Putting an index in the place of another that says the same. At each moment, a crash included, either `index` is whole,
 * or `index.new` is, and the next start moves it to its place.
 */
import { join } from "node:path";
import { errnoOf, unless } from "./faults.js";
import type { FileSystem } from "./file-system.js";
import { syncFolder } from "./folder-sync.js";
import type { Layout } from "./layout.js";

export const DATA_FILE = "data.mdb";

/**
 * To be called with the lock held, by nobody who has the index open.
 * @param made - folder of an index that is durable and says what the one in its place says
 */
export async function exchangeIndex(system: FileSystem, layout: Layout, made: string): Promise<void> {
  const old = join(layout.drafts, "index-old");
  await system.rename(made, layout.nextIndex);
  await syncFolder(system, layout.root);
  // Out of the way as a whole: lmdb's lock file must never meet another data file than its own.
  await system.rename(layout.index, old);
  await syncFolder(system, layout.root);
  await system.rename(layout.nextIndex, layout.index);
  await syncFolder(system, layout.root);
  await removeFolder(system, old);
}

/** Ends an exchange that a crash has interrupted. To be called with the lock held, before the index is opened. */
export async function settleIndex(system: FileSystem, layout: Layout): Promise<void> {
  if (!(await isThere(system, join(layout.nextIndex, DATA_FILE)))) {
    await unless("ENOENT", removeFolder(system, layout.nextIndex));
    return;
  }
  // From here on the one that is in its place changes, and the other would be of yesterday.
  if (await isThere(system, join(layout.index, DATA_FILE))) await removeFolder(system, layout.nextIndex);
  else {
    // Made by a start that did not get further; a folder takes the place of an empty one alone.
    await unless("ENOENT", removeFolder(system, layout.index));
    await system.rename(layout.nextIndex, layout.index);
  }
  await syncFolder(system, layout.root);
}

export async function isThere(system: FileSystem, path: string): Promise<boolean> {
  try {
    await system.lstat(path);
    return true;
  } catch (cause) {
    if (errnoOf(cause) !== "ENOENT") throw cause;
    return false;
  }
}

/** The data file goes first: without it, what a crash leaves is no index. */
async function removeFolder(system: FileSystem, folder: string): Promise<void> {
  await unless("ENOENT", system.unlink(join(folder, DATA_FILE)));
  for await (const { name } of system.entries(folder))
    await unless("ENOENT", system.unlink(join(folder, name)));
  await system.rmdir(folder);
}
