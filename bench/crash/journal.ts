/** What the children have said of each key, and which states of it are therefore right. */

/** The state of a key: the fingerprint of its value, or `-` for none. */
export type State = string;

/** No such key. */
export const ABSENT: State = "-";

interface Entry {
  /** The last acknowledged state. */
  acknowledged: State;
  /** A change that was begun and not acknowledged; undefined: none. */
  tried: State | undefined;
}

/** The lines of all children, folded. */
export class Journal {
  readonly #entries = new Map<string, Entry>();
  /** What children warned of; a healthy run has none. */
  readonly warnings: string[] = [];
  acknowledgements = 0;

  /** @throws Error for a line that no child writes */
  read(line: string): void {
    const [verb, name, state] = line.split(" ");
    if (verb === "warn") return void this.warnings.push(line);
    if (name === undefined || state === undefined || (verb !== "try" && verb !== "ack"))
      throw new Error(`not a line of a child: ${line}`);
    const entry = this.#entries.get(name) ?? { acknowledged: ABSENT, tried: undefined };
    this.#entries.set(name, entry);
    if (verb === "try") {
      entry.tried = state;
    } else {
      entry.acknowledged = state;
      entry.tried = undefined;
      this.acknowledgements++;
    }
  }

  get names(): IterableIterator<string> {
    return this.#entries.keys();
  }

  /** The last acknowledged state of `name`; `-` if it was never heard of. */
  acknowledged(name: string): State {
    return this.#entries.get(name)?.acknowledged ?? ABSENT;
  }

  /** True when `state` is what was acknowledged, or what a change without answer may have made of it. */
  allows(name: string, state: State): boolean {
    const entry = this.#entries.get(name);
    return state === (entry?.acknowledged ?? ABSENT) || (entry?.tried !== undefined && state === entry.tried);
  }
}
