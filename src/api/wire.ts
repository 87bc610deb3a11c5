/**
 * JSON codecs of the wire, as lenient in reading and as exact in writing as KES (reference §2.4, §2.5):
 * member names match in any case, unknown members are ignored, `null` is absent, bytes may be base64 with line
 * breaks or an array of numbers, text behind the first value is ignored; `<`, `>`, `&` are escaped on output.
 */
import { decodeBase64 } from "../crypto/base64.js";
import { type ErrorCode, KesError } from "../errors.js";
import { type ByteFields, type ByteKind, QuickJson } from "./quick-json.js";

/**
 * Turns a request body into a handler's input, which shares no memory with it: `raw` is lent. It is undefined when the
 * request declared no body at all.
 */
export interface BodyCodec<T> {
  readonly decode: (raw: Buffer | undefined) => T;
  /** JSON Schema of the body, for the OpenAPI document. */
  readonly schema: object;
  /** False: a request without any body is served. */
  readonly required: boolean;
}

type FieldType = ByteKind | "text";
type Fields = Readonly<Record<string, FieldType>>;
type Decoded<F extends Fields> = { readonly [K in keyof F]: F[K] extends ByteKind ? Buffer : string };

const EMPTY = Buffer.alloc(0);

/** A JSON object with the given members; an absent one is empty. */
export function object<F extends Fields>(
  fields: F,
  options: { optional?: boolean; error?: ErrorCode } = {},
): BodyCodec<Decoded<F>> {
  const error = options.error ?? "BODY_INVALID";
  const quick = hasBytesAlone(fields) ? new QuickJson(fields) : undefined;
  return {
    required: !options.optional,
    schema: objectSchema(fields),
    decode(raw) {
      if (raw === undefined && options.optional) return members(fields, {}, error);
      // Its keys are those of `fields`, all of them bytes.
      const read = raw === undefined ? undefined : (quick?.object(raw) as Decoded<F> | undefined);
      return read ?? readObject(fields, raw ?? EMPTY, error);
    },
  };
}

/** The members of a JSON object in any form that KES takes. @throws KesError `error` */
export function readObject<F extends Fields>(fields: F, raw: Buffer, error: ErrorCode): Decoded<F> {
  return members(fields, parse(raw, error), error);
}

/** The values of a JSON array, none of them checked yet; `null` is an empty one. @throws KesError `BODY_INVALID` */
export function readArray(raw: Buffer): readonly unknown[] {
  const value = parse(raw, "BODY_INVALID");
  if (value === null) return [];
  if (!Array.isArray(value)) throw new KesError("BODY_INVALID");
  return value;
}

export function hasBytesAlone(fields: Fields): fields is ByteFields {
  return Object.values(fields).every((type) => type !== "text");
}

export function objectSchema(fields: Fields): object {
  const properties: Record<string, object> = {};
  for (const [name, type] of Object.entries(fields)) {
    properties[name] = type === "text" ? { type: "string" } : { type: "string", contentEncoding: "base64" };
  }
  return { type: "object", properties };
}

/** The members of a parsed object. @throws KesError `error` */
export function members<F extends Fields>(fields: F, value: unknown, error: ErrorCode): Decoded<F> {
  const source = value === null ? {} : value;
  if (typeof source !== "object" || Array.isArray(source)) throw new KesError(error);
  const record = source as Readonly<Record<string, unknown>>;
  const decoded: Record<string, Buffer | string> = {};
  for (const name in fields) {
    const type = fields[name] ?? "text";
    const exact = Object.hasOwn(record, name) && !hasOtherCase(record, name);
    const member = exact ? record[name] : anyCase(record, name, type);
    decoded[name] = type === "text" ? textOf(member, error) : bytesOf(member, error);
  }
  return decoded as Decoded<F>;
}

/** Few members are ever sent, so this costs less than it looks. */
function hasOtherCase(record: Readonly<Record<string, unknown>>, name: string): boolean {
  for (const key in record)
    if (key !== name && key.length === name.length && key.toLowerCase() === name) return true;
  return false;
}

/**
 * The last member whose name equals `name` in any case. As in Go, `null` empties bytes and leaves a text as it was.
 * The parser keeps a spelling that occurs twice at its first place, with its last value; so of three members that
 * contradict each other in two spellings another one may win than in Go.
 */
function anyCase(record: Readonly<Record<string, unknown>>, name: string, type: FieldType): unknown {
  let found: unknown;
  for (const key of Object.keys(record)) {
    if (key.toLowerCase() === name && (type !== "text" || record[key] !== null)) found = record[key];
  }
  return found;
}

function textOf(value: unknown, error: ErrorCode): string {
  if (value === undefined || value === null) return "";
  if (typeof value !== "string") throw new KesError(error);
  return value;
}

function bytesOf(value: unknown, error: ErrorCode): Buffer {
  if (typeof value === "string") {
    const bytes = decodeBase64(value);
    if (bytes === undefined) throw new KesError(error);
    return bytes;
  }
  if (value === undefined || value === null) return EMPTY;
  if (Array.isArray(value) && value.every((n) => Number.isInteger(n) && n >= 0 && n <= 255))
    return Buffer.from(value);
  throw new KesError(error);
}

function parse(raw: Buffer, error: ErrorCode): unknown {
  const text = raw.toString("utf8");
  try {
    return JSON.parse(text);
  } catch (cause) {
    const end = endOfFirstValue(text);
    if (end !== undefined && end < text.length) {
      try {
        return JSON.parse(text.slice(0, end));
      } catch {
        // The first value is malformed as well: reported below with the first cause.
      }
    }
    throw new KesError(error, [], { cause: new Error("malformed JSON", { cause: syntaxOnly(cause) }) });
  }
}

/** V8 quotes the text it stumbled over; a body holds plaintexts, so the log gets the kind of error alone. */
function syntaxOnly(cause: unknown): Error {
  return new Error(cause instanceof Error ? cause.name : "error");
}

/** Index behind the object or array that `text` begins with, or undefined when it does not end. */
function endOfFirstValue(text: string): number | undefined {
  let depth = 0;
  let inText = false;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (inText) {
      if (c === 0x5c) i++;
      else if (c === 0x22) inText = false;
    } else if (c === 0x22) {
      if (depth === 0) return undefined;
      inText = true;
    } else if (c === 0x7b || c === 0x5b) {
      depth++;
    } else if (c === 0x7d || c === 0x5d) {
      if (--depth === 0) return i + 1;
    } else if (depth === 0 && c === 0x6e && text.startsWith("null", i)) {
      return i + 4;
    } else if (depth === 0 && c !== 0x20 && c !== 0x09 && c !== 0x0a && c !== 0x0d) return undefined;
  }
  return undefined;
}

/** Compact JSON with KES's escapes and a final newline. */
export function toJson(value: unknown): string {
  return `${escapeJson(JSON.stringify(value))}\n`;
}

/** Error body: KES's encoder leaves the newline before the closing brace (reference §2.4). */
export function errorJson(message: string): string {
  return `{"message":${escapeJson(JSON.stringify(message))}\n}`;
}

const UNSAFE = /[<>&\u2028\u2029]/;

function escapeJson(text: string): string {
  if (!UNSAFE.test(text)) return text;
  return text.replace(/[<>&\u2028\u2029]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** RFC 3339 in UTC with up to nine fractional digits, trailing zeros removed; here from milliseconds. */
export function timeText(ms: number): string {
  return new Date(ms).toISOString().replace(/\.?0*Z$/, "Z");
}
