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
    const members = this.#members(reader);
    return members !== undefined && reader.isAtEnd() ? members : undefined;
  }

  /**
   * The items of the array that `raw` is, one with each call.
   * @param memory - for ciphertexts and contexts, as large as `raw`; each has memory of Node's pool without it
   */
  items(raw: Buffer, memory?: Buffer): QuickItems {
    return new QuickItems(new Reader(raw, memory), (reader) => this.#members(reader));
  }

  #members(reader: Reader): ByteMembers | undefined {
    const members: ByteMembers = {};
    for (const name of this.#names) members[name] = EMPTY;
    if (!reader.takes(OPEN_BRACE)) return undefined;
    if (reader.takes(CLOSE_BRACE)) return members;
    let seen = 0;
    do {
      const which = this.#nameAt(reader);
      const name = this.#names[which];
      // Of two members of one name the last counts; so seldom that the general parser may find out.
      if (name === undefined || (seen & (1 << which)) !== 0) return undefined;
      seen |= 1 << which;
      if (!reader.takes(COLON)) return undefined;
      const value = reader.base64(this.#kinds[which] === "bytes");
      if (value === undefined) return undefined;
      members[name] = value;
    } while (reader.takes(COMMA));
    return reader.takes(CLOSE_BRACE) ? members : undefined;
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

/** The items of an array, read as they are asked for. */
export class QuickItems {
  readonly #reader: Reader;
  readonly #members: (reader: Reader) => ByteMembers | undefined;
  #hasBegun = false;

  constructor(reader: Reader, members: (reader: Reader) => ByteMembers | undefined) {
    this.#reader = reader;
    this.#members = members;
  }

  /** The next item; `end` behind the last; undefined when the general parser is to be asked about the whole. */
  next(): ByteMembers | "end" | undefined {
    const reader = this.#reader;
    if (!this.#hasBegun) {
      this.#hasBegun = true;
      if (!reader.takes(OPEN_BRACKET)) return undefined;
      if (reader.takes(CLOSE_BRACKET)) return reader.isAtEnd() ? "end" : undefined;
      return this.#members(reader);
    }
    if (reader.takes(COMMA)) return this.#members(reader);
    return reader.takes(CLOSE_BRACKET) && reader.isAtEnd() ? "end" : undefined;
  }
}

/** A position in a text. */
class Reader {
  readonly #raw: Buffer;
  readonly #memory: Buffer | undefined;
  #usedBytes = 0;
  #at = 0;

  constructor(raw: Buffer, memory?: Buffer) {
    this.#raw = raw;
    this.#memory = memory;
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
    const bytes = this.#room(size, isOwn);
    return decode(this.#raw, from, to, bytes) ? bytes : undefined;
  }

  #room(size: number, isOwn: boolean): Buffer {
    if (isOwn) return Buffer.allocUnsafeSlow(size);
    const memory = this.#memory;
    if (memory === undefined) return Buffer.allocUnsafe(size);
    const at = memory.byteOffset + this.#usedBytes;
    this.#usedBytes += size;
    return Buffer.from(memory.buffer, at, size);
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
 * Padded standard base64 to `bytes`, which has the size for it.
 * @returns false for anything else, and for an escape, which only another parser can read
 */
function decode(raw: Buffer, from: number, to: number, bytes: Buffer): boolean {
  const padding = paddingOf(raw, to);
  // Bits of all characters together: one that is none has a bit too many.
  let all = 0;
  let at = from;
  let out = 0;
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
