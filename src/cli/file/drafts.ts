/** Names of unfinished results, and the end of those that a killed process left. */
import { createHash, randomBytes } from "node:crypto";
import { lstat, opendir, rm } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { systemCode } from "./reasons.js";

/** Host, process, and bytes that nobody can guess, so that nobody can put a link in the way. */
const DRAFT = /^\.kes-file-([0-9a-f]{8})-([1-9][0-9]{0,9})-[0-9a-f]{16}$/;
/** Younger ones are left alone whatever else speaks against them. */
const STALE_AFTER_MS = 60_000;
/** So that a folder of a million files does not hold up a command. */
const MAX_ENTRIES = 10_000;

/** A hidden name that no other draft has. It tells who writes it, for {@link removeStaleDrafts}. */
export function draftName(pid: number): string {
  return `.kes-file-${hostTag()}-${pid}-${randomBytes(8).toString("hex")}`;
}

/** True for the name of a draft, whoever writes it. */
export function isDraft(name: string): boolean {
  return DRAFT.test(name);
}

/**
 * Removes drafts whose process, on this host, no longer runs: they may hold plaintext or a private key.
 * @param maxEntries - of the folder are looked at
 * @returns how many
 */
export async function removeStaleDrafts(
  folder: string,
  nowMs: number,
  maxEntries = MAX_ENTRIES,
): Promise<number> {
  let removed = 0;
  let seen = 0;
  for await (const { name } of await opendir(folder)) {
    if (++seen > maxEntries) break;
    const [, host, pid] = DRAFT.exec(name) ?? [];
    // Another host's processes, in a shared folder, cannot be seen from here.
    if (host !== hostTag() || pid === undefined || processExists(Number(pid))) continue;
    const draft = join(folder, name);
    try {
      const stats = await lstat(draft);
      if (!stats.isFile() || nowMs - stats.mtimeMs < STALE_AFTER_MS) continue;
      await rm(draft);
      removed++;
    } catch (error) {
      // Somebody else was faster, or it is not ours to remove.
      if (!["ENOENT", "EACCES", "EPERM", "EROFS"].includes(systemCode(error))) throw error;
    }
  }
  return removed;
}

function hostTag(): string {
  return createHash("sha256").update(hostname()).digest("hex").slice(0, 8);
}

function processExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it is somebody else's, but it is there.
    return systemCode(error) !== "ESRCH";
  }
}
