/**
 * Reads the bodies that clients really send to the key routes, without a text or a JSON value in between: an object
 * whose members are plain base64 under their own names, each at most once, with or without blanks between them. It
 * takes nothing else: whatever looks otherwise is left to the parser of `wire.ts`, which also says what is wrong.
 */

/** What a member holds: bytes in memory of their own, or a ciphertext or a context, which may share theirs with others. */
export type ByteKind = "bytes" | "ciphertext" | "context";
/** Members by name. */
export type ByteFields = Readonly<Record<string, ByteKind>>;
/** A member that is absent is empty. */
export type ByteMembers = Record<string, Buffer>;

const EMPTY: Buffer = Buffer.alloc(0);

const QUOTE = 0x22;
const COMMA = 0x2c;
const EQUALS = 0x3d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const COLON = 0x3a;

/** Character → its six bits; what is not of the standard alphabet (RFC 4648 §4) has more. */
const SIX_BITS = sixBits();

function sixBits(): Uint8Array {
  const table = new Uint8Array(256).fill(0xff);
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (let i = 0; i < 64; i++) table[alphabet.charCodeAt(i)] = i;
  return table;
}

/** Reads objects with certain members, one after another. */
export class QuickJson {
  readonly #names: readonly string[];
  /** `"name"`, as bytes. */
  readonly #quoted: readonly Buffer[];
  readonly #kinds: readonly ByteKind[];

  constructor(fields: ByteFields) {
    this.#names = Object.keys(fields);
    this.#quoted = this.#names.map((name) => Buffer.from(`"${name}"`, "latin1"));
    this.#kinds = Object.values(fields);
  }

  /** The members of the one object that `raw` is; undefined when the general parser is to be asked. */
  object(raw: Buffer): ByteMembers | undefined {
    const reader = new Reader(raw);
    const members = new Members(this.#names, this.#kinds);
    return this.#reads(reader, members) && reader.isAtEnd() ? members.read : undefined;
  }

  /** Memory that {@link items} needs for a body. */
  roomBytes(bodyBytes: number): number {
    return bodyBytes + this.#names.length * SLOT_BYTES;
  }

  /**
   * The items of the array that `raw` is, one with each call.
   * @param memory - for their members, of {@link roomBytes}, and `raw` is no part of that
   * @param places - where they are in it: two for each member, as many items as there is room for
   */
  items(raw: Buffer, memory: Buffer, places: Int32Array): QuickItems {
    const sink = new Places(this.#names, memory, raw.length, places);
    return new QuickItems(new Reader(raw), sink, (reader) => this.#reads(reader, sink));
  }

  /** Goes past an object, whose members the sink gets. */
  #reads(reader: Reader, sink: Sink): boolean {
    if (!reader.takes(OPEN_BRACE)) return false;
    if (reader.takes(CLOSE_BRACE)) return true;
    let seen = 0;
    do {
      const which = this.#nameAt(reader);
      // Of two members of one name the last counts; so seldom that the general parser may find out.
      if (which < 0 || (seen & (1 << which)) !== 0) return false;
      seen |= 1 << which;
      if (!reader.takes(COLON)) return false;
      if (!sink.takes(which, reader)) return false;
    } while (reader.takes(COMMA));
    return reader.takes(CLOSE_BRACE);
  }

  /** Which name comes next; -1 for none of them. */
  #nameAt(reader: Reader): number {
    for (let i = 0; i < this.#quoted.length; i++) {
      const quoted = this.#quoted[i];
      if (quoted !== undefined && reader.takesAll(quoted)) return i;
    }
    return -1;
  }
}

/** A member of an item has a place of its own while it is worked on, unless it is larger. */
const SLOT_BYTES = 256;

/** Where the value of a member goes. */
interface Sink {
  /** Goes past the value of the member of that number; false when the general parser is to be asked. */
  readonly takes: (which: number, reader: Reader) => boolean;
}

/** Members as buffers. */
class Members implements Sink {
  readonly read: ByteMembers = {};
  readonly #names: readonly string[];
  readonly #kinds: readonly ByteKind[];

  constructor(names: readonly string[], kinds: readonly ByteKind[]) {
    this.#names = names;
    this.#kinds = kinds;
    for (const name of names) this.read[name] = EMPTY;
  }

