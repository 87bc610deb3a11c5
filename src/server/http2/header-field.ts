/** One header field, with what it means for a request found out once for as long as it stays in a table. */

/** What a field is to a request. `malformed` fields make the request malformed (RFC 9113 §8.2). */
export type FieldKind =
  | "plain"
  | "method"
  | "scheme"
  | "authority"
  | "path"
  | "content-length"
  | "expect"
  | "host"
  | "malformed";

/** A field of a decoded header block. Characters are bytes. */
export class HeaderField {
  readonly name: string;
  readonly value: string;
  /** As header lists and tables count it (RFC 7541 §4.1). */
  readonly size: number;
  #kind: FieldKind | undefined;

  constructor(name: string, value: string) {
    this.name = name;
    this.value = value;
    this.size = name.length + value.length + FIELD_OVERHEAD;
  }

  /**
   * Found out when somebody asks: two bytes of a block make a field with a name as long as the table, and a block of
   * thousands of them is refused after a few, but decoded to its end.
   */
  get kind(): FieldKind {
    this.#kind ??= kindOf(this.name, this.value);
    return this.#kind;
  }
}

/** What a field takes in a table besides its characters. */
export const FIELD_OVERHEAD = 32;

/** A token without capitals (RFC 9110 §5.6.2, RFC 9113 §8.2.1). */
const NAME = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
/** Visible, or a byte beyond ASCII; within the value also spaces and tabs. */
const VALUE = /^(?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?$/;
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const SCHEME = /^[A-Za-z][A-Za-z0-9+.-]*$/;
const TARGET = /^[\x21-\x7e\x80-\xff]+$/;
const AUTHORITY = /^[A-Za-z0-9\-._~!$&'()*+,;=:[\]%]*$/;
/** A length that a number holds exactly. */
const LENGTH = /^[0-9]{1,15}$/;

function kindOf(name: string, value: string): FieldKind {
  switch (name) {
    case ":method":
      return TOKEN.test(value) ? "method" : "malformed";
    case ":scheme":
      return SCHEME.test(value) ? "scheme" : "malformed";
    case ":authority":
      // User information has no place in it (RFC 9113 §8.3.1): "@" is not among its characters.
      return AUTHORITY.test(value) ? "authority" : "malformed";
    case ":path":
      return TARGET.test(value) ? "path" : "malformed";
    case "content-length":
      return LENGTH.test(value) ? "content-length" : "malformed";
    case "host":
      return AUTHORITY.test(value) ? "host" : "malformed";
    case "expect":
      return VALUE.test(value) ? "expect" : "malformed";
    case "te":
      return value === "trailers" ? "plain" : "malformed";
    case "connection":
    case "keep-alive":
    case "proxy-connection":
    case "transfer-encoding":
    case "upgrade":
      return "malformed";
    default:
      return NAME.test(name) && VALUE.test(value) ? "plain" : "malformed";
  }
}
