/** The system calls that the directory store makes, as an argument, so that tests can make each of them fail. */
import fs, { type Dirent, type Stats } from "node:fs";
import { opendir, statfs } from "node:fs/promises";
import { promisify } from "node:util";

/** What is known of a file system. */
export interface FileSystemState {
  /** Bytes that an ordinary user may still write. */
  readonly freeBytes: number;
  /** Files that there may still be; without end where the file system makes room as it needs it. */
  readonly freeFiles: number;
  /** `f_type` of statfs(2). */
  readonly type: number;
}

export interface FileSystem {
  open(path: string, flags: number, mode?: number): Promise<number>;
  fstat(fd: number): Promise<Stats>;
  lstat(path: string): Promise<Stats>;
  /** One pread(2). @returns the number of bytes, 0 at the end */
  read(fd: number, into: Uint8Array, offset: number): Promise<number>;
  /** Writes all of `bytes` at the current position. */
  write(fd: number, bytes: Uint8Array): Promise<void>;
  fsync(fd: number): Promise<void>;
  fdatasync(fd: number): Promise<void>;
  close(fd: number): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
  mkdir(path: string, mode: number): Promise<void>;
  rmdir(path: string): Promise<void>;
  chmod(path: string, mode: number): Promise<void>;
  /** The entries of a folder in no order, read in batches: memory does not grow with their number. */
  entries(path: string): AsyncIterable<Dirent>;
  state(path: string): Promise<FileSystemState>;
}

const write = promisify(fs.write);
const read = promisify(fs.read);

/** The real calls. */
export const nodeFileSystem: FileSystem = {
  open: promisify(fs.open),
  fstat: (fd) => promisify(fs.fstat)(fd),
  lstat: (path) => promisify(fs.lstat)(path),
  read: async (fd, into, offset) => (await read(fd, into, 0, into.length, offset)).bytesRead,
  async write(fd, bytes) {
    // A short write is no error by itself: on a disk that fills up the next one is ENOSPC.
    for (let done = 0; done < bytes.length; )
      done += (await write(fd, bytes, done, bytes.length - done, null)).bytesWritten;
  },
  fsync: promisify(fs.fsync),
  fdatasync: promisify(fs.fdatasync),
  close: promisify(fs.close),
  rename: promisify(fs.rename),
  unlink: promisify(fs.unlink),
  mkdir: (path, mode) => promisify(fs.mkdir)(path, mode),
  rmdir: (path) => promisify(fs.rmdir)(path),
  chmod: (path, mode) => promisify(fs.chmod)(path, mode),
  async *entries(path) {
    yield* await opendir(path, { bufferSize: 1024 });
  },
  async state(path) {
    const { bavail, bsize, files, ffree, type } = await statfs(path);
    return { freeBytes: bavail * bsize, freeFiles: files === 0 ? Number.POSITIVE_INFINITY : ffree, type };
  },
};
