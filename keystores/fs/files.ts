/** Reading a key file whole and writing a draft durably. */
import { constants } from "node:fs";
import { MAX_VALUE_BYTES } from "../../src/keystore/contract.js";
import { errnoOf, unusable } from "../../src/keystore/faults.js";
import type { FileSystem } from "./system.js";

// O_NONBLOCK: opening a FIFO that somebody left in the folder must not wait for a writer.
const READ = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
const DRAFT = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/** What a key file holds, and whether others than its owner may read it. */
export interface KeyFile {
  readonly value: Uint8Array;
  readonly exposed: boolean;
}

/**
 * Reads a key file of 1 to {@link MAX_VALUE_BYTES} bytes. `path` must not be a symbolic link.
 * @throws KesError `KEYSTORE_UNAVAILABLE` for what cannot be a key, or the error of the system call
 */
export async function readKeyFile(system: FileSystem, path: string): Promise<KeyFile> {
  const fd = await system.open(path, READ);
  try {
    const stats = await system.fstat(fd);
    if (!stats.isFile()) throw unusable("the entry is not a regular file");
    if (stats.size > MAX_VALUE_BYTES) throw tooLarge();
    // With room for one byte more a file that grows is noticed.
    const bytes = Buffer.alloc(stats.size + 1);
    let length = 0;
    for (let got = -1; got !== 0 && length < stats.size; length += got)
      got = await system.read(fd, bytes.subarray(length));
    if (length !== stats.size) throw unusable("the key file was written to while it was read");
    if (length === 0)
      throw unusable(
        "the key file is empty: KES leaves that behind when it crashes during a create; " +
          "restore the key from a backup, or delete it if nothing was encrypted under it",
      );
    return { value: bytes.subarray(0, length), exposed: (stats.mode & 0o077) !== 0 };
  } finally {
    await system.close(fd);
  }
}

function tooLarge(): Error {
  return unusable(`the file is larger than ${MAX_VALUE_BYTES} bytes, so it is not a key`);
}

/**
 * Creates `path` with mode 0600 and exactly `value`, on disk when this resolves. Nothing is left on failure.
 * @throws the error of the system call
 */
export async function writeDraft(system: FileSystem, path: string, value: Uint8Array): Promise<void> {
  const fd = await system.open(path, DRAFT, 0o600);
  try {
    try {
      await system.write(fd, value);
      await system.fsync(fd);
    } finally {
      await system.close(fd);
    }
  } catch (cause) {
    // Only what this call has created is removed: `path` is ours since O_EXCL succeeded. Where even that fails,
    // the first failure is the one to tell, and the sweep of a later start removes the draft.
    await system.unlink(path).catch(() => {});
    throw cause;
  }
}

/** True when `path` names an entry of whatever kind; links are not followed. */
export async function exists(system: FileSystem, path: string): Promise<boolean> {
  try {
    await system.lstat(path);
    return true;
  } catch (cause) {
    if (errnoOf(cause) === "ENOENT") return false;
    throw cause;
  }
}
