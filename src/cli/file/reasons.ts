/** Errors of the file system in words. */
import { CommandError } from "../command.js";

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "no such file or folder",
  ENOTDIR: "a part of its path is not a folder",
  EACCES: "permission denied",
  EPERM: "permission denied",
  EROFS: "the file system is read-only",
  ELOOP: "too many symbolic links",
  ENAMETOOLONG: "its name is too long",
  EISDIR: "it is a folder",
  ENXIO: "it is a socket or a device without anything behind it",
  ENOSPC: "no space left on the device",
  EDQUOT: "the disk quota is used up",
  EFBIG: "the file would be larger than is allowed",
  EPIPE: "nobody reads it any more",
  EIO: "input or output error of the device",
};

/** The name of a system error, `ENOENT` for example; empty for anything else. */
export function systemCode(error: unknown): string {
  return error instanceof Error && "syscall" in error && "code" in error ? String(error.code) : "";
}

/** `error`, or in place of a system error one that says what could not be done: `cannot read 'x'`. */
export function worded(error: unknown, what: string): unknown {
  const code = systemCode(error);
  if (code === "") return error;
  return new CommandError(`${what}: ${REASONS[code] ?? code}`, { cause: error });
}
