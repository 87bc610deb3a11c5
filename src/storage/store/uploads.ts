/** Uploads in parts. */
import { s3Error } from "../s3/errors.js";
import { GONE_END, GONE_START, goneKey } from "./buckets.js";
import type { Core, Reader } from "./core.js";
import type { StoredDraft } from "./draft.js";
import { type PartEntry, readEntry, type UploadEntry, writeEntry } from "./entries.js";
import type { FileSet } from "./files.js";
import { endKey, numberKey, partKey, readNumberKey, uploadKey, uploadPositionKey } from "./index-keys.js";
import type { Change } from "./index-writes.js";
import type { Check, ObjectRecord, PartRecord, UploadCheck, UploadRecord } from "./object-store.js";
import type { Objects } from "./objects.js";
import { CONTENT_OFFSET } from "./record-file.js";
import type { Piece } from "./stored-record.js";

/** Uploads of a deleted bucket that are removed at a time. */
const GONE_AT_ONCE = 16;

export class Uploads {
  readonly #core: Core;
  readonly #objects: Objects;

  constructor(core: Core, objects: Objects) {
    this.#core = core;
    this.#objects = objects;
  }

  async create(bucket: string, record: UploadRecord): Promise<void> {
    const entry = this.#core.bucket(bucket);
    const key = uploadKey(entry.bucket, record.key, record.id);
    await this.#core.publish(
      (set) => this.#core.files.writeRecord(set, () => ({ kind: "upload", bucket: entry.bucket, record })),
      (change, file) => {
        this.#core.sameBucket(bucket, entry, change);
        if (change.get("uploads", key) !== undefined) throw s3Error("OPERATION_ABORTED");
        change.put("uploads", key, writeEntry("upload", { file, changes: 0, record }));
      },
    );
  }

  upload(bucket: string, key: string, id: string): UploadRecord | undefined {
    return this.#find(bucket, key, id)?.record;
  }

  *scan(bucket: number, start: Buffer): Iterable<UploadRecord> {
    const { index } = this.#core;
    for (const { value } of index.range("uploads", uploadPositionKey(bucket, start), endKey(bucket)))
      yield readEntry("upload", value).record;
  }

  async putPart(
    bucket: string,
    key: string,
    id: string,
    part: PartRecord,
    draft: StoredDraft,
  ): Promise<void> {
    await draft.use(async () => {
      const upload = this.#get(bucket, key, id).file;
      await this.#core.publish(
        (set) => this.#writePart(set, upload, part, draft),
        (change, written) => {
          const found = this.#same(bucket, key, id, upload, change);
          const place = partKey(upload, part.number);
          const existing = readEntry("part", change.get("parts", place));
          if (existing !== undefined) this.#dropPart(change, existing);
          change.put("parts", place, writeEntry("part", { ...written, record: part }));
          const bucketNumber = this.#core.bucket(bucket, change).bucket;
          change.put(
            "uploads",
            uploadKey(bucketNumber, key, id),
            writeEntry("upload", { ...found, changes: found.changes + 1 }),
          );
        },
      );
    });
  }

  parts(bucket: string, key: string, id: string): readonly PartRecord[] {
    const upload = this.#find(bucket, key, id);
    return upload === undefined ? [] : [...this.#partsOf(upload.file)].map(({ record }) => record);
  }

  async complete(bucket: string, id: string, record: ObjectRecord, check: Check): Promise<void> {
    const bucketEntry = this.#core.bucket(bucket);
    const number = bucketEntry.bucket;
    check(this.#objects.record(number, record.key));
    await this.#core.repeated(async () => {
      const { file: upload, changes } = this.#get(bucket, record.key, id);
      const all = [...this.#partsOf(upload)];
      const taken = takenParts(all, record.parts ?? []);
      const pieces = taken.flatMap((part) => part.pieces);
      await this.#core.publish(
        (set) =>
          this.#core.files.writeRecord(set, () => ({
            kind: "object",
            bucket: number,
            record,
            pieces,
            upload,
          })),
        (change, file) => {
          const found = this.#same(bucket, record.key, id, upload, change);
          if (found.changes !== changes) throw this.#core.outdated();
          check(this.#objects.record(number, record.key, change));
          this.#objects.put(change, number, { file, pieces, record });
          this.#removeUpload(change, number, found);
          const kept = new Set(pieces.map((piece) => piece.file));
          for (const part of all) {
            change.remove("parts", partKey(upload, part.record.number));
            if (!taken.includes(part)) this.#dropPart(change, part);
            else if (!kept.has(part.file)) this.#core.dropRecord(change, part.file);
          }
        },
      );
    });
  }

  async abort(bucket: string, key: string, id: string, check?: UploadCheck): Promise<void> {
    await this.#core.repeated(async () => {
      const { file: upload, changes } = this.#get(bucket, key, id);
      const all = [...this.#partsOf(upload)];
      await this.#core.remove((change) => {
        const found = this.#same(bucket, key, id, upload, change);
        if (found.changes !== changes) throw this.#core.outdated();
        check?.(
          found.record,
          all.map(({ record }) => record),
        );
        this.#removeUpload(change, this.#core.bucket(bucket, change).bucket, found);
        this.#removeParts(change, upload, all);
      });
    });
  }

  /** Removes what is left of buckets that were deleted. What `signal` breaks off is for the next call. */
  async removeGone(signal: AbortSignal): Promise<void> {
    const { index } = this.#core;
    for (const { key } of index.range("state", GONE_START, GONE_END)) {
      const bucket = readNumberKey(key.subarray(GONE_START.length));
      for (;;) {
        const uploads: UploadEntry[] = [];
        for (const { value } of index.range("uploads", numberKey(bucket), endKey(bucket))) {
          uploads.push(readEntry("upload", value));
          if (uploads.length === GONE_AT_ONCE) break;
        }
        if (uploads.length === 0) break;
        // Together, so that they share the syncs of the index.
        await Promise.all(uploads.map((upload) => this.#removeGoneUpload(bucket, upload)));
        if (signal.aborted) return;
      }
      await this.#core.remove((change) => change.remove("state", goneKey(bucket)));
      if (signal.aborted) return;
    }
  }

  async #removeGoneUpload(bucket: number, upload: UploadEntry): Promise<void> {
    const all = [...this.#partsOf(upload.file)];
    await this.#core.remove((change) => {
      this.#removeUpload(change, bucket, upload);
      this.#removeParts(change, upload.file, all);
    });
  }

  async #writePart(
    set: FileSet,
    upload: number,
    record: PartRecord,
    { inline, path, storedSize }: StoredDraft,
  ) {
    const { files } = this.#core;
    const size = storedSize;
    const file = path === undefined ? undefined : await files.takeIn(set, path);
    const piecesIn = (own: number): readonly Piece[] => {
      if (file !== undefined) return [{ file, size }];
      return size === 0 ? [] : [{ file: own, at: CONTENT_OFFSET, size }];
    };
    const own = await files.writeRecord(
      set,
      (number) => ({ kind: "part", upload, record, pieces: piecesIn(number) }),
      inline,
    );
    return { file: own, pieces: piecesIn(own) };
  }

  #removeUpload(change: Change, bucket: number, { file, record }: UploadEntry): void {
    change.remove("uploads", uploadKey(bucket, record.key, record.id));
    this.#core.dropRecord(change, file);
  }

  #removeParts(change: Change, upload: number, parts: readonly PartEntry[]): void {
    for (const part of parts) {
      change.remove("parts", partKey(upload, part.record.number));
      this.#dropPart(change, part);
    }
  }

  #dropPart(change: Change, { file, pieces }: PartEntry): void {
    this.#core.dropContent(change, pieces, file);
    this.#core.dropRecord(change, file);
  }

  *#partsOf(upload: number): Iterable<PartEntry> {
    for (const { value } of this.#core.index.range("parts", numberKey(upload), endKey(upload)))
      yield readEntry("part", value);
  }

  #find(bucket: string, key: string, id: string, reader: Reader = this.#core.index): UploadEntry | undefined {
    const { bucket: number } = this.#core.bucket(bucket, reader);
    return readEntry("upload", reader.get("uploads", uploadKey(number, key, id)));
  }

  #get(bucket: string, key: string, id: string, reader: Reader = this.#core.index): UploadEntry {
    const entry = this.#find(bucket, key, id, reader);
    if (entry === undefined) throw s3Error("UPLOAD_NOT_FOUND");
    return entry;
  }

  #same(bucket: string, key: string, id: string, upload: number, reader: Reader): UploadEntry {
    const entry = this.#get(bucket, key, id, reader);
    if (entry.file !== upload) throw s3Error("UPLOAD_NOT_FOUND");
    return entry;
  }
}

/** @throws S3Error `PART_INVALID` */
function takenParts(all: readonly PartEntry[], wanted: readonly PartRecord[]): readonly PartEntry[] {
  const parts = new Map(all.map((part) => [part.record.number, part]));
  return wanted.map(({ number, etag }) => {
    const part = parts.get(number);
    if (part === undefined || part.record.etag !== etag) throw s3Error("PART_INVALID");
    return part;
  });
}
