/** The few DER values that a certificate is built from, written by node-forge. */
import forge from "node-forge";
import type { DerElement } from "./der.js";

const { asn1 } = forge;
const { UNIVERSAL, CONTEXT_SPECIFIC } = asn1.Class;

/** A value to be encoded; may stand in several places. */
export type Node = forge.asn1.Asn1;

export function sequence(...members: Node[]): Node {
  return asn1.create(UNIVERSAL, asn1.Type.SEQUENCE, true, members);
}

export function set(...members: Node[]): Node {
  return asn1.create(UNIVERSAL, asn1.Type.SET, true, members);
}

export function explicit(tag: number, member: Node): Node {
  return asn1.create(CONTEXT_SPECIFIC, tag, true, [member]);
}

export function implicit(tag: number, content: Uint8Array): Node {
  return asn1.create(CONTEXT_SPECIFIC, tag, false, binary(content));
}

/** @param content - big-endian two's complement, minimal */
export function integer(content: Uint8Array): Node {
  return asn1.create(UNIVERSAL, asn1.Type.INTEGER, false, binary(content));
}

/** @param id - dotted decimal */
export function oid(id: string): Node {
  return asn1.create(UNIVERSAL, asn1.Type.OID, false, asn1.oidToDer(id).getBytes());
}

export function boolean(value: boolean): Node {
  return asn1.create(UNIVERSAL, asn1.Type.BOOLEAN, false, value ? "\xff" : "\x00");
}

export function nil(): Node {
  return asn1.create(UNIVERSAL, asn1.Type.NULL, false, "");
}

export function utf8(text: string): Node {
  return asn1.create(UNIVERSAL, asn1.Type.UTF8, false, forge.util.encodeUtf8(text));
}

export function octetString(content: Uint8Array): Node {
  return asn1.create(UNIVERSAL, asn1.Type.OCTETSTRING, false, binary(content));
}

/** @param unusedBits - how many of the last byte's low bits do not belong to the string */
export function bitString(content: Uint8Array, unusedBits = 0): Node {
  const value = String.fromCharCode(unusedBits) + binary(content);
  return asn1.create(UNIVERSAL, asn1.Type.BITSTRING, false, value);
}

/** UTCTime until 2049, GeneralizedTime after (RFC 5280, section 4.1.2.5). @param ms - from 1950 to 9999 */
export function time(ms: number): Node {
  const date = new Date(ms);
  return date.getUTCFullYear() < 2050
    ? asn1.create(UNIVERSAL, asn1.Type.UTCTIME, false, asn1.dateToUtcTime(date))
    : asn1.create(UNIVERSAL, asn1.Type.GENERALIZEDTIME, false, asn1.dateToGeneralizedTime(date));
}

/** What `bytes` hold, to stand inside other values unchanged. */
export function parsed(bytes: Uint8Array): Node {
  return asn1.fromDer(binary(bytes));
}

/** An element as it stands, not even decoded: not one bit of it can change. @param element - DER */
export function verbatim({ tag, content }: DerElement): Node {
  // node-forge writes a value that is no list of nodes as it is, and the identifier octet from these two.
  return asn1.create(tag & 0xc0, tag & 0x3f, false, binary(content));
}

export function encode(node: Node): Uint8Array {
  return Buffer.from(asn1.toDer(node).getBytes(), "latin1");
}

/** node-forge's bytes are strings with one character for each byte. */
function binary(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("latin1");
}
