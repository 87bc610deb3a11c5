/** One page of names out of a stream without order, and the continuation tokens of the wire (KES reference §5.3). */
import { type KeyName, keyName, patternPrefix } from "../names.js";
import type { KeystorePage, ListOptions } from "./contract.js";

/**
 * Selects the first `limit` names in byte order from names offered in any order.
 *
 * Memory is bounded by `limit`, whatever the number of names: at most 2 × (limit + 1) are held, and the larger
 * half is dropped whenever that is full. Names are ASCII, so JavaScript's string order is byte order. A name
 * offered twice, as a folder that changes while it is read may do, counts once.
 */
export class PageSelection {
  readonly #prefix: string;
  readonly #after: string | undefined;
  readonly #capacity: number;
  #held: KeyName[] = [];
  /** Names from here on cannot be on the page any more. */
  #ceiling: string | undefined;

  /**
   * @param ahead - so many names more than a page are selected, for whoever keeps them for the next one
   * @throws RangeError unless `limit` is a whole number of 1 or more
   */
  constructor(options: ListOptions, ahead = 0) {
    if (!Number.isSafeInteger(options.limit) || options.limit < 1)
      throw new RangeError(`the limit of a page must be 1 or more, not ${options.limit}`);
    this.#prefix = options.prefix;
    this.#after = options.after;
    // One more than a page, which tells whether there is a next one.
    this.#capacity = options.limit + ahead + 1;
  }

  /** Considers `name`; what is not a key name is ignored. */
  offer(name: string): void {
    if (!name.startsWith(this.#prefix)) return;
    if (this.#after !== undefined && name <= this.#after) return;
    if (this.#ceiling !== undefined && name >= this.#ceiling) return;
    const checked = keyName(name);
    if (checked === undefined) return;
    this.#held.push(checked);
    if (this.#held.length >= 2 * this.#capacity) this.#compact();
  }

  /** The page of everything offered so far. */
  page(): KeystorePage {
    this.#compact();
    const limit = this.#capacity - 1;
    return { names: this.#held.slice(0, limit), more: this.#held.length > limit };
  }

  #compact(): void {
    this.#held = [...new Set(this.#held)].sort().slice(0, this.#capacity);
    if (this.#held.length === this.#capacity) this.#ceiling = this.#held.at(-1);
  }
}

/** Between prefix and rest in a token; not valid in names, and needs no escape in a path. */
const SEPARATOR = "~";

/** What a listing was asked for: names that begin with `prefix` and come after `after`. */
export interface ListPattern {
  readonly prefix: string;
  readonly after?: KeyName;
}

/**
 * The token that continues a listing of `prefix` after `lastName`: `<prefix>~<rest of lastName>`.
 *
 * Clients send it back in the place of the pattern. It begins with the prefix, so a policy that allows
 * `/v1/key/list/my-*` allows every page of it.
 * @throws RangeError when `lastName` does not begin with `prefix`
 */
export function encodeContinuation(prefix: string, lastName: KeyName): string {
  if (!lastName.startsWith(prefix))
    throw new RangeError("the last name of a page must begin with its prefix");
  return `${prefix}${SEPARATOR}${lastName.slice(prefix.length)}`;
}

/** A listing pattern or a token of {@link encodeContinuation}; undefined when `text` is neither. */
export function decodePattern(text: string): ListPattern | undefined {
  const at = text.indexOf(SEPARATOR);
  if (at < 0) {
    const prefix = patternPrefix(text);
    return prefix === undefined ? undefined : { prefix };
  }
  const prefix = text.slice(0, at);
  const after = keyName(prefix + text.slice(at + 1));
  // That the whole is a name proves the prefix too: `my-`, of the pattern `my-*`, is no name by itself.
  return after === undefined ? undefined : { prefix, after };
}
