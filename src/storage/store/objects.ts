/** Objects: putting, changing, deleting, reading. */
import { s3Error } from "../s3/errors.js";
import { HeldContent } from "./content-reader.js";
import type { Core, Reader } from "./core.js";
import type { StoredDraft } from "./draft.js";
import {
  enterObject,
  type ListedRecord,
  type ObjectEntry,
  type PiecesEntry,
  readEntry,
  type WrittenObject,
} from "./entries.js";
import { damaged } from "./faults.js";
import type { FileSet } from "./files.js";
import { endKey, numberKey, objectKey, positionKey } from "./index-keys.js";
import type { Change } from "./index-writes.js";
import type { Check, HeldObject, ObjectRecord } from "./object-store.js";
import { CONTENT_OFFSET } from "./record-file.js";
import type { Piece } from "./stored-record.js";

/** A content that is replaced while it is looked for: each turn means that somebody else's change went through. */
const MAX_TURNS = 100;

export class Objects {
  readonly #core: Core;

  constructor(core: Core) {
    this.#core = core;
  }

  object(bucket: string, key: string): ObjectRecord | undefined {
    return this.record(this.#core.bucket(bucket).bucket, key);
  }

  *scan(bucket: number, start: Buffer): Iterable<ListedRecord> {
    for (const { value } of this.#core.index.range("objects", positionKey(bucket, start), endKey(bucket)))
      yield readEntry("object", value).record;
  }

  async hold(bucket: string, key: string): Promise<HeldObject | undefined> {
    const { files, holds, index } = this.#core;
    for (let turn = 0; turn < MAX_TURNS; turn++) {
      const number = this.#core.bucket(bucket).bucket;
      const entry = this.#entry(number, key);
      if (entry === undefined) return undefined;
      const record = this.record(number, key);
      if (record === undefined) return undefined;
      const pieces = this.piecesOf(entry);
      if (!isInline(entry, pieces)) return new HeldContent(record, pieces, files, holds, holds.hold(pieces));
      const file = await files.readRecord(entry.file);
      // Not there: the object was replaced, and its record went with its content.
      if (file !== undefined) return new HeldContent(record, file.content, files, holds, () => {});
      index.refresh();
      if (this.#entry(number, key)?.file === entry.file)
        throw damaged(`record file ${entry.file} of an object is gone`);
    }
    throw s3Error("SLOW_DOWN");
  }

  async publish(bucket: string, record: ObjectRecord, draft: StoredDraft, check: Check): Promise<void> {
    await draft.use(async () => {
      const entry = this.#core.bucket(bucket);
      // Again below, where it counts; most of what fails, fails here, and has cost nothing.
      check(this.record(entry.bucket, record.key));
      await this.#core.publish(
        (set) => this.#writeNew(set, entry.bucket, record, draft),
        (change, written) => {
          this.#core.sameBucket(bucket, entry, change);
          check(this.record(entry.bucket, record.key, change));
          this.put(change, entry.bucket, { ...written, record });
        },
      );
    });
  }

  async change(
    bucket: string,
    key: string,
    make: (existing: ObjectRecord | undefined) => ObjectRecord,
  ): Promise<void> {
    await this.#core.repeated(async () => {
      const bucketEntry = this.#core.bucket(bucket);
      const number = bucketEntry.bucket;
      const record = make(this.record(number, key));
      const entry = this.#entry(number, key);
      if (entry === undefined) throw s3Error("KEY_NOT_FOUND");
      await this.#core.publish(
        (set) => this.#writeAgain(set, number, record, entry),
        (change, written) => {
          this.#core.sameBucket(bucket, bucketEntry, change);
          if (this.#entry(number, key, change)?.file !== entry.file) throw this.#core.outdated();
          this.#core.dropRecord(change, entry.file);
          change.remove("pieces", numberKey(entry.file));
          enterObject(change, number, { ...written, record });
        },
      );
    });
  }

