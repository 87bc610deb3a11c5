/** Proof that a stored value is a key that works: something sealed with it that opens. */
import { KeyFormatError } from "../../crypto/key-encoding.js";
import { decodeKeyVersion, type KeyVersion } from "../../crypto/key-version.js";
import type { RandomSource } from "../../crypto/random.js";
import { KesError } from "../../errors.js";
import type { KeyName } from "../../names.js";

/** Nothing that is encrypted for a user has this context. */
const CONTEXT = Buffer.from("keswick bundle canary", "latin1");

/** True for what this version reads as a key. */
export function isKeyValue(value: Uint8Array): boolean {
  const key = keyOf(value);
  key?.destroy();
  return key !== undefined;
}

/** The name of the key, sealed with it; empty when `value` is no key to this version. */
export function sealCanary(name: KeyName, value: Uint8Array, random: RandomSource): Buffer {
  const key = keyOf(value);
  try {
    return key?.seal(Buffer.from(name, "latin1"), CONTEXT, random) ?? Buffer.alloc(0);
  } finally {
    key?.destroy();
  }
}

/** Whether `value` is a key that opens `canary`. @returns undefined when it is no key to this version */
export function opensCanary(name: KeyName, value: Uint8Array, canary: Uint8Array): boolean | undefined {
  const key = keyOf(value);
  if (key === undefined) return undefined;
  try {
    return key.open(canary, CONTEXT).toString("latin1") === name;
  } catch (error) {
    if (error instanceof KesError && error.code === "DECRYPT_FAILED") return false;
    throw error;
  } finally {
    key.destroy();
  }
}

function keyOf(value: Uint8Array): KeyVersion | undefined {
  try {
    return decodeKeyVersion(value);
  } catch (error) {
    if (error instanceof KeyFormatError) return undefined;
    throw error;
  }
}
