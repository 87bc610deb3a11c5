/**
 * Notices that files have changed, by looking at them now and then: that works on every file system, with files that
 * are replaced by renaming and with the folders of links that Kubernetes swaps, where notifications do not.
 */
import { createHash } from "node:crypto";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";

export interface FileWatchOptions {
  /** Files, and folders whose files are meant; asked anew at each look. */
  readonly paths: () => readonly string[];
  /** Called once for each change of content, never twice at a time. */
  readonly changed: () => Promise<void>;
  /** {@link contentOf} these paths when the configuration that names them was read; undefined for what is there now. */
  readonly known?: (paths: readonly string[]) => string | undefined;
  /** Usual: 2 s. */
  readonly everyMs?: number;
}

const EVERY_MS = 2_000;
/** Most files of a folder that are looked at, and most bytes of one. */
const MAX_FILES = 1_000;
const MAX_BYTES = 1024 * 1024;

export class FileWatch {
  readonly #options: FileWatchOptions;
  readonly #timer: NodeJS.Timeout;
  /** What the files looked like at the last look, and what they held when that was last of interest. */
  #seen: string | undefined;
  #settled: string | undefined;
  #content: string | undefined;
  #paths = "";
  #isLooking = false;

  constructor(options: FileWatchOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.look(), options.everyMs ?? EVERY_MS).unref();
  }

  /**
   * Looks once. A change counts when the files look the same twice in a row, so that a certificate and its key that
   * are written one after the other are seen together; and only when they hold something else than before.
   */
  async look(): Promise<void> {
    // A file system that hangs must not collect looks.
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      await this.#look();
    } finally {
      this.#isLooking = false;
    }
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    const paths = this.#options.paths();
    // Another configuration is in force. What has changed since it was read is a change like any other.
    if (JSON.stringify(paths) !== this.#paths) this.#content = this.#options.known?.(paths);
    this.#paths = JSON.stringify(paths);
    const files = await filesOf(paths);
    const seen = JSON.stringify(await Promise.all(files.map(appearance)));
    const isStable = seen === this.#seen;
    this.#seen = seen;
    const isFirst = this.#content === undefined;
    if (!isFirst && (!isStable || seen === this.#settled)) return;
    this.#settled = seen;
    const content = await digests(files);
    const before = this.#content;
    this.#content = content;
    if (before !== undefined && content !== before) await this.#options.changed();
  }
}

/** Clocks of file systems lag behind by up to a tick. */
const TICK_MS = 20;

/**
 * What files hold now, for comparison.
 * @param sinceMs - since 1970: of what was changed later nobody knows whether the reader saw it, so that it counts as
 *   different from whatever it will hold
 */
export async function contentOf(
  paths: readonly string[],
  sinceMs = Number.POSITIVE_INFINITY,
): Promise<string> {
  const files = await filesOf(paths);
  // Before the content: what changes in between looks too old then, and is applied once more.
  const times = (await Promise.all(files.map(appearance))).map(([, , , , ctimeMs]) => Number(ctimeMs ?? 0));
  if (times.some((ctimeMs) => ctimeMs > sinceMs - TICK_MS)) return "";
  return digests(files);
}

async function digests(files: readonly string[]): Promise<string> {
  return JSON.stringify(await Promise.all(files.map(digest)));
}

async function filesOf(paths: readonly string[]): Promise<readonly string[]> {
  const found = await Promise.all(
    paths.map(async (path) => {
      try {
        if (!(await stat(path)).isDirectory()) return [path];
        return (await readdir(path))
          .sort()
          .slice(0, MAX_FILES)
          .map((name) => join(path, name));
      } catch {
        return [path];
      }
    }),
  );
  return [...new Set(found.flat())];
}

/** What a look costs no more than a call for; a missing file has a look of its own. */
async function appearance(file: string): Promise<readonly (string | number)[]> {
  try {
    const { ino, size, mtimeMs, ctimeMs } = await stat(file);
    return [file, ino, size, mtimeMs, ctimeMs];
  } catch {
    return [file];
  }
}

async function digest(file: string): Promise<readonly string[]> {
  try {
    const found = await stat(file);
    // A pipe is never read, and what is too large to be a configuration is told apart by its appearance.
    if (!found.isFile() || found.size > MAX_BYTES) return [file, `${found.size} ${found.mtimeMs}`];
    return [
      file,
      createHash("sha256")
        .update(await readFile(file))
        .digest("hex"),
    ];
  } catch {
    return [file];
  }
}
