/** Calls with many items: read, worked on and answered in turns, all of them or each for itself. */
import { KesError } from "../errors.js";
import { SpareMemory } from "../keys/spare-memory.js";
import type { Job, Turns } from "../keys/turns.js";
import { AnswerPage, ascii } from "./answer-page.js";
import { type ByteFields, type QuickItems, QuickJson } from "./quick-json.js";
import type { Call } from "./route.js";
import { type BodyCodec, members, objectSchema, readArray } from "./wire.js";

/** Items between two looks at the clock. */
const LOOK_EVERY = 8;
/** Of an item and what parts it from the next. */
const MIN_ITEM_BYTES = 3;

/** What an item of the fields `F` holds. */
export type BulkItem<F extends ByteFields> = { readonly [K in keyof F]: Buffer };

/** The items of a call, which were all read. */
export interface BulkItems<F extends ByteFields> {
  readonly count: number;
  /** The first that is malformed, if one is. */
  readonly malformed: KesError | undefined;
  /** An item, good until the next one is asked for, or the error of one that is malformed. */
  readonly at: (index: number) => BulkItem<F> | KesError;
}

/** The body of a bulk call, which is yet to be read. */
export class BulkBody<F extends ByteFields> {
  readonly #fields: F;
  readonly #spare: SpareMemory;
  readonly #raw: Buffer;
  /** What is read is in it, in front of what it is read from; undefined once it was given back. */
  #memory: Buffer | undefined;
  readonly #usedBytes: number;
  readonly #places: Buffer;
  readonly #placesBytes: number;
  readonly #quick: QuickItems;
  readonly #max: number;

  /** @param lent - copied: it is read in turns, and was lent for this one */
  constructor(fields: F, quick: QuickJson, lent: Buffer, max: number, spare: SpareMemory) {
    const { length } = lent;
    const room = quick.roomBytes(length);
    const memory = spare.take(room + length);
    lent.copy(memory, room);
    this.#fields = fields;
    this.#spare = spare;
    this.#memory = memory;
    this.#usedBytes = room + length;
    this.#raw = memory.subarray(room, room + length);
    const places = 2 * Object.keys(fields).length * Math.min(max, Math.ceil(length / MIN_ITEM_BYTES));
    this.#placesBytes = places * Int32Array.BYTES_PER_ELEMENT;
    this.#places = spare.take(this.#placesBytes);
    const { buffer, byteOffset } = this.#places;
    this.#quick = quick.items(this.#raw, memory, new Int32Array(buffer, byteOffset, places));
    this.#max = max;
  }

  get bytes(): number {
    return this.#raw.length;
  }

  /** Memory that calls have left. */
  get spare(): SpareMemory {
    return this.#spare;
  }

  /** Nobody looks at the body or its items any more: their memory is wiped and serves the next call. */
  recycle(): void {
    const memory = this.#memory;
    this.#memory = undefined;
    if (memory === undefined) return;
    this.#spare.give(this.#places, this.#placesBytes);
    this.#spare.give(memory, this.#usedBytes);
  }

  /** @throws KesError `BODY_INVALID` for what is no list, `TOO_MANY_CIPHERTEXTS` */
  async read(job: Job): Promise<BulkItems<F>> {
    const quick = this.#quick;
    for (;;) {
      if (quick.count % LOOK_EVERY === 0 && job.isOver()) await job.turn();
      const item = quick.next();
      // Unusual, malformed or too long: the general parser tells which. It does so in one go.
      if (item === undefined) return this.#readUnusual(job);
      if (item === "end") break;
    }
    const at = (index: number): BulkItem<F> => quick.members(index) as BulkItem<F>;
    return { count: quick.count, malformed: undefined, at };
  }

  async #readUnusual(job: Job): Promise<BulkItems<F>> {
    const values = readArray(this.#raw);
    if (values.length > this.#max) throw new KesError("TOO_MANY_CIPHERTEXTS");
    const items: (BulkItem<F> | KesError)[] = [];
    for (const value of values) {
      if (items.length % LOOK_EVERY === 0 && job.isOver()) await job.turn();
      items.push(this.#item(value));
    }
    return {
      count: items.length,
      malformed: items.find((item) => item instanceof KesError),
      at: (index) => items[index] ?? new KesError("BODY_INVALID"),
    };
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
  /** Writes the JSON of an item's result. */
  readonly write: (result: T, answer: AnswerPage) => void;
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
    if (!isPartial && items.malformed !== undefined) throw items.malformed;
    await bulk.find();
    const answer = new AnswerPage(bulk.body.spare, bulk.body.bytes);
    try {
      await writeAll(bulk, items, isPartial, job, answer);
      // Only here: a call that ended early may have left work behind that still looks at its item.
      bulk.body.recycle();
      return answer.text();
    } finally {
      answer.recycle();
    }
  });
}

async function writeAll<F extends ByteFields, T>(
  bulk: BulkWork<F, T>,
  items: BulkItems<F>,
  isPartial: boolean,
  job: Job,
  answer: AnswerPage,
): Promise<void> {
  answer.ascii(BEGIN);
  for (let i = 0; i < items.count; i++) {
    if (i % LOOK_EVERY === 0 && job.isOver()) await job.turn();
    if (i > 0) answer.ascii(COMMA);
    try {
      const item = items.at(i);
      if (item instanceof KesError) throw item;
      const result = bulk.work(item);
      bulk.write(result instanceof Promise ? await result : result, answer);
    } catch (error) {
      if (!isPartial || !isOwnFault(error)) throw error;
      answer.ascii(ascii(failureJson(error)));
    }
  }
  answer.ascii(END);
}

const BEGIN = ascii("[");
const COMMA = ascii(",");
const END = ascii("]\n");

/** True for what another item of the same call need not share. */
function isOwnFault(error: unknown): error is KesError {
  return error instanceof KesError && (error.code === "BODY_INVALID" || error.code === "DECRYPT_FAILED");
}

function failureJson({ status, message }: KesError): string {
  return JSON.stringify({ error: { status, message } });
}
