/** Contents that can be made again from a number. */
import { createHash } from "node:crypto";

/** Borders of packages among them. */
const SIZES = [0, 1, 1_000, 30_000, 65_535, 65_536, 65_537, 131_072, 300_000];
/** The least that S3 allows, and a bit: parts end within packages. */
const PART_BYTES = 5 * 1024 * 1024 + 11;

/** Content that belongs to `seed` and to nothing else: no two have the same bytes anywhere. */
function filled(seed: string, size: number): Buffer {
  const bytes = Buffer.alloc(size);
  const digest = createHash("sha256").update(seed).digest();
  for (let at = 0; at < size; at += digest.length) {
    bytes.set(digest.subarray(0, size - at), at);
    // The place is part of the pattern: a range of another place shows.
    if (at + 4 <= size) bytes.writeUInt32BE(at, at);
  }
  return bytes;
}

export function contentOf(seed: string): Buffer {
  const choice = createHash("md5").update(seed).digest().readUInt32BE(0);
  return filled(seed, SIZES[choice % SIZES.length] ?? 0);
}

export function partsOf(seed: string): readonly Buffer[] {
  return [filled(`${seed} part 1`, PART_BYTES), filled(`${seed} part 2`, 70_001)];
}
