/**
 * The text that stands for a value in Vault, which stores JSON.
 *
 * KES's values are base64 text and are stored as they are. Any other bytes, and texts that would be taken for
 * something else when they are read, get a mark of ours in front of their base64.
 */
import { unusable } from "../../src/keystore/faults.js";

const MARK = "keswick:base64:";
const TRANSIT = /^vault:v([0-9]+):/;
/** Characters that no JSON library, proxy or person changes on the way. */
const PLAIN = /^[\x20-\x7e]+$/;

export function textOfValue(value: Uint8Array): string {
  const text = Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("latin1");
  if (PLAIN.test(text) && !text.startsWith(MARK) && !TRANSIT.test(text)) return text;
  return MARK + Buffer.from(value).toString("base64");
}

/** @throws KesError when the mark is followed by something that is not base64 */
export function valueOfText(text: string): Uint8Array {
  if (!text.startsWith(MARK)) return Buffer.from(text, "utf8");
  const encoded = text.slice(MARK.length);
  const value = Buffer.from(encoded, "base64");
  if (value.length === 0 || value.toString("base64") !== encoded) {
    throw unusable("vault: the stored value is damaged: its base64 is not whole");
  }
  return value;
}

/** True for what a transit engine made, under whichever version of its key. */
export function isTransitText(text: string): boolean {
  return TRANSIT.test(text);
}

/** The version of the transit key that made a {@link isTransitText}: its digits. */
export function transitVersionOf(text: string): string | undefined {
  return TRANSIT.exec(text)?.[1];
}
