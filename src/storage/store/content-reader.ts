/** Reading content that is held. */
import { s3Error } from "../s3/errors.js";
import { storeFault } from "./faults.js";
import type { Files } from "./files.js";
import { fileOf, type Holds } from "./holds.js";
import type { HeldObject, ObjectRecord } from "./object-store.js";
import { type Piece, sizeOf } from "./stored-record.js";

/** Bytes that are read at a time; one such buffer is read ahead. */
const READ_BYTES = 512 * 1024;

/** An object whose pieces are held. */
export class HeldContent implements HeldObject {
  readonly record: ObjectRecord;
  readonly storedSize: number;
  readonly #pieces: readonly Piece[];
  /** All content, where it stands in the object's own record file, which goes away with the object. */
  readonly #inline: Buffer | undefined;
  readonly #files: Files;
  readonly #holds: Holds;
  readonly #release: () => void;
  #isReleased = false;

  constructor(
    record: ObjectRecord,
    content: readonly Piece[] | Buffer,
    files: Files,
    holds: Holds,
    release: () => void,
  ) {
    this.record = record;
    this.#inline = Buffer.isBuffer(content) ? content : undefined;
    this.#pieces = Buffer.isBuffer(content) ? [] : content;
    this.storedSize = this.#inline?.length ?? sizeOf(this.#pieces);
    this.#files = files;
    this.#holds = holds;
    this.#release = release;
  }

  async *read(offset: number, length: number): AsyncIterable<Buffer> {
    if (offset < 0 || length < 0 || offset + length > this.storedSize)
      throw new RangeError(`${length} bytes at ${offset} of ${this.storedSize}`);
    if (this.#inline !== undefined) {
      if (length > 0) yield this.#inline.subarray(offset, offset + length);
      return;
    }
    if (this.#isReleased) throw s3Error("INTERNAL", { cause: new Error("the object was released before") });
    const stretches = stretchesOf(this.#pieces, offset, length);
    const release = this.#holds.hold(this.#pieces);
    let ahead: Promise<Buffer> | undefined;
    try {
      for (let { value } = stretches.next(); value !== undefined || ahead !== undefined; ) {
        const current = ahead;
        ahead = value === undefined ? undefined : this.#readStretch(value);
        // Reported when its turn comes; the consumer may stop before that.
        ahead?.catch(() => {});
        value = stretches.next().value;
        if (current !== undefined) yield await current;
      }
    } catch (cause) {
      throw storeFault(cause);
    } finally {
      await ahead?.catch(() => {});
      release();
    }
  }

  release(): void {
    this.#isReleased = true;
    this.#release();
  }

  #readStretch({ piece, offset, length }: Stretch): Promise<Buffer> {
    return this.#files.readSome(fileOf(piece), (piece.at ?? 0) + offset, length);
  }
}

interface Stretch {
  readonly piece: Piece;
  /** Within the piece. */
  readonly offset: number;
  readonly length: number;
}

function* stretchesOf(
  pieces: readonly Piece[],
  offset: number,
  length: number,
): Generator<Stretch, undefined> {
  let start = offset;
  let left = length;
  for (const piece of pieces) {
    if (left === 0) return;
    if (start >= piece.size) {
      start -= piece.size;
      continue;
    }
    const end = Math.min(piece.size, start + left);
    for (let at = start; at < end; at += READ_BYTES)
      yield { piece, offset: at, length: Math.min(READ_BYTES, end - at) };
    left -= end - start;
    start = 0;
  }
}
