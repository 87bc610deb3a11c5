/** Reading the XML of requests: small, shallow, without a document type. */
import { setImmediate } from "node:timers/promises";
import { SaxesParser } from "saxes";
import { s3Error } from "./errors.js";
import { decodeUtf8 } from "./percent.js";

/** One element. Names are local: prefix and name space do not matter, since clients send both, one or none. */
export interface XmlElement {
  readonly name: string;
  /** All text that stands directly in it. */
  readonly text: string;
  readonly children: readonly XmlElement[];
}

export interface XmlLimits {
  /** Of elements in each other. */
  readonly maxDepth: number;
  readonly maxElements: number;
}

const MAX_ATTRIBUTES = 16;
/** Deeper and larger than any document that S3 knows but the lists of parts and keys. */
export const SMALL_DOCUMENT: XmlLimits = { maxDepth: 8, maxElements: 1_000 };

interface Growing {
  readonly name: string;
  text: string;
  readonly children: Growing[];
}

/**
 * Parses a document.
 *
 * @param body - UTF-8; bounded by whoever read it
 * @throws S3Error `XML_MALFORMED` for what is not well-formed, is not UTF-8, goes beyond the limits, or has a document
 *   type: entities can only be declared there
 */
export function parseXml(body: Uint8Array, limits: XmlLimits = SMALL_DOCUMENT): XmlElement {
  const text = textOfBody(body);
  try {
    const reader = openReader(limits);
    reader.write(text);
    return reader.end();
  } catch (cause) {
    throw s3Error("XML_MALFORMED", { cause });
  }
}

/** The same of a document of megabytes, which may take a second: others are served meanwhile. */
export async function parseLargeXml(body: Uint8Array, limits: XmlLimits): Promise<XmlElement> {
  const text = textOfBody(body);
  try {
    const reader = openReader(limits);
    for (let start = 0; start < text.length; start += SLICE_CHARACTERS) {
      if (start > 0) await setImmediate();
      reader.write(text.slice(start, start + SLICE_CHARACTERS));
    }
    return reader.end();
  } catch (cause) {
    throw s3Error("XML_MALFORMED", { cause });
  }
}

/** Some milliseconds of work. */
const SLICE_CHARACTERS = 32 * 1024;

function textOfBody(body: Uint8Array): string {
  const text = decodeUtf8(body);
  if (text === undefined) throw s3Error("XML_MALFORMED");
  return text;
}

/** Takes the text in pieces; throws for whatever is wrong with it. */
interface Reader {
  write(text: string): void;
  /** @returns the root */
  end(): XmlElement;
}

function openReader({ maxDepth, maxElements }: XmlLimits): Reader {
  const parser = new SaxesParser({ xmlns: true, position: false });
  const open: Growing[] = [];
  let root: Growing | undefined;
  let count = 0;
  let attributes = 0;
  const append = (piece: string): void => {
    const element = open.at(-1);
    if (element !== undefined) element.text += piece;
  };
  parser.on("error", (error) => {
    throw error;
  });
  parser.on("doctype", () => {
    throw new Error("document types are not allowed");
  });
  parser.on("xmldecl", ({ encoding = "utf-8" }) => {
    if (encoding.toLowerCase() !== "utf-8") throw new Error("encoding is not UTF-8");
  });
  parser.on("attribute", () => {
    if (++attributes > MAX_ATTRIBUTES) throw new Error("too many attributes");
  });
  parser.on("opentag", ({ local }) => {
    attributes = 0;
    if (++count > maxElements || open.length === maxDepth) throw new Error("too many elements");
    const element: Growing = { name: local, text: "", children: [] };
    open.at(-1)?.children.push(element);
    root ??= element;
    open.push(element);
  });
  parser.on("closetag", () => {
    open.pop();
  });
  parser.on("text", append);
  parser.on("cdata", append);
  return {
    write: (text) => void parser.write(text),
    end() {
      parser.close();
      if (root === undefined) throw new Error("no element");
      return root;
    },
  };
}

/**
 * The children of an element, none but those named: what is not understood must not be passed over, it may be a
 * condition.
 * @throws S3Error `XML_MALFORMED` for another child, or text of its own
 */
export function childrenOf(element: XmlElement, ...names: readonly string[]): readonly XmlElement[] {
  if (element.text.trim() !== "" || element.children.some((child) => !names.includes(child.name))) {
    throw s3Error("XML_MALFORMED");
  }
  return element.children;
}

/** The text of the one child of this name; undefined without. @throws S3Error `XML_MALFORMED` for several, or a nested one */
export function textOf(element: XmlElement, name: string): string | undefined {
  const child = oneOf(element, name);
  if (child !== undefined && child.children.length > 0) throw s3Error("XML_MALFORMED");
  return child?.text;
}

/** The one child of this name; undefined without. @throws S3Error `XML_MALFORMED` for several */
export function oneOf(element: XmlElement, name: string): XmlElement | undefined {
  const [first, second] = element.children.filter((child) => child.name === name);
  if (second !== undefined) throw s3Error("XML_MALFORMED");
  return first;
}
