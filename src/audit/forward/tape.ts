/** Reads the lines of a chain one after the other while it is written and rotated. */
import { constants } from "node:fs";
import { dirname } from "node:path";
import { frameOf } from "../file/line.js";
import { rotatedFilesOf } from "../file/names.js";
import type { AuditFileSystem } from "../file/system.js";

const CHUNK_BYTES = 256 * 1024;

/** Lines that follow each other. */
export interface Piece {
  /** Each with its newline. */
  readonly lines: readonly Buffer[];
  readonly first: number;
  readonly last: number;
}

interface Place {
  readonly path: string;
  readonly first: number;
  readonly fd: number;
  offset: number;
}

export class Tape {
  readonly #fs: AuditFileSystem;
  readonly #path: string;
  /** Number of the current file's first line; 0 while there is none. */
  readonly #currentFirst: () => number;
  #last: number;
  #place: Place | undefined;

  /** @param last - number of the line after which reading begins */
  constructor(fs: AuditFileSystem, path: string, currentFirst: () => number, last: number) {
    this.#fs = fs;
    this.#path = path;
    this.#currentFirst = currentFirst;
    this.#last = last;
  }

  /** Number of the last line that was read and {@link taken}. */
  get last(): number {
    return this.#last;
  }

  /** The next lines, the same ones until they are {@link taken}; undefined when there are none yet. */
  async next(): Promise<Piece | undefined> {
    for (let files = 0; files < 2; files++) {
      const place = await this.#find();
      if (place === undefined) return undefined;
      const piece = await this.#read(place);
      if (piece !== undefined) return piece;
      // The end of this file: is there one behind it?
      if (!(await this.#hasFileBehind(place))) return undefined;
      await this.close();
    }
    return undefined;
  }

  /** The lines of `piece` need not be read again. */
  taken({ lines, last }: Piece): void {
    this.#last = last;
    if (this.#place !== undefined) this.#place.offset += lines.reduce((sum, line) => sum + line.length, 0);
  }

  /** Goes on behind line `sequence`. */
  async skipTo(sequence: number): Promise<void> {
    await this.close();
    this.#last = sequence;
  }

  async close(): Promise<void> {
    const place = this.#place;
    this.#place = undefined;
    if (place !== undefined) await this.#fs.close(place.fd);
  }

  /** The files of the chain that are there, oldest first. */
  async files(): Promise<readonly { readonly path: string; readonly first: number }[]> {
    const rotated = rotatedFilesOf(this.#path, await this.#fs.list(dirname(this.#path)));
    const current = this.#currentFirst();
    return current === 0
      ? rotated
      : [...rotated.filter(({ first }) => first < current), { path: this.#path, first: current }];
  }

  /**
   * Bytes that were not taken yet, and the number of the line behind which whole files with at most `room` bytes are
   * left; undefined where there is no such line.
   */
  async backlog(room: number): Promise<{ readonly bytes: number; readonly keepFrom: number | undefined }> {
    const files = await this.files();
    let bytes = 0;
    let keepFrom: number | undefined;
    for (const file of files.toReversed()) {
      const size = (await this.#fs.stat(file.path))?.size ?? 0;
      bytes += this.#place?.first === file.first ? Math.max(0, size - this.#place.offset) : size;
      if (file.first <= this.#last + 1) break;
      if (bytes <= room) keepFrom = file.first - 1;
    }
    return { bytes, keepFrom };
  }

  async #hasFileBehind({ first }: Place): Promise<boolean> {
    return (await this.files()).some((file) => file.first > first);
  }

  async #find(): Promise<Place | undefined> {
    if (this.#place !== undefined) return this.#place;
    const files = await this.files();
    // The one with the next line, or the first behind a gap.
    const holding = files.findLast(({ first }) => first <= this.#last + 1) ?? files[0];
    if (holding === undefined) return undefined;
    const fd = await this.#fs.open(holding.path, constants.O_RDONLY);
    this.#place = { ...holding, fd, offset: 0 };
    return this.#place;
  }

  /** The lines at the place that are new; those that are not are passed over. */
  async #read(place: Place): Promise<Piece | undefined> {
    for (;;) {
      const buffer = Buffer.alloc(CHUNK_BYTES);
      const length = await this.#fs.read(place.fd, buffer, place.offset);
      const end = buffer.subarray(0, length).lastIndexOf(10) + 1;
      // Longer than any line: what stands here is none, and is passed over.
      if (end === 0 && length === CHUNK_BYTES) place.offset += CHUNK_BYTES;
      if (end === 0) return undefined;
      const piece = this.#newLines(buffer.subarray(0, end), place);
      if (piece !== undefined) return piece;
    }
  }

  #newLines(data: Buffer, place: Place): Piece | undefined {
    const lines: Buffer[] = [];
    let first = 0;
    let last = this.#last;
    let passed = 0;
    for (let start = 0; start < data.length; ) {
      const end = data.indexOf(10, start) + 1;
      const frame = frameOf(data.subarray(start, end - 1));
      if (frame !== undefined && frame.sequence > last) {
        if (lines.length === 0) first = frame.sequence;
        last = frame.sequence;
        lines.push(data.subarray(start, end));
      } else if (lines.length === 0) passed = end;
      // Something between that is no new line: what stands before it goes first.
      else break;
      start = end;
    }
    place.offset += passed;
    return lines.length === 0 ? undefined : { lines, first, last };
  }
}
