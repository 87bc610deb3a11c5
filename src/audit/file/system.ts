/** The system calls that the audit file needs, as an argument, so that tests can make each of them fail. */
import fs, { type Stats } from "node:fs";
import { open, readdir, readFile, rename, unlink, writeFile } from "node:fs/promises";
import { promisify } from "node:util";

export interface AuditFileSystem {
  open(path: string, flags: number, mode?: number): Promise<number>;
  /** Writes all of `bytes` at the end of the file. */
  append(fd: number, bytes: Uint8Array): Promise<void>;
  /** Fills `into` from `position` on as far as the file goes. @returns the number of bytes */
  read(fd: number, into: Uint8Array, position: number): Promise<number>;
  fdatasync(fd: number): Promise<void>;
  fstat(fd: number): Promise<Stats>;
  /** Undefined when nothing is there. */
  stat(path: string): Promise<Stats | undefined>;
  truncate(fd: number, size: number): Promise<void>;
  close(fd: number): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
  /** Names in a folder. */
  list(folder: string): Promise<string[]>;
  /** Makes the names in a folder durable. */
  syncFolder(folder: string): Promise<void>;
  readText(path: string): Promise<string>;
  /** Puts `text` in the place of a file: whoever reads it sees the old text or the new one. */
  replace(path: string, text: string): Promise<void>;
}

const write = promisify(fs.write);
const read = promisify(fs.read);

export const nodeAuditFileSystem: AuditFileSystem = {
  open: promisify(fs.open),
  async append(fd, bytes) {
    // A short write is no error by itself: on a disk that fills up the next one is ENOSPC.
    for (let done = 0; done < bytes.length; )
      done += (await write(fd, bytes, done, bytes.length - done, null)).bytesWritten;
  },
  async read(fd, into, position) {
    let done = 0;
    while (done < into.length) {
      const { bytesRead } = await read(fd, into, done, into.length - done, position + done);
      if (bytesRead === 0) break;
      done += bytesRead;
    }
    return done;
  },
  fdatasync: promisify(fs.fdatasync),
  fstat: (fd) => promisify(fs.fstat)(fd),
  async stat(path) {
    try {
      return await promisify(fs.stat)(path);
    } catch (cause) {
      if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return undefined;
      throw cause;
    }
  },
  truncate: promisify(fs.ftruncate),
  close: promisify(fs.close),
  rename,
  remove: unlink,
  list: (folder) => readdir(folder),
  async syncFolder(folder) {
    const handle = await open(folder, "r");
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  },
  readText: (path) => readFile(path, "utf8"),
  async replace(path, text) {
    const draft = `${path}.new`;
    await writeFile(draft, text, { mode: 0o640 });
    await rename(draft, path);
  },
};
