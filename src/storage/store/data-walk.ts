/** Every file of data in ascending order of numbers. Memory: the numbers of the folders, and the names in one. */
import type { FileSystem } from "./file-system.js";
import { type FileName, type Layout, parseFile, parseFolder } from "./layout.js";

/** @param foreign - is told of what is no file of a store, by its path within data */
export async function* dataFiles(
  system: FileSystem,
  layout: Layout,
  foreign: (path: string) => void,
): AsyncIterable<FileName> {
  for (const folder of await foldersOf(system, layout, foreign))
    yield* filesIn(system, layout, folder, foreign);
}

/** Numbers of the folders, ascending. */
export async function foldersOf(
  system: FileSystem,
  layout: Layout,
  foreign: (path: string) => void,
): Promise<readonly number[]> {
  const folders: number[] = [];
  for await (const entry of system.entries(layout.data)) {
    const folder = parseFolder(entry.name);
    // A link is no folder, wherever it leads.
    if (folder === undefined || !entry.isDirectory()) foreign(entry.name);
    else folders.push(folder);
  }
  return folders.sort((a, b) => a - b);
}

/** Files of one folder, ascending. */
export async function* filesIn(
  system: FileSystem,
  layout: Layout,
  folder: number,
  foreign: (path: string) => void,
): AsyncIterable<FileName> {
  const files: FileName[] = [];
  for await (const entry of system.entries(layout.folder(folder))) {
    const file = parseFile(folder, entry.name);
    if (file === undefined || !entry.isFile()) foreign(`${folder}/${entry.name}`);
    else files.push(file);
  }
  yield* files.sort((a, b) => a.number - b.number);
}
