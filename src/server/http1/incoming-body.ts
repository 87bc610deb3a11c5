/** The body of one request on its way in: held back until somebody wants it, collected, or thrown away. */
import { type BodyBudget, BodyBuffer, type BodyFailure } from "../body.js";
import { ChunkDecoder } from "./chunks.js";
import type { Framing } from "./head.js";
import type { Inbox } from "./inbox.js";
import { Refusal } from "./refusal.js";

type Done = (body: Buffer | BodyFailure) => void;

export class IncomingBody {
  readonly #budget: BodyBudget;
  readonly #chunks: ChunkDecoder | undefined;
  /** Bytes of a body of declared length that are still to come. */
  #left: number;
  /** True as soon as it is known what becomes of the body. */
  #isDecided = false;
  #isTaking = false;
  #isBehind = false;
  #buffer: BodyBuffer | undefined;
  #done: Done | undefined;

  constructor({ length, isChunked }: Framing, budget: BodyBudget) {
    this.#budget = budget;
    this.#left = length;
    this.#chunks = isChunked ? new ChunkDecoder((piece) => this.#add(piece)) : undefined;
  }

  /** Its last byte was taken from the inbox. */
  get isComplete(): boolean {
    return this.#chunks === undefined ? this.#left === 0 : this.#chunks.isDone;
  }

  /** More of it is there than was taken at once. */
  get isBehind(): boolean {
    return this.#isBehind;
  }

  /** Somebody waits for it. */
  get isWanted(): boolean {
    return this.#done !== undefined;
  }

  /** Collects at most `limit` bytes and calls `done`, once. */
  collect(limit: number, done: Done): void {
    this.#isDecided = true;
    this.#done = done;
    this.#buffer = new BodyBuffer(limit, this.#budget);
  }

  /** What still comes is thrown away. */
  discard(): void {
    this.#isDecided = true;
  }

  /** Nothing more will come. */
  abort(): void {
    this.#finish("aborted");
  }

  /** Takes what is there of it, or much of that, when that is wanted. @returns why the bytes are no body, or undefined */
  take(inbox: Inbox): Refusal | undefined {
    // Whoever is told that the body is too large answers at once, which asks for the rest.
    if (!this.#isDecided || this.#isTaking) return undefined;
    if (this.#chunks === undefined) this.#takeLength(inbox);
    else {
      this.#isTaking = true;
      const at = this.#chunks.take(inbox.bytes, inbox.at, inbox.end);
      this.#isTaking = false;
      if (at instanceof Refusal) return at;
      inbox.at = at;
      this.#isBehind = !this.isComplete && inbox.size > 0;
    }
    if (this.isComplete && this.#buffer !== undefined) this.#finish(this.#buffer.take());
    return undefined;
  }

  #takeLength(inbox: Inbox): void {
    const stop = Math.min(inbox.end, inbox.at + this.#left);
    if (stop === inbox.at) return;
    const piece = inbox.bytes.subarray(inbox.at, stop);
    this.#left -= stop - inbox.at;
    inbox.at = stop;
    this.#add(piece);
  }

  #add(piece: Buffer): void {
    const refusal = this.#buffer?.add(piece);
    if (refusal !== undefined) this.#finish(refusal);
  }

  #finish(end: Buffer | BodyFailure): void {
    const done = this.#done;
    const buffer = this.#buffer;
    buffer?.release();
    this.#buffer = undefined;
    this.#done = undefined;
    done?.(end);
    buffer?.recycle();
  }
}
