/** Contents that can be made again from a word, and fingerprints of objects. */
import { createHash } from "node:crypto";
import type { ObjectRecord, ObjectStore } from "../../src/storage/store/object-store.js";

export const BUCKET = "crash";

/** Sizes around the borders: empty, small, in the record file at most, just not, several writes. */
const SIZES = [0, 100, 5_000, 65_536, 65_537, 300_000, 1_200_000];

/** Content that belongs to `seed` and to nothing else. */
export function contentOf(seed: string): Buffer {
  const digest = createHash("sha256").update(seed).digest();
  const size = SIZES[(digest[0] ?? 0) % SIZES.length] ?? 0;
  const bytes = Buffer.alloc(size, digest);
  bytes.write(seed.slice(0, size));
  return bytes;
}

export function recordOf(key: string, size: number, etag: string): ObjectRecord {
  return { key, size, etag, modifiedMs: 1, headers: {}, tags: [], encryption: {} };
}

/** Of an object's record and content. */
export function fingerprint(etag: string, content: Uint8Array): string {
  return createHash("sha256").update(etag).update("\0").update(content).digest("hex").slice(0, 32);
}

/** Fingerprint of what stands under a key. */
export async function stateOf(store: ObjectStore, key: string): Promise<string | undefined> {
  const held = await store.hold(BUCKET, key);
  if (held === undefined) return undefined;
  try {
    const chunks: Buffer[] = [];
    for await (const chunk of held.read(0, held.storedSize)) chunks.push(chunk);
    return fingerprint(held.record.etag, Buffer.concat(chunks));
  } finally {
    held.release();
  }
}

export async function* source(content: Buffer): AsyncIterable<Uint8Array> {
  for (let at = 0; at < content.length; at += 65_536) yield content.subarray(at, at + 65_536);
}
