/** Header blocks → fields (RFC 7541), with the table that the client's encoder fills. */
import { ConnectionError, ErrorCode } from "./errors.js";
import { FIELD_OVERHEAD, HeaderField } from "./header-field.js";
import { huffmanDecode } from "./huffman.js";
import { HEADER_TABLE_BYTES } from "./limits.js";
import { STATIC_TABLE } from "./static-table.js";

/** What the fields of a block are given to, in their order. */
export interface FieldSink {
  add(field: HeaderField): void;
}

const STATIC_FIELDS: readonly HeaderField[] = STATIC_TABLE.map(
  ([name, value]) => new HeaderField(name, value),
);
const STATIC_COUNT = STATIC_FIELDS.length;
/** Of the ring that holds the table: no field is smaller than its overhead. */
const MAX_ENTRIES = Math.ceil(HEADER_TABLE_BYTES / FIELD_OVERHEAD);

/** One direction of one connection. Every block must be decoded, whatever becomes of its request. */
export class HpackDecoder {
  /** The table as a ring: the newest entry stands at `#next - 1`. */
  readonly #ring: (HeaderField | undefined)[] = [];
  #next = 0;
  #count = 0;
  #size = 0;
  /** What we allow, and what the client's encoder uses of that. */
  readonly #limit: number;
  #maxSize: number;
  /** Of the block that is being decoded. */
  #bytes: Uint8Array = NO_BYTES;
  #at = 0;
  #end = 0;
  #isPlain = false;

  constructor(maxTableBytes: number = HEADER_TABLE_BYTES) {
    this.#limit = maxTableBytes;
    this.#maxSize = maxTableBytes;
  }

  /** Bytes that the table's entries take. */
  get tableSize(): number {
    return this.#size;
  }

  /** The table's fields, newest first. */
  get table(): readonly HeaderField[] {
    return Array.from({ length: this.#count }, (_, i) => this.#entry(i)).filter(
      (field) => field !== undefined,
    );
  }

  /**
   * True when the last block consisted of references to the tables alone: the same bytes mean the same until another
   * block changes the table.
   */
  get wasPlain(): boolean {
    return this.#isPlain;
  }

  /** @throws ConnectionError `COMPRESSION_ERROR` when the block is malformed */
  decode(bytes: Uint8Array, start: number, end: number, sink: FieldSink): void {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
    this.#isPlain = true;
    let mayResize = true;
    while (this.#at < end) {
      const first = bytes[this.#at] ?? 0;
      if (first & 0x80) {
        sink.add(this.#indexed(this.#integer(0x7f)));
      } else if (first & 0x40) {
        this.#isPlain = false;
        const field = this.#literal(0x3f);
        this.#insert(field);
        sink.add(field);
      } else if (first & 0x20) {
        this.#isPlain = false;
        if (!mayResize) throw malformed("a table size update behind a field");
        this.#resize(this.#integer(0x1f));
        continue;
      } else {
        this.#isPlain = false;
        sink.add(this.#literal(0x0f));
      }
      mayResize = false;
    }
    this.#bytes = NO_BYTES;
  }

  /** A field that is not in the table; its first byte holds the index of its name behind `mask`. */
  #literal(mask: number): HeaderField {
    const index = this.#integer(mask);
    const name = index === 0 ? this.#string() : this.#indexed(index).name;
    return new HeaderField(name, this.#string());
  }

  #indexed(index: number): HeaderField {
    const field = index <= STATIC_COUNT ? STATIC_FIELDS[index - 1] : this.#entry(index - STATIC_COUNT - 1);
    if (field === undefined) throw malformed("an index beyond the table");
    return field;
  }

  /** @param age - 0 for the newest */
  #entry(age: number): HeaderField | undefined {
    if (age >= this.#count) return undefined;
    return this.#ring[(this.#next - 1 - age + MAX_ENTRIES) % MAX_ENTRIES];
  }

  #insert(field: HeaderField): void {
    // A field larger than the table empties it (RFC 7541 §4.4).
    this.#evict(this.#maxSize - field.size);
    if (field.size > this.#maxSize) return;
    this.#ring[this.#next] = field;
    this.#next = (this.#next + 1) % MAX_ENTRIES;
    this.#count++;
    this.#size += field.size;
  }

  #resize(maxSize: number): void {
    if (maxSize > this.#limit) throw malformed("a table larger than allowed");
    this.#maxSize = maxSize;
    this.#evict(maxSize);
  }

  /** Drops the oldest entries until `size` bytes or less are left. */
  #evict(size: number): void {
    while (this.#count > 0 && this.#size > size) {
      const at = (this.#next - this.#count + MAX_ENTRIES) % MAX_ENTRIES;
      this.#size -= this.#ring[at]?.size ?? 0;
      // Or the ring would hold many times the table's size.
      this.#ring[at] = undefined;
      this.#count--;
    }
  }

  /** An integer whose first part are the bits of `mask` (RFC 7541 §5.1). */
  #integer(mask: number): number {
    if (this.#at >= this.#end) throw malformed("a block that ends within a field");
    let value = (this.#bytes[this.#at++] ?? 0) & mask;
    if (value < mask) return value;
    // Nothing that is counted here reaches 2^21, and padding with zeros has no end.
    for (let shift = 0; shift <= 14; shift += 7) {
      if (this.#at >= this.#end) throw malformed("a block that ends within a field");
      const byte = this.#bytes[this.#at++] ?? 0;
      value += (byte & 0x7f) << shift;
      if ((byte & 0x80) === 0) return value;
    }
    throw malformed("an integer without bounds");
  }

  #string(): string {
    const isHuffman = ((this.#bytes[this.#at] ?? 0) & 0x80) !== 0;
    const length = this.#integer(0x7f);
    const start = this.#at;
    const end = start + length;
    if (end > this.#end) throw malformed("a string longer than its block");
    this.#at = end;
    if (length === 0) return "";
    if (!isHuffman) return latin1(this.#bytes, start, end);
    const text = huffmanDecode(this.#bytes, start, end);
    if (text === undefined) throw malformed("a string that is not Huffman coded");
    return text;
  }
}

const NO_BYTES = new Uint8Array(0);

function latin1(bytes: Uint8Array, start: number, end: number): string {
  const buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return buffer.toString("latin1", start, end);
}

function malformed(what: string): ConnectionError {
  return new ConnectionError(ErrorCode.compression, `${what} in a header block`);
}
