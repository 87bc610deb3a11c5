/** Calls with many items: read, worked on and answered in turns, all of them or each for itself. */
import { KesError } from "../errors.js";
import { SpareMemory } from "../keys/spare-memory.js";
import type { Job, Turns } from "../keys/turns.js";
import { type ByteFields, type QuickItems, QuickJson } from "./quick-json.js";
import type { Call } from "./route.js";
import { type BodyCodec, members, objectSchema, readArray } from "./wire.js";

/** Items between two looks at the clock. */
const LOOK_EVERY = 8;

/** What an item of the fields `F` holds. */
export type BulkItem<F extends ByteFields> = { readonly [K in keyof F]: Buffer };

/** The body of a bulk call, which is yet to be read. */
export class BulkBody<F extends ByteFields> {
  readonly #fields: F;
  readonly #spare: SpareMemory;
  readonly #raw: Buffer;
  /** What is read is in it, in front of what it is read from; undefined once it was given back. */
  #memory: Buffer | undefined;
  readonly #quick: QuickItems;
  readonly #max: number;

  /** @param lent - copied: it is read in turns, and was lent for this one */
  constructor(fields: F, quick: QuickJson, lent: Buffer, max: number, spare: SpareMemory) {
    const { length } = lent;
    const memory = spare.take(2 * length);
    lent.copy(memory, length);
    this.#fields = fields;
    this.#spare = spare;
    this.#memory = memory;
    this.#raw = memory.subarray(length, 2 * length);
    this.#quick = quick.items(this.#raw, memory);
    this.#max = max;
  }

  get bytes(): number {
    return this.#raw.length;
  }

  /** Nobody looks at the body or its items any more: their memory is wiped and serves the next call. */
  recycle(): void {
    const memory = this.#memory;
    this.#memory = undefined;
    if (memory !== undefined) this.#spare.give(memory, 2 * this.#raw.length);
  }

  /**
   * All items, an error in place of one that is malformed.
   * @throws KesError `BODY_INVALID` for what is no list, `TOO_MANY_CIPHERTEXTS`
   */
  async read(job: Job): Promise<readonly (BulkItem<F> | KesError)[]> {
    const items: BulkItem<F>[] = [];
    for (;;) {
      if (items.length % LOOK_EVERY === 0 && job.isOver()) await job.turn();
      const item = this.#quick.next();
      if (item === "end") return items;
      // Unusual, malformed or too long: the general parser tells which. It does so in one go.
      if (item === undefined || items.length === this.#max) return this.#readUnusual(job);
      items.push(item as BulkItem<F>);
    }
  }

  async #readUnusual(job: Job): Promise<readonly (BulkItem<F> | KesError)[]> {
    const values = readArray(this.#raw);
    if (values.length > this.#max) throw new KesError("TOO_MANY_CIPHERTEXTS");
    const items: (BulkItem<F> | KesError)[] = [];
    for (const value of values) {
      if (items.length % LOOK_EVERY === 0 && job.isOver()) await job.turn();
      items.push(this.#item(value));
    }
    return items;
  }

  #item(value: unknown): BulkItem<F> | KesError {
    try {
      return members(this.#fields, value, "BODY_INVALID") as BulkItem<F>;
    } catch (error) {
      if (error instanceof KesError) return error;
      throw error;
    }
  }
}

const EMPTY: Buffer = Buffer.alloc(0);

/** A JSON array of objects with byte members, at most `max` of them. */
export function bulkBody<F extends ByteFields>(fields: F, max: number): BodyCodec<BulkBody<F>> {
  const quick = new QuickJson(fields);
  const spare = new SpareMemory();
  return {
    required: true,
    schema: { type: "array", maxItems: max, items: objectSchema(fields) },
    decode: (raw) => new BulkBody(fields, quick, raw ?? EMPTY, max, spare),
  };
}

/** What is done with each item of a call. */
export interface BulkWork<F extends ByteFields, T> {
  readonly body: BulkBody<F>;
  readonly turns: Turns;
  /** Finds out whether there is such a key, which a list without items asks as well. */
  readonly find: () => unknown;
  readonly work: (item: BulkItem<F>) => T | Promise<T>;
  /** JSON of an item's result. */
  readonly json: (result: T) => string;
}

/** JSON schema of what stands in a partial answer for an item that failed. */
export const itemFailure = {
  type: "object",
  properties: {
    error: {
      type: "object",
      properties: { status: { type: "integer" }, message: { type: "string" } },
      required: ["status", "message"],
    },
  },
  required: ["error"],
} as const;

/** Documents the query parameter that {@link answerAll} looks at. */
export const partialParameter = {
  name: "partial",
  description:
    "`true`: an item that is malformed or not authentic does not end the call; it has an error in its place.",
  schema: { type: "boolean", default: false },
} as const;

/**
 * The JSON of the results, in the order of the items. The first item that fails ends the call, unless the caller
 * wants a partial answer and it is the item's own fault.
 * @throws KesError `BODY_INVALID`, `TOO_MANY_CIPHERTEXTS`, `OVERLOADED`, and what `work` throws
 */
export function answerAll<F extends ByteFields, T>(call: Call, bulk: BulkWork<F, T>): Promise<string> {
  const isPartial = new URLSearchParams(call.query).get("partial") === "true";
  const signal = call.signal();
  return bulk.turns.run(bulk.body.bytes, signal, async (job) => {
    const items = await bulk.body.read(job);
    if (!isPartial) for (const item of items) if (item instanceof KesError) throw item;
    await bulk.find();
    let text = "[";
    for (const [i, item] of items.entries()) {
      if (i % LOOK_EVERY === 0 && job.isOver()) await job.turn();
      if (i > 0) text += ",";
      try {
        if (item instanceof KesError) throw item;
        const result = bulk.work(item);
        text += bulk.json(result instanceof Promise ? await result : result);
      } catch (error) {
        if (!isPartial || !isOwnFault(error)) throw error;
        text += failureJson(error);
      }
    }
    // Only here: a call that ended early may have left work behind that still looks at its item.
    bulk.body.recycle();
    return `${text}]\n`;
  });
}

/** True for what another item of the same call need not share. */
function isOwnFault(error: unknown): error is KesError {
  return error instanceof KesError && (error.code === "BODY_INVALID" || error.code === "DECRYPT_FAILED");
}

function failureJson({ status, message }: KesError): string {
  return JSON.stringify({ error: { status, message } });
}