  takes(which: number, reader: Reader): boolean {
    const name = this.#names[which];
    const value = reader.base64(this.#kinds[which] === "bytes");
    if (name === undefined || value === undefined) return false;
    this.read[name] = value;
    return true;
  }
}

/** The members of many items in one piece of memory: for so many, a buffer for each would cost as much as reading it. */
class Places implements Sink {
  readonly #names: readonly string[];
  readonly #memory: Buffer;
  readonly #slotsAt: number;
  /** What was last in each member's slot. Most members of a list are of one size, and a buffer costs more than a copy. */
  readonly #slots: Buffer[];
  /** First byte of a member, and the one behind its last. */
  readonly #places: Int32Array;
  readonly #perItem: number;
  #usedBytes = 0;
  #item = -1;

  /** @param slotsAt - where in `memory` those of the members are */
  constructor(names: readonly string[], memory: Buffer, slotsAt: number, places: Int32Array) {
    this.#names = names;
    this.#memory = memory;
    this.#slotsAt = slotsAt;
    this.#slots = names.map(() => EMPTY);
    this.#places = places;
    this.#perItem = 2 * names.length;
  }

  /** Goes to the next item; false when there is no room for it. */
  begins(): boolean {
    const at = ++this.#item * this.#perItem;
    if (at + this.#perItem > this.#places.length) return false;
    // They may hold those of a call before this one.
    for (let i = 0; i < this.#perItem; i++) this.#places[at + i] = 0;
    return true;
  }

  takes(which: number, reader: Reader): boolean {
    const from = this.#usedBytes;
    const bytes = reader.base64Into(this.#memory, from);
    if (bytes < 0) return false;
    this.#usedBytes = from + bytes;
    const at = this.#item * this.#perItem + 2 * which;
    this.#places[at] = from;
    this.#places[at + 1] = from + bytes;
    return true;
  }

  members(item: number): ByteMembers {
    const members: ByteMembers = {};
    let at = item * this.#perItem;
    for (let i = 0; i < this.#names.length; i++) {
      const from = this.#places[at++] ?? 0;
      members[this.#names[i] ?? ""] = this.#bytes(i, from, (this.#places[at++] ?? 0) - from);
    }
    return members;
  }

  #bytes(which: number, from: number, size: number): Buffer {
    const { buffer, byteOffset } = this.#memory;
    if (size === 0) return EMPTY;
    if (size > SLOT_BYTES) return Buffer.from(buffer, byteOffset + from, size);
    let slot = this.#slots[which] ?? EMPTY;
    if (slot.length !== size) {
      slot = Buffer.from(buffer, byteOffset + this.#slotsAt + which * SLOT_BYTES, size);
      this.#slots[which] = slot;
    }
    for (let i = 0; i < size; i++) slot[i] = this.#memory[from + i] ?? 0;
    return slot;
  }
}

/** The items of an array, read as they are asked for. */
export class QuickItems {
  readonly #reader: Reader;
  readonly #places: Places;
  readonly #reads: (reader: Reader) => boolean;
  #count = 0;

  constructor(reader: Reader, places: Places, reads: (reader: Reader) => boolean) {
    this.#reader = reader;
    this.#places = places;
    this.#reads = reads;
  }

  /** How many were read. */
  get count(): number {
    return this.#count;
  }

  /** Reads the next item; undefined when the general parser is to be asked about the whole, or there is no room. */
  next(): "item" | "end" | undefined {
    const reader = this.#reader;
    if (this.#count === 0) {
      if (!reader.takes(OPEN_BRACKET)) return undefined;
      if (reader.takes(CLOSE_BRACKET)) return reader.isAtEnd() ? "end" : undefined;
    } else if (!reader.takes(COMMA)) {
      return reader.takes(CLOSE_BRACKET) && reader.isAtEnd() ? "end" : undefined;
    }
    if (!this.#places.begins() || !this.#reads(reader)) return undefined;
    this.#count++;
    return "item";
  }

  /**
   * The members of an item that was read, good until the next one's are asked for. They share the memory that they were
   * read into.
   */
  members(item: number): ByteMembers {
    if (item >= this.#count) throw new RangeError("no such item");
    return this.#places.members(item);
  }
}

/** A position in a text. */
class Reader {
  readonly #raw: Buffer;
  #at = 0;

  constructor(raw: Buffer) {
    this.#raw = raw;
  }

  /** Goes past `byte`, and blanks before it, if that comes next. */
  takes(byte: number): boolean {
    this.#skipBlanks();
    if (this.#raw[this.#at] !== byte) return false;
    this.#at++;
    return true;
  }

  /** The same for several bytes. */
  takesAll(bytes: Buffer): boolean {
    this.#skipBlanks();
    const raw = this.#raw;
    const at = this.#at;
    for (let i = 0; i < bytes.length; i++) if (raw[at + i] !== bytes[i]) return false;
    this.#at = at + bytes.length;
    return true;
  }

  isAtEnd(): boolean {
    this.#skipBlanks();
    return this.#at >= this.#raw.length;
  }

  /** @param isOwn - the bytes get memory of their own */
  base64(isOwn: boolean): Buffer | undefined {
    if (!this.takes(QUOTE)) return undefined;
    const from = this.#at;
    const to = this.#raw.indexOf(QUOTE, from);
    if (to < 0) return undefined;
    this.#at = to + 1;
    const size = decodedBytes(this.#raw, from, to);
    if (size === undefined) return undefined;
    if (size === 0) return EMPTY;
    const bytes = isOwn ? Buffer.allocUnsafeSlow(size) : Buffer.allocUnsafe(size);
    return decode(this.#raw, from, to, bytes, 0) ? bytes : undefined;
  }

  /**
   * Writes the bytes to `memory`, from `out` on, where there is room for all that the text may hold.
   * @returns how many; -1 for what only another parser can read
   */
  base64Into(memory: Buffer, out: number): number {
    if (!this.takes(QUOTE)) return -1;
    const raw = this.#raw;
    const from = this.#at;
    let at = from;
    let to = out;
    for (const last = raw.length - 4; at <= last; at += 4, to += 3) {
      const a = SIX_BITS[raw[at] ?? 0] ?? 0xff;
      const b = SIX_BITS[raw[at + 1] ?? 0] ?? 0xff;
      const c = SIX_BITS[raw[at + 2] ?? 0] ?? 0xff;
      const d = SIX_BITS[raw[at + 3] ?? 0] ?? 0xff;
      if ((a | b | c | d) > 0x3f) break;
      memory[to] = (a << 2) | (b >> 4);
      memory[to + 1] = (b << 4) | (c >> 2);
      memory[to + 2] = (c << 6) | d;
    }
    if (raw[at] !== QUOTE) {
      // Only the last four characters may be padded.
      const end = at + 4;
      if (raw[end] !== QUOTE || raw[end - 1] !== EQUALS) return -1;
      const size = decodedBytes(raw, at, end) ?? 0;
      if (!decode(raw, at, end, memory, to)) return -1;
      at = end;
      to += size;
    }
    this.#at = at + 1;
    return to - out;
  }

  #skipBlanks(): void {
    const raw = this.#raw;
    for (let byte = raw[this.#at]; isBlank(byte); byte = raw[this.#at]) this.#at++;
  }
}

function isBlank(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

/** How many bytes base64 of that length and padding stands for; undefined for none. */
function decodedBytes(raw: Buffer, from: number, to: number): number | undefined {
  const length = to - from;
  if (length % 4 !== 0) return undefined;
  return length === 0 ? 0 : (length / 4) * 3 - paddingOf(raw, to);
}

function paddingOf(raw: Buffer, to: number): number {
  return raw[to - 1] !== EQUALS ? 0 : raw[to - 2] !== EQUALS ? 1 : 2;
}

/**
 * Padded standard base64 to `bytes`, which has room for it from `start` on.
 * @returns false for anything else, and for an escape, which only another parser can read
 */
function decode(raw: Buffer, from: number, to: number, bytes: Buffer, start: number): boolean {
  const padding = paddingOf(raw, to);
  // Bits of all characters together: one that is none has a bit too many.
  let all = 0;
  let at = from;
  let out = start;
  for (const whole = padding === 0 ? to : to - 4; at < whole; at += 4, out += 3) {
    const a = SIX_BITS[raw[at] ?? 0] ?? 0xff;
    const b = SIX_BITS[raw[at + 1] ?? 0] ?? 0xff;
    const c = SIX_BITS[raw[at + 2] ?? 0] ?? 0xff;
    const d = SIX_BITS[raw[at + 3] ?? 0] ?? 0xff;
    all |= a | b | c | d;
    bytes[out] = (a << 2) | (b >> 4);
    bytes[out + 1] = (b << 4) | (c >> 2);
    bytes[out + 2] = (c << 6) | d;
  }
  if (padding > 0) {
    const a = SIX_BITS[raw[at] ?? 0] ?? 0xff;
    const b = SIX_BITS[raw[at + 1] ?? 0] ?? 0xff;
    const c = padding === 2 ? 0 : (SIX_BITS[raw[at + 2] ?? 0] ?? 0xff);
    all |= a | b | c;
    bytes[out] = (a << 2) | (b >> 4);
    if (padding === 1) bytes[out + 1] = (b << 4) | (c >> 2);
  }
  return all <= 0x3f;
}
