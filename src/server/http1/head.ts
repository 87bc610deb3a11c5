/**
 * Reads the head of a request (RFC 9112 §3 and §5), strictly: whatever two readers could understand differently is
 * refused, for that is what request smuggling lives on. One pass over the bytes; values become strings when
 * somebody asks for them.
 */
import { isHost } from "../host-field.js";
import { COLON, CR, LF, matchesAt, octets, SP, TAB, TARGET, TOKEN, VALUE } from "./octets.js";
import { Refusal, refusals } from "./refusal.js";

/** Longest method that is read; the registered ones have at most 17 characters. */
const MAX_METHOD = 32;

/** Fields of a head, as marks. Few of many: empty ones would cost a hundred times their size. */
const MAX_MARKS = 256 * 4;

/** Where the fields of a head are: for each the start and end of its name and of its value. */
type Marks = readonly number[];

/** How the body is told from the next request. */
export interface Framing {
  /** Declared length in bytes; 0 without a body, and in the case of chunks. */
  readonly length: number;
  readonly isChunked: boolean;
}

export class RequestHead implements Framing {
  readonly method: string;
  readonly target: string;
  readonly isHttp10: boolean;
  /** Position behind the head in the bytes it was read from. */
  readonly end: number;
  length = 0;
  isChunked = false;
  /** The client wants to send another request on the connection. */
  keepsAlive: boolean;
  /** The client waits for `100 Continue` before it sends the body. */
  isAsking = false;
  readonly #text: string;
  readonly #marks: Marks;
  #isClosing = false;
  /** It expects what no server here does. */
  #isUnmet = false;

  constructor(text: string, marks: Marks, line: RequestLine, end: number) {
    this.#text = text;
    this.#marks = marks;
    this.method = line.method;
    this.target = line.target;
    this.isHttp10 = line.isHttp10;
    this.keepsAlive = !line.isHttp10;
    this.end = end;
  }

  /** Bytes of it. */
  get size(): number {
    return this.#text.length;
  }

