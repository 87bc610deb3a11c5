/** Room that is left on the disk. A part of it is kept free, so that the index can be written and objects deleted. */
import { s3Error } from "../s3/errors.js";
import { onDisk } from "./faults.js";
import type { FileSystem } from "./file-system.js";

/** What is known of the disk holds for so long. */
const FRESH_MS = 1_000;
/** Record and content. */
const FILES_OF_OBJECT = 2;

/** What is kept free. */
export interface Reserve {
  readonly bytes: number;
  readonly files: number;
}

export class Space {
  readonly #system: FileSystem;
  readonly #path: string;
  readonly #reserve: Reserve;
  readonly #now: () => number;
  #freeBytes = 0;
  #freeFiles = 0;
  #measuredMs = Number.NEGATIVE_INFINITY;

  /** @param now - monotonic milliseconds */
  constructor(system: FileSystem, path: string, reserve: Reserve, now: () => number) {
    this.#system = system;
    this.#path = path;
    this.#reserve = reserve;
    this.#now = now;
  }

  /**
   * To be called before `bytes` are written.
   * @throws S3Error `STORAGE_FULL` when they would take what is kept free
   */
  async check(bytes: number): Promise<void> {
    this.#freeBytes -= bytes;
    this.#freeFiles -= FILES_OF_OBJECT;
    const now = this.#now();
    if (now - this.#measuredMs > FRESH_MS || this.#isShort()) {
      this.#measuredMs = now;
      const { freeBytes, freeFiles } = await onDisk(this.#system.state(this.#path));
      this.#freeBytes = freeBytes - bytes;
      this.#freeFiles = freeFiles - FILES_OF_OBJECT;
    }
    if (this.#isShort()) throw s3Error("STORAGE_FULL");
  }

  #isShort(): boolean {
    return this.#freeBytes < this.#reserve.bytes || this.#freeFiles < this.#reserve.files;
  }
}
