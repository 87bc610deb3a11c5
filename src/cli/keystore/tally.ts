/** What became of keys, in figures and in names, bounded however many there are. */

const MAX_NAMES = 1_000;

/** The first names that something is said of, and how many there are. */
export class NameList {
  readonly #entries: { readonly name: string; readonly reason?: string }[] = [];
  #count = 0;

  add(name: string, reason?: string): void {
    this.#count++;
    if (this.#entries.length < MAX_NAMES)
      this.#entries.push(reason === undefined ? { name } : { name, reason });
  }

  get count(): number {
    return this.#count;
  }

  /** The first thousand. */
  get entries(): readonly { readonly name: string; readonly reason?: string }[] {
    return this.#entries;
  }

  get names(): readonly string[] {
    return this.#entries.map(({ name }) => name);
  }
}

export class Tally {
  /** Stored at the target and read back. */
  copied = 0;
  /** There already, with the same bytes. */
  same = 0;
  /** Not there: of a comparison. */
  missing = 0;
  /** Deleted at the source after it was listed. */
  gone = 0;
  /** Replaced at the target. */
  replaced = 0;
  readonly differing = new NameList();
  readonly failed = new NameList();
  /** Copied all the same, for they may be keys to others. */
  readonly notKeys = new NameList();
  /** Names that only the target has. */
  readonly extra = new NameList();

  /** Keys that are done with. */
  get done(): number {
    return (
      this.copied +
      this.same +
      this.missing +
      this.gone +
      this.replaced +
      this.differing.count +
      this.failed.count
    );
  }
}