  /** All values of a field. @param name - in lower case */
  values(name: string): readonly string[] {
    const marks = this.#marks;
    let found: string[] | undefined;
    for (let i = 0; i < marks.length; i += 4) {
      const start = marks[i] ?? 0;
      if ((marks[i + 1] ?? 0) - start !== name.length || !matchesAt(this.#text, start, name)) continue;
      const value = this.#text.slice(marks[i + 2], marks[i + 3]);
      if (found === undefined) found = [value];
      else found.push(value);
    }
    return found ?? NONE;
  }

  /** Takes what the fields say of the message itself. @returns why that cannot be, or undefined */
  settle(): Refusal | undefined {
    const marks = this.#marks;
    let seen = 0;
    for (let i = 0; i < marks.length; i += 4) {
      const start = marks[i] ?? 0;
      const name = FRAMING_NAMES[(marks[i + 1] ?? 0) - start];
      if (name === undefined || !matchesAt(this.#text, start, name)) continue;
      const value = this.#text.slice(marks[i + 2], marks[i + 3]);
      const bit = SEEN[name];
      if ((seen & bit) !== 0 && name !== "connection" && name !== "expect") return REPEATED[name];
      seen |= bit;
      const refusal = this.#take(name, value);
      if (refusal !== undefined) return refusal;
    }
    if (this.isChunked && this.isHttp10) return refusals.oldCoding;
    if ((seen & SEEN["content-length"]) !== 0 && this.isChunked) return refusals.lengthAndCoding;
    if ((seen & SEEN.host) === 0 && !this.isHttp10) return refusals.noHost;
    return this.#isUnmet ? refusals.expectation : undefined;
  }

  #take(name: FramingName, value: string): Refusal | undefined {
    switch (name) {
      case "content-length":
        if (!LENGTH.test(value)) return refusals.length;
        this.length = Number(value);
        return this.length > Number.MAX_SAFE_INTEGER ? refusals.length : undefined;
      case "transfer-encoding":
        if (value.toLowerCase() !== "chunked") return refusals.coding;
        this.isChunked = true;
        return undefined;
      case "connection":
        this.#takeOptions(value);
        return undefined;
      case "expect":
        // Of HTTP/1.0, which does not know it, it means nothing (RFC 9110 §10.1.1).
        if (this.isHttp10) return undefined;
        if (value.toLowerCase() === "100-continue") this.isAsking = true;
        else this.#isUnmet = true;
        return undefined;
      case "host":
        return isHost(value) ? undefined : refusals.host;
    }
  }

  /** `close` wins over `keep-alive`, in whatever order and however often they come. */
  #takeOptions(value: string): void {
    if (value === "keep-alive" && !this.#isClosing) {
      this.keepsAlive = true;
      return;
    }
    for (const option of value.toLowerCase().split(",")) {
      const name = option.trim();
      if (name === "close") this.#isClosing = true;
      else if (name === "keep-alive") this.keepsAlive = true;
    }
    if (this.#isClosing) this.keepsAlive = false;
  }
}

const NONE: readonly string[] = Object.freeze([]);
/** Up to 2^53: more digits than that no number holds exactly. */
const LENGTH = /^\d{1,20}$/;

type FramingName = "host" | "expect" | "connection" | "content-length" | "transfer-encoding";

const SEEN: Readonly<Record<FramingName, number>> = {
  host: 1,
  expect: 2,
  connection: 4,
  "content-length": 8,
  "transfer-encoding": 16,
};

/** By the length of the name: no two of them have the same. */
const FRAMING_NAMES: readonly (FramingName | undefined)[] = ((): (FramingName | undefined)[] => {
  const names: FramingName[] = ["host", "expect", "connection", "content-length", "transfer-encoding"];
  return Array.from({ length: 18 }, (_, length) => names.find((name) => name.length === length));
})();

const REPEATED: Readonly<Record<string, Refusal>> = {
  host: refusals.hosts,
  "content-length": refusals.lengths,
  "transfer-encoding": refusals.coding,
};

interface RequestLine {
  readonly method: string;
  readonly target: string;
  readonly isHttp10: boolean;
}

/**
 * Reads a head from `bytes[start..end)`.
 * @returns undefined when its end has not come yet, unless it is refused already for what has
 */
export function readHead(bytes: Buffer, start: number, end: number): RequestHead | Refusal | undefined {
  const lineAt = skipEmptyLines(bytes, start, end);
  if (lineAt instanceof Refusal) return lineAt;
  // METHOD SP target SP HTTP/1.x CR LF
  let at = lineAt;
  while (at < end && isOf(TOKEN, bytes[at])) at++;
  if (at - lineAt > MAX_METHOD) return refusals.method;
  if (at >= end) return undefined;
  if (at === lineAt || bytes[at] !== SP) return refusals.method;
  const methodEnd = at++;
  while (at < end && isOf(TARGET, bytes[at])) at++;
  if (at >= end) return undefined;
  if (at === methodEnd + 1 || bytes[at] !== SP) return refusals.target;
  const targetEnd = at++;
  const version = bytes.toString("latin1", at, Math.min(end, at + VERSION_BYTES));
  if (version !== HTTP11 && version !== HTTP10) {
    return HTTP11.startsWith(version) || HTTP10.startsWith(version) ? undefined : refusals.version;
  }
  at += VERSION_BYTES;
  const marks: number[] = [];
  const headEnd = readFields(bytes, at, end, lineAt, marks);
  if (headEnd === undefined || headEnd instanceof Refusal) return headEnd;
  const text = bytes.toString("latin1", lineAt, headEnd);
  const line = {
    method: text.slice(0, methodEnd - lineAt),
    // Not a part of `text`, which it would keep in memory: targets are remembered, and the names of keys in them.
    target: bytes.toString("latin1", methodEnd + 1, targetEnd),
    isHttp10: version === HTTP10,
  };
  if (line.method === "CONNECT" || line.method === "PRI") return refusals.tunnel;
  if (line.target.charCodeAt(0) !== SLASH && !OTHER_TARGET.test(line.target)) return refusals.target;
  const head = new RequestHead(text, marks, line, headEnd);
  return head.settle() ?? head;
}

const HTTP11 = "HTTP/1.1\r\n";
const HTTP10 = "HTTP/1.0\r\n";
const VERSION_BYTES = HTTP11.length;
const SLASH = 0x2f;
/** absolute-form and asterisk-form; what they mean is the pipeline's affair. */
const OTHER_TARGET = /^(?:\*$|[A-Za-z][A-Za-z0-9+.-]*:\/\/)/;

/** An empty line before the request line is passed over (RFC 9112 §2.2). */
function skipEmptyLines(bytes: Buffer, start: number, end: number): number | Refusal {
  let at = start;
  while (at < end && bytes[at] === CR) {
    if (at + 1 < end && bytes[at + 1] !== LF) return refusals.emptyLine;
    at += 2;
  }
  if (at < end && bytes[at] === LF) return refusals.emptyLine;
  return Math.min(at, end);
}

/**
 * Reads field lines up to the empty line behind them; trailers have the same form (RFC 9112 §7.1.2).
 * @param origin - position that marks are relative to
 * @returns the position behind the empty line
 */
export function readFields(
  bytes: Buffer,
  start: number,
  end: number,
  origin: number,
  marks: number[],
): number | Refusal | undefined {
  let at = start;
  for (;;) {
    const nameAt = at;
    while (at < end && isOf(TOKEN, bytes[at])) at++;
    if (at >= end) return undefined;
    if (at === nameAt) return endOfFields(bytes, at, end);
    if (bytes[at] !== COLON) return refusals.fieldName;
    if (marks.length >= MAX_MARKS) return refusals.headTooLarge;
    const nameEnd = at++;
    while (at < end && (bytes[at] === SP || bytes[at] === TAB)) at++;
    const valueAt = at;
    while (at < end && isOf(VALUE, bytes[at])) at++;
    if (at >= end) return undefined;
    if (bytes[at] !== CR) return bytes[at] === LF ? refusals.lineEnd : refusals.fieldValue;
    if (at + 1 >= end) return undefined;
    if (bytes[at + 1] !== LF) return refusals.lineEnd;
    let valueEnd = at;
    while (valueEnd > valueAt && (bytes[valueEnd - 1] === SP || bytes[valueEnd - 1] === TAB)) valueEnd--;
    marks.push(nameAt - origin, nameEnd - origin, valueAt - origin, valueEnd - origin);
    at += 2;
  }
}

/** What stands where a field name would begin: the empty line, or nothing that is allowed. */
function endOfFields(bytes: Buffer, at: number, end: number): number | Refusal | undefined {
  const octet = bytes[at];
  if (octet === SP || octet === TAB) return refusals.folded;
  if (octet === LF) return refusals.lineEnd;
  if (octet !== CR) return refusals.fieldName;
  if (at + 1 >= end) return undefined;
  return bytes[at + 1] === LF ? at + 2 : refusals.lineEnd;
}

function isOf(alphabet: number, octet: number | undefined): boolean {
  return octet !== undefined && ((octets[octet] ?? 0) & alphabet) !== 0;
}
