/** Shared by the tests of encryption: object keys that show their bytes, and patterns. */
import { expect } from "chai";
import { secureRandom } from "../../../../src/crypto/random.js";
import { S3Error } from "../../../../src/storage/s3-error.js";
import type { SseFailure } from "../../../../src/storage/sse/errors.js";
import type { ObjectKey } from "../../../../src/storage/sse/object-key.js";
import { openValue } from "../../../../src/storage/sse/sealed-value.js";

/** Hex of the 32 bytes that no method gives away: sealed under a known key and opened again. */
export function bytesOf(key: ObjectKey): string {
  const secret = secureRandom(32);
  return openValue(secret, key.sealUnder(secret, secureRandom)).toString("hex");
}

/** Byte i is i modulo 251. */
export function pattern(size: number): Buffer {
  const bytes = Buffer.alloc(size);
  for (let i = 0; i < size; i++) bytes[i] = i % 251;
  return bytes;
}

/** The error that `run` throws or rejects with, which must be the storage module's. */
export async function failureOf(run: () => unknown): Promise<S3Error> {
  try {
    await run();
  } catch (error) {
    if (error instanceof S3Error) return error;
    throw error;
  }
  throw new Error("did not fail");
}

/** Expects that failure. */
export async function fails(run: () => unknown, reason: SseFailure): Promise<void> {
  expect((await failureOf(run)).reason).to.equal(reason);
}
