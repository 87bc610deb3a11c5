/** Pages of a listing in byte order, out of one walk over what AWS lists in an order of its own. */

import type { KeystorePage, ListOptions } from "../../src/keystore/contract.js";
import { unusable } from "../../src/keystore/faults.js";
import { PageSelection } from "../../src/keystore/listing.js";
import { type NameWindow, pageOf } from "../../src/keystore/name-window.js";
import type { Secrets } from "./secrets.js";

/** Names kept beyond the page that was asked for; about 2 MiB at most. */
const AHEAD = 16 * 1024;
/** How long they are good for the next page; AWS itself may show a change after five minutes only. */
const KEPT_MS = 60_000;
/** Ten times what AWS allows an account to have. */
const MAX_CALLS = 50_000;

interface Walk extends NameWindow {
  readonly endedMs: number;
}

/**
 * Lists secrets page by page.
 *
 * AWS lists 100 at a time by the date they were made, so a page costs a call for every 100 secrets that have the prefix.
 * The names after the page are kept, up to a bound, for the pages that follow: going through 5,000 keys takes 50 calls
 * and not 250. A first page always asks anew, and so does the page after a change made here.
 */
export class Pages {
  readonly #secrets: Secrets;
  readonly #now: () => number;
  #last: Walk | undefined;
  /** Counts changes, so that a walk during which one was made is not kept. */
  #changes = 0;

  constructor(secrets: Secrets, now: () => number) {
    this.#secrets = secrets;
    this.#now = now;
  }

  /** To be called when a key was created or deleted here. */
  forget(): void {
    this.#changes++;
    this.#last = undefined;
  }

  /** @throws AwsFailure, KesError; the signal's reason */
  async page(options: ListOptions, signal: AbortSignal | undefined): Promise<KeystorePage> {
    const kept = this.#kept(options);
    if (kept !== undefined) return kept;
    const changes = this.#changes;
    const selection = new PageSelection(options, AHEAD);
    await this.#walk(options.prefix, signal, (name) => selection.offer(name));
    const { prefix, after } = options;
    const walk: Walk = { prefix, after, ...selection.page(), endedMs: this.#now() };
    if (changes === this.#changes) this.#last = walk;
    return {
      names: walk.names.slice(0, options.limit),
      more: walk.more || walk.names.length > options.limit,
    };
  }

  #kept(options: ListOptions): KeystorePage | undefined {
    const last = this.#last;
    if (options.after === undefined || last === undefined) return undefined;
    if (this.#now() - last.endedMs > KEPT_MS) {
      this.#last = undefined;
      return undefined;
    }
    return pageOf(last, options);
  }

  async #walk(prefix: string, signal: AbortSignal | undefined, offer: (name: string) => void): Promise<void> {
    const options = signal === undefined ? {} : { signal };
    let token: string | undefined;
    for (let calls = 0; calls < MAX_CALLS; calls++) {
      const { names, next } = await this.#secrets.page(prefix, token, options);
      for (const name of names) offer(name);
      if (next === undefined) return;
      if (next === token) throw unusable("aws: ListSecrets: the listing does not go on");
      token = next;
    }
    throw unusable("aws: ListSecrets: the listing does not end");
  }
}
