/** Writing a file: it appears whole or not at all, and so does its replacement. */
import { open, realpath, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { CommandError } from "../command.js";
import { draftName } from "../file/drafts.js";
import { giveName, syncFolder } from "../file/give-name.js";

/**
 * Creates `file` durably with exactly `mode`. @throws CommandError when it exists
 *
 * link(2) publishes the finished draft or fails, so a crash leaves no half key and nothing is overwritten.
 */
export async function publish(file: string, content: string | Uint8Array, mode: number): Promise<void> {
  const dir = dirname(file);
  const draft = join(dir, draftName(process.pid));
  try {
    await write(draft, content, mode);
    if (!(await giveName(draft, file))) {
      throw new CommandError(`'${file}' was made by somebody else meanwhile and is left as it is`);
    }
  } finally {
    await rm(draft, { force: true });
  }
  await syncFolder(dir);
}

/**
 * Puts `content` in the place of the existing `file`, durably, for root with its owner too: a reader sees the old file
 * or the new one. Of a symbolic link the file behind it is replaced.
 * @param mode - default: as before
 * @throws CommandError for what is no file
 */
export async function replace(file: string, content: string | Uint8Array, mode?: number): Promise<void> {
  const target = await realpath(file);
  const dir = dirname(target);
  const draft = join(dir, draftName(process.pid));
  const old = await stat(target);
  if (!old.isFile()) throw new CommandError(`'${file}' is not a file and is left as it is`);
  try {
    await write(draft, content, mode ?? old.mode & 0o777, process.geteuid?.() === 0 ? old : undefined);
    await rename(draft, target);
  } finally {
    await rm(draft, { force: true });
  }
  await syncFolder(dir);
}

async function write(
  draft: string,
  content: string | Uint8Array,
  mode: number,
  owner?: { readonly uid: number; readonly gid: number },
): Promise<void> {
  const handle = await open(draft, "wx", 0o600);
  try {
    await handle.writeFile(content);
    if (owner !== undefined) await handle.chown(owner.uid, owner.gid);
    // Not by open(2), because the umask would take bits away.
    await handle.chmod(mode);
    await handle.sync();
  } finally {
    await handle.close();
  }
}
