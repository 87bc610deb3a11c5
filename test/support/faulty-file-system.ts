/** The system calls of the fs keystore with faults between them: errors, pauses, and crashes at any step. */
import { type FileSystem, nodeFileSystem } from "../../keystores/fs/system.js";

/** One system call of the keystore. */
export interface SystemCall {
  readonly name: keyof FileSystem;
  /** The path it names, for link and rename the first; empty for calls by descriptor. */
  readonly path: string;
  /** 1 for the first call since the file system was made. */
  readonly number: number;
}

/** What happens around calls; what a hook throws is what the call ends with. */
export interface Hooks {
  readonly before?: (call: SystemCall) => void | Promise<void>;
  /** The call was carried out, as one whose answer is lost. */
  readonly after?: (call: SystemCall) => void | Promise<void>;
}

/** An error as the system gives it. */
export function systemError(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: injected`), { code });
}

/** `inner` with `hooks` around each call. */
export function faultyFileSystem(hooks: Hooks, inner: FileSystem = nodeFileSystem): FileSystem {
  let number = 0;
  async function around<T>(name: keyof FileSystem, path: string, real: () => Promise<T>): Promise<T> {
    const call = { name, path, number: ++number };
    await hooks.before?.(call);
    const result = await real();
    await hooks.after?.(call);
    return result;
  }
  return {
    open: (path, flags, mode) => around("open", path, () => inner.open(path, flags, mode)),
    fstat: (fd) => around("fstat", "", () => inner.fstat(fd)),
    read: (fd, into) => around("read", "", () => inner.read(fd, into)),
    write: (fd, bytes) => around("write", "", () => inner.write(fd, bytes)),
    fsync: (fd) => around("fsync", "", () => inner.fsync(fd)),
    // A descriptor is closed whatever close(2) says; else a test that injects errors would leak them.
    async close(fd) {
      await inner.close(fd);
      await around("close", "", async () => {});
    },
    stat: (path) => around("stat", path, () => inner.stat(path)),
    lstat: (path) => around("lstat", path, () => inner.lstat(path)),
    link: (from, to) => around("link", from, () => inner.link(from, to)),
    unlink: (path) => around("unlink", path, () => inner.unlink(path)),
    rename: (from, to) => around("rename", from, () => inner.rename(from, to)),
    mkdir: (path, mode) => around("mkdir", path, () => inner.mkdir(path, mode)),
    rmdir: (path) => around("rmdir", path, () => inner.rmdir(path)),
    async *entries(path) {
      await around("entries", path, async () => {});
      yield* inner.entries(path);
    },
  };
}
