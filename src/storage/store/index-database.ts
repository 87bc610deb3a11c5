/**
 * The index: tables in lmdb, ordered by the bytes of their keys, and changes in groups.
 *
 * A change is a function that looks at the tables and says what to write; all that wait share one transaction with its
 * one fdatasync. lmdb commits off the main thread, one group after the other, so a change sees all before it. It is
 * durable when its promise resolves: lmdb writes the pages, fdatasync, then the page that makes them valid, by a
 * descriptor with O_DSYNC. (lmdb's own transaction callbacks and its option `overlappingSync` are not used.)
 */
import { join } from "node:path";
import { isS3Error, s3Error } from "../s3/errors.js";
import { S3Error } from "../s3-error.js";
import { isFull } from "./faults.js";
import type { FileSystem } from "./file-system.js";
import { IndexRoom } from "./index-room.js";
import { IndexTables } from "./index-tables.js";
import { BASE_PAGES, type Change, type Entry, type Table, Writes } from "./index-writes.js";

/** Changes of one group: what comes after waits for the next. */
const MAX_GROUP_JOBS = 1_000;

/** In the table `state`: number of the last group. */
const GROUP = Buffer.from("group");

/** Carries out a commit; tests make it fail or stop. */
export type Committer = (commit: () => Promise<void>) => Promise<void>;

/** Who looks at the index and changes it. */
export interface Index {
  readonly isBroken: boolean;
  get(table: Table, key: Buffer): string | undefined;
  /** Entries with `start` ≤ key < `end`, in order. What changes meanwhile may be seen or not. */
  range(table: Table, start: Buffer, end: Buffer): Iterable<Entry>;
  lastKey(table: Table): Buffer | undefined;
  /** What is read from now on is no older than this call, whoever wrote it. */
  refresh(): void;
  /** See {@link IndexDatabase.change}. */
  change<T>(work: (change: Change) => T, options?: { readonly alone?: boolean }): Promise<T>;
  close(): Promise<void>;
}

interface Job {
  /** Runs the change on the group's writes; throws nothing. */
  readonly run: (writes: Writes) => void;
  readonly alone: boolean;
  /** With what came of the commit: undefined for well. */
  readonly end: (failure: Error | undefined) => void;
}

export class IndexDatabase implements Index {
  readonly #tables: IndexTables;
  readonly #commit: Committer;
  readonly #room: IndexRoom;
  #groups = 0;
  #jobs: Job[] = [];
  #running: Promise<void> | undefined;
  #failure: Error | undefined;

  constructor(path: string, room: IndexRoom, commit: Committer = (work) => work()) {
    this.#room = room;
    this.#tables = new IndexTables(path);
    this.#commit = commit;
    this.#groups = Number(this.get("state", GROUP) ?? "0");
  }

