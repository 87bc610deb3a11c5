/** Brings a stored transit ciphertext to the newest version of the transit key, without a moment in which it is not there. */
import type { Call } from "../../src/keystore/call.js";
import type { RewrapOptions, RewrapOutcome } from "../../src/keystore/contract.js";
import { unusable } from "../../src/keystore/faults.js";
import type { KeyName } from "../../src/names.js";
import { pause } from "./calls.js";
import type { VaultEnvironment } from "./environment.js";
import type { KvEngine, KvEntry } from "./kv.js";
import { type CallScope, isTooOld, type Transit } from "./transit.js";
import { isTransitText, transitVersionOf } from "./value.js";

/** Each but the first because another process was quicker, or an answer was lost; the last reads back. */
const MAX_ATTEMPTS = 5;

export interface RewrapParts {
  readonly kv: KvEngine;
  readonly transit: Transit;
  readonly env: VaultEnvironment;
}

/** @throws KesError, or another Error when it is open whether something was written */
export async function rewrapEntry(
  { kv, transit, env }: RewrapParts,
  name: KeyName,
  { isDryRun }: RewrapOptions,
  { call, scope }: { readonly call: Call; readonly scope: CallScope },
): Promise<RewrapOutcome> {
  let written: string | undefined;
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
    const entry = await kv.entry(name, scope);
    if (written !== undefined && (entry.rewrapped === written || entry.first === written)) return "rewrapped";
    if (entry.first !== undefined && !isTransitText(entry.first)) return "plain";
    const { text, plain } = await openable(entry, transit, scope);
    const fresh = await transit.rewrap(text, scope);
    const newest = transitVersionOf(fresh);
    if (transitVersionOf(text) === newest) return "current";
    if (entry.rewrapped !== undefined && transitVersionOf(entry.rewrapped) === newest) {
      if ((await transit.unwrap(entry.rewrapped, scope)) === plain) return "current";
    }
    if ((await transit.unwrap(fresh, scope)) !== plain) {
      throw unusable(`vault: transit rewrapped the key '${name}' into something else: nothing was stored`);
    }
    await kv.expectRewrappable(name, entry, scope);
    if (isDryRun) return "rewrapped";
    written = fresh;
    let isStored = false;
    await call.commit(async () => {
      isStored = await kv.rewrap(name, entry, fresh);
    });
    if (!isStored) await pause(env, attempt, scope.signal);
  }
  throw new Error(`vault: the key '${name}' could not be rewrapped: it changes, or answers are lost`);
}

/** The text of `entry` that can still be opened; the first one is the key, whatever stands beside it. */
async function openable(
  { first, rewrapped }: KvEntry,
  transit: Transit,
  scope: CallScope,
): Promise<{ readonly text: string; readonly plain: string }> {
  if (first !== undefined) {
    try {
      return { text: first, plain: await transit.unwrap(first, scope) };
    } catch (error) {
      if (rewrapped === undefined || !isTooOld(error)) throw error;
    }
  }
  if (rewrapped === undefined) throw unusable("vault: there is nothing to rewrap");
  return { text: rewrapped, plain: await transit.unwrap(rewrapped, scope) };
}
