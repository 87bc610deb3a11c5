/** What children of a crash test said that they did: what must be there afterwards, and what may be. */

/** State of one name: fingerprint of what stands there, or {@link ABSENT}. */
export type State = string;
export const ABSENT = "-";

interface Name {
  /** Acknowledged, and not changed since. */
  acknowledged: State;
  /** Begun after that, and not acknowledged: each of them may have happened. */
  readonly begun: Set<State>;
}

/** Lines `try NAME STATE` before a change and `ack NAME STATE` once it was acknowledged. */
export class Journal {
  readonly #names = new Map<string, Name>();
  acknowledgements = 0;

  read(line: string): void {
    const [word, name, state] = line.split(" ");
    if (name === undefined || state === undefined) throw new Error(`not a line of the journal: ${line}`);
    const entry = this.#names.get(name) ?? { acknowledged: ABSENT, begun: new Set() };
    this.#names.set(name, entry);
    if (word === "try") entry.begun.add(state);
    else if (word === "ack") {
      this.acknowledgements++;
      entry.acknowledged = state;
      entry.begun.clear();
    } else throw new Error(`not a word of the journal: ${line}`);
  }

  /** Name → states that it may have. */
  *expectations(): Iterable<readonly [name: string, states: ReadonlySet<State>]> {
    for (const [name, { acknowledged, begun }] of this.#names)
      yield [name, new Set([acknowledged, ...begun])];
  }

  /** After a look: what is there now is what must be there from now on. */
  settle(name: string, state: State): void {
    this.#names.set(name, { acknowledged: state, begun: new Set() });
  }
}
