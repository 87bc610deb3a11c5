/** Reads an answer's JSON; every member is checked when it is read, for a server may be anything. */
import { decodeBase64 } from "../crypto/base64.js";
import { KesError } from "../errors.js";
import type { ApiReply } from "./transport.js";

/** RFC 3339. */
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/;
/** Longest text that is no base64. */
const MAX_TEXT = 4096;

/** The JSON of an answer. @throws KesError `ANSWER_INVALID`, without the text, which may hold a key */
export function jsonOf(reply: Pick<ApiReply, "endpoint" | "body">): unknown {
  try {
    return JSON.parse(reply.body.toString("utf8"));
  } catch {
    throw invalid(reply.endpoint, "it is no JSON");
  }
}

/** The members of one JSON object. Every method throws KesError `ANSWER_INVALID` for what it does not expect. */
export class Members {
  readonly raw: Readonly<Record<string, unknown>>;
  readonly #endpoint: string;

  /** @param endpoint - who sent it, for errors */
  constructor(value: unknown, endpoint: string) {
    this.#endpoint = endpoint;
    if (!isRecord(value)) throw this.invalid("it is no JSON object");
    this.raw = value;
  }

  static of(reply: ApiReply): Members {
    return new Members(jsonOf(reply), reply.endpoint);
  }

  /** Who sent it. */
  get endpoint(): string {
    return this.#endpoint;
  }

  /** The value, undefined when absent or null. */
  value(name: string): unknown {
    return Object.hasOwn(this.raw, name) ? (this.raw[name] ?? undefined) : undefined;
  }

  /** One line of text. @param absent - given for a missing member; without it the member must be there */
  text(name: string, absent?: string): string {
    const value = this.anyText(name, absent);
    // Names and versions end up on terminals, which obey control characters.
    if (value.length > MAX_TEXT || /[\p{Cc}\p{Cs}]/u.test(value))
      throw this.invalid(`'${name}' is not a line of text`);
    return value;
  }

  /** Text of any kind, up to the size of an answer; mind control characters. */
  anyText(name: string, absent?: string): string {
    const value = this.value(name) ?? absent;
    if (typeof value !== "string") throw this.invalid(`'${name}' is missing or no text`);
    return value;
  }

  /** The members of an object. */
  object(name: string): Members {
    const value = this.value(name);
    if (!isRecord(value)) throw this.invalid(`'${name}' is missing or no object`);
    return new Members(value, this.#endpoint);
  }

  /** A date in RFC 3339, as sent. */
  time(name: string, absent?: string): string {
    const text = this.text(name, absent);
    if (text !== absent && !TIME.test(text)) throw this.invalid(`'${name}' is no date`);
    return text;
  }

  /** A whole number of 0 or more. */
  count(name: string, absent?: number): number {
    const value = this.value(name) ?? absent;
    if (typeof value !== "number" || !Number.isInteger(value) || value < 0)
      throw this.invalid(`'${name}' is missing or no whole number`);
    return value;
  }

  /** False when absent. */
  flag(name: string): boolean {
    const value = this.value(name) ?? false;
    if (typeof value !== "boolean") throw this.invalid(`'${name}' is neither true nor false`);
    return value;
  }

  /** The bytes of padded standard base64. @param size - how many there must be: exactly, or at least */
  bytes(name: string, size: { readonly exactly?: number; readonly atLeast?: number } = {}): Buffer {
    const value = this.value(name);
    const bytes = typeof value === "string" ? decodeBase64(value) : undefined;
    if (bytes === undefined) throw this.invalid(`'${name}' is missing or no base64`);
    const { exactly = bytes.length, atLeast = 0 } = size;
    if (bytes.length !== exactly || bytes.length < atLeast)
      throw this.invalid(
        `'${name}' has ${bytes.length} bytes instead of ${size.exactly ?? `${atLeast} or more`}`,
      );
    return bytes;
  }

  /** A list of lines of text; empty for null or absent. */
  texts(name: string): string[] {
    const value = this.value(name) ?? [];
    if (!Array.isArray(value)) throw this.invalid(`'${name}' is no list`);
    return value.map((item: unknown) => new Members({ [name]: item }, this.#endpoint).text(name));
  }

  /** Patterns of a policy: the names of an object's members, or a list as servers before 2023-08 sent it. */
  patterns(name: string): string[] {
    const value = this.value(name);
    if (!isRecord(value)) return this.texts(name);
    return new Members({ [name]: Object.keys(value) }, this.#endpoint).texts(name);
  }

  /** The error to throw when a member has the right type and the wrong value. */
  invalid(reason: string): KesError {
    return invalid(this.#endpoint, reason);
  }
}

/** `ANSWER_INVALID`. */
export function invalid(endpoint: string, reason: string): KesError {
  return new KesError("ANSWER_INVALID", [endpoint, reason]);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
