/** The folders of a store. */
import { dirname, join } from "node:path";
import { errnoOf } from "./faults.js";
import type { FileSystem } from "./file-system.js";
import { syncFolder } from "./folder-sync.js";
import type { Layout } from "./layout.js";

/** `f_type` of file systems over the network: LMDB maps files and locks within one machine. */
const NETWORK_TYPES: ReadonlyMap<number, string> = new Map([
  [0x6969, "NFS"],
  [0x517b, "SMB"],
  [0xff534d42, "CIFS"],
  [0xfe534d42, "SMB 2"],
  [0x00c36400, "Ceph"],
  [0x01161970, "GFS"],
  [0x7461636f, "OCFS2"],
]);

/** The folder cannot be used. The message is for who starts the server. */
export class StoreFolderError extends Error {
  override readonly name = "StoreFolderError";
}

/**
 * Creates what is missing, durably.
 * @throws StoreFolderError when something else is there
 */
export async function prepareFolder(system: FileSystem, layout: Layout): Promise<void> {
  await makeFolder(system, layout.root, true);
  const own = new Set([layout.marker, ...parts(layout), layout.lock, layout.damaged, layout.nextIndex]);
  const foreign: string[] = [];
  let hasMarker = false;
  for await (const { name } of system.entries(layout.root)) {
    const path = join(layout.root, name);
    if (path === layout.marker) hasMarker = true;
    else if (!own.has(path) && foreign.length < 3) foreign.push(name);
  }
  if (!hasMarker && foreign.length > 0)
    throw new StoreFolderError(
      `'${layout.root}' is neither empty nor an object store: it holds ${foreign.join(", ")}`,
    );
  const { type } = await system.state(layout.root);
  const network = NETWORK_TYPES.get(type >>> 0);
  if (network !== undefined)
    throw new StoreFolderError(
      `'${layout.root}' is on ${network}: the index needs a file system of this machine`,
    );
  for (const folder of parts(layout)) await makeFolder(system, folder, false);
  await syncFolder(system, layout.root);
}

function parts(layout: Layout): readonly string[] {
  return [layout.data, layout.drafts, layout.index];
}

async function makeFolder(system: FileSystem, path: string, withParents: boolean): Promise<void> {
  try {
    await system.mkdir(path, 0o700);
  } catch (cause) {
    const errno = errnoOf(cause);
    if (errno === "ENOENT" && withParents && dirname(path) !== path) {
      await makeFolder(system, dirname(path), true);
      return makeFolder(system, path, false);
    }
    if (errno !== "EEXIST") throw cause;
    // The folder itself may be reached over a link; what is in it may not.
    const isFolder = withParents || (await system.lstat(path)).isDirectory();
    if (!isFolder) throw new StoreFolderError(`'${path}' is not a folder`);
    return;
  }
  if (withParents) await syncFolder(system, dirname(path));
}
