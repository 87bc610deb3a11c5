/** Asking the keystore itself what it holds, past the cache. */
import { timingSafeEqual } from "node:crypto";
import { isKesError } from "../errors.js";
import type { Keystore } from "../keystore/contract.js";
import type { KeyName } from "../names.js";
import type { Clock } from "./clock.js";
import { within } from "./deadline.js";
import type { KeystoreHealth } from "./health.js";

/** What stands under a name: the value looked for, another one, none, or nobody knows. */
export type Finding =
  | { readonly kind: "same" | "other" | "absent"; readonly readMs: number }
  | { readonly kind: "unknown"; readonly readMs: number; readonly cause: unknown };

export interface LookUpOptions {
  readonly keystore: Keystore;
  readonly clock: Clock;
  readonly health: KeystoreHealth;
  readonly timeoutMs: number;
}

/** Reads the value of `name` and compares it with `expected`. Never throws. */
export async function lookUp(
  { keystore, clock, health, timeoutMs }: LookUpOptions,
  name: KeyName,
  expected: Uint8Array,
): Promise<Finding> {
  const readMs = clock.now();
  try {
    const value = await within(clock, timeoutMs, (signal) => keystore.get(name, signal));
    health.succeeded();
    // The values encode keys, so their first difference must not show in the time it takes.
    const same = value.length === expected.length && timingSafeEqual(value, expected);
    return { kind: same ? "same" : "other", readMs };
  } catch (cause) {
    health.observe(readMs, cause);
    if (isKesError(cause, "KEY_NOT_FOUND")) return { kind: "absent", readMs };
    return { kind: "unknown", readMs, cause };
  }
}
