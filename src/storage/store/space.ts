/** Room that is left on the disk. A part of it is kept free, so that the index can be written and objects deleted. */
import { s3Error } from "../s3/errors.js";
import { onDisk } from "./faults.js";
import type { FileSystem } from "./file-system.js";

/** What is known of the disk holds for so long. */
const FRESH_MS = 1_000;
export class Space {
  readonly #system: FileSystem;
  readonly #path: string;
  readonly #reserveBytes: number;
  readonly #now: () => number;
  #freeBytes = 0;
  #measuredMs = Number.NEGATIVE_INFINITY;

  /** @param now - monotonic milliseconds */
  constructor(system: FileSystem, path: string, reserveBytes: number, now: () => number) {
    this.#system = system;
    this.#path = path;
    this.#reserveBytes = reserveBytes;
    this.#now = now;
  }

  /**
   * To be called before `bytes` are written.
   * @throws S3Error `STORAGE_FULL` when they would take what is kept free
   */
  async check(bytes: number): Promise<void> {
    this.#freeBytes -= bytes;
    const now = this.#now();
    if (now - this.#measuredMs > FRESH_MS || this.#freeBytes < this.#reserveBytes) {
      this.#measuredMs = now;
      this.#freeBytes = (await onDisk(this.#system.state(this.#path))).freeBytes - bytes;
    }
    if (this.#freeBytes < this.#reserveBytes) throw s3Error("STORAGE_FULL");
  }
}
