/** Values of the index's tables, as JSON. They are written here and nowhere else, and trusted when read. */

import { numberKey, objectKey } from "./index-keys.js";
import type { Change } from "./index-writes.js";
import type { BucketRecord, ObjectRecord, PartRecord, UploadRecord } from "./object-store.js";
import type { Piece } from "./stored-record.js";

/** A record as listings need it. */
export type ListedRecord = Omit<ObjectRecord, "parts">;

export interface BucketEntry {
  /** Number of its record file, here and below. */
  readonly file: number;
  readonly bucket: number;
  readonly record: BucketRecord;
}

export interface ObjectEntry {
  readonly file: number;
  readonly record: ListedRecord;
  /** Absent for an object of several parts: these and its pieces stand in the table `pieces`, under `file`. */
  readonly pieces?: readonly Piece[];
}

/** What an object of several parts has besides: a listing does not read it. */
export interface PiecesEntry {
  readonly parts: readonly PartRecord[];
  readonly pieces: readonly Piece[];
}

export interface UploadEntry {
  /** The number of the upload, too. */
  readonly file: number;
  /** Grows with each part that is put. */
  readonly changes: number;
  readonly record: UploadRecord;
}

export interface PartEntry {
  readonly file: number;
  readonly record: PartRecord;
  readonly pieces: readonly Piece[];
}

export interface SettingEntry {
  readonly file: number;
  readonly value: string;
}

interface Entries {
  bucket: BucketEntry;
  object: ObjectEntry;
  pieces: PiecesEntry;
  upload: UploadEntry;
  part: PartEntry;
  setting: SettingEntry;
}

export function writeEntry<Kind extends keyof Entries>(_kind: Kind, entry: Entries[Kind]): string {
  return JSON.stringify(entry);
}

export function readEntry<Kind extends keyof Entries>(_kind: Kind, text: string): Entries[Kind];
export function readEntry<Kind extends keyof Entries>(
  _kind: Kind,
  text: string | undefined,
): Entries[Kind] | undefined;
export function readEntry(_kind: keyof Entries, text: string | undefined): unknown {
  return text === undefined ? undefined : JSON.parse(text);
}

/** An object whose files are written. */
export interface WrittenObject {
  /** Number of its record file. */
  readonly file: number;
  readonly pieces: readonly Piece[];
  readonly record: ObjectRecord;
}

/** Enters an object; what stood there must have been dropped. */
export function enterObject(change: Change, bucket: number, { file, pieces, record }: WrittenObject): void {
  const { parts, ...listed } = record;
  if (parts !== undefined) change.put("pieces", numberKey(file), writeEntry("pieces", { parts, pieces }));
  const entry: ObjectEntry = { file, record: listed, ...(parts === undefined ? { pieces } : {}) };
  change.put("objects", objectKey(bucket, record.key), writeEntry("object", entry));
}
