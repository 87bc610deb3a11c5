/** The index's keys as they stand in a setting of the store: the newest first, so that an erased one can be followed. */
import type { StoredMetadata } from "../sse/metadata.js";

/** Those before the eighth are given up: their ETags show as those of SSE-KMS. */
const MAX_ENTRIES = 8;

/** What cannot be read counts as nothing: a new key is then made, and ETags under the old ones are lost to listings. */
export function readIndexEntries(text: string | undefined): readonly StoredMetadata[] {
  if (text === undefined) return [];
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value.filter(isEntry) : [];
  } catch {
    return [];
  }
}

export function writeIndexEntries(entries: readonly StoredMetadata[]): string {
  return JSON.stringify(entries.slice(0, MAX_ENTRIES));
}

function isEntry(value: unknown): value is StoredMetadata {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return Object.values(value).every((member) => typeof member === "string");
}
