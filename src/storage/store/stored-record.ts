/** What stands in record files: everything that the index holds, so that it can be built anew from them. */
import type { BucketRecord, ObjectRecord, PartRecord, UploadRecord } from "./object-store.js";

/** A stretch of content. The content of an object is its pieces one behind the other. */
export interface Piece {
  /** Number of the file. */
  readonly file: number;
  /** Set: within a record file, at this offset. Else the piece is a content file, all of it. */
  readonly at?: number;
  /** Bytes, at least 1: what is empty has no pieces. */
  readonly size: number;
}

/**
 * One record file. Where several of one kind mean the same thing (bucket; bucket and key; upload; upload and number;
 * name), that with the highest file number holds.
 */
export type StoredRecord =
  | {
      readonly kind: "bucket";
      /** Number of the bucket, the same as long as it lives: that of its first record file. */
      readonly bucket: number;
      readonly record: BucketRecord;
    }
  | {
      readonly kind: "object";
      readonly bucket: number;
      readonly record: ObjectRecord;
      readonly pieces: readonly Piece[];
      /** The upload that it was made of, which has ended therefore. */
      readonly upload?: number;
    }
  | {
      readonly kind: "upload";
      readonly bucket: number;
      readonly record: UploadRecord;
    }
  | {
      readonly kind: "part";
      /** Number of the upload: that of its record file. */
      readonly upload: number;
      readonly record: PartRecord;
      readonly pieces: readonly Piece[];
    }
  | { readonly kind: "setting"; readonly name: string; readonly value: string };

/** Bytes of all pieces. */
export function sizeOf(pieces: readonly Piece[]): number {
  return pieces.reduce((sum, { size }) => sum + size, 0);
}

const members: Readonly<
  Record<StoredRecord["kind"], Readonly<Record<string, "number" | "object" | "string">>>
> = {
  bucket: { bucket: "number", record: "object" },
  object: { bucket: "number", record: "object", pieces: "object" },
  upload: { bucket: "number", record: "object" },
  part: { upload: "number", record: "object", pieces: "object" },
  setting: { name: "string", value: "string" },
};

/** True for a record of a known kind with its members. What is below them is ours: a checksum stands over it. */
export function isStoredRecord(value: unknown): value is StoredRecord {
  if (typeof value !== "object" || value === null) return false;
  const kind: unknown = Reflect.get(value, "kind");
  const row = Object.entries(members).find(([name]) => name === kind)?.[1];
  if (row === undefined) return false;
  return Object.entries(row).every(([name, type]) => {
    const member: unknown = Reflect.get(value, name);
    return typeof member === type && member !== null;
  });
}
