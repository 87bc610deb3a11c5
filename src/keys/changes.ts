/** Creating and deleting keys: what is acknowledged has been read back, and what is not known is said so. */
import type { KeyVersion } from "../crypto/key-version.js";
import { isKesError, KesError } from "../errors.js";
import type { Keystore } from "../keystore/contract.js";
import type { KeyName } from "../names.js";
import type { KeyCache } from "./cache.js";
import type { Clock } from "./clock.js";
import { type Call, untilAborted, within } from "./deadline.js";
import type { KeystoreHealth } from "./health.js";
import { type Finding, lookUp } from "./look-up.js";
import type { Changed, KeyLimits, KeyLog } from "./options.js";
import { Slots } from "./slots.js";

export interface KeyChangesOptions {
  readonly keystore: Keystore;
  readonly cache: KeyCache;
  readonly clock: Clock;
  readonly health: KeystoreHealth;
  readonly log: KeyLog;
  readonly limits: KeyLimits;
  /** As in `KeyServiceOptions`. */
  readonly changed: Changed;
}

/**
 * Once a change was sent to the keystore it runs to its end, with a deadline of its own: a client that goes
 * away or a short route deadline does not cancel it, for that would leave its outcome open.
 */
export class KeyChanges {
  readonly #options: KeyChangesOptions;
  readonly #slots: Slots;
  readonly #running = new Set<Promise<unknown>>();

  constructor(options: KeyChangesOptions) {
    this.#options = options;
    this.#slots = new Slots(options.limits.maxChanges, options.limits.maxWaitingChanges);
  }

  /**
   * Stores a new key and reads it back.
   * @throws KesError `KEY_EXISTS`, `KEYSTORE_BUSY`, `KEY_CREATE_FAILED` when it certainly was not stored (or
   *   something else was), `KEY_CREATE_UNCERTAIN` when nobody knows
   */
  async create(name: KeyName, keyVersion: KeyVersion, call?: Call): Promise<void> {
    const value = keyVersion.encode();
    try {
      if ((await this.#run(call, () => this.#store(name, keyVersion, value))) !== gaveUp) return;
    } catch (error) {
      keyVersion.destroy();
      throw error;
    }
    const found = await this.#lookUp(name, value);
    if (found.kind === "same") return;
    throw found.kind === "other" ? new KesError("KEY_EXISTS") : uncertainCreate(found);
  }

  /**
   * Deletes a key. From the acknowledgement on the cache does not serve it.
   * @throws KesError `KEY_NOT_FOUND`, `KEYSTORE_BUSY`, `KEY_DELETE_FAILED` when it is still there,
   *   `KEY_DELETE_UNCERTAIN` when nobody knows
   */
  async delete(name: KeyName, call?: Call): Promise<void> {
    if ((await this.#run(call, () => this.#remove(name))) !== gaveUp) return;
    const found = await this.#lookUp(name, NOTHING);
    if (found.kind !== "absent") throw uncertainDelete(found);
    await this.#drop(name);
  }

  /**
   * Somebody else says that the key has changed. What is in memory is dropped if the keystore can be asked now: whoever
   * tells this in error or in malice, or in an outage, must not cost a key that could not be fetched again.
   * @throws KesError `KEYSTORE_BUSY`, `KEYSTORE_TIMEOUT`
   */
  async recheck(name: KeyName, call?: Call): Promise<void> {
    await this.#run(call, async () => {
      const found = await this.#lookUp(name, NOTHING);
      if (found.kind !== "unknown") await this.#drop(name, "elsewhere");
    });
  }

  /** Resolves when no change is under way. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#running);
  }

  /** Runs a change when its turn comes; resolves with {@link gaveUp} when the caller stops waiting for it. */
  async #run(call: Call | undefined, change: () => Promise<void>): Promise<typeof gaveUp | undefined> {
    await this.#slots.take(call?.signal());
    if (call?.signal().aborted) {
      this.#slots.give();
      throw new KesError("KEYSTORE_TIMEOUT");
    }
    const work = change().finally(() => {
      this.#running.delete(work);
      this.#slots.give();
    });
    this.#running.add(work);
    if (call === undefined) {
      await work;
      return undefined;
    }
    const late = new KesError("KEYSTORE_TIMEOUT");
    try {
      await untilAborted(work, call.signal(), () => late);
      return undefined;
    } catch (error) {
      if (error === late) return gaveUp;
      throw error;
    }
  }

  async #store(name: KeyName, keyVersion: KeyVersion, value: Uint8Array): Promise<void> {
    const { cache, keystore } = this.#options;
    const reservation = cache.reserve(name);
    let admitted = false;
    try {
      // `value` is never wiped: a call that ignores its deadline might still write it, and would store zeros.
      const failure = await this.#attempt((signal) => keystore.create(name, value, signal));
      if (isKesError(failure, "KEYSTORE_BUSY")) throw failure;
      if (isRefusal(failure)) throw new KesError("KEY_CREATE_FAILED", [], { cause: failure });
      const found = await this.#lookUp(name, value);
      // Also after KEY_EXISTS: an adapter that tried twice may have met its own first attempt.
      if (found.kind !== "same") throw this.#createError(name, failure, found);
      cache.admit(name, reservation, keyVersion, found.readMs);
      admitted = true;
      await this.#options.changed(name, "here");
    } finally {
      cache.release(name, reservation);
      if (!admitted) {
        keyVersion.destroy();
        // Fetches from before the answer may still say that the key does not exist.
        cache.forgetFetch(name);
      }
    }
  }

