/**
 * A minimal strict DER reader (ITU-T X.690, section 10): just enough to find fields in a certificate.
 *
 * It never re-encodes: every element is a view on the bytes as they stand. It descends only where its
 * caller asks it to, never by itself, so nesting in hostile input costs nothing; every step moves forward
 * by at least two bytes, so it ends.
 */

/** Tags (identifier octets) that occur in a certificate. */
export const TAG = {
  BOOLEAN: 0x01,
  INTEGER: 0x02,
  BIT_STRING: 0x03,
  OCTET_STRING: 0x04,
  OID: 0x06,
  UTC_TIME: 0x17,
  GENERALIZED_TIME: 0x18,
  SEQUENCE: 0x30,
} as const;

/** The bytes are not the DER that was expected. */
export class DerError extends Error {
  override readonly name = "DerError";
}

/** One tag-length-value, as views on the bytes it was read from. */
export interface DerElement {
  /** The identifier octet: class, constructed bit and tag number. */
  readonly tag: number;
  /** Identifier, length and content. */
  readonly bytes: Uint8Array;
  readonly content: Uint8Array;
}

/** Reads the elements of one content in order. */
export class DerReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get atEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  /** The next element, which must carry `tag` when one is given. @throws DerError */
  next(tag?: number): DerElement {
    const element = readElement(this.#bytes, this.#at);
    if (tag !== undefined && element.tag !== tag) throw new DerError("unexpected tag");
    this.#at += element.bytes.length;
    return element;
  }

  /** The next element if it carries `tag`; otherwise nothing is consumed. @throws DerError */
  optional(tag: number): DerElement | undefined {
    return !this.atEnd && this.#bytes[this.#at] === tag ? this.next(tag) : undefined;
  }

  /** @throws DerError when bytes are left */
  end(): void {
    if (!this.atEnd) throw new DerError("trailing data");
  }
}

/** Reads `bytes` as exactly one element with `tag`. @throws DerError */
export function readOnly(bytes: Uint8Array, tag: number): DerElement {
  const reader = new DerReader(bytes);
  const element = reader.next(tag);
  reader.end();
  return element;
}

/** A BOOLEAN's value; DER knows only 0x00 and 0xff. @throws DerError */
export function readBoolean(element: DerElement): boolean {
  const [value] = element.content;
  if (element.tag !== TAG.BOOLEAN || element.content.length !== 1 || (value !== 0x00 && value !== 0xff)) {
    throw new DerError("invalid boolean");
  }
  return value === 0xff;
}

/** A UTCTime or GeneralizedTime in milliseconds since the epoch, in the forms of RFC 5280, section 4.1.2.5. */
export function readTime(element: DerElement): number {
  const text = Buffer.from(element.content).toString("latin1");
  const long = element.tag === TAG.GENERALIZED_TIME;
  if (!long && element.tag !== TAG.UTC_TIME) throw new DerError("unexpected tag");
  const match = (
    long ? /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/ : /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/
  ).exec(text);
  if (!match) throw new DerError("invalid time");
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1).map(Number);
  const fullYear = long ? year : year + (year < 50 ? 2000 : 1900);
  const time = new Date(0);
  // Date.UTC would read the years 0 to 99 as 1900 to 1999.
  time.setUTCFullYear(fullYear, month - 1, day);
  time.setUTCHours(hour, minute, second);
  const same = time.getUTCMonth() === month - 1 && time.getUTCDate() === day && time.getUTCHours() === hour;
  if (!same || minute > 59 || second > 59) throw new DerError("invalid time");
  return time.getTime();
}

function readElement(bytes: Uint8Array, start: number): DerElement {
  const tag = bytes[start];
  const first = bytes[start + 1];
  if (tag === undefined || first === undefined) throw new DerError("truncated");
  // No field of a certificate has a tag number above 30.
  if ((tag & 0x1f) === 0x1f) throw new DerError("unsupported tag");

  let length = first;
  let contentStart = start + 2;
  if (first >= 0x80) {
    const count = first & 0x7f;
    // 0x80 is the indefinite length, which DER forbids; four bytes are more than any certificate needs.
    if (count === 0 || count > 4) throw new DerError("invalid length");
    length = 0;
    for (let i = 0; i < count; i++) {
      const byte = bytes[contentStart++];
      if (byte === undefined) throw new DerError("truncated");
      length = length * 256 + byte;
    }
    if (length < 0x80 || length < 256 ** (count - 1)) throw new DerError("length is not minimal");
  }
  const end = contentStart + length;
  if (end > bytes.length) throw new DerError("truncated");
  return { tag, bytes: bytes.subarray(start, end), content: bytes.subarray(contentStart, end) };
}
