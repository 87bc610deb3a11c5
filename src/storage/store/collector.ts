/**
 * Removes files that belong to nothing any more. What they are stands in the index, in the same transaction that made
 * them garbage, so that none is forgotten. Bounded work at a time; content waits while somebody reads it.
 */
import type { Files } from "./files.js";
import type { Holds } from "./holds.js";
import type { Index } from "./index-database.js";
import {
  GARBAGE_CONTENT,
  GARBAGE_END,
  GARBAGE_START,
  garbageKey,
  numberKey,
  readGarbage,
} from "./index-keys.js";
import type { FileName } from "./layout.js";

/** Files that are removed before their folders are synced. */
const BATCH = 256;

type Garbage = FileName & { readonly waits: boolean };

export class Collector {
  readonly #index: Index;
  readonly #files: Files;
  readonly #holds: Holds;
  readonly #warn: (message: string) => void;
  #records: Promise<void> | undefined;
  #recordsAgain: Promise<void> | undefined;
  #contents: Promise<void> | undefined;
  #contentsAgain = false;
  #isClosed = false;

  constructor(index: Index, files: Files, holds: Holds, warn: (message: string) => void) {
    this.#index = index;
    this.#files = files;
    this.#holds = holds;
    this.#warn = warn;
  }

  /** Begins, in the background, with what is there. */
  wake(): void {
    if (this.#isClosed) return;
    this.removeRecords();
    this.wakeForContents();
  }

  /** As {@link wake}, where only content can have become free. */
  wakeForContents(): void {
    if (this.#isClosed) return;
    if (this.#contents !== undefined) this.#contentsAgain = true;
    else this.#contents = this.#collectContents();
  }

  /** Resolves when every record that was garbage at the call is gone for good; a failure is warned of. */
  removeRecords(): Promise<void> {
    if (this.#records === undefined) return this.#beginRecords();
    // The one that runs may have passed what the caller means.
    this.#recordsAgain ??= this.#records.then(() => this.#beginRecords());
    return this.#recordsAgain;
  }

  /** Finishes what it is about; the rest is for the next start. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#recordsAgain;
    await this.#records;
    await this.#contents;
  }

  #beginRecords(): Promise<void> {
    this.#recordsAgain = undefined;
    this.#records = this.#collect(GARBAGE_START, GARBAGE_CONTENT, () => true).finally(() => {
      this.#records = undefined;
    });
    return this.#records;
  }

  async #collectContents(): Promise<void> {
    do {
      this.#contentsAgain = false;
      await this.#collect(GARBAGE_CONTENT, GARBAGE_END, ({ number }) => !this.#holds.isHeld(number));
    } while (this.#contentsAgain && !this.#isClosed);
    // In the same turn in which there was nothing more to do: who wakes it now begins anew.
    this.#contents = undefined;
  }

  async #collect(start: Buffer, end: Buffer, isFree: (garbage: Garbage) => boolean): Promise<void> {
    try {
      let batch: Garbage[] = [];
      for (const { key, value } of this.#index.range("garbage", start, end)) {
        const garbage = readGarbage(key, value);
        if (!isFree(garbage)) continue;
        batch.push(garbage);
        if (batch.length < BATCH) continue;
        await this.#removeBatch(batch);
        batch = [];
        if (this.#isClosed) return;
      }
      await this.#removeBatch(batch);
    } catch (cause) {
      this.#tell(cause);
    }
  }

  async #removeBatch(batch: readonly Garbage[]): Promise<void> {
    if (batch.length === 0) return;
    try {
      await this.#remove(batch);
    } catch {
      // One that stays must not keep the others.
      for (const garbage of batch) await this.#remove([garbage]).catch((cause) => this.#tell(cause));
    }
  }

  #tell(cause: unknown): void {
    this.#warn(`a file that belongs to nothing could not be removed, which is tried again: ${cause}`);
  }

  async #remove(batch: readonly Garbage[]): Promise<void> {
    await this.#files.remove(batch);
    await this.#index.change((change) => {
      for (const { number, waits } of batch) {
        change.remove("garbage", garbageKey(number, waits));
        change.remove("files", numberKey(number));
      }
    });
  }
}
