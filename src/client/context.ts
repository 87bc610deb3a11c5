/** A context given as an object, in MinIO's canonical form (MinIO client reference §3.1). */
import { types } from "node:util";
import type { Context } from "./types.js";

/**
 * The bytes of a context: an object as {@link canonicalContext}, bytes as they are.
 * @throws TypeError for anything else
 */
export function contextBytes(context: Context): Uint8Array {
  return types.isUint8Array(context) ? context : canonicalContext(context);
}

/**
 * A map as JSON, byte for byte as MinIO writes it: members in the order of their names' UTF-8 bytes, no white space,
 * `<`, `>`, `&`, U+2028, U+2029 and control characters escaped. An empty map is `{}`.
 * @throws TypeError when a value is no text, or text is not well-formed Unicode and would become other text
 */
export function canonicalContext(map: Readonly<Record<string, string>>): Buffer {
  if (typeof map !== "object" || map === null) throw new TypeError("a context is bytes or an object");
  const members = Object.entries(map).map(([name, value]) => ({ bytes: Buffer.from(name), name, value }));
  // Not by `<`: that compares UTF-16 units and puts U+1F600 before U+FFEE.
  members.sort((a, b) => Buffer.compare(a.bytes, b.bytes));
  return Buffer.from(`{${members.map(({ name, value }) => `${quote(name)}:${quote(value)}`).join(",")}}`);
}

const SHORT: Readonly<Record<string, string>> = {
  "\\": "\\\\",
  '"': '\\"',
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
};

// Not JSON.stringify: it leaves `<` and U+2028 alone and writes backspace as `\b`.
function quote(text: string): string {
  if (typeof text !== "string") throw new TypeError("the members of a context are text");
  if (/\p{Cs}/u.test(text)) throw new TypeError("a context holds text that is not well-formed Unicode");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is escaped
  const escaped = text.replace(/[\x00-\x1f\\"<>&\u2028\u2029]/g, (c) => SHORT[c] ?? unicode(c));
  return `"${escaped}"`;
}

function unicode(c: string): string {
  return `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
