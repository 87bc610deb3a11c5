/** A store in memory, by the contract: quick, and its contents can be damaged. */

import { s3Error } from "../../src/storage/s3/errors.js";
import { compareKeys } from "../../src/storage/s3/listing.js";
import type {
  BucketRecord,
  Check,
  Draft,
  HeldObject,
  ObjectRecord,
  ObjectStore,
  PartRecord,
  UploadCheck,
  UploadRecord,
} from "../../src/storage/store/object-store.js";

/** Bytes of a chunk that is read. */
const CHUNK_BYTES = 100_000;

interface Bucket {
  record: BucketRecord;
  readonly objects: Map<string, { record: ObjectRecord; content: Buffer }>;
  readonly uploads: Map<string, { record: UploadRecord; readonly parts: Map<number, StoredPart> }>;
}

interface StoredPart {
  readonly record: PartRecord;
  readonly content: Buffer;
}

class MemoryDraft implements Draft {
  readonly storedSize: number;
  readonly content: Buffer;
  readonly #done: (draft: MemoryDraft) => void;

  constructor(content: Buffer, done: (draft: MemoryDraft) => void) {
    this.storedSize = content.length;
    this.content = content;
    this.#done = done;
  }

  async discard(): Promise<void> {
    this.#done(this);
  }
}

export class MemoryStore implements ObjectStore {
  readonly #buckets = new Map<string, Bucket>();
  readonly #settings = new Map<string, string>();
  readonly #drafts = new Set<MemoryDraft>();
  /** Objects that are held and not released. */
  heldCount = 0;
  /** Contents that are being read. */
  readCount = 0;
  isClosed = false;
  /** Set: drafts fail with it, before their source is asked for anything. */
  draftFailure: Error | undefined;
  /** Runs before the next change of a record or publication, once: what a rival does meanwhile. */
  rival: (() => void) | undefined;

  /** Drafts that were neither published nor discarded. */
  get draftCount(): number {
    return this.#drafts.size;
  }

  /** Alters the content of an object as it is stored. */
  damage(bucket: string, key: string, alter: (content: Buffer) => Buffer): void {
    const object = this.#bucket(bucket).objects.get(key);
    if (object === undefined) throw new Error("there is no such object");
    object.content = alter(Buffer.from(object.content));
  }

  /** Puts a record there without more ado. */
  replace(bucket: string, key: string, change: (record: ObjectRecord) => ObjectRecord): void {
    const object = this.#bucket(bucket).objects.get(key);
    if (object === undefined) throw new Error("there is no such object");
    object.record = change(object.record);
  }

  /** Puts an object in the place of another, as it stands. */
  rename(bucket: string, from: string, to: string): void {
    const { objects } = this.#bucket(bucket);
    const object = objects.get(from);
    if (object === undefined) throw new Error("there is no such object");
    objects.delete(from);
    objects.set(to, { ...object, record: { ...object.record, key: to } });
  }

