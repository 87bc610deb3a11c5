/**
 * Mutual exclusion for changes of one key, between processes and machines, that a crash cannot leave locked for
 * good and a slow holder cannot break.
 *
 * A lock is a folder `.keswick-lock-<key>` that holds one file under a random name, the claim.
 * - Taking it: a folder with the claim in it is prepared aside and renamed to the lock's name. rename(2) of a
 *   folder succeeds only over nothing or over an empty folder, so of two takers one wins, and the lock never
 *   holds two claims.
 * - The claim of a replace is the new value itself: renaming it to the key's name commits and unlocks in one
 *   atomic step, and works only as long as the lock is still held.
 * - Breaking it: whoever has seen the same claim for {@link STALE_MS} of its own time removes that claim, by its
 *   random name, so that nobody else's can be hit. The former holder's commit then fails with ENOENT, however
 *   late it comes. No process ids, host names or clocks of other machines are trusted.
 */
import type { Call } from "../../src/keystore/call.js";
import { errnoOf, unusable } from "../../src/keystore/faults.js";
import type { KeyName } from "../../src/names.js";
import { draftName, lockName } from "./entries.js";
import { writeDraft } from "./files.js";
import type { Folder } from "./folder.js";

/** A holder needs milliseconds; one that shows the same claim for so long is taken for dead. */
const STALE_MS = 5_000;
/** How long to wait for a lock that passes from one live holder to the next. */
const PATIENCE_MS = 15_000;
/** A lock is looked at again after this, then after twice as long, up to the longest. */
const POLL_MS = 2;
const LONGEST_POLL_MS = 64;

/** Time and chance, as arguments. */
export interface Environment {
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** Milliseconds since the epoch, as file times are. */
  readonly wallClock: () => number;
  readonly wait: (ms: number) => Promise<void>;
  readonly randomId: () => string;
}

/** A lock that is held, or was taken away from us. */
export interface Lock {
  /** Path of the claim; it exists exactly as long as the lock is held. */
  readonly claim: string;
  /** Removes the lock. @returns false when it was not held any more: committed, or taken away */
  release(): Promise<boolean>;
}

/**
 * Takes the lock of `name`, with a claim that holds `content`.
 * @param meanwhile - runs before each attempt; what it throws ends the wait
 * @throws KesError `KEYSTORE_UNAVAILABLE` when it stays locked, or the error of a system call
 */
export async function lock(
  folder: Folder,
  env: Environment,
  call: Call,
  name: KeyName,
  content: Uint8Array,
  meanwhile: () => Promise<void>,
): Promise<Lock> {
  const { system } = folder;
  const id = env.randomId();
  const draft = folder.at(draftName(id));
  const place = folder.at(lockName(name));
  await system.mkdir(draft, 0o700);
  try {
    await writeDraft(system, `${draft}/${id}`, content);
    const seen = new Sighting(env);
    for (let pollMs = POLL_MS; ; ) {
      call.proceed();
      await meanwhile();
      if (await taken(() => system.rename(draft, place))) break;
      const holder = await claimIn(folder, place);
      const state = seen.judge(holder);
      if (state === "hopeless") throw unusable(`${folder.subject}: a key stayed locked by other changes`);
      if (state === "stale") await removed(system.unlink(`${place}/${holder}`));
      if (state !== "held") continue;
      await env.wait(pollMs);
      pollMs = Math.min(2 * pollMs, LONGEST_POLL_MS);
    }
  } catch (cause) {
    await removed(system.unlink(`${draft}/${id}`)).catch(() => {});
    await emptied(system.rmdir(draft)).catch(() => {});
    throw cause;
  }
  const claim = `${place}/${id}`;
  return {
    claim,
    async release() {
      const held = await removed(system.unlink(claim));
      await emptied(system.rmdir(place));
      return held;
    },
  };
}

/** The random name of the claim in a lock, or undefined when it is free. */
async function claimIn(folder: Folder, place: string): Promise<string | undefined> {
  try {
    for await (const entry of folder.system.entries(place)) return entry.name;
  } catch (cause) {
    if (errnoOf(cause) !== "ENOENT") throw cause;
  }
  return undefined;
}

/** What a waiter has seen of the holders so far. */
class Sighting {
  readonly #env: Environment;
  readonly #start: number;
  #holder: string | undefined;
  #since = 0;

  constructor(env: Environment) {
    this.#env = env;
    this.#start = env.now();
  }

  judge(holder: string | undefined): "free" | "held" | "stale" | "hopeless" {
    const now = this.#env.now();
    if (now - this.#start >= PATIENCE_MS) return "hopeless";
    if (holder === undefined) return "free";
    if (holder !== this.#holder) {
      this.#holder = holder;
      this.#since = now;
    }
    return now - this.#since >= STALE_MS ? "stale" : "held";
  }
}

/** False when the lock is held by another. */
async function taken(rename: () => Promise<void>): Promise<boolean> {
  try {
    await rename();
    return true;
  } catch (cause) {
    const errno = errnoOf(cause);
    if (errno === "ENOTEMPTY" || errno === "EEXIST") return false;
    throw cause;
  }
}

/** False when it was gone before. */
export async function removed(unlink: Promise<void>): Promise<boolean> {
  try {
    await unlink;
    return true;
  } catch (cause) {
    if (errnoOf(cause) === "ENOENT") return false;
    throw cause;
  }
}

/** A lock folder that is gone, or holds the next one's claim, is as good as removed. */
export async function emptied(rmdir: Promise<void>): Promise<void> {
  try {
    await rmdir;
  } catch (cause) {
    const errno = errnoOf(cause);
    if (errno !== "ENOENT" && errno !== "ENOTEMPTY" && errno !== "EEXIST") throw cause;
  }
}
