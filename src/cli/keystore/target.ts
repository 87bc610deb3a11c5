/** The keystore that keys are copied to, one key at a time: stored, read back and compared. */
import { isKesError } from "../../errors.js";
import { sameBytes } from "../../keystore/checks.js";
import type { Keystore } from "../../keystore/contract.js";
import type { KeyName } from "../../names.js";
import type { Patience } from "./patience.js";

/** Of a change whose outcome stayed open, or of a name that comes and goes. */
const MAX_ATTEMPTS = 4;

/** A key could not be copied; the message says why, for whoever runs the command. */
export class CopyFault extends Error {
  override readonly name = "CopyFault";
}

export class Target {
  readonly keystore: Keystore;
  readonly #patience: Patience;

  constructor(keystore: Keystore, patience: Patience) {
    this.keystore = keystore;
    this.#patience = patience;
  }

  /** The value under `name`, or undefined when there is none. @throws KesError for an outage */
  async find(name: KeyName): Promise<Uint8Array | undefined> {
    try {
      return await this.#patience.call((signal) => this.keystore.get(name, signal));
    } catch (error) {
      if (isKesError(error, "KEY_NOT_FOUND")) return undefined;
      throw error;
    }
  }

  /**
   * Stores `value` if `name` is free, and reads it back.
   * @returns `stored`; or `same` or `other`, the kind of value that is there already
   * @throws KesError for an outage, CopyFault
   */
  async store(name: KeyName, value: Uint8Array): Promise<"stored" | "same" | "other"> {
    let isOpen = false;
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#patience.call((signal) => this.keystore.create(name, value, signal));
        await this.#expect(name, value);
        return "stored";
      } catch (error) {
        this.#patience.signal.throwIfAborted();
        if (!isKesError(error, "KEYSTORE_UNCERTAIN", "KEY_EXISTS")) throw error;
        isOpen ||= error.code === "KEYSTORE_UNCERTAIN";
        const there = await this.find(name);
        if (there !== undefined) {
          if (!isSameValue(there, value)) return "other";
          return isOpen ? "stored" : "same";
        }
        // Deleted by somebody meanwhile, or never stored: once more does no harm, for it is the same value.
        if (attempt >= MAX_ATTEMPTS) throw error;
      }
    }
  }

  /**
   * Puts `value` in the place of a value that is kept elsewhere by now.
   * @param isOld - tells whether a value is the one that was kept
   * @throws KesError for an outage, CopyFault; the message then says what is left under the name
   */
  async replace(name: KeyName, value: Uint8Array, isOld: (value: Uint8Array) => boolean): Promise<void> {
    let isRemoved = false;
    for (let attempt = 1; ; attempt++) {
      const there = await this.find(name);
      if (there !== undefined && sameBytes(there, value)) return;
      if (there !== undefined && !isOld(there)) {
        throw new CopyFault("was changed by somebody else meanwhile, and is left as it is");
      }
      try {
        if (there !== undefined && this.keystore.abilities.replace) {
          await this.#patience.call((signal) => this.keystore.replace(name, there, value, signal));
          return await this.#expect(name, value);
        }
        if (there !== undefined) await this.#remove(name);
        isRemoved = true;
        const end = await this.store(name, value);
        if (end !== "other") return;
        throw new CopyFault("was created by somebody else meanwhile, and is left as it is");
      } catch (cause) {
        const mayRepeat = isKesError(cause, "KEYSTORE_UNCERTAIN", "KEY_CHANGED", "KEY_NOT_FOUND");
        if (mayRepeat && attempt < MAX_ATTEMPTS) continue;
        if (!isRemoved || cause instanceof CopyFault) throw cause;
        const message =
          "the old value was deleted, and the new one could not be stored: run the command again";
        throw new CopyFault(message, { cause });
      }
    }
  }

  async #remove(name: KeyName): Promise<void> {
    try {
      await this.#patience.call((signal) => this.keystore.delete(name, signal));
    } catch (error) {
      if (!isKesError(error, "KEY_NOT_FOUND")) throw error;
    }
  }

  /** @throws CopyFault unless `name` reads as `value` */
  async #expect(name: KeyName, value: Uint8Array): Promise<void> {
    const stored = await this.#patience
      .arrival((signal) => this.keystore.get(name, signal))
      .catch((cause) => {
        if (isKesError(cause, "KEY_NOT_FOUND"))
          throw new CopyFault("was stored but cannot be read back", { cause });
        throw cause;
      });
    if (!isSameValue(stored, value)) throw new CopyFault("was stored but reads back as another value");
  }
}

/** Compares `stored`, which nobody needs after it, and wipes it. */
export function isSameValue(stored: Uint8Array, value: Uint8Array): boolean {
  const isSame = sameBytes(stored, value);
  stored.fill(0);
  return isSame;
}
