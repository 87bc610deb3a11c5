/** What is looked at once, when a key folder is opened: who may read it and what its file system can do. */
import { constants } from "node:fs";
import { errnoOf } from "../../src/keystore/faults.js";
import { draftName } from "./entries.js";
import { exists } from "./files.js";
import type { Folder } from "./folder.js";
import { removed } from "./lock.js";

/** What the file system of a key folder is like. */
export interface Traits {
  /** `Key` and `key` are one file, so names must be compared by us. */
  readonly ignoresCase: boolean;
}

const PROBE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL;

/**
 * Warns of a folder that others may read or change, or that cannot be written, and finds out its traits by
 * creating, linking and removing an empty file.
 * @throws Error naming the option `path` when the file system has no hard links: without link(2) nothing
 *   could publish a finished file without replacing another one
 */
export async function inspect(
  folder: Folder,
  randomId: () => string,
  warn: (message: string) => void,
): Promise<Traits> {
  const { system, subject } = folder;
  const mode = Number((await system.stat(folder.at("."))).mode);
  if ((mode & 0o022) !== 0) warn(`${subject} can be changed by other users: chmod 700 it`);
  else if ((mode & 0o005) !== 0) warn(`${subject} can be read by other users: chmod 700 it`);
  const probe = folder.at(draftName(randomId()));
  try {
    await system.close(await system.open(probe, PROBE, 0o600));
  } catch (cause) {
    warn(`${subject} cannot be written, so keys can be used but not created (${errnoOf(cause) ?? "failed"})`);
    return { ignoresCase: process.platform === "darwin" || process.platform === "win32" };
  }
  const other = folder.at(draftName(randomId()));
  try {
    await system.link(probe, other);
    const shouted = `${folder.at(".")}/${probe.slice(folder.at("").length).toUpperCase()}`;
    const ignoresCase = await exists(system, shouted);
    if (ignoresCase) warn(`${subject} ignores the case of names: key names are compared one by one, slowly`);
    return { ignoresCase };
  } catch (cause) {
    throw new Error(
      `path: '${folder.place}' is on a file system without hard links (${errnoOf(cause) ?? "link failed"}); ` +
        "keys cannot be created safely there, use another one",
      { cause },
    );
  } finally {
    await removed(system.unlink(probe));
    await removed(system.unlink(other));
  }
}
