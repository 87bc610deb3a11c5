/** First half of a rebuild: what each record file says is entered; the newer replaces the older. */
import { enterObject, writeEntry } from "./entries.js";
import type { IndexDatabase } from "./index-database.js";
import { numberKey, partKey, textKey, uploadKey } from "./index-keys.js";
import type { Change } from "./index-writes.js";
import type { FileName } from "./layout.js";
import type { StoredRecord } from "./stored-record.js";

/** A file of data and, for a record that can be read, what it says. */
export interface FoundFile {
  readonly file: FileName;
  readonly stored: StoredRecord | undefined;
}

/** Records that are entered in one transaction. */
const BATCH = 500;

/** In the table `state`: an upload that became an object. */
export function completedKey(upload: number): Buffer {
  return Buffer.concat([COMPLETED_START, numberKey(upload)]);
}

export const COMPLETED_START = textKey("completed/");
export const COMPLETED_END = textKey("completed0");

/** @param found - in ascending order of file numbers */
export async function enterAll(index: IndexDatabase, found: AsyncIterable<FoundFile>): Promise<void> {
  let batch: FoundFile[] = [];
  const flush = async (): Promise<void> => {
    const entered = batch;
    batch = [];
    await index.change((change) => {
      for (const item of entered) enter(change, item);
    });
  };
  for await (const item of found) {
    batch.push(item);
    if (batch.length === BATCH) await flush();
  }
  await flush();
}

function enter(change: Change, { file: { number, kind }, stored }: FoundFile): void {
  // What cannot be read belongs to nobody who could remove it.
  if (kind === "content" || stored !== undefined) change.put("files", numberKey(number), kind);
  switch (stored?.kind) {
    case "bucket": {
      const { bucket, record } = stored;
      change.put("buckets", textKey(record.name), writeEntry("bucket", { file: number, bucket, record }));
      return;
    }
    case "object":
      enterObject(change, stored.bucket, { file: number, pieces: stored.pieces, record: stored.record });
      if (stored.upload !== undefined) change.put("state", completedKey(stored.upload), "");
      return;
    case "upload": {
      const { bucket, record } = stored;
      const entry = writeEntry("upload", { file: number, changes: 0, record });
      change.put("uploads", uploadKey(bucket, record.key, record.id), entry);
      return;
    }
    case "part": {
      const { upload, record, pieces } = stored;
      change.put(
        "parts",
        partKey(upload, record.number),
        writeEntry("part", { file: number, record, pieces }),
      );
      return;
    }
    case "setting":
      change.put(
        "settings",
        textKey(stored.name),
        writeEntry("setting", { file: number, value: stored.value }),
      );
  }
}
