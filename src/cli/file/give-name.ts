/** The last steps of a file that appears when it is complete. */
import { link, open, rename } from "node:fs/promises";
import { exists } from "../init/layout.js";
import { systemCode } from "./reasons.js";

/** What link(2) says where a file system knows no second names. */
const NO_LINKS = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"]);

/**
 * Gives the finished `draft` the name `target`, too, unless something has it; the draft's own name may stay.
 * @param setLink - link(2)
 * @returns false when the name is taken
 */
export async function giveName(draft: string, target: string, setLink = link): Promise<boolean> {
  try {
    await setLink(draft, target);
    return true;
  } catch (error) {
    const code = systemCode(error);
    if (code === "EEXIST") return false;
    if (!NO_LINKS.has(code)) throw error;
  }
  // Without link(2) a file that somebody makes at this very moment is replaced.
  if (await exists(target)) return false;
  await rename(draft, target);
  return true;
}

/** Makes names in `folder` survive a power cut. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } catch (error) {
    // Some network file systems cannot: the file is there all the same.
    if (!["EINVAL", "ENOTSUP"].includes(systemCode(error))) throw error;
  } finally {
    await handle.close();
  }
}
