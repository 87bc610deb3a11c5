/** The look around after a start: strange files are reported, leftovers of crashed processes removed. */
import { Call } from "../../src/keystore/call.js";
import { errnoOf } from "../../src/keystore/faults.js";
import { draftId, isLockName } from "./entries.js";
import type { Folder } from "./folder.js";
import type { KeyFiles } from "./key-files.js";
import { type Environment, emptied, removed } from "./lock.js";

/** Leftovers younger than this may belong to a process that is at work. */
const LEFTOVER_MS = 60 * 60 * 1000;

/** Never rejects: what fails here fails nobody's call, and is told by `warn`. */
export async function sweep(
  keys: KeyFiles,
  env: Environment,
  signal: AbortSignal,
  warn: (message: string) => void,
): Promise<void> {
  const call = new Call(signal, keys.folder.subject);
  const ours: string[] = [];
  try {
    await keys.entries.each(
      call,
      () => {},
      (name) => ours.push(name),
    );
    for (const name of ours) {
      call.proceed();
      const id = draftId(name);
      if (id !== undefined || isLockName(name)) await clear(keys.folder, env, name, id);
    }
  } catch (cause) {
    if (!signal.aborted)
      warn(`${keys.folder.subject}: looking for leftovers failed (${errnoOf(cause) ?? cause})`);
  }
}

/**
 * Removes one draft or lock when it is older than an hour. A lock that is held after all loses nothing by it:
 * its holder's change then fails.
 * @param inner - the name of the file in it should it be a folder; undefined: whatever is in it
 */
async function clear(folder: Folder, env: Environment, name: string, inner?: string): Promise<void> {
  const { system } = folder;
  const path = folder.at(name);
  try {
    const stats = await system.lstat(path);
    if (env.wallClock() - Number(stats.mtimeMs) < LEFTOVER_MS) return;
    if (stats.isFile()) await removed(system.unlink(path));
    if (!stats.isDirectory()) return;
    if (inner !== undefined) await removed(system.unlink(`${path}/${inner}`));
    else
      for await (const entry of system.entries(path)) await removed(system.unlink(`${path}/${entry.name}`));
    await emptied(system.rmdir(path));
  } catch (cause) {
    // Another server that shares the folder has swept it first.
    if (errnoOf(cause) !== "ENOENT") throw cause;
  }
}
