/** Tables of the index, and what a change of it is to write. */

export const tableNames = [
  "buckets",
  "objects",
  "pieces",
  "uploads",
  "parts",
  "settings",
  "files",
  "garbage",
  "state",
] as const;
export type Table = (typeof tableNames)[number];

const PAGE_BYTES = 4096;
/** Of the free list and the tables' roots. */
export const BASE_PAGES = 16;

/** Kept for changes that only take away. */
const RESERVE_BYTES = 256 * 1024;
/** Where entries come in. */
const ENTERING: ReadonlySet<Table> = new Set(["buckets", "objects", "uploads", "parts", "settings"]);

export interface Entry {
  readonly key: Buffer;
  readonly value: string;
}

/** What a change sees and does. All that is written becomes durable at once, or nothing of it. */
export interface Change {
  get(table: Table, key: Buffer): string | undefined;
  /** What stood there before the group; only for changes that are `alone`. */
  range(table: Table, start: Buffer, end: Buffer): Iterable<Entry>;
  put(table: Table, key: Buffer, value: string): void;
  remove(table: Table, key: Buffer): void;
}

/** The tables as they were committed. */
interface Committed {
  get(table: Table, key: Buffer): string | undefined;
  range(table: Table, start: Buffer, end: Buffer): Iterable<Entry>;
}

/** Undefined takes away. */
type Write = readonly [table: Table, key: Buffer, value: string | undefined];

/** What is to be written, over what is there. */
export class Writes implements Change {
  readonly #index: Committed;
  readonly #below: Writes | undefined;
  readonly #values = new Map<string, Write>();

  constructor(index: Committed, below?: Writes) {
    this.#index = index;
    this.#below = below;
  }

  get size(): number {
    return this.#values.size;
  }

  get(table: Table, key: Buffer): string | undefined {
    const own = this.#values.get(idOf(table, key));
    if (own !== undefined) return own[2];
    return this.#below === undefined ? this.#index.get(table, key) : this.#below.get(table, key);
  }

  /** About what a commit adds to the file: pages that are copied, values that have pages of their own. */
  get neededBytes(): number {
    let bytes = BASE_PAGES * PAGE_BYTES;
    const isEntering = ([table, , value]: Write): boolean => value !== undefined && ENTERING.has(table);
    if ([...this.#values.values()].some(isEntering)) bytes += RESERVE_BYTES;
    for (const [, , value] of this.#values.values())
      bytes += value === undefined ? PAGE_BYTES : 2 * PAGE_BYTES + 1.25 * value.length;
    return Math.ceil(bytes);
  }

  range(table: Table, start: Buffer, end: Buffer): Iterable<Entry> {
    if (this.size > 0 || (this.#below?.size ?? 0) > 0) throw new TypeError("the change is not alone");
    return this.#index.range(table, start, end);
  }

  put(table: Table, key: Buffer, value: string): void {
    this.#values.set(idOf(table, key), [table, key, value]);
  }

  remove(table: Table, key: Buffer): void {
    this.#values.set(idOf(table, key), [table, key, undefined]);
  }

  mergeInto(other: Writes): void {
    for (const [id, write] of this.#values) other.#values.set(id, write);
  }

  all(): Iterable<Write> {
    return this.#values.values();
  }
}

function idOf(table: Table, key: Buffer): string {
  return `${table}/${key.toString("latin1")}`;
}
