/** Envelope encryption of a file of any size (docs/file-format.md). */
import { DareSealer, mostSealedBytes } from "../../crypto/dare-sealer.js";
import type { RandomSource } from "../../crypto/random.js";
import type { KeyName } from "../../names.js";
import { sealHeader } from "./header.js";
import { BLOCK_BYTES, pump } from "./pump.js";
import { ReadAhead } from "./read-ahead.js";
import type { Sink } from "./sink.js";
import type { Source } from "./source.js";

/** A data key from the key server: 32 bytes in plaintext, and the same sealed under the named key. */
export interface Dek {
  readonly plaintext: Buffer;
  readonly ciphertext: Buffer;
}

export interface EncryptOptions {
  readonly source: Source;
  readonly sink: Sink;
  readonly keyName: KeyName;
  /** Asks for a data key bound to `FILE_CONTEXT`. What it gives is wiped after use. */
  readonly generate: () => Promise<Dek>;
  readonly random: RandomSource;
  readonly signal: AbortSignal;
  readonly onProgress: (bytes: number) => void;
}

/**
 * Writes `source` to `sink`, encrypted with a data key of its own, and publishes it.
 * @throws what source, sink and `generate` throw, or the signal's reason; nothing is published then
 */
export async function encryptFile(options: EncryptOptions): Promise<void> {
  const { source, sink, keyName, generate, random, signal, onProgress } = options;
  const dek = await generate();
  const blocks = new ReadAhead(source, BLOCK_BYTES);
  try {
    const first = await blocks.next();
    const isEmpty = first.length === 0;
    const header = sealHeader({ keyName, sealedDek: dek.ciphertext, isEmpty }, dek.plaintext);
    const transform = new DareSealer(header.contentKey, random);
    header.contentKey.fill(0);
    await sink.write(header.bytes);
    const targetBytes = mostSealedBytes(BLOCK_BYTES);
    await pump({ first, rest: blocks, transform, targetBytes, sink, signal, onProgress });
  } finally {
    dek.plaintext.fill(0);
  }
  await sink.publish(signal);
}