  /** Everything that is stored, as text: for what must not stand in it. */
  dump(): string {
    const objects = [...this.#buckets.values()].flatMap(({ objects, uploads }) => [
      ...[...objects.values()].map(({ record, content }) => [record, content.toString("latin1")]),
      ...[...uploads.values()].map(({ record, parts }) => [
        record,
        ...[...parts.values()].map((part) => [part.record, part.content.toString("latin1")]),
      ]),
    ]);
    return JSON.stringify([objects, [...this.#settings]]);
  }

  bucket(name: string): BucketRecord | undefined {
    return this.#buckets.get(name)?.record;
  }

  buckets(): readonly BucketRecord[] {
    if (this.isClosed) throw new Error("closed");
    return [...this.#buckets.values()]
      .map(({ record }) => record)
      .sort((a, b) => compareKeys(a.name, b.name));
  }

  async createBucket(record: BucketRecord): Promise<void> {
    if (this.#buckets.has(record.name)) throw s3Error("BUCKET_OWNED");
    this.#buckets.set(record.name, { record, objects: new Map(), uploads: new Map() });
  }

  async changeBucket(name: string, change: (record: BucketRecord) => BucketRecord): Promise<void> {
    const bucket = this.#bucket(name);
    bucket.record = change(bucket.record);
  }

  async deleteBucket(name: string): Promise<void> {
    if (this.#bucket(name).objects.size > 0) throw s3Error("BUCKET_NOT_EMPTY");
    this.#buckets.delete(name);
  }

  object(bucket: string, key: string): ObjectRecord | undefined {
    return this.#bucket(bucket).objects.get(key)?.record;
  }

  async hold(bucket: string, key: string): Promise<HeldObject | undefined> {
    const object = this.#bucket(bucket).objects.get(key);
    if (object === undefined) return undefined;
    const { record, content } = object;
    let isHeld = true;
    this.heldCount++;
    return {
      record,
      storedSize: content.length,
      read: (offset, length) => this.#read(content, offset, length),
      release: () => {
        if (!isHeld) throw new Error("released twice");
        isHeld = false;
        this.heldCount--;
      },
    };
  }

  async *#read(content: Buffer, offset: number, length: number): AsyncGenerator<Buffer, void, undefined> {
    const end = Math.min(offset + length, content.length);
    this.readCount++;
    try {
      for (let at = offset; at < end; at += CHUNK_BYTES) {
        yield content.subarray(at, Math.min(at + CHUNK_BYTES, end));
      }
    } finally {
      this.readCount--;
    }
  }

  *scan(bucket: string, start: Buffer): Iterable<ObjectRecord> {
    const { objects } = this.#bucket(bucket);
    const keys = [...objects.keys()].filter((key) => Buffer.compare(Buffer.from(key), start) >= 0);
    for (const key of keys.sort(compareKeys)) {
      const object = objects.get(key);
      if (object !== undefined) yield object.record;
    }
  }

  async draft(source: AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<Draft> {
    if (this.draftFailure !== undefined) throw this.draftFailure;
    const pieces: Uint8Array[] = [];
    for await (const piece of source) {
      signal?.throwIfAborted();
      pieces.push(Buffer.from(piece));
    }
    signal?.throwIfAborted();
    const draft = new MemoryDraft(Buffer.concat(pieces), (done) => void this.#drafts.delete(done));
    this.#drafts.add(draft);
    return draft;
  }

  async publish(bucket: string, record: ObjectRecord, draft: Draft, check: Check): Promise<void> {
    this.#meanwhile();
    const { objects } = this.#bucket(bucket);
    check(objects.get(record.key)?.record);
    objects.set(record.key, { record, content: this.#taken(draft) });
  }

  async changeObject(
    bucket: string,
    key: string,
    change: (existing: ObjectRecord | undefined) => ObjectRecord,
  ): Promise<void> {
    this.#meanwhile();
    const { objects } = this.#bucket(bucket);
    const existing = objects.get(key);
    const record = change(existing?.record);
    if (existing === undefined) throw new Error("a record without content");
    objects.set(key, { record, content: existing.content });
  }

  async deleteObject(bucket: string, key: string, check: Check): Promise<void> {
    this.#meanwhile();
    const { objects } = this.#bucket(bucket);
    check(objects.get(key)?.record);
    objects.delete(key);
  }

  async createUpload(bucket: string, record: UploadRecord): Promise<void> {
    this.#bucket(bucket).uploads.set(record.id, { record, parts: new Map() });
  }

  upload(bucket: string, key: string, id: string): UploadRecord | undefined {
    const upload = this.#bucket(bucket).uploads.get(id);
    return upload?.record.key === key ? upload.record : undefined;
  }

  *scanUploads(bucket: string, start: Buffer): Iterable<UploadRecord> {
    const records = [...this.#bucket(bucket).uploads.values()]
      .map(({ record }) => record)
      .filter(({ key }) => Buffer.compare(Buffer.from(key), start) >= 0);
    yield* records.sort((a, b) => compareKeys(a.key, b.key) || compareKeys(a.id, b.id));
  }

  async putPart(bucket: string, key: string, id: string, part: PartRecord, draft: Draft): Promise<void> {
    this.#meanwhile();
    const upload = this.#upload(bucket, key, id);
    upload.parts.set(part.number, { record: part, content: this.#taken(draft) });
  }

  parts(bucket: string, key: string, id: string): readonly PartRecord[] {
    return [...this.#upload(bucket, key, id).parts.values()]
      .map(({ record }) => record)
      .sort((a, b) => a.number - b.number);
  }

  async completeUpload(bucket: string, id: string, record: ObjectRecord, check: Check): Promise<void> {
    this.#meanwhile();
    const { objects, uploads } = this.#bucket(bucket);
    const upload = this.#upload(bucket, record.key, id);
    const parts = (record.parts ?? []).map((part) => {
      const stored = upload.parts.get(part.number);
      if (stored === undefined || stored.record.etag !== part.etag) throw s3Error("PART_INVALID");
      return stored.content;
    });
    check(objects.get(record.key)?.record);
    objects.set(record.key, { record, content: Buffer.concat(parts) });
    uploads.delete(id);
  }

  async abortUpload(bucket: string, key: string, id: string, check?: UploadCheck): Promise<void> {
    this.#upload(bucket, key, id);
    const record = this.upload(bucket, key, id);
    if (record !== undefined) check?.(record, this.parts(bucket, key, id));
    this.#bucket(bucket).uploads.delete(id);
  }

  setting(name: string): string | undefined {
    return this.#settings.get(name);
  }

  async changeSetting(name: string, expected: string | undefined, value: string): Promise<boolean> {
    if (this.#settings.get(name) !== expected) return false;
    this.#settings.set(name, value);
    return true;
  }

  async close(): Promise<void> {
    this.isClosed = true;
  }

  #bucket(name: string): Bucket {
    const bucket = this.#buckets.get(name);
    if (bucket === undefined) throw s3Error("BUCKET_NOT_FOUND");
    return bucket;
  }

  #upload(bucket: string, key: string, id: string): { readonly parts: Map<number, StoredPart> } {
    const upload = this.#bucket(bucket).uploads.get(id);
    if (upload?.record.key !== key) throw s3Error("UPLOAD_NOT_FOUND");
    return upload;
  }

  #taken(draft: Draft): Buffer {
    if (!(draft instanceof MemoryDraft) || !this.#drafts.delete(draft)) throw new Error("no such draft");
    return draft.content;
  }

  #meanwhile(): void {
    const { rival } = this;
    this.rival = undefined;
    rival?.();
  }
}
