/** An index that somebody else may be writing, this process never. */
import { join } from "node:path";
import { s3Error } from "../s3/errors.js";
import { errnoOf } from "./faults.js";
import type { FileSystem } from "./file-system.js";
import type { Index } from "./index-database.js";
import { DATA_FILE, isThere } from "./index-exchange.js";
import { IndexTables } from "./index-tables.js";
import type { Entry, Table } from "./index-writes.js";
import type { Layout } from "./layout.js";
import { StoreFolderError } from "./prepare-folder.js";
import { isOwnIndex, readMarker } from "./session.js";

/** A start changes the marker, then the index: each turn means that one went on meanwhile. */
const MAX_TURNS = 10;

export class IndexReader implements Index {
  readonly isBroken = false;
  readonly #tables: IndexTables;
  readonly #system: FileSystem;
  readonly #layout: Layout;
  /** Which file it is. */
  readonly #identity: string;

  private constructor(tables: IndexTables, system: FileSystem, layout: Layout, identity: string) {
    this.#tables = tables;
    this.#system = system;
    this.#layout = layout;
    this.#identity = identity;
  }

  /** @throws StoreFolderError when there is no index, or not that of these data */
  static async open(system: FileSystem, layout: Layout): Promise<IndexReader> {
    // lmdb makes what is missing, even where it is only to read.
    const identity = await identityOf(system, layout);
    if (identity === undefined) throw await missing(system, layout);
    const reader = new IndexReader(
      new IndexTables(layout.index, { readOnly: true }),
      system,
      layout,
      identity,
    );
    try {
      await reader.#checkSession();
      return reader;
    } catch (cause) {
      await reader.close();
      throw cause;
    }
  }

  get(table: Table, key: Buffer): string | undefined {
    return this.#tables.get(table, key);
  }

  range(table: Table, start: Buffer, end: Buffer): Iterable<Entry> {
    return this.#tables.range(table, start, end);
  }

  lastKey(table: Table): Buffer | undefined {
    return this.#tables.lastKey(table);
  }

  refresh(): void {
    this.#tables.refresh();
  }

  async change(): Promise<never> {
    throw s3Error("METHOD_NOT_ALLOWED");
  }

  close(): Promise<void> {
    return this.#tables.close();
  }

  /** @throws StoreFolderError when another index has taken its place: what was read says nothing any more */
  async checkIdentity(): Promise<void> {
    if ((await identityOf(this.#system, this.#layout)) === this.#identity) return;
    throw new StoreFolderError(
      `the index of '${this.#layout.root}' was replaced by another meanwhile: run this again`,
    );
  }

  async #checkSession(): Promise<void> {
    for (let turn = 0; turn < MAX_TURNS; turn++) {
      const marker = await readMarker(this.#system, this.#layout);
      this.refresh();
      if (marker !== undefined && isOwnIndex(this, marker)) return;
    }
    throw await missing(this.#system, this.#layout);
  }
}

async function missing(system: FileSystem, layout: Layout): Promise<StoreFolderError> {
  if ((await readMarker(system, layout)) === undefined)
    return new StoreFolderError(`'${layout.root}' holds no object store`);
  if (await isThere(system, layout.nextIndex))
    return new StoreFolderError(
      `the index of '${layout.root}' is being exchanged, or that was interrupted: run this again after the next start`,
    );
  return new StoreFolderError(
    `the index of '${layout.root}' is missing, or older than its data: rebuild it ` +
      "(kes-s3 verify --rebuild-index)",
  );
}

/** Undefined where there is none. */
async function identityOf(system: FileSystem, layout: Layout): Promise<string | undefined> {
  try {
    const { dev, ino } = await system.lstat(join(layout.index, DATA_FILE));
    return `${dev}/${ino}`;
  } catch (cause) {
    const errno = errnoOf(cause);
    if (errno === "ENOENT" || errno === "ENOTDIR") return undefined;
    throw cause;
  }
}
