/**
 * The mark by which a rewrapped value is told from whatever else somebody may write over an entry.
 *
 * It names both texts: the one that was created, so that a rewrap that met a delete and a new create cannot give the
 * new key the old value; and the one beside the mark, which `vault kv patch` would change and leave the mark.
 */
import { createHash } from "node:crypto";
import type { KeyName } from "../../src/names.js";
import { objectOf } from "./answer.js";
import { isTransitText } from "./value.js";

/** Field of a document; no key can have this name. */
const FIELD = "keswick:rewrapped";
const MARK = /^([0-9a-f]{64}) ([0-9a-f]{64})$/;

/** A text that a rewrap has stored. */
export interface Rewrapped {
  readonly text: string;
  /** {@link originOf} the text that was created. */
  readonly origin: string;
}

/** Stands for a text that was created, also after it is gone: its SHA-256 in hex. */
export function originOf(text: string): string {
  return createHash("sha256").update(text, "utf8").digest("hex");
}

/** The document of a rewrapped value. */
export function markedDocument(name: KeyName, { text, origin }: Rewrapped): Record<string, string> {
  return { [name]: text, [FIELD]: `${origin} ${originOf(text)}` };
}

/** What a rewrap has stored in `document`; undefined for anything else. */
export function rewrappedIn(document: unknown, name: KeyName): Rewrapped | undefined {
  const fields = objectOf(document);
  const [text, mark] = [fields?.[name], fields?.[FIELD]];
  if (typeof text !== "string" || typeof mark !== "string" || !isTransitText(text)) return undefined;
  const [, origin, digest] = MARK.exec(mark) ?? [];
  return origin === undefined || digest !== originOf(text) ? undefined : { text, origin };
}
