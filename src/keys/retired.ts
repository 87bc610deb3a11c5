/** Key versions that left the cache: wiped, but not under the hands of somebody who still uses them. */
import type { KeyVersion } from "../crypto/key-version.js";
import type { Cancel, Clock } from "./clock.js";

/**
 * Holds each for one whole period between sweeps, since a request may have got it just before it was retired.
 * Past `max` the oldest are wiped as soon as all that runs now has run; whoever still holds one sees
 * `destroyed` and asks the cache again.
 */
export class RetiredKeys {
  readonly #max: number;
  readonly #clock: Clock;
  #fresh = new Set<KeyVersion>();
  #old = new Set<KeyVersion>();
  #cancel: Cancel | undefined;

  constructor(max: number, clock: Clock) {
    this.#max = max;
    this.#clock = clock;
  }

  add(keyVersion: KeyVersion): void {
    this.#fresh.add(keyVersion);
    if (this.#fresh.size + this.#old.size <= this.#max) return;
    this.#cancel ??= this.#clock.after(0, () => {
      this.#cancel = undefined;
      this.#trim();
    });
  }

  /** Wipes those that were here at the last sweep already. */
  sweep(): void {
    for (const keyVersion of this.#old) keyVersion.destroy();
    this.#old = this.#fresh;
    this.#fresh = new Set();
  }

  /** Wipes all. */
  close(): void {
    this.#cancel?.();
    this.sweep();
    this.sweep();
  }

  #trim(): void {
    let surplus = this.#fresh.size + this.#old.size - this.#max;
    for (const keys of [this.#old, this.#fresh]) {
      for (const keyVersion of keys) {
        if (surplus <= 0) return;
        keys.delete(keyVersion);
        keyVersion.destroy();
        surplus -= 1;
      }
    }
  }
}
