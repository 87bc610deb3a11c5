/** What every adapter checks before it acts: the types promise it, but a key folder is not the place to trust them. */
import { timingSafeEqual } from "node:crypto";
import { KesError } from "../errors.js";
import { isName, type KeyName } from "../names.js";
import { MAX_VALUE_BYTES } from "./contract.js";
import { unusable } from "./faults.js";

/** @throws KesError `INTERNAL` when `name` is no key name: a `/` in it would lead out of the key folder */
export function checkName(name: KeyName): void {
  if (!isName(name)) throw new KesError("INTERNAL", [], { cause: new RangeError("not a valid key name") });
}

/** @throws KesError `INTERNAL` unless `value` holds 1 to {@link MAX_VALUE_BYTES} bytes */
export function checkValue(value: Uint8Array): void {
  if (value.length >= 1 && value.length <= MAX_VALUE_BYTES) return;
  const cause = new RangeError(`a value has 1 to ${MAX_VALUE_BYTES} bytes, not ${value.length}`);
  throw new KesError("INTERNAL", [], { cause });
}

/** Equality of two stored values in time that depends on their lengths only. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

/** What every call after `close` rejects with. */
export function closedError(): KesError {
  return unusable("the key store was closed");
}
