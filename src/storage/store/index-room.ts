/**
 * Room for the index, taken before it is needed: the end of lmdb's file is filled with zeros, so that a commit writes
 * over blocks that are there. On a full disk changes that need little, such as deletions, go on. And lmdb must not
 * meet a full disk: it describes the failure in a buffer that is too short for it (lmdb-js 3.5.6, `mdb_page_flush`),
 * which can end the process.
 */
import { constants } from "node:fs";
import { s3Error } from "../s3/errors.js";
import { isFull, onDisk, storeFault } from "./faults.js";
import type { FileSystem } from "./file-system.js";

const APPEND = constants.O_WRONLY | constants.O_APPEND | constants.O_NOFOLLOW;
/** The file grows by a quarter of what is used, within these, or by what is needed. */
const LEAST_BYTES = 256 * 1024;
const MOST_BYTES = 32 * 1024 * 1024;
const ZEROS = Buffer.alloc(256 * 1024);

export class IndexRoom {
  readonly #system: FileSystem;
  readonly #path: string;
  #size = 0;

  /** @param path - of lmdb's data file */
  constructor(system: FileSystem, path: string) {
    this.#system = system;
    this.#path = path;
  }

  /**
   * To be called while no commit is under way.
   * @param used - bytes of the file that lmdb uses
   * @param need - bytes that the next commit may add to them
   * @param free - bytes among those used that lmdb can use again; asked for only on a full disk
   * @throws S3Error `STORAGE_FULL` when there is no room for them
   */
  async ensure(used: number, need: number, free: () => number): Promise<void> {
    if (used + need <= this.#size) return;
    const fd = await onDisk(this.#system.open(this.#path, APPEND));
    try {
      // lmdb may have made it longer itself.
      this.#size = (await onDisk(this.#system.fstat(fd))).size;
      if (used + need <= this.#size) return;
      const spare = Math.max(need, Math.min(Math.max(used / 4, LEAST_BYTES), MOST_BYTES));
      await this.#extend(fd, used + need, used + spare, free);
    } finally {
      await onDisk(this.#system.close(fd));
    }
  }

  async #extend(fd: number, least: number, wanted: number, free: () => number): Promise<void> {
    try {
      while (this.#size < wanted) {
        const bytes = Math.min(ZEROS.length, Math.ceil(wanted - this.#size));
        await this.#system.write(fd, ZEROS.subarray(0, bytes));
        this.#size += bytes;
      }
      await this.#system.fdatasync(fd);
    } catch (cause) {
      if (!isFull(cause)) throw storeFault(cause);
      // What there is now may be enough all the same.
      this.#size = (await onDisk(this.#system.fstat(fd))).size;
      if (this.#size + free() < least) throw s3Error("STORAGE_FULL", { cause });
    }
  }
}
