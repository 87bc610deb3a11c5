/** The one place where random bytes come from. Everything else takes a {@link RandomSource} as argument. */
import { randomBytes, randomFillSync } from "node:crypto";

/** Gives `size` fresh bytes fit for keys, ivs and nonces. The caller owns them: they are given to nobody else. */
export type RandomSource = (size: number) => Buffer;

/** The operating system's generator through OpenSSL, asked once for every call. */
export const secureRandom: RandomSource = (size) => randomBytes(size);

/** Bytes drawn at once by {@link pooledRandom}. */
export const RANDOM_POOL_BYTES = 4096;

/**
 * A source that draws {@link RANDOM_POOL_BYTES} at a time, since one call costs about as much for 4 KiB as
 * for 28 bytes. Each byte is handed out once, as a copy, and wiped from the pool at that moment.
 *
 * @param fill - overwrites the whole buffer with random bytes; replaced in tests only
 */
export function pooledRandom(fill: (pool: Buffer) => unknown = randomFillSync): RandomSource {
  const pool = Buffer.alloc(RANDOM_POOL_BYTES);
  let used = RANDOM_POOL_BYTES;
  return (size) => {
    if (size > RANDOM_POOL_BYTES / 4) return randomBytes(size);
    if (used + size > RANDOM_POOL_BYTES) {
      fill(pool);
      used = 0;
    }
    const bytes = Buffer.allocUnsafeSlow(size);
    // Byte by byte: for the few that a key or a nonce has, cheaper than two calls into C++.
    for (let i = 0; i < size; i++, used++) {
      bytes[i] = pool[used] ?? 0;
      pool[used] = 0;
    }
    return bytes;
  };
}
