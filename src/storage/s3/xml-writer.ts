/** Writing XML as S3 clients expect it: every text escaped, every document one that XML 1.0 allows. */

/** What an element holds; an absent value leaves the element out, an empty text or object writes it empty. */
export type XmlValue = string | number | boolean | Date | undefined | XmlFields | readonly XmlValue[];

/**
 * Element name → value, in the order in which it is written; a list repeats the element. A name may carry attributes
 * behind a space, written as they are: `Grantee xsi:type="CanonicalUser"`.
 */
export interface XmlFields {
  readonly [name: string]: XmlValue;
}

/** The name space of S3's documents; errors have none. */
export const S3_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/";

const DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n';

/**
 * A whole document.
 * @param namespace - of the root element; empty for none
 */
export function xmlDocument(root: string, fields: XmlFields | string, namespace = S3_NAMESPACE): string {
  return `${DECLARATION}${rootElement(root, fields, namespace)}`;
}

/** The root element alone, for an answer whose declaration was sent before. */
export function rootElement(root: string, fields: XmlFields | string, namespace = S3_NAMESPACE): string {
  const attribute = namespace === "" ? "" : ` xmlns="${escapeText(namespace)}"`;
  return `<${root}${attribute}>${content(fields)}</${root}>`;
}

/** The declaration that may be sent early, to keep a connection open while the answer is being made (§6). */
export const xmlDeclaration: string = DECLARATION;

function content(value: string | number | boolean | Date | XmlFields): string {
  if (typeof value === "string") return escapeText(value);
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  if (value instanceof Date) return value.toISOString();
  let text = "";
  for (const [name, member] of Object.entries(value)) text += elements(name, member);
  return text;
}

function elements(name: string, value: XmlValue): string {
  if (value === undefined) return "";
  if (isList(value)) return value.map((member) => elements(name, member)).join("");
  const space = name.indexOf(" ");
  const end = space < 0 ? name : name.slice(0, space);
  return `<${name}>${content(value)}</${end}>`;
}

function isList(value: XmlValue): value is readonly XmlValue[] {
  return Array.isArray(value);
}

const SPECIAL = /[&<>"'\r]|[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu;

const NAMED: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
  // A bare one would be read back as a line feed (XML 1.0 §2.11).
  "\r": "&#13;",
};

/**
 * Text fit for an element or an attribute. What XML 1.0 cannot hold, not even as a reference, becomes U+FFFD: a client
 * that has such keys asks for `encoding-type=url`, and for all others the page must not break.
 */
export function escapeText(text: string): string {
  return text.replace(SPECIAL, (character) => NAMED[character] ?? "\ufffd");
}
