/** Request bodies on their way in, bounded one by one and all together. */
import type { Readable } from "node:stream";
import { SpareMemory, spareBytes } from "../keys/spare-memory.js";

/** Memory for bodies that are not complete, shared by all connections. */
export class BodyBudget {
  #free: number;
  readonly #pages: Buffer[] = [];
  /** For bodies larger than a page. */
  readonly spare: SpareMemory = new SpareMemory();

  constructor(bytes: number) {
    this.#free = bytes;
  }

  /** False when so many bytes are not free. */
  take(bytes: number): boolean {
    if (bytes > this.#free) return false;
    this.#free -= bytes;
    return true;
  }

  give(bytes: number): void {
    this.#free += bytes;
  }

  /** A buffer of {@link PAGE_BYTES}, where most bodies have room. */
  page(): Buffer {
    return this.#pages.pop() ?? Buffer.alloc(PAGE_BYTES);
  }

  /** Nobody reads the first `used` bytes of `page` any more. */
  givePage(page: Buffer, used: number): void {
    page.fill(0, 0, used);
    if (this.#pages.length < MAX_PAGES) this.#pages.push(page);
  }
}

export const PAGE_BYTES = 1024;
const MAX_PAGES = 256;

/** Why a body was not read to its end. */
export type BodyRefusal = "too-large" | "overloaded";
/** Why a body could not be read. */
export type BodyFailure = BodyRefusal | "aborted";

/**
 * Reads all of `source`, at most `limit` bytes. `done` is called once; what comes after a refusal is thrown away
 * as it comes.
 */
export function readWhole(
  source: Readable,
  limit: number,
  budget: BodyBudget,
  done: (body: Buffer | BodyFailure) => void,
): void {
  const body = new BodyBuffer(limit, budget);
  let open = true;
  const finish = (end: Buffer | BodyFailure): void => {
    if (!open) return;
    open = false;
    body.release();
    done(end);
    body.recycle();
  };
  source.on("data", (piece: Buffer) => {
    if (!open) return;
    const refusal = body.add(piece);
    if (refusal !== undefined) finish(refusal);
  });
  source.on("end", () => open && finish(body.take()));
  source.on("close", () => finish("aborted"));
  source.on("error", () => finish("aborted"));
}

/**
 * One body. Of pieces that are its own the first, mostly the only one, is handed on as it is. Further pieces are copied
 * together: kept as they come, a body sent byte by byte would take hundreds of times its size.
 */
export class BodyBuffer {
  readonly #limit: number;
  readonly #budget: BodyBudget;
  readonly #isLent: boolean;
  #buffer: Buffer = EMPTY;
  #isPage = false;
  /** The buffer is of {@link BodyBudget.spare}. */
  #isSpare = false;
  #size = 0;
  #taken = 0;

  /** @param isLent - pieces are good only while they are added, and so is the body until {@link recycle} */
  constructor(limit: number, budget: BodyBudget, isLent = false) {
    this.#limit = limit;
    this.#budget = budget;
    this.#isLent = isLent;
  }

  /** Adds a piece. @returns why the body cannot be read, or undefined */
  add(piece: Buffer): BodyRefusal | undefined {
    const size = this.#size + piece.length;
    if (size > this.#limit) return "too-large";
    if (this.#size === 0 && this.#isLent && size <= PAGE_BYTES) {
      if (!this.#reserve(PAGE_BYTES)) return "overloaded";
      this.#buffer = this.#budget.page();
      this.#isPage = true;
      piece.copy(this.#buffer);
    } else if (this.#size === 0 && !this.#isLent) {
      if (!this.#reserve(size)) return "overloaded";
      this.#buffer = piece;
    } else {
      if (size > this.#buffer.length && !this.#grow(size)) return "overloaded";
      piece.copy(this.#buffer, this.#size);
    }
    this.#size = size;
    return undefined;
  }

  /** The body so far; gives the memory back to the budget, for the body is in others' hands now. */
  take(): Buffer {
    this.release();
    return this.#buffer.subarray(0, this.#size);
  }

  /** Gives the memory back; to be called once in any case. */
  release(): void {
    this.#budget.give(this.#taken);
    this.#taken = 0;
  }

  /** The body was read by whom it was for. */
  recycle(): void {
    this.#letGo();
    this.#buffer = EMPTY;
    this.#size = 0;
  }

  #grow(size: number): boolean {
    const capacity = spareBytes(Math.max(size, this.#buffer.length * 2, MIN_CAPACITY));
    if (!this.#reserve(Math.min(this.#limit, capacity))) return false;
    const larger = this.#budget.spare.take(capacity);
    this.#buffer.copy(larger, 0, 0, this.#size);
    this.#letGo();
    this.#isSpare = true;
    this.#buffer = larger;
    return true;
  }

  /** Gives back what the body was collected in, unless it is somebody else's piece. */
  #letGo(): void {
    if (this.#isPage) this.#budget.givePage(this.#buffer, this.#size);
    if (this.#isSpare) this.#budget.spare.give(this.#buffer, this.#size);
    this.#isPage = false;
    this.#isSpare = false;
  }

  #reserve(bytes: number): boolean {
    if (!this.#budget.take(bytes - this.#taken)) return false;
    this.#taken = bytes;
    return true;
  }
}

const EMPTY: Buffer = Buffer.alloc(0);
/** Room for the second piece of a body. */
const MIN_CAPACITY = 4096;
