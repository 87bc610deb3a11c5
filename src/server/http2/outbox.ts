/** What a connection sends within one turn of the event loop, gathered for one write. */
import { MAX_TURN_BYTES } from "./limits.js";
import type { Transport } from "./transport.js";

const PAGE_BYTES = 16 * 1024;
const MAX_PAGES = 16;

/** Memory to gather in, shared by the connections of an engine: most turns of most connections need none. */
export class Pages {
  readonly #free: Buffer[] = [];

  take(bytes: number): Buffer {
    if (bytes > PAGE_BYTES) return Buffer.allocUnsafeSlow(bytes);
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(PAGE_BYTES);
  }

  /** Nobody reads the first `used` bytes of `page` any more. What is secret in one answer shall be in no other. */
  give(page: Buffer, used: number): void {
    page.fill(0, 0, used);
    if (page.length === PAGE_BYTES && this.#free.length < MAX_PAGES) this.#free.push(page);
  }
}

const NO_PAGE: Buffer = Buffer.alloc(0);

export class Outbox {
  readonly #transport: Transport;
  readonly #pages: Pages;
  readonly #full: Buffer[] = [];
  #fullBytes = 0;
  #page: Buffer | undefined;
  #end = 0;
  #isBlocked = false;

  constructor(transport: Transport, pages: Pages) {
    this.#transport = transport;
    this.#pages = pages;
  }

  /** True while the client has not taken what was sent: what can wait should. */
  get isBlocked(): boolean {
    return this.#isBlocked;
  }

  get isEmpty(): boolean {
    return this.#end === 0 && this.#fullBytes === 0;
  }

  /** Where the next bytes go in what {@link room} returned. */
  get end(): number {
    return this.#end;
  }

  /** What {@link room} returned last. */
  get page(): Buffer {
    return this.#page ?? NO_PAGE;
  }

  /** A buffer with room for `bytes` from {@link end} on; {@link wrote} says how far it was used. */
  room(bytes: number): Buffer {
    const page = this.#page;
    if (page !== undefined && this.#end + bytes <= page.length) return page;
    if (page !== undefined) {
      this.#full.push(page.subarray(0, this.#end));
      this.#fullBytes += this.#end;
      this.#page = undefined;
      this.#end = 0;
      if (this.#fullBytes >= MAX_TURN_BYTES) this.flush();
    }
    const next = this.#pages.take(bytes);
    this.#page = next;
    return next;
  }

  wrote(end: number): void {
    this.#end = end;
  }

  /** Hands everything to the transport. */
  flush(): void {
    const page = this.#page;
    if (this.isEmpty) return;
    // A copy of what is needed: the page serves the next connection while this waits for its client.
    const bytes = this.#gathered(page);
    if (page !== undefined) this.#pages.give(page, this.#end);
    this.#full.length = 0;
    this.#fullBytes = 0;
    this.#page = undefined;
    this.#end = 0;
    if (!this.#transport.write(bytes)) this.#isBlocked = true;
  }

  #gathered(page: Buffer | undefined): Buffer {
    const bytes = Buffer.allocUnsafe(this.#fullBytes + this.#end);
    let at = 0;
    for (const full of this.#full) at += full.copy(bytes, at);
    page?.copy(bytes, at, 0, this.#end);
    return bytes;
  }

  /** The client has taken everything. */
  drained(): void {
    this.#isBlocked = false;
  }

  /** Nothing more is sent. */
  drop(): void {
    if (this.#page !== undefined) this.#pages.give(this.#page, this.#end);
    this.#full.length = 0;
    this.#fullBytes = 0;
    this.#page = undefined;
    this.#end = 0;
  }
}
