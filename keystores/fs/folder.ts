/** The key folder, held open so that its replacement or a vanished mount is noticed and never read as "no keys". */
import { constants } from "node:fs";
import { dirname, resolve } from "node:path";
import { errnoOf, fault, unreached } from "../../src/keystore/faults.js";
import type { FileSystem } from "./system.js";

const { O_RDONLY, O_DIRECTORY } = constants;

/** An open folder: its identity is that of the descriptor, not of the path. */
export class Folder {
  readonly system: FileSystem;
  /** As configured, for messages. */
  readonly place: string;
  readonly #path: string;
  readonly #fd: number;
  readonly #identity: string;
  readonly #base: string;
  /** True when names are resolved from the descriptor, so that no call can reach another folder. */
  readonly anchored: boolean;

  private constructor(system: FileSystem, place: string, fd: number, identity: string, anchor?: string) {
    this.system = system;
    this.place = place;
    this.#path = resolve(place);
    this.#fd = fd;
    this.#identity = identity;
    this.#base = anchor ?? this.#path;
    this.anchored = anchor !== undefined;
  }

  /**
   * Opens `place`, creating it with mode 0700 and durably when it is missing, unless it `mustExist`.
   * @throws Error naming the option `path` when `place` is no folder; KesError outage codes
   */
  static async open(place: string, system: FileSystem, mustExist = false): Promise<Folder> {
    const path = resolve(place);
    if (!mustExist) await create(path, system);
    const fd = await openFolder(path, system).catch((cause: unknown) => {
      if (errnoOf(cause) === "ENOTDIR") throw notAFolder(place);
      throw fault(cause, {}, `key folder ${place}`);
    });
    try {
      const identity = await identify(`${path}/.`, system);
      // Linux resolves names below a descriptor's entry in /proc from the folder it stands for, wherever that
      // is now. Without it the path is used, and checked before and after each call.
      const anchor = `/proc/self/fd/${fd}`;
      const anchored = (await identify(`${anchor}/.`, system).catch(() => undefined)) === identity;
      return new Folder(system, place, fd, identity, anchored ? anchor : undefined);
    } catch (cause) {
      await system.close(fd);
      throw fault(cause, {}, `key folder ${place}`);
    }
  }

  /** What error logs call this folder. */
  get subject(): string {
    return `key folder ${this.place}`;
  }

  /** Path of an entry. */
  at(name: string): string {
    return `${this.#base}/${name}`;
  }

  /** Before a call that goes by the path: as {@link check}, and nothing at all when anchored. */
  async enter(): Promise<void> {
    if (!this.anchored) await this.check();
  }

  /** @throws KesError `KEYSTORE_UNREACHABLE` unless the configured path still leads to this very folder */
  async check(): Promise<void> {
    let identity: string;
    try {
      identity = await identify(this.#path, this.system);
    } catch (cause) {
      throw unreached(`${this.subject} is gone: check that its volume is mounted`, cause);
    }
    if (identity !== this.#identity)
      throw unreached(`${this.subject} was replaced or unmounted while in use: put it back, or restart`);
  }

  /** Makes changes of entries durable: fsync of the folder. */
  sync(): Promise<void> {
    return this.system.fsync(this.#fd);
  }

  /** Releases the descriptor. No call may be under way: its number could come to mean another folder. */
  close(): Promise<void> {
    return this.system.close(this.#fd);
  }
}

function openFolder(path: string, system: FileSystem): Promise<number> {
  return system.open(path, O_RDONLY | O_DIRECTORY);
}

/** Device and inode: while the descriptor is held no other folder can have the same. */
async function identify(path: string, system: FileSystem): Promise<string> {
  const { dev, ino } = await system.stat(path);
  return `${dev}:${ino}`;
}

async function create(path: string, system: FileSystem, withParents = true): Promise<void> {
  try {
    await system.mkdir(path, 0o700);
  } catch (cause) {
    const errno = errnoOf(cause);
    // A read-only file system may say so before it says that the folder exists.
    if (errno === "EEXIST" || errno === "EROFS" || errno === "EACCES" || errno === "EPERM") return;
    if (errno === "ENOTDIR") throw notAFolder(path);
    // Where the parent exists and the folder cannot be made all the same, as in /proc, once is enough.
    if (errno !== "ENOENT" || !withParents) throw fault(cause, {}, `key folder ${path}`);
    await create(dirname(path), system);
    return create(path, system, false);
  }
  // Else a power loss could take the folder away together with keys that were acknowledged.
  const parent = await openFolder(dirname(path), system);
  try {
    await system.fsync(parent);
  } finally {
    await system.close(parent);
  }
}

function notAFolder(place: string): Error {
  return new Error(`path: '${place}' is not a directory`);
}
