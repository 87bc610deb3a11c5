/** The system calls that the fs keystore makes, as an argument, so that tests can make each of them fail. */
import fs, { type BigIntStats, type Dirent, type Stats } from "node:fs";
import { opendir } from "node:fs/promises";
import { promisify } from "node:util";

/** Plain descriptors rather than `FileHandle`: a read of a key is four calls and nothing else. */
export interface FileSystem {
  open(path: string, flags: number, mode?: number): Promise<number>;
  fstat(fd: number): Promise<Stats>;
  /** One read(2) from the current position. @returns the number of bytes */
  read(fd: number, into: Uint8Array): Promise<number>;
  /** Writes all of `bytes`. */
  write(fd: number, bytes: Uint8Array): Promise<void>;
  fsync(fd: number): Promise<void>;
  close(fd: number): Promise<void>;
  stat(path: string): Promise<BigIntStats>;
  lstat(path: string): Promise<BigIntStats>;
  link(existing: string, path: string): Promise<void>;
  unlink(path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  mkdir(path: string, mode: number): Promise<void>;
  rmdir(path: string): Promise<void>;
  /** The entries of a folder in no order, read in batches: memory does not grow with their number. */
  entries(path: string): AsyncIterable<Dirent>;
}

const write = promisify(fs.write);
const read = promisify(fs.read);
const stat = promisify(fs.stat);
const lstat = promisify(fs.lstat);

/** The real calls. */
export const nodeFileSystem: FileSystem = {
  open: promisify(fs.open),
  fstat: promisify(fs.fstat),
  read: async (fd, into) => (await read(fd, into, 0, into.length, null)).bytesRead,
  async write(fd, bytes) {
    // A short write is no error by itself: on a disk that fills up the next one is ENOSPC.
    for (let done = 0; done < bytes.length; )
      done += (await write(fd, bytes, done, bytes.length - done, null)).bytesWritten;
  },
  fsync: promisify(fs.fsync),
  close: promisify(fs.close),
  stat: (path) => stat(path, { bigint: true }),
  lstat: (path) => lstat(path, { bigint: true }),
  link: promisify(fs.link),
  unlink: promisify(fs.unlink),
  rename: promisify(fs.rename),
  mkdir: (path, mode) => promisify(fs.mkdir)(path, mode),
  rmdir: (path) => promisify(fs.rmdir)(path),
  async *entries(path) {
    yield* await opendir(path, { bufferSize: 1024 });
  },
};
