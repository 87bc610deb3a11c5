/** Pages of a listing, from one reading of the folder for several of them. */
import type { Call } from "../../src/keystore/call.js";
import type { KeystorePage, ListOptions } from "../../src/keystore/contract.js";
import { PageSelection } from "../../src/keystore/listing.js";
import { type NameWindow, pageOf } from "../../src/keystore/name-window.js";
import type { KeyFiles } from "./key-files.js";

/** Names kept beyond the page that was asked for; about 2 MiB at most. */
const AHEAD = 16 * 1024;

/**
 * A folder changed more recently than this may change again without its time of change telling: file systems
 * count that in ticks of up to 10 ms, some in seconds.
 */
const SETTLED_MS = 3_000;

/** Names as they were while the folder's time of change was `stamp`. */
interface Window extends NameWindow {
  readonly stamp: bigint;
}

/**
 * Lists a folder page by page.
 *
 * A folder has no order, so a page costs a reading of all its entries. The names after the page are kept, up
 * to a bound, and the next pages come from them for as long as the folder is certainly unchanged: going through
 * 100,000 keys reads the folder 7 times and not 98.
 */
export class Pages {
  readonly #keys: KeyFiles;
  readonly #wallClock: () => number;
  #window: Window | undefined;

  constructor(keys: KeyFiles, wallClock: () => number) {
    this.#keys = keys;
    this.#wallClock = wallClock;
  }

  async page(call: Call, options: ListOptions): Promise<KeystorePage> {
    const { folder } = this.#keys;
    const { ctimeNs, ctimeMs } = await folder.system.stat(folder.at("."));
    const kept = this.#window?.stamp === ctimeNs ? pageOf(this.#window, options) : undefined;
    if (kept !== undefined) return kept;
    const settled = this.#wallClock() - Number(ctimeMs) > SETTLED_MS;
    const selection = new PageSelection(options, settled ? AHEAD : 0);
    await this.#keys.entries.each(call, (name) => selection.offer(name));
    const { prefix, after } = options;
    const read: Window = { stamp: ctimeNs, prefix, after, ...selection.page() };
    this.#window = settled ? read : undefined;
    return {
      names: read.names.slice(0, options.limit),
      more: read.more || read.names.length > options.limit,
    };
  }
}
