/** The names of keystores as streams: in byte order, page by page, so that memory does not grow with the keys. */
import { isKesError } from "../../errors.js";
import type { Keystore, KeystorePage, ListOptions } from "../../keystore/contract.js";
import type { KeyName } from "../../names.js";
import { type GlobToken, matchesGlob } from "../../policy/glob.js";
import { CommandError } from "../command.js";
import type { Patience } from "./patience.js";
import { reasonOf } from "./reason.js";

/** A page is read anew from its beginning by keystores that know no other way, so few large ones are better. */
const PAGE_NAMES = 10_000;

/** Names that match a glob, and how many have come so far. */
export class NameWalk implements AsyncIterable<KeyName> {
  readonly #keystore: Keystore;
  readonly #tokens: readonly GlobToken[];
  readonly #patience: Patience;
  readonly #pageNames: number;
  #listed = 0;
  #isComplete = false;

  constructor(
    keystore: Keystore,
    tokens: readonly GlobToken[],
    patience: Patience,
    pageNames: number = PAGE_NAMES,
  ) {
    this.#keystore = keystore;
    this.#tokens = tokens;
    this.#patience = patience;
    this.#pageNames = pageNames;
  }

  /** All of them, once the last page has come; undefined before. */
  get total(): number | undefined {
    return this.#isComplete ? this.#listed : undefined;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<KeyName> {
    const prefix = literalPrefix(this.#tokens);
    let after: string | undefined;
    for (;;) {
      const options = { prefix, limit: this.#pageNames, ...(after === undefined ? {} : { after }) };
      const page = await this.#page(options);
      const names = page.names.filter((name) => matchesGlob(this.#tokens, name));
      this.#listed += names.length;
      this.#isComplete = !page.more;
      yield* names;
      const last = page.names.at(-1);
      if (!page.more || last === undefined) return;
      // Else a keystore that gives one page for ever would never let this end.
      if (after !== undefined && last <= after)
        throw new Error("the listing of the key store does not advance");
      after = last;
    }
  }

  async #page(options: ListOptions): Promise<KeystorePage> {
    try {
      return await this.#patience.call((signal) => this.#keystore.list(options, signal));
    } catch (error) {
      if (!isKesError(error)) throw error;
      const { description } = this.#keystore;
      throw new CommandError(`cannot list the keys of ${description}: ${reasonOf(error)}`, { cause: error });
    }
  }
}

function literalPrefix(tokens: readonly GlobToken[]): string {
  const end = tokens.findIndex((token) => token.kind === "star" || token.literal === undefined);
  return (end < 0 ? tokens : tokens.slice(0, end))
    .map((token) => (token.kind === "one" ? token.literal : ""))
    .join("");
}

/** A name of the first stream, and whether the second has it as well. */
export interface JoinedName {
  readonly name: KeyName;
  readonly isInBoth: boolean;
}

/**
 * Walks two streams of names in byte order side by side.
 * @param onSecondOnly - called with each name that the first stream does not have
 */
export async function* joinNames(
  first: AsyncIterable<KeyName>,
  second: AsyncIterable<KeyName>,
  onSecondOnly: (name: KeyName) => void,
): AsyncGenerator<JoinedName> {
  const others = second[Symbol.asyncIterator]();
  try {
    let other = await others.next();
    for await (const name of first) {
      for (; other.done !== true && other.value < name; other = await others.next())
        onSecondOnly(other.value);
      yield { name, isInBoth: other.done !== true && other.value === name };
      if (other.done !== true && other.value === name) other = await others.next();
    }
    for (; other.done !== true; other = await others.next()) onSecondOnly(other.value);
  } finally {
    await others.return?.();
  }
}
