/** Percent-encoding as S3 uses it: bytes of UTF-8, upper-case hex, decoded once. */

const HEX = /^[0-9A-Fa-f]{2}$/;
const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

const escapes: readonly string[] = Array.from(
  { length: 256 },
  (_, byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`,
);

/**
 * Decodes every escape exactly once.
 * @param raw - as it came over the wire: one character a byte
 * @param plusIsSpace - as in a query; in a path a plus is a plus
 * @returns undefined for a broken escape and for bytes that are not UTF-8
 */
export function percentDecode(raw: string, plusIsSpace: boolean): string | undefined {
  const bytes = Buffer.alloc(raw.length);
  let size = 0;
  for (let i = 0; i < raw.length; i++) {
    const code = raw.charCodeAt(i);
    if (code > 0xff) return undefined;
    if (code === PERCENT) {
      const digits = raw.slice(i + 1, i + 3);
      if (!HEX.test(digits)) return undefined;
      bytes[size++] = Number.parseInt(digits, 16);
      i += 2;
    } else bytes[size++] = plusIsSpace && code === PLUS ? SPACE : code;
  }
  return decodeUtf8(bytes.subarray(0, size));
}

const PERCENT = 0x25;
const PLUS = 0x2b;
const SPACE = 0x20;

/** The text that `bytes` are the UTF-8 of; undefined when they are not. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return strictUtf8.decode(bytes);
  } catch {
    // Malformed input is the one thing that the decoder throws for.
    return undefined;
  }
}

const UNRESERVED = /^[A-Za-z0-9\-._~]*$/;
const UNRESERVED_OR_SLASH = /^[A-Za-z0-9\-._~/]*$/;

/** Encodes each byte but `A-Z a-z 0-9 - . _ ~`, and `/` where it is kept (Signature Version 4, `UriEncode`). */
export function percentEncode(text: string, keepSlash: boolean): string {
  const kept = keepSlash ? UNRESERVED_OR_SLASH : UNRESERVED;
  if (kept.test(text)) return text;
  let encoded = "";
  for (const byte of Buffer.from(text, "utf8")) {
    const character = String.fromCharCode(byte);
    encoded += kept.test(character) ? character : escapes[byte];
  }
  return encoded;
}
