/** Trying out a keystore: everything a server needs of it, with a key of its own, and how long it takes. */
import type { RandomSource } from "../../crypto/random.js";
import { isKesError } from "../../errors.js";
import type { KeystoreOperation, KeystorePermissions } from "../../keystore/adapter.js";
import type { Keystore } from "../../keystore/contract.js";
import type { KeyName } from "../../names.js";
import type { Ticker } from "../terminal/ticker.js";
import { probeName, probeValue } from "./probe-key.js";
import { reasonOf } from "./reason.js";
import { isSameValue } from "./target.js";

export type ProbeName = "open" | "status" | "read" | "list" | "delete" | "create" | "guard" | "remove";

/** What came of one probe. */
export interface ProbeResult {
  readonly probe: ProbeName;
  readonly outcome: "ok" | "failed" | "skipped";
  /** Milliseconds of each call. */
  readonly timesMs: readonly number[];
  /** What went wrong, or why it was left out. */
  readonly reason?: string;
  /** The part of the policy that is missing. */
  readonly remedy?: string;
}

/** So many reads make a median. */
const READS = 20;
const SOON_WAITS_MS = [50, 200, 800, 3_200] as const;
/** A call that takes longer has failed, for a server would not wait either. */
const CALL_TIMEOUT_MS = 15_000;

export interface CheckOptions {
  readonly permissions: KeystorePermissions | undefined;
  /** Names of the keys that are made begin so; without it, with one that is reserved for this. */
  readonly prefix: string | undefined;
  readonly random: RandomSource;
  readonly ticker: Ticker;
  readonly signal: AbortSignal;
  /** Milliseconds of a clock that only goes forward. */
  readonly now: () => number;
  /** Called with the name of a key that was made and may still be there. */
  readonly onLeftover: (name: KeyName) => void;
}

/**
 * Tries `keystore` out. What was made is taken away whatever happens; where that cannot be done, nothing is made.
 * @returns every probe, in order; never throws but for the signal
 */
export async function checkKeystore(
  keystore: Keystore,
  options: CheckOptions,
): Promise<readonly ProbeResult[]> {
  const check = new Check(keystore, options);
  await check.run();
  return check.results;
}

class Check {
  readonly results: ProbeResult[] = [];
  readonly #keystore: Keystore;
  readonly #options: CheckOptions;
  readonly #name: KeyName;
  readonly #value: Buffer;

  constructor(keystore: Keystore, options: CheckOptions) {
    this.#keystore = keystore;
    this.#options = options;
    this.#name = probeName(options.random, options.prefix);
    this.#value = probeValue(options.random);
  }

