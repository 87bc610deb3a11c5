/** Writing a file: it appears whole or not at all, and so does its replacement. */
import { randomUUID } from "node:crypto";
import { link, open, readdir, realpath, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { CommandError } from "../command.js";

const DRAFT_PREFIX = ".kes-init-";
/** A draft this old was left by a run that was killed; a younger one may belong to a run under way. */
const STALE_DRAFT_MS = 60_000;

/**
 * Creates `file` durably with exactly `mode`. @throws CommandError when it exists
 *
 * link(2) publishes the finished draft or fails, so a crash leaves no half key and nothing is overwritten.
 */
export async function publish(file: string, content: string | Uint8Array, mode: number): Promise<void> {
  const dir = dirname(file);
  const draft = draftIn(dir);
  try {
    await write(draft, content, mode);
    await link(draft, file);
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "EEXIST") {
      throw new CommandError(`'${file}' was made by somebody else meanwhile and is left as it is`, { cause });
    }
    throw cause;
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
  const draft = draftIn(dir);
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

/** True for the name of a draft. */
export function isDraft(name: string): boolean {
  return name.startsWith(DRAFT_PREFIX);
}

/** Removes what killed runs left in `dir`: drafts may hold private keys. */
export async function removeStaleDrafts(dir: string, nowMs: number): Promise<void> {
  for (const name of await readdir(dir)) {
    if (!isDraft(name)) continue;
    const draft = join(dir, name);
    const age = await stat(draft).then(
      ({ mtimeMs }) => nowMs - mtimeMs,
      // Gone already: its run has ended meanwhile.
      () => 0,
    );
    if (age > STALE_DRAFT_MS) await rm(draft, { force: true });
  }
}

function draftIn(dir: string): string {
  return join(dir, DRAFT_PREFIX + randomUUID());
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

async function syncFolder(dir: string): Promise<void> {
  const handle = await open(dir, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
