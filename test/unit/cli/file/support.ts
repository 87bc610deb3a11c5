/** Files in memory, and a key server that holds one data key. */

import { decryptFile } from "../../../../src/cli/file/decrypt.js";
import type { Dek } from "../../../../src/cli/file/encrypt.js";
import { encryptFile } from "../../../../src/cli/file/encrypt.js";
import type { FileHeader } from "../../../../src/cli/file/header.js";
import type { Sink } from "../../../../src/cli/file/sink.js";
import type { Source } from "../../../../src/cli/file/source.js";
import { type RandomSource, secureRandom } from "../../../../src/crypto/random.js";
import { type KeyName, keyName } from "../../../../src/names.js";

export function nameOf(text: string): KeyName {
  const name = keyName(text);
  if (name === undefined) throw new Error(`'${text}' is no key name`);
  return name;
}

export interface MemorySource extends Source {
  readonly reads: () => number;
}

/** @param failAt - the read, counted from 1, that fails with `failure` */
export function memorySource(
  bytes: Buffer,
  failAt?: number,
  failure = new Error("disk is gone"),
): MemorySource {
  let at = 0;
  let reads = 0;
  return {
    name: "'in'",
    size: bytes.length,
    async read(target) {
      if (++reads === failAt) throw failure;
      const copied = bytes.copy(target, 0, at);
      at += copied;
      return copied;
    },
    close: async () => undefined,
    reads: () => reads,
  };
}

export interface MemorySink extends Sink {
  readonly written: () => Buffer;
  /** Undefined until it is published. */
  readonly published: () => Buffer | undefined;
  /** True while a write has not settled. */
  readonly isBusy: () => boolean;
}

/** @param failAt - the write, counted from 1, that fails */
export function memorySink(failAt?: number): MemorySink {
  const parts: Buffer[] = [];
  let writes = 0;
  let published: Buffer | undefined;
  let isBusy = false;
  return {
    name: "'out'",
    async write(bytes) {
      if (isBusy) throw new Error("two writes at a time");
      isBusy = true;
      const failed = ++writes === failAt;
      // As a disk does: the bytes are taken later than the call.
      await new Promise((resolve) => setImmediate(resolve));
      isBusy = false;
      if (failed) throw new Error("disk is full");
      parts.push(Buffer.from(bytes));
    },
    async publish(signal) {
      signal.throwIfAborted();
      published = Buffer.concat(parts);
    },
    close: async () => undefined,
    written: () => Buffer.concat(parts),
    published: () => published,
    isBusy: () => isBusy,
  };
}

export const DEK = Buffer.alloc(32, 0x5a);
export const SEALED_DEK = Buffer.alloc(76, 0xc3);
/** Is never aborted. */
export const never: AbortSignal = new AbortController().signal;

/** A data key that may be wiped. */
export const freshDek = async (): Promise<Dek> => ({ plaintext: Buffer.from(DEK), ciphertext: SEALED_DEK });

export async function encrypted(plaintext: Buffer, random: RandomSource = secureRandom): Promise<Buffer> {
  const sink = memorySink();
  await encryptFile({
    source: memorySource(plaintext),
    sink,
    keyName: nameOf("my-key"),
    generate: freshDek,
    random,
    signal: never,
    onProgress: () => undefined,
  });
  return sink.published() ?? Buffer.from("was not published");
}

export async function decrypted(
  file: Buffer,
  openDek: (header: FileHeader) => Promise<Buffer> = async () => Buffer.from(DEK),
  sink: MemorySink = memorySink(),
): Promise<Buffer> {
  await decryptFile({
    source: memorySource(file),
    sink,
    openDek,
    signal: never,
    onProgress: () => undefined,
  });
  return sink.published() ?? Buffer.from("was not published");
}

/** The error that `work` rejects with. */
export async function failureOf(work: Promise<unknown>): Promise<Error> {
  try {
    await work;
  } catch (error) {
    if (error instanceof Error) return error;
    throw error;
  }
  throw new Error("did not fail");
}