  #createError(name: KeyName, failure: unknown, found: Finding): KesError {
    if (isKesError(failure, "KEY_EXISTS")) return failure;
    if (failure === undefined && found.kind !== "unknown") {
      const what = found.kind === "absent" ? "does not hold it" : "holds other bytes";
      const cause = new Error(`key ${name}: the key store said that it was stored, but ${what}`);
      this.#options.log.error(cause.message);
      return new KesError("KEY_CREATE_FAILED", [], { cause });
    }
    if (found.kind === "other") return new KesError("KEY_EXISTS");
    return uncertainCreate(found, failure);
  }

  async #remove(name: KeyName): Promise<void> {
    const { keystore } = this.#options;
    let pending = true;
    const failure = await this.#attempt(async (signal) => {
      try {
        await keystore.delete(name, signal);
      } catch (cause) {
        // A delete that changed nothing must not cost the key: during an outage it could not be fetched again.
        if (isRefusal(cause)) throw cause;
        await this.#drop(name);
        throw cause;
      } finally {
        pending = false;
      }
      // In here, so that it happens also when the call ends long after its deadline.
      await this.#drop(name);
    });
    if (failure === undefined) return;
    if (isKesError(failure, "KEY_NOT_FOUND", "KEYSTORE_BUSY")) throw failure;
    if (isRefusal(failure)) throw new KesError("KEY_DELETE_FAILED", [], { cause: failure });
    await this.#drop(name);
    const found = await this.#lookUp(name, NOTHING);
    if (found.kind === "absent") return this.#drop(name);
    // While the call is pending, "still there" means no more than "not yet".
    if (found.kind === "unknown" || pending) throw uncertainDelete(found, failure);
    throw new KesError("KEY_DELETE_FAILED", [], { cause: failure });
  }

  /** From now on the key is not served from memory; resolves when nobody else does either. */
  #drop(name: KeyName, by: "here" | "elsewhere" = "here"): Promise<void> {
    this.#options.cache.invalidate(name);
    return this.#options.changed(name, by);
  }

  /** Runs a change within its deadline. Resolves with its failure, or undefined. */
  async #attempt(change: (signal: AbortSignal) => Promise<void>): Promise<unknown> {
    const { clock, health, limits } = this.#options;
    const startedMs = clock.now();
    try {
      await within(clock, limits.changeTimeoutMs, change);
      health.succeeded();
      return undefined;
    } catch (cause) {
      health.observe(startedMs, cause);
      return cause ?? new Error("the key store failed without saying why");
    }
  }

  #lookUp(name: KeyName, expected: Uint8Array): Promise<Finding> {
    const { keystore, clock, health, limits } = this.#options;
    return lookUp({ keystore, clock, health, timeoutMs: limits.lookUpTimeoutMs }, name, expected);
  }
}

/** The caller stopped waiting; the change goes on. */
const gaveUp = Symbol("gave up");

/** Equals no stored value. */
const NOTHING = Buffer.alloc(0);

/** True for failures after which nothing has changed in the keystore. */
function isRefusal(failure: unknown): boolean {
  return isKesError(failure, "KEYSTORE_UNREACHABLE", "KEYSTORE_UNAVAILABLE", "KEYSTORE_BUSY");
}

function uncertainCreate(found: Finding, failure?: unknown): KesError {
  const cause = failure ?? (found.kind === "unknown" ? found.cause : undefined);
  return new KesError("KEY_CREATE_UNCERTAIN", [], { cause });
}

function uncertainDelete(found: Finding, failure?: unknown): KesError {
  const cause = failure ?? (found.kind === "unknown" ? found.cause : undefined);
  return new KesError("KEY_DELETE_UNCERTAIN", [], { cause });
}
