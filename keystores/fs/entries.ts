/** What stands in a key folder: keys, files of our own that are under way, and what does not belong there. */
import type { Dirent } from "node:fs";
import type { Call } from "../../src/keystore/call.js";
import { errnoOf } from "../../src/keystore/faults.js";
import { isName } from "../../src/names.js";
import type { Folder } from "./folder.js";

/** Begins the names of drafts and locks. The dot keeps them apart from keys, whose names cannot hold one. */
const OURS = ".keswick-";
const DRAFT = /^\.keswick-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;
const LOCK = /^\.keswick-lock-[0-9A-Za-z_-]{1,80}$/;

/** Name of a draft, or of a lock being prepared; `id` is a random UUID. */
export function draftName(id: string): string {
  return `${OURS}${id}`;
}

/** Name of the lock of a key. */
export function lockName(keyName: string): string {
  return `${OURS}lock-${keyName}`;
}

/** The UUID in a name of {@link draftName}, or undefined. */
export function draftId(name: string): string | undefined {
  return DRAFT.exec(name)?.[1];
}

/** True for a name of {@link lockName}. */
export function isLockName(name: string): boolean {
  return LOCK.test(name);
}

/** How many strange entries are named in warnings; after that one more says that there are others. */
const MAX_REPORTS = 100;

/** Reads a key folder, and reports what is strange in it once. */
export class Entries {
  readonly #folder: Folder;
  readonly #warn: (message: string) => void;
  readonly #reported = new Set<string>();

  constructor(folder: Folder, warn: (message: string) => void) {
    this.#folder = folder;
    this.#warn = warn;
  }

  /**
   * Gives every key to `key` and every entry under one of our own names to `own`, in the folder's order.
   * Opens no file.
   */
  async each(call: Call, key: (name: string) => void, own?: (name: string) => void): Promise<void> {
    let read = 0;
    for await (const entry of this.#folder.system.entries(this.#folder.at("."))) {
      if (++read % 1024 === 0) call.proceed();
      if (entry.name.startsWith(OURS)) own?.(entry.name);
      else if (!isName(entry.name)) this.report(entry.name, "is no valid key name; it is ignored");
      else {
        const kind = await this.#kind(entry);
        if (kind === "file") key(entry.name);
        else if (kind !== undefined)
          this.report(entry.name, `is a ${kind}, not a regular file; it is ignored`);
      }
    }
  }

  /** Warns of an entry, once. Names are quoted, for they may hold anything. */
  report(name: string, what: string): void {
    if (this.#reported.has(name) || this.#reported.size > MAX_REPORTS) return;
    this.#reported.add(name);
    const subject = this.#folder.subject;
    if (this.#reported.size > MAX_REPORTS) this.#warn(`${subject}: there are more strange entries`);
    else this.#warn(`${subject}: ${JSON.stringify(name.slice(0, 255))} ${what}`);
  }

  /** Undefined when the entry is gone. Some file systems do not tell the type in the listing. */
  async #kind(entry: Dirent): Promise<string | undefined> {
    const told = kindOf(entry);
    if (told !== undefined) return told;
    try {
      return kindOf(await this.#folder.system.lstat(this.#folder.at(entry.name))) ?? "special file";
    } catch (cause) {
      if (errnoOf(cause) === "ENOENT") return undefined;
      throw cause;
    }
  }
}

/** What {@link Dirent} and `Stats` have in common. */
interface Typed {
  isFile(): boolean;
  isSymbolicLink(): boolean;
  isDirectory(): boolean;
  isFIFO(): boolean;
  isSocket(): boolean;
  isBlockDevice(): boolean;
  isCharacterDevice(): boolean;
}

function kindOf(entry: Typed): string | undefined {
  if (entry.isFile()) return "file";
  if (entry.isSymbolicLink()) return "symbolic link";
  if (entry.isDirectory()) return "folder";
  if (entry.isFIFO() || entry.isSocket()) return "pipe or socket";
  if (entry.isBlockDevice() || entry.isCharacterDevice()) return "device";
  return undefined;
}
