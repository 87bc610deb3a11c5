/** Counters by a name that others choose: the first so many names have their own, all others share one. */

/** The name under which all others are counted; no key or identity can have it. */
export const OTHERS = "(others)";

export class BoundedCounters {
  readonly #columns: number;
  readonly #rows = new Map<string, Float64Array>();
  readonly #others: Float64Array;
  #limit: number;

  /** @param columns - counters of each name @param limit - names with counters of their own */
  constructor(columns: number, limit: number) {
    this.#columns = columns;
    this.#limit = limit;
    this.#others = new Float64Array(columns);
  }

  /** Names that have counters keep them when the limit falls: a counter must not vanish. */
  limit(names: number): void {
    this.#limit = names;
  }

  /** @param isKnown - `name` is one that deserves a counter; what anybody may send must not use them up */
  add(name: string, column: number, isKnown: boolean): void {
    const row = this.#rows.get(name) ?? (isKnown ? this.#newRow(name) : this.#others);
    row[column] = (row[column] ?? 0) + 1;
  }

  /** Every name with the counters that are not zero, by column. */
  *entries(): Generator<readonly [name: string, column: number, count: number]> {
    for (const [name, row] of [...this.#rows, [OTHERS, this.#others] as const]) {
      for (const [column, count] of row.entries()) if (count > 0) yield [name, column, count];
    }
  }

  #newRow(name: string): Float64Array {
    if (this.#rows.size >= this.#limit) return this.#others;
    const row = new Float64Array(this.#columns);
    this.#rows.set(name, row);
    return row;
  }
}
