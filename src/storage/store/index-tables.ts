/** The tables of an index as lmdb has them: looking at them, at a moment or from one moment to the next. */
import { type Database, open as openLmdb, type RootDatabase, type RootDatabaseOptions } from "lmdb";
import { type Entry, type Table, tableNames } from "./index-writes.js";

/** Address space, not memory or disk; lmdb maps more when it is used up. */
const MAP_BYTES = 16 * 1024 ** 3;
/** Entries that are read from lmdb at a time: no transaction stays open between. */
const FIRST_READ = 16;
const LONGEST_READ = 512;

export class IndexTables {
  readonly root: RootDatabase<string, Buffer>;
  readonly #tables: ReadonlyMap<Table, Database<string, Buffer>>;

  /** @param path - of the folder that lmdb's files stand in */
  constructor(path: string, options: Pick<RootDatabaseOptions, "readOnly"> = {}) {
    this.root = openLmdb({
      path,
      noSubdir: false,
      overlappingSync: false,
      mapSize: MAP_BYTES,
      maxDbs: tableNames.length,
      // With it, lmdb makes promises of its own, which reject with nobody listening when a commit fails.
      eventTurnBatching: false,
      ...options,
      // Not among its types: mode of the files.
      ...{ permissionsMode: 0o600 },
    });
    this.#tables = new Map(tableNames.map((name) => [name, this.#open(name)]));
  }

  table(name: Table): Database<string, Buffer> {
    const table = this.#tables.get(name);
    if (table === undefined) throw new TypeError(`no table ${name}`);
    return table;
  }

  all(): Iterable<Database<string, Buffer>> {
    return this.#tables.values();
  }

  get(table: Table, key: Buffer): string | undefined {
    return this.table(table).get(key);
  }

  /** Entries with `start` ≤ key < `end`, in order. What changes meanwhile may be seen or not. */
  *range(table: Table, start: Buffer, end: Buffer): Iterable<Entry> {
    const database = this.table(table);
    let from = start;
    for (let limit = FIRST_READ; ; limit = Math.min(2 * limit, LONGEST_READ)) {
      const entries = [...database.getRange({ start: from, end, limit })];
      // Keys come in memory that lmdb uses again.
      for (const { key, value } of entries) yield { key: Buffer.from(key), value };
      const last = entries.at(-1);
      if (last === undefined || entries.length < limit) return;
      from = Buffer.concat([last.key, Buffer.of(0)]);
    }
  }

  /** The last key of a table. */
  lastKey(table: Table): Buffer | undefined {
    for (const key of this.table(table).getKeys({ reverse: true, limit: 1 })) return Buffer.from(key);
    return undefined;
  }

  /** What is read from now on is no older than this call, whoever wrote it. */
  refresh(): void {
    this.root.resetReadTxn();
  }

  /**
   * Frees what other processes held for reading when they were killed; without, the file would grow for ever.
   * @returns the number of readers that were dead
   */
  releaseDeadReaders(): number {
    return this.root.readerCheck();
  }

  async close(): Promise<void> {
    await this.root.close();
  }

  #open(name: Table): Database<string, Buffer> {
    const table: Database<string, Buffer> | undefined = this.root.openDB(name, {
      encoding: "string",
      keyEncoding: "binary",
    });
    // Where nothing may be written, lmdb gives nothing for a table that is not there.
    if (table === undefined) throw new Error(`the index has no table '${name}'`);
    return table;
  }
}
