/** Buckets and settings. */
import { s3Error } from "../s3/errors.js";
import type { Core } from "./core.js";
import { type BucketEntry, readEntry, writeEntry } from "./entries.js";
import { endKey, numberKey, textKey } from "./index-keys.js";
import type { BucketRecord } from "./object-store.js";

const FIRST = Buffer.of(0);
const BEHIND_TEXT = Buffer.of(0xff);

export class Buckets {
  readonly #core: Core;

  constructor(core: Core) {
    this.#core = core;
  }

  bucket(name: string): BucketRecord | undefined {
    return readEntry("bucket", this.#core.index.get("buckets", textKey(name)))?.record;
  }

  /** Of the one that has the name now. */
  number(name: string): number | undefined {
    return readEntry("bucket", this.#core.index.get("buckets", textKey(name)))?.bucket;
  }

  buckets(): readonly BucketRecord[] {
    const entries = this.#core.index.range("buckets", FIRST, BEHIND_TEXT);
    return Array.from(entries, ({ value }) => readEntry("bucket", value).record);
  }

  async create(record: BucketRecord): Promise<void> {
    const key = textKey(record.name);
    const { files, index } = this.#core;
    if (index.get("buckets", key) !== undefined) throw s3Error("BUCKET_OWNED");
    await this.#core.publish(
      (set) => files.writeRecord(set, (bucket) => ({ kind: "bucket", bucket, record })),
      (change, file) => {
        if (change.get("buckets", key) !== undefined) throw s3Error("BUCKET_OWNED");
        change.put("buckets", key, writeEntry("bucket", { file, bucket: file, record }));
      },
    );
  }

  async change(name: string, make: (record: BucketRecord) => BucketRecord): Promise<void> {
    await this.#core.repeated(async () => {
      const { bucket, file, record } = this.#core.bucket(name);
      const changed = make(record);
      await this.#core.publish(
        (set) => this.#core.files.writeRecord(set, () => ({ kind: "bucket", bucket, record: changed })),
        (change, newFile) => {
          if (this.#core.bucket(name, change).file !== file) throw this.#core.outdated();
          const entry: BucketEntry = { file: newFile, bucket, record: changed };
          change.put("buckets", textKey(name), writeEntry("bucket", entry));
          this.#core.dropRecord(change, file);
        },
      );
    });
  }

  /** @returns its number: its uploads are there still, though nobody can reach them */
  async delete(name: string): Promise<number> {
    return this.#core.remove(
      (change) => {
        const { bucket, file } = this.#core.bucket(name, change);
        for (const _ of change.range("objects", numberKey(bucket), endKey(bucket)))
          throw s3Error("BUCKET_NOT_EMPTY");
        change.remove("buckets", textKey(name));
        change.put("state", goneKey(bucket), "");
        this.#core.dropRecord(change, file);
        return bucket;
      },
      { alone: true },
    );
  }

  setting(name: string): string | undefined {
    return readEntry("setting", this.#core.index.get("settings", textKey(name)))?.value;
  }

  async changeSetting(name: string, expected: string | undefined, value: string): Promise<boolean> {
    const key = textKey(name);
    const { files, index } = this.#core;
    const isExpected = (text: string | undefined): boolean => readEntry("setting", text)?.value === expected;
    if (!isExpected(index.get("settings", key))) return false;
    const mismatch = s3Error("PRECONDITION_FAILED");
    try {
      await this.#core.publish(
        (set) => files.writeRecord(set, () => ({ kind: "setting", name, value })),
        (change, file) => {
          const text = change.get("settings", key);
          if (!isExpected(text)) throw mismatch;
          change.put("settings", key, writeEntry("setting", { file, value }));
          if (text !== undefined) this.#core.dropRecord(change, readEntry("setting", text).file);
        },
      );
      return true;
    } catch (cause) {
      if (cause === mismatch) return false;
      throw cause;
    }
  }
}

/** In the table `state`: a bucket that was deleted and whose uploads are not all gone. */
export function goneKey(bucket: number): Buffer {
  return Buffer.concat([GONE_START, numberKey(bucket)]);
}

export const GONE_START = textKey("gone/");
export const GONE_END = textKey("gone0");
