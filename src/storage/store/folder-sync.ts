/** fsync of folders: those who ask while one runs share the next. */
import { constants } from "node:fs";
import type { FileSystem } from "./file-system.js";

const FOLDER = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;

interface Turn {
  /** The fsync that runs; what was changed since it began it may have missed. */
  readonly now: Promise<void>;
  next: Promise<void> | undefined;
}

export class FolderSync {
  readonly #system: FileSystem;
  readonly #turns = new Map<string, Turn>();

  constructor(system: FileSystem) {
    this.#system = system;
  }

  /** Everything that was changed in the folder before this call is durable when it resolves. */
  sync(path: string): Promise<void> {
    const turn = this.#turns.get(path);
    if (turn === undefined) return this.#begin(path);
    turn.next ??= turn.now.catch(() => {}).then(() => this.#begin(path));
    return turn.next;
  }

  #begin(path: string): Promise<void> {
    const now = syncFolder(this.#system, path).finally(() => {
      if (this.#turns.get(path)?.next === undefined) this.#turns.delete(path);
    });
    this.#turns.set(path, { now, next: undefined });
    return now;
  }
}

/** Makes what was created, renamed and removed in a folder durable. */
export async function syncFolder(system: FileSystem, path: string): Promise<void> {
  const fd = await system.open(path, FOLDER);
  try {
    await system.fsync(fd);
  } finally {
    await system.close(fd);
  }
}