  async run(): Promise<void> {
    const absent = probeName(this.#options.random, this.#options.prefix);
    await this.#probe("status", "read", (signal) => this.#keystore.status(signal));
    const isReadable = await this.#probe("read", "read", async (signal) => {
      await expectAbsent(this.#keystore.get(absent, signal));
    });
    await this.#probe("list", "list", async (signal) => {
      await this.#keystore.list({ prefix: absent, limit: 1 }, signal);
    });
    // Of a key that is not there: if this is refused, a key that was made could not be taken away.
    const isDeletable = await this.#probe("delete", "delete", async (signal) => {
      try {
        await this.#keystore.delete(absent, signal);
      } catch (error) {
        if (!isAbsence(error)) throw error;
      }
    });
    if (isDeletable) return this.#tryKey(isReadable);
    const reason = "not tried: the key could not be deleted again";
    for (const probe of ["create", "guard", "remove"] as const) this.#skip(probe, reason);
  }

  /** Makes a key, uses it, and takes it away. */
  async #tryKey(isReadable: boolean): Promise<void> {
    let mayExist = false;
    try {
      const isCreated = await this.#probe("create", "create", async (signal) => {
        mayExist = true;
        try {
          await this.#keystore.create(this.#name, this.#value, signal);
        } catch (error) {
          mayExist = isKesError(error, "KEYSTORE_UNCERTAIN");
          throw error;
        }
        if (isReadable) await this.#soon(signal, isAbsence, () => this.#readBack(signal));
      });
      if (!isCreated) return this.#skip("guard", "not tried: no key could be created");
      await this.#probe("guard", "create", (signal) => this.#expectTaken(signal));
      if (isReadable) await this.#measureReads();
    } finally {
      if (mayExist) await this.#remove(isReadable);
      else this.#skip("remove", "there was nothing to remove");
    }
  }

  async #readBack(signal: AbortSignal): Promise<void> {
    const stored = await this.#keystore.get(this.#name, signal);
    if (!isSameValue(stored, this.#value)) throw new Error("the key reads back as another value");
  }

  /** A second create must not overwrite the first: that is what keeps keys from being lost. */
  async #expectTaken(signal: AbortSignal): Promise<void> {
    try {
      await this.#keystore.create(this.#name, probeValue(this.#options.random), signal);
    } catch (error) {
      if (isKesError(error, "KEY_EXISTS")) return;
      throw error;
    }
    throw new Error("a second create of the same name was accepted: keys could be overwritten");
  }

  async #measureReads(): Promise<void> {
    const { now, signal } = this.#options;
    const timesMs: number[] = [];
    for (let i = 0; i < READS; i++) {
      signal.throwIfAborted();
      const started = now();
      try {
        await this.#bounded((inner) => this.#readBack(inner));
      } catch (error) {
        signal.throwIfAborted();
        this.#fail("read", "read", error, timesMs);
        return;
      }
      timesMs.push(now() - started);
    }
    const index = this.results.findIndex(({ probe }) => probe === "read");
    this.results[index] = { probe: "read", outcome: "ok", timesMs };
  }

  async #remove(isReadable: boolean): Promise<void> {
    // Also after Ctrl-C: the signal that ends the check must not end what cleans up after it.
    const isRemoved = await this.#probe(
      "remove",
      "delete",
      async (signal) => {
        await this.#keystore.delete(this.#name, signal).catch((error: unknown) => {
          // Of a create whose outcome was open.
          if (!isAbsence(error)) throw error;
        });
        const isGone = (): Promise<void> => expectAbsent(this.#keystore.get(this.#name, signal));
        if (isReadable) await this.#soon(signal, (error) => !isKesError(error), isGone);
      },
      new AbortController().signal,
    );
    if (!isRemoved) this.#options.onLeftover(this.#name);
  }

  /** Some keystores show a change a moment after they have said that it is made. */
  async #soon(
    signal: AbortSignal,
    mayPass: (error: unknown) => boolean,
    look: () => Promise<void>,
  ): Promise<void> {
    for (const waitMs of [...SOON_WAITS_MS, undefined]) {
      try {
        return await look();
      } catch (error) {
        if (waitMs === undefined || !mayPass(error)) throw error;
        await this.#options.ticker.wait(waitMs, signal);
      }
    }
  }

  /** @returns whether it went well */
  async #probe(
    probe: ProbeName,
    operation: KeystoreOperation,
    task: (signal: AbortSignal) => Promise<void>,
    outer: AbortSignal = this.#options.signal,
  ): Promise<boolean> {
    outer.throwIfAborted();
    const started = this.#options.now();
    try {
      await this.#bounded(task, outer);
    } catch (error) {
      outer.throwIfAborted();
      this.#fail(probe, operation, error, [this.#options.now() - started]);
      return false;
    }
    this.results.push({ probe, outcome: "ok", timesMs: [this.#options.now() - started] });
    return true;
  }

  #bounded(task: (signal: AbortSignal) => Promise<void>, outer = this.#options.signal): Promise<void> {
    return task(AbortSignal.any([outer, AbortSignal.timeout(CALL_TIMEOUT_MS)]));
  }

  #fail(probe: ProbeName, operation: KeystoreOperation, error: unknown, timesMs: readonly number[]): void {
    const remedy = this.#options.permissions?.lacking(operation, error);
    const result = { probe, outcome: "failed", timesMs, reason: reasonOf(error) } as const;
    const others = this.results.filter((each) => each.probe !== probe);
    this.results.splice(0, this.results.length, ...others, {
      ...result,
      ...(remedy === undefined ? {} : { remedy }),
    });
  }

  #skip(probe: ProbeName, reason: string): void {
    this.results.push({ probe, outcome: "skipped", timesMs: [], reason });
  }
}

function isAbsence(error: unknown): boolean {
  return isKesError(error, "KEY_NOT_FOUND");
}

async function expectAbsent(read: Promise<Uint8Array>): Promise<void> {
  try {
    (await read).fill(0);
  } catch (error) {
    if (isAbsence(error)) return;
    throw error;
  }
  throw new Error("a key that does not exist, or was deleted, can be read");
}
