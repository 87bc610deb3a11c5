/** A result that appears under its name when it is complete, or not at all. */
import type { Stats } from "node:fs";
import { type FileHandle, lstat, open, rename, rm } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { CommandError } from "../command.js";
import { draftName } from "./drafts.js";
import { giveName, syncFolder } from "./give-name.js";
import { systemCode, worded } from "./reasons.js";
import type { Sink } from "./sink.js";
import type { FileIdentity } from "./source.js";

export interface OutFileOptions {
  readonly cwd: string;
  /** Whether a file of that name may be replaced. */
  readonly force: boolean;
  /** Permissions; the process's umask is taken away from them. */
  readonly mode: number;
  /** The file that is read: it must not be this one. */
  readonly source: FileIdentity | undefined;
}

/**
 * Begins a result. It is written to a hidden draft in the same folder, which only {@link Sink.publish} gives its name.
 * @throws CommandError when `path` cannot be written or must not be
 */
export async function createOutFile(path: string, options: OutFileOptions): Promise<Sink> {
  const target = resolve(options.cwd, path);
  if (path === "" || path.endsWith("/") || basename(target) === "") {
    throw new CommandError(`'${path}' names no file`);
  }
  await checkTarget(path, target, options);
  const folder = dirname(target);
  const draft = join(folder, draftName(process.pid));
  try {
    return new OutFile(path, target, draft, await open(draft, "wx", options.mode), options.force);
  } catch (error) {
    throw worded(error, `cannot write into the folder of '${path}'`);
  }
}

/** Before any work is done; {@link Sink.publish} cannot be tricked by what changes meanwhile. */
async function checkTarget(path: string, target: string, options: OutFileOptions): Promise<void> {
  const stats = await statOrNothing(path, () => lstat(target));
  if (stats === undefined) return;
  if (stats.isSymbolicLink()) {
    throw new CommandError(`'${path}' is a symbolic link`, { hints: ["name the file itself as OUT"] });
  }
  if (stats.isDirectory()) throw new CommandError(`'${path}' is a folder: OUT is the name of a file`);
  if (!stats.isFile()) {
    throw new CommandError(`'${path}' is not a regular file`, {
      hints: ["'-' as OUT writes to standard output, which may be a pipe or a device"],
    });
  }
  const read = options.source;
  const isSame = read !== undefined && read.dev === stats.dev && read.ino === stats.ino;
  if (isSame) throw new CommandError(`'${path}' is also the input: IN and OUT must be two files`);
  if (!options.force) {
    throw new CommandError(`'${path}' exists`, {
      hints: ["--force replaces it, once the new one is complete"],
    });
  }
}

async function statOrNothing(path: string, look: () => Promise<Stats>): Promise<Stats | undefined> {
  try {
    return await look();
  } catch (error) {
    if (systemCode(error) === "ENOENT") return undefined;
    throw worded(error, `cannot write '${path}'`);
  }
}

class OutFile implements Sink {
  readonly name: string;
  readonly #target: string;
  readonly #draft: string;
  readonly #handle: FileHandle;
  readonly #force: boolean;

  constructor(path: string, target: string, draft: string, handle: FileHandle, force: boolean) {
    this.name = `'${path}'`;
    this.#target = target;
    this.#draft = draft;
    this.#handle = handle;
    this.#force = force;
  }

  async write(bytes: Buffer): Promise<void> {
    try {
      for (let written = 0; written < bytes.length; ) {
        written += (await this.#handle.write(bytes, written)).bytesWritten;
      }
    } catch (error) {
      throw worded(error, `cannot write ${this.name}`);
    }
  }

  async publish(signal: AbortSignal): Promise<void> {
    try {
      // Before it has its name: after a power cut, the name must not stand for what was never written.
      await this.#handle.sync();
      signal.throwIfAborted();
      await this.#giveName();
    } catch (error) {
      throw worded(error, `cannot write ${this.name}`);
    }
    try {
      await syncFolder(dirname(this.#target));
    } catch (error) {
      throw worded(error, "cannot finish the folder");
    }
  }

  async close(): Promise<void> {
    await this.#handle.close();
    await rm(this.#draft, { force: true });
  }

  async #giveName(): Promise<void> {
    if (this.#force) {
      // What else may have come there meanwhile: rename(2) refuses a folder and replaces a link, not its target.
      await rename(this.#draft, this.#target);
      return;
    }
    if (await giveName(this.#draft, this.#target)) return;
    throw new CommandError(`${this.name} was made by somebody else meanwhile and is left as it is`);
  }
}
