/** Choices for generators: from a seed for millions of cases, or from bytes that fast-check has made and can shrink. */

export interface Choices {
  /** A whole number from 0 to `count` - 1; 0 is the plainest choice. */
  below(count: number): number;
}

/** xorshift32: quick, and the same for the same seed everywhere. */
export class SeededChoices implements Choices {
  #state: number;

  constructor(seed: number) {
    // Neighbouring seeds must not give alike sequences, and 0 would stay 0.
    this.#state = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) | 1;
    for (let i = 0; i < 8; i++) this.below(2);
  }

  below(count: number): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return Math.floor(((x >>> 0) / 0x1_0000_0000) * count);
  }
}

/** Reads choices off a tape; behind its end all are the plainest. */
export class Tape implements Choices {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  below(count: number): number {
    return (this.#bytes[this.#at++] ?? 0) % count;
  }
}

/** One of `all`. */
export function oneOf<T>(choices: Choices, all: readonly [T, ...T[]]): T {
  return all[choices.below(all.length)] ?? all[0];
}

/** `usual`, or in one case of `every` something else. */
export function seldom<T>(choices: Choices, every: number, usual: T, unusual: readonly [T, ...T[]]): T {
  return choices.below(every) === every - 1 ? oneOf(choices, unusual) : usual;
}
