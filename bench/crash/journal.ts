/** What the children have said of each key, and which states of it are therefore right. */

/** The state of a key: {@link ABSENT}, {@link KEY}, or the fingerprint of a value of `values.ts`. */
export type State = string;

/** No such key. */
export const ABSENT: State = "-";
/** A key that the key service has made: its bytes are not known outside. */
export const KEY: State = "key";

interface Entry {
  /** The last acknowledged state. */
  acknowledged: State;
  /** A change that was begun and not acknowledged; undefined: none. */
  tried: State | undefined;
  /** A ciphertext that the key must open for as long as it exists. */
  sealed: Buffer | undefined;
}

/** The lines of all children, folded. */
export class Journal {
  readonly #entries = new Map<string, Entry>();
  /** What children warned of; a healthy run has none. */
  readonly warnings: string[] = [];
  acknowledgements = 0;

  /** @throws Error for a line that no child writes */
  read(line: string): void {
    const [verb, name, what] = line.split(" ");
    if (verb === "warn") {
      this.warnings.push(line);
      return;
    }
    if (name === undefined || what === undefined) throw new Error(`not a line of a child: ${line}`);
    const entry = this.#entries.get(name) ?? { acknowledged: ABSENT, tried: undefined, sealed: undefined };
    this.#entries.set(name, entry);
    if (verb === "try") {
      entry.tried = what;
    } else if (verb === "ack") {
      entry.acknowledged = what;
      entry.tried = undefined;
      this.acknowledgements++;
    } else if (verb === "seal") {
      entry.sealed = Buffer.from(what, "hex");
    } else {
      throw new Error(`not a line of a child: ${line}`);
    }
  }

  get names(): IterableIterator<string> {
    return this.#entries.keys();
  }

  /** The last acknowledged state of `name`; absent if it was never heard of. */
  acknowledged(name: string): State {
    return this.#entries.get(name)?.acknowledged ?? ABSENT;
  }

  /** What was sealed under `name`, if anything. */
  sealed(name: string): Buffer | undefined {
    return this.#entries.get(name)?.sealed;
  }

  /** True when `state` is what was acknowledged, or what a change without answer may have made of it. */
  allows(name: string, state: State): boolean {
    const entry = this.#entries.get(name);
    return state === (entry?.acknowledged ?? ABSENT) || (entry?.tried !== undefined && state === entry.tried);
  }
}