  async delete(bucket: string, key: string, check: Check): Promise<void> {
    await this.#core.remove((change) => {
      const { bucket: number } = this.#core.bucket(bucket, change);
      check(this.record(number, key, change));
      const entry = this.#entry(number, key, change);
      if (entry === undefined) return;
      change.remove("objects", objectKey(number, key));
      this.#drop(change, entry);
    });
  }

  /** Changes whenever anything of the object does, and never comes again; undefined where there is none. */
  version(bucket: number, key: string): number | undefined {
    return this.#entry(bucket, key)?.file;
  }

  /** With its parts, which are looked at only when somebody asks for them. */
  record(bucket: number, key: string, reader: Reader = this.#core.index): ObjectRecord | undefined {
    const entry = this.#entry(bucket, key, reader);
    if (entry === undefined || entry.pieces !== undefined) return entry?.record;
    const text = reader.get("pieces", numberKey(entry.file));
    let parts: ObjectRecord["parts"];
    return Object.defineProperty({ ...entry.record }, "parts", {
      enumerable: true,
      get: () => {
        parts ??= readPieces(entry, text).parts;
        return parts;
      },
    });
  }

  piecesOf(entry: ObjectEntry, reader: Reader = this.#core.index): readonly Piece[] {
    return entry.pieces ?? readPieces(entry, reader.get("pieces", numberKey(entry.file))).pieces;
  }

  /** In place of what is there, which becomes garbage. */
  put(change: Change, bucket: number, object: WrittenObject): void {
    const existing = this.#entry(bucket, object.record.key, change);
    if (existing !== undefined) this.#drop(change, existing);
    enterObject(change, bucket, object);
  }

  #drop(change: Change, entry: ObjectEntry): void {
    this.#core.dropContent(change, this.piecesOf(entry, change), entry.file);
    this.#core.dropRecord(change, entry.file);
    if (entry.pieces === undefined) change.remove("pieces", numberKey(entry.file));
  }

  async #writeNew(set: FileSet, bucket: number, record: ObjectRecord, draft: StoredDraft) {
    const { files } = this.#core;
    const { inline, path, storedSize: size } = draft;
    if (path === undefined) return this.#writeInline(set, bucket, record, inline ?? Buffer.alloc(0));
    const pieces = [{ file: await files.takeIn(set, path), size }];
    const file = await files.writeRecord(set, () => ({ kind: "object", bucket, record, pieces }));
    return { file, pieces };
  }

  /** The same content under another record. */
  async #writeAgain(set: FileSet, bucket: number, record: ObjectRecord, entry: ObjectEntry) {
    const { files } = this.#core;
    const pieces = this.piecesOf(entry);
    if (isInline(entry, pieces)) {
      const old = await files.readRecord(entry.file);
      if (old === undefined) {
        if (this.#entry(bucket, record.key)?.file !== entry.file) throw this.#core.outdated();
        throw damaged(`record file ${entry.file} of an object is gone`);
      }
      return this.#writeInline(set, bucket, record, old.content);
    }
    const file = await files.writeRecord(set, () => ({ kind: "object", bucket, record, pieces }));
    return { file, pieces };
  }

  async #writeInline(set: FileSet, bucket: number, record: ObjectRecord, content: Buffer) {
    const piecesIn = (file: number): readonly Piece[] =>
      content.length === 0 ? [] : [{ file, at: CONTENT_OFFSET, size: content.length }];
    const file = await this.#core.files.writeRecord(
      set,
      (number) => ({ kind: "object", bucket, record, pieces: piecesIn(number) }),
      content,
    );
    return { file, pieces: piecesIn(file) };
  }

  #entry(bucket: number, key: string, reader: Reader = this.#core.index): ObjectEntry | undefined {
    return readEntry("object", reader.get("objects", objectKey(bucket, key)));
  }
}

/** True when its content stands in its own record file. */
function isInline(entry: ObjectEntry, pieces: readonly Piece[]): boolean {
  return pieces[0]?.file === entry.file;
}

function readPieces(entry: ObjectEntry, text: string | undefined): PiecesEntry {
  const pieces = readEntry("pieces", text);
  if (pieces === undefined) throw damaged(`the index has no pieces for record file ${entry.file}`);
  return pieces;
}
