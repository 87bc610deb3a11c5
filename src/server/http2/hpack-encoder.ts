/** Fields of an answer → header block (RFC 7541). What is the same in every answer takes one byte from the second on. */
import type { ReplyHeaders } from "../exchange.js";
import type { DateField } from "./date-field.js";
import { FIELD_OVERHEAD } from "./header-field.js";
import { huffmanEncode, huffmanLength } from "./huffman.js";
import { HEADER_TABLE_BYTES } from "./limits.js";
import { STATIC_TABLE } from "./static-table.js";

/** Name → lowest index in the static table. */
const STATIC_NAMES: ReadonlyMap<string, number> = new Map(
  STATIC_TABLE.map(([name], i): [string, number] => [name, i + 1]).reverse(),
);
/** `:status` → index in the static table. */
const STATIC_STATUS: ReadonlyMap<number, number> = new Map(
  STATIC_TABLE.flatMap(([name, value], i): [number, number][] =>
    name === ":status" ? [[Number(value), i + 1]] : [],
  ),
);
const FIRST_DYNAMIC = STATIC_TABLE.length + 1;
const STATUS_NAME = 8;
const CONTENT_LENGTH_NAME = 28;
/** Most bytes of a field besides its characters: two lengths or indices of at most five bytes, and the first byte. */
const FIELD_BYTES = 11;
/** Of `:status`, `date`, `content-length` and two changes of the table's size. */
const HEAD_BYTES = 96;

/** A field in the client's table. */
interface Entry {
  readonly value: string;
  /** How many entries there were when it was made, itself included. */
  readonly order: number;
}

/**
 * One direction of one connection. The first value of each name goes into the client's table for good, as far as
 * there is room: what varies from answer to answer is sent as it is, and finds its name there.
 */
export class HpackEncoder {
  readonly #entries = new Map<string, Entry>();
  #size = 0;
  #maxSize = HEADER_TABLE_BYTES;
  #isResized = false;
  readonly #date: DateField;

  constructor(date: DateField) {
    this.#date = date;
  }

  /** The client's SETTINGS_HEADER_TABLE_SIZE. */
  resize(bytes: number): void {
    const size = Math.min(bytes, HEADER_TABLE_BYTES);
    if (size === this.#maxSize) return;
    this.#maxSize = size;
    this.#isResized = true;
  }

  /**
   * Most bytes that {@link encode} makes of `headers`.
   * @throws Error when a value has characters that would be read as something else
   */
  measure(headers: ReplyHeaders): number {
    let bytes = HEAD_BYTES;
    for (const name in headers) {
      const value = headers[name];
      if (typeof value === "string") {
        if (FORBIDDEN.test(value)) throw new Error(`the value of '${name}' cannot be sent`);
        bytes += name.length + value.length + FIELD_BYTES;
      } else bytes += name.length + FIELD_BYTES + MAX_DIGITS;
    }
    return bytes;
  }

  /**
   * Writes the block into `out` from `at` on, where there is room for what {@link measure} says.
   * @param length - for `content-length`; undefined for none
   * @returns where it ends
   */
  encode(
    status: number,
    headers: ReplyHeaders,
    length: number | undefined,
    out: Uint8Array,
    at: number,
  ): number {
    let end = this.#isResized ? this.#writeResize(out, at) : at;
    const known = STATIC_STATUS.get(status);
    if (known !== undefined) out[end++] = 0x80 | known;
    else end = writeRaw(String(status), out, writeInteger(STATUS_NAME, 0x0f, 0, out, end));
    for (const name in headers) {
      const value = headers[name];
      if (value !== undefined) end = this.#field(name, String(value), out, end);
    }
    // An interim answer has neither.
    if (status < 200) return end;
    const date = this.#date.bytes();
    for (let i = 0; i < date.length; i++) out[end++] = date[i] ?? 0;
    if (length === undefined) return end;
    return writeRaw(String(length), out, writeInteger(CONTENT_LENGTH_NAME, 0x0f, 0, out, end));
  }

  #field(name: string, value: string, out: Uint8Array, at: number): number {
    const entry = this.#entries.get(name);
    if (entry !== undefined) {
      const index = FIRST_DYNAMIC + this.#entries.size - entry.order;
      if (entry.value === value) return writeInteger(index, 0x7f, 0x80, out, at);
      return writeRaw(value, out, writeInteger(index, 0x0f, 0, out, at));
    }
    const size = name.length + value.length + FIELD_OVERHEAD;
    const isKept = this.#size + size <= this.#maxSize;
    const index = STATIC_NAMES.get(name) ?? 0;
    let end = isKept ? writeInteger(index, 0x3f, 0x40, out, at) : writeInteger(index, 0x0f, 0, out, at);
    if (index === 0) end = writeShortest(name, out, end);
    end = writeShortest(value, out, end);
    if (isKept) {
      this.#size += size;
      this.#entries.set(name, { value, order: this.#entries.size + 1 });
    }
    return end;
  }

  /** Empties the client's table and sets its size: an end to all that was agreed before. */
  #writeResize(out: Uint8Array, at: number): number {
    this.#isResized = false;
    this.#entries.clear();
    this.#size = 0;
    const end = writeInteger(0, 0x1f, 0x20, out, at);
    return this.#maxSize === 0 ? end : writeInteger(this.#maxSize, 0x1f, 0x20, out, end);
  }
}

/** Controls but the tab, and what is no byte. */
const FORBIDDEN = /[^\t\x20-\x7e\x80-\xff]/;
const MAX_DIGITS = 24;

/** RFC 7541 §5.1; `first` are the bits before the integer. */
function writeInteger(value: number, mask: number, first: number, out: Uint8Array, at: number): number {
  let end = at;
  if (value < mask) {
    out[end++] = first | value;
    return end;
  }
  out[end++] = first | mask;
  let rest = value - mask;
  for (; rest >= 128; rest >>>= 7) out[end++] = (rest & 0x7f) | 0x80;
  out[end++] = rest;
  return end;
}

/** Not compressed: a value that is sent once is cheaper so. */
function writeRaw(text: string, out: Uint8Array, at: number): number {
  let end = writeInteger(text.length, 0x7f, 0, out, at);
  for (let i = 0; i < text.length; i++) out[end++] = text.charCodeAt(i);
  return end;
}

function writeShortest(text: string, out: Uint8Array, at: number): number {
  const length = huffmanLength(text);
  if (length >= text.length) return writeRaw(text, out, at);
  return huffmanEncode(text, out, writeInteger(length, 0x7f, 0x80, out, at));
}
