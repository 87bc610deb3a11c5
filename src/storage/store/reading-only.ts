/** The calls of a file system that change nothing; all others fail as on a disk that cannot be written. */
import { constants } from "node:fs";
import type { FileSystem } from "./file-system.js";

const WRITING = constants.O_WRONLY | constants.O_RDWR | constants.O_CREAT | constants.O_TRUNC;

export function readingOnly(system: FileSystem): FileSystem {
  const refuse = async (): Promise<never> => {
    throw Object.assign(new Error("EROFS: this process only reads"), { code: "EROFS", syscall: "open" });
  };
  return {
    open: (path, flags) => ((flags & WRITING) === 0 ? system.open(path, flags) : refuse()),
    fstat: (fd) => system.fstat(fd),
    lstat: (path) => system.lstat(path),
    read: (fd, into, offset) => system.read(fd, into, offset),
    close: (fd) => system.close(fd),
    entries: (path) => system.entries(path),
    state: (path) => system.state(path),
    ...{ write: refuse, fsync: refuse, fdatasync: refuse },
    ...{ rename: refuse, unlink: refuse, mkdir: refuse, rmdir: refuse, chmod: refuse },
  };
}
