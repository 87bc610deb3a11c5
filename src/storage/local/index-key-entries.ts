/** The index's keys, opened one by one and kept under the default key of today. */
import type { RandomSource } from "../../crypto/random.js";
import type { KeyService } from "../keys/key-service.js";
import { S3Error } from "../s3-error.js";
import { openEncryption } from "../sse/encryption.js";
import { isSseError } from "../sse/errors.js";
import { readEncryption, type StoredMetadata, writeEncryption } from "../sse/metadata.js";
import { ObjectKey } from "../sse/object-key.js";
import { rotateEncryption } from "../sse/rotate.js";
import type { ObjectPath } from "../sse/seal.js";

/** No bucket can have this name. */
export const INDEX_KEY_PATH: ObjectPath = { bucket: ".keswick", object: "index" };

/** An entry, and what came of opening it: a key, the failure for one that is locked, nothing for one that is lost. */
export interface Opened {
  readonly entry: StoredMetadata;
  readonly key: ObjectKey | S3Error | undefined;
}

/** Those that are open. */
export function keysOf(opened: readonly Opened[]): readonly ObjectKey[] {
  return opened.map(({ key }) => key).filter((key) => key instanceof ObjectKey);
}

/**
 * One `decrypt` for each entry that is not open yet: what is open stays open, whatever becomes of the key service.
 * @throws S3Error of the key service when nothing was open before, but for a denial
 */
export function openEntries(
  entries: readonly StoredMetadata[],
  before: readonly Opened[],
  keys: KeyService | undefined,
): Promise<readonly Opened[]> {
  const known = new Map(before.map(({ entry, key }) => [JSON.stringify(entry), key]));
  const isAnyOpen = keysOf(before).length > 0;
  return Promise.all(
    entries.map(async (entry) => {
      const open = known.get(JSON.stringify(entry));
      return open instanceof ObjectKey ? { entry, key: open } : openEntry(entry, isAnyOpen, keys);
    }),
  );
}

async function openEntry(
  entry: StoredMetadata,
  isAnyOpen: boolean,
  keys: KeyService | undefined,
): Promise<Opened> {
  try {
    const encryption = readEncryption(entry);
    if (encryption === undefined) return { entry, key: undefined };
    return { entry, key: await openEncryption(encryption, { path: INDEX_KEY_PATH, keys, use: "read" }) };
  } catch (error) {
    if (isSseError(error, "KMS_KEY_NOT_FOUND", "KMS_ALTERED", "SSE_ALTERED")) {
      return { entry, key: undefined };
    }
    if (error instanceof S3Error && (isAnyOpen || isSseError(error, "KMS_DENIED"))) {
      return { entry, key: error };
    }
    throw error;
  }
}

export interface Followed {
  readonly opened: readonly Opened[];
  /** Entries are others than before, and have to be stored. */
  readonly isChanged: boolean;
  /** Some are still under another key. */
  readonly hasFailed: boolean;
}

/** Seals what is open under the default key, so that the one before can be deleted. */
export async function followDefaultKey(
  opened: readonly Opened[],
  parts: { readonly keys: KeyService | undefined; readonly random: RandomSource },
): Promise<Followed> {
  let isChanged = false;
  let hasFailed = false;
  const followed: Opened[] = [];
  for (const each of opened) {
    let entry: StoredMetadata | undefined;
    try {
      entry = each.key instanceof ObjectKey ? await resealed(each.entry, parts) : undefined;
    } catch (error) {
      // It is open and stays so.
      if (!(error instanceof S3Error)) throw error;
      hasFailed = true;
    }
    isChanged ||= entry !== undefined;
    followed.push(entry === undefined ? each : { ...each, entry });
  }
  return { opened: followed, isChanged, hasFailed };
}

/** Undefined for what is under the default key. */
async function resealed(
  entry: StoredMetadata,
  { keys, random }: { readonly keys: KeyService | undefined; readonly random: RandomSource },
): Promise<StoredMetadata | undefined> {
  const encryption = readEncryption(entry);
  if (encryption === undefined || encryption.kind === "SSE-C" || keys === undefined) return undefined;
  if (encryption.dek.keyName === keys.defaultKey) return undefined;
  const to = { kind: "SSE-S3" } as const;
  const rotated = await rotateEncryption(encryption, { to, path: INDEX_KEY_PATH, keys, random });
  return rotated && writeEncryption(rotated);
}
