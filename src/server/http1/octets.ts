/** The alphabets of HTTP/1.1 as bits of one table (RFC 9110 §5.6.2 and §5.5, RFC 9112 §3). */

/** `tchar`: methods and field names. */
export const TOKEN = 1;
/** Of a field value: visible characters, space, tab, and bytes above ASCII. No CR, LF, NUL or other control. */
export const VALUE = 2;
/** Of a request target: visible ASCII. */
export const TARGET = 4;
/** Upper-case letters, which field names are compared without. */
const UPPER = 8;

export const TAB = 0x09;
export const LF = 0x0a;
export const CR = 0x0d;
export const SP = 0x20;
export const COLON = 0x3a;

const TOKEN_MARKS = "!#$%&'*+-.^_`|~";

/** Octet → the alphabets that have it. */
export const octets: Uint8Array = Uint8Array.from({ length: 256 }, (_, octet) => {
  const isUpper = octet >= 0x41 && octet <= 0x5a;
  const isLower = octet >= 0x61 && octet <= 0x7a;
  const isDigit = octet >= 0x30 && octet <= 0x39;
  const isVisible = octet > SP && octet < 0x7f;
  const isToken = isUpper || isLower || isDigit || TOKEN_MARKS.includes(String.fromCharCode(octet));
  return (
    (isToken && isVisible ? TOKEN : 0) |
    (isVisible || octet === SP || octet === TAB || octet > 0x7f ? VALUE : 0) |
    (isVisible ? TARGET : 0) |
    (isUpper ? UPPER : 0)
  );
});

/** Value of a hexadecimal digit, or -1. */
export function hexValue(octet: number): number {
  if (octet >= 0x30 && octet <= 0x39) return octet - 0x30;
  const letter = octet | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

/** True when `text` from `start` on, `lower.length` characters, is `lower` without regard to case. */
export function matchesAt(text: string, start: number, lower: string): boolean {
  for (let i = 0; i < lower.length; i++) {
    const code = text.charCodeAt(start + i);
    const folded = ((octets[code] ?? 0) & UPPER) === 0 ? code : code | 0x20;
    if (folded !== lower.charCodeAt(i)) return false;
  }
  return true;
}
