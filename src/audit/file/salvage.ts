/** Keeping what is in the way: ends of lines, deleted files, files of others. Nothing is thrown away or overwritten. */
import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { dirname } from "node:path";
import type { Notice } from "./members.js";
import { rotatedFileOf, tornFileOf } from "./names.js";
import type { AuditFileSystem } from "./system.js";
import type { Tail } from "./tail.js";

/** How an audit file is opened. */
export const OPEN_FLAGS = constants.O_RDWR | constants.O_APPEND;
const COPY_BYTES = 1024 * 1024;

/** Puts what stands behind the last line into a file of its own, and takes it out of this one. */
export async function cutOff(
  fs: AuditFileSystem,
  fd: number,
  { rest, size }: Pick<Tail, "rest" | "size">,
  path: string,
): Promise<Notice> {
  const kept = tornFileOf(path);
  const torn = await fs.open(kept, OPEN_FLAGS | constants.O_CREAT, 0o640);
  try {
    // There already when the cut itself failed before.
    const end = Buffer.alloc(rest.length);
    const length = await fs.read(torn, end, Math.max(0, (await fs.fstat(torn)).size - rest.length));
    if (length < rest.length || !end.equals(rest)) await fs.append(torn, rest);
    await fs.fdatasync(torn);
  } finally {
    await fs.close(torn);
  }
  await fs.truncate(fd, size);
  const sha256 = createHash("sha256").update(rest).digest("hex");
  return { event: "torn", details: { bytes: rest.length, sha256, kept } };
}

/** Copies the open file, which has no name any more, to where the file with line `first` belongs. @returns its path */
export async function copyOf(fs: AuditFileSystem, fd: number, path: string, first: number): Promise<string> {
  const name = await freeName(fs, path, first);
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_APPEND;
  const copy = await fs.open(name, flags, 0o640);
  try {
    const buffer = Buffer.alloc(COPY_BYTES);
    for (let at = 0; ; ) {
      const length = await fs.read(fd, buffer, at);
      if (length === 0) break;
      await fs.append(copy, buffer.subarray(0, length));
      at += length;
    }
    await fs.fdatasync(copy);
  } finally {
    await fs.close(copy);
  }
  return name;
}

/** Gives what stands at `path` the name of the file with line `first`. */
export async function moveAway(fs: AuditFileSystem, path: string, first: number): Promise<void> {
  await fs.rename(path, await freeName(fs, path, first));
  await fs.syncFolder(dirname(path));
}

async function freeName(fs: AuditFileSystem, path: string, first: number): Promise<string> {
  for (let turn = 1; turn < 1000; turn++) {
    const name = rotatedFileOf(path, first, turn);
    if ((await fs.stat(name)) === undefined) return name;
  }
  throw new Error(`no name is free for the audit file that begins with line ${first}`);
}