  /** True when a commit failed in a way that leaves open what is on disk: nothing is written any more. */
  get isBroken(): boolean {
    return this.#failure !== undefined;
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

  /** See {@link IndexTables.releaseDeadReaders}. */
  releaseDeadReaders(): number {
    return this.#tables.releaseDeadReaders();
  }

  /**
   * Runs `work`, which may happen more than once, commits what it wrote, and resolves to what it returned once that is durable. When `work` throws,
   * nothing of it is written, and this rejects with its error, durable as well: what it saw has come to stay.
   * @param alone - it begins a group of its own, as it must for {@link Change.range}
   * @throws S3Error `STORAGE_FULL`, `INTERNAL` when the commit failed: nothing was written
   */
  change<T>(work: (change: Change) => T, { alone = false } = {}): Promise<T> {
    return new Promise((resolve, reject) => {
      let finish = (): void => {};
      this.#jobs.push({
        alone,
        run: (writes) => {
          const own = new Writes(this, writes);
          try {
            const value = work(own);
            own.mergeInto(writes);
            finish = () => resolve(value);
          } catch (cause) {
            finish = () => reject(cause);
          }
        },
        end: (failure) => (failure === undefined ? finish() : reject(failure)),
      });
      this.#running ??= this.#run();
    });
  }

  /** Waits for all changes, then closes. */
  async close(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
    await this.#tables.close();
  }

  async #run(): Promise<void> {
    // What is asked for in the same turn shares the first group.
    await Promise.resolve();
    while (this.#jobs.length > 0) await this.#commitGroup(this.#takeGroup());
    // In the same turn in which there was nothing left: the next change begins anew.
    this.#running = undefined;
  }

  #takeGroup(): readonly Job[] {
    const group: Job[] = [];
    for (let job = this.#jobs[0]; job !== undefined; job = this.#jobs[0]) {
      if (group.length > 0 && (job.alone || group.length >= MAX_GROUP_JOBS)) break;
      this.#jobs.shift();
      group.push(job);
    }
    return group;
  }

  async #commitGroup(group: readonly Job[]): Promise<void> {
    const writes = new Writes(this);
    if (this.#failure === undefined) for (const job of group) job.run(writes);
    const failure = this.#failure ?? (await this.#write(writes));
    // What frees something must not fail together with what finds no room.
    if (isS3Error(failure, "STORAGE_FULL") && group.length > 1)
      for (const job of group) await this.#commitGroup([job]);
    else for (const job of group) job.end(failure);
  }

  /** @returns why it failed */
  async #write(writes: Writes): Promise<Error | undefined> {
    if (writes.size === 0) return undefined;
    writes.put("state", GROUP, String(this.#groups + 1));
    try {
      await this.#room.ensure(this.#usedBytes(), writes.neededBytes, () => this.#freeBytes());
      await this.#commit(() => this.#send(writes));
      this.#groups++;
      return undefined;
    } catch (cause) {
      const error = await reasonOf(cause);
      if (this.#isUnchanged()) {
        if (error instanceof S3Error) return error;
        return s3Error(isFullDisk(error) ? "STORAGE_FULL" : "INTERNAL", { cause: error });
      }
      // What is on disk is known only to the next start.
      this.#failure = s3Error("INTERNAL", {
        cause: new Error("the index could not be written, restart the server", { cause: error }),
      });
      return this.#failure;
    }
  }

  /** Bytes of the file that hold pages, free ones too. */
  #usedBytes(): number {
    const stats = this.#tables.root.getStats();
    return (numberIn(stats, "lastPageNumber") + 1) * numberIn(stats, "pageSize");
  }

  /** About half of the bytes in free pages: lmdb leaves those alone that were freed last. */
  #freeBytes(): number {
    const root = this.#tables.root.getStats();
    const free: unknown = Reflect.get(root, "free");
    const trees = [root, free, ...Array.from(this.#tables.all(), (table) => table.getStats())];
    const inUse = trees.reduce<number>((sum, tree) => sum + pagesOf(tree), 0);
    const pages = numberIn(root, "lastPageNumber") + 1 - inUse;
    return Math.max(pages / 2 - 2 * BASE_PAGES, 0) * numberIn(root, "pageSize");
  }

  /**
   * Whether lmdb gave the last group up as a whole. Until its very last write it leaves the pages that are valid alone;
   * when that one fails, it refuses everything from then on, reading too.
   */
  #isUnchanged(): boolean {
    try {
      this.refresh();
      return Number(this.get("state", GROUP) ?? "0") === this.#groups;
    } catch {
      return false;
    }
  }

  async #send(writes: Writes): Promise<void> {
    // All within one batch are one transaction.
    await this.#tables.root.batch(() => {
      for (const [table, key, value] of writes.all()) {
        if (value === undefined) this.#tables.table(table).remove(key);
        else this.#tables.table(table).put(key, value);
      }
    });
  }
}

/** The index in a folder, which exists. */
export function openIndex(system: FileSystem, folder: string, commit?: Committer): IndexDatabase {
  return new IndexDatabase(folder, new IndexRoom(system, join(folder, "data.mdb")), commit);
}

function pagesOf(tree: unknown): number {
  const kinds = ["treeBranchPageCount", "treeLeafPageCount", "overflowPages"];
  return kinds.reduce((sum, kind) => sum + numberIn(tree, kind), 0);
}

/** A number that lmdb tells. */
function numberIn(stats: unknown, name: string): number {
  const value: unknown = typeof stats === "object" && stats !== null ? Reflect.get(stats, name) : undefined;
  if (typeof value !== "number") throw new TypeError(`lmdb tells no ${name}`);
  return value;
}

/** lmdb rejects with a general error and a promise of the reason. */
async function reasonOf(cause: unknown): Promise<unknown> {
  if (!(cause instanceof Error) || !("commitError" in cause)) return cause;
  try {
    await cause.commitError;
    return cause;
  } catch (reason) {
    return reason;
  }
}

// Errors of the system come as numbers: EFBIG, ENOSPC, EDQUOT of Linux; of macOS EDQUOT is 69.
const FULL_NUMBERS = new Set([27, 28, 69, 122]);

function isFullDisk(cause: unknown): boolean {
  if (isFull(cause)) return true;
  return cause instanceof Error && "code" in cause && FULL_NUMBERS.has(Number(cause.code));
}
