/** Base64 as the formats of this folder use it: standard alphabet, padded (RFC 4648 §4). */

const ENCODED = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/**
 * The bytes that `text` encodes, or undefined when it is not padded standard base64.
 *
 * Node's own decoder skips what it does not know, so that damaged text would give other bytes instead of an
 * error. CR and LF are skipped, as the original does; no other character is.
 *
 * @returns a buffer of its own memory, not a slice of a shared pool, because it may hold a key
 */
export function decodeBase64(text: string): Buffer | undefined {
  const bare = /[\r\n]/.test(text) ? text.replace(/[\r\n]+/g, "") : text;
  if (bare.length % 4 !== 0 || !ENCODED.test(bare)) return undefined;
  const padding = bare.endsWith("==") ? 2 : bare.endsWith("=") ? 1 : 0;
  const bytes = Buffer.alloc((bare.length / 4) * 3 - padding);
  bytes.write(bare, "base64");
  return bytes;
}
