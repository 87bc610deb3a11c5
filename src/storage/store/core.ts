/** What all parts of the store share: files are written first, then the index names them, then what they replace goes. */
import { s3Error } from "../s3/errors.js";
import type { Collector } from "./collector.js";
import { type BucketEntry, readEntry } from "./entries.js";
import { storeFault } from "./faults.js";
import { FileSet, type Files } from "./files.js";
import { fileOf, type Holds } from "./holds.js";
import type { Index } from "./index-database.js";
import { garbageKey, numberKey, textKey } from "./index-keys.js";
import type { Change, Table } from "./index-writes.js";
import type { Piece } from "./stored-record.js";

/** Who reads tables: the index as it is, or a change. */
export interface Reader {
  get(table: Table, key: Buffer): string | undefined;
}

/** In the table `state`: every file in a folder below this number is in the index. */
export const SETTLED = textKey("settled");

/** A change that found something else than it was prepared for: it is prepared again. */
class Outdated extends Error {}

/** Each turn but the last means that somebody else's change went through. */
const MAX_TURNS = 100;

export class Core {
  readonly index: Index;
  readonly files: Files;
  readonly holds: Holds;
  readonly collector: Collector;
  readonly warn: (message: string) => void;
  #settled: number;
  #hasGarbage = false;

  constructor(
    index: Index,
    files: Files,
    holds: Holds,
    collector: Collector,
    warn: (message: string) => void,
  ) {
    this.index = index;
    this.files = files;
    this.holds = holds;
    this.collector = collector;
    this.warn = warn;
    this.#settled = files.settledFolder;
  }

  /**
   * Writes files and, once they are durable, changes the index, which then knows them.
   * When anything fails, the files are gone and the index is as it was.
   * @param work - looks, throws or writes; see {@link Index.change}
   */
  async publish<Written, T>(
    write: (set: FileSet) => Promise<Written>,
    work: (change: Change, written: Written) => T,
  ): Promise<T> {
    const set = new FileSet();
    try {
      const written = await write(set);
      await this.files.flush(set);
      const result = await this.index.change((change) => {
        const value = work(change, written);
        for (const { number, kind } of set.files) change.put("files", numberKey(number), kind);
        this.#noteSettled(change);
        return value;
      });
      this.files.settle(set);
      if (this.#hasGarbage) this.collector.wake();
      this.#hasGarbage = false;
      return result;
    } catch (cause) {
      // Whether a broken index knows the files is found out at the next start.
      if (!this.index.isBroken)
        await this.files.takeBack(set).catch((failure) => {
          this.warn(`files of a change that failed are left until the next start: ${failure}`);
        });
      throw storeFault(cause);
    }
  }

  /** Changes the index alone; afterwards every record that became garbage is gone for good. */
  async remove<T>(work: (change: Change) => T, options?: { readonly alone?: boolean }): Promise<T> {
    try {
      const result = await this.index.change(work, options);
      await this.collector.removeRecords();
      this.collector.wake();
      return result;
    } catch (cause) {
      throw storeFault(cause);
    }
  }

  /** Prepares and publishes again as long as {@link outdated} is thrown. */
  async repeated<T>(attempt: () => Promise<T>): Promise<T> {
    for (let turn = 1; ; turn++) {
      try {
        return await attempt();
      } catch (cause) {
        if (!(cause instanceof Outdated)) throw cause;
        if (turn === MAX_TURNS) throw s3Error("OPERATION_ABORTED");
      }
    }
  }

  outdated(): Error {
    return new Outdated();
  }

  /** @throws S3Error `BUCKET_NOT_FOUND` */
  bucket(name: string, reader: Reader = this.index): BucketEntry {
    const entry = readEntry("bucket", reader.get("buckets", textKey(name)));
    if (entry === undefined) throw s3Error("BUCKET_NOT_FOUND");
    return entry;
  }

  /** @throws S3Error `BUCKET_NOT_FOUND` also when it is another one of the same name */
  sameBucket(name: string, { bucket }: BucketEntry, reader: Reader): void {
    if (this.bucket(name, reader).bucket !== bucket) throw s3Error("BUCKET_NOT_FOUND");
  }

  /** A record that is replaced or removed. */
  dropRecord(change: Change, number: number): void {
    this.#hasGarbage = true;
    change.put("garbage", garbageKey(number, false), "record");
  }

  /** Content that nothing refers to any more, but what stands in the record file `own`. */
  dropContent(change: Change, pieces: readonly Piece[], own: number): void {
    for (const piece of pieces) {
      const { number, kind } = fileOf(piece);
      if (number !== own) change.put("garbage", garbageKey(number, true), kind);
    }
  }

  #noteSettled(change: Change): void {
    const settled = this.files.settledFolder;
    if (settled <= this.#settled) return;
    // Noted too early when the commit fails: the next folder notes it again.
    this.#settled = settled;
    change.put("state", SETTLED, String(settled));
  }
}
