/** The Huffman code of HPACK (RFC 7541 §5.2 and appendix B), in both directions. */

/** Length in bits of each byte's code; the code is canonical, so the lengths determine it. */
// biome-ignore format: sixteen a row, as the bytes are counted
const LENGTHS: readonly number[] = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
  28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
  6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
  5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
  13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
  7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
  15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
  6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
  20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
  24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
  22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
  21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
  26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
  19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
  20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
  26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
];
/** End of string: thirty ones. It never stands in a string; its first bits are the padding. */
const EOS = 256;
const EOS_LENGTH = 30;
const MAX_LENGTH = 30;

const CODES = canonicalCodes();

/** One code after the other, by length and then by symbol. */
function canonicalCodes(): Uint32Array {
  const codes = new Uint32Array(257);
  let code = 0;
  for (let length = 1; length <= MAX_LENGTH; length++) {
    code *= 2;
    for (let symbol = 0; symbol <= EOS; symbol++) {
      if ((LENGTHS[symbol] ?? EOS_LENGTH) === length) codes[symbol] = code++;
    }
  }
  return codes;
}

const EMITS = 1 << 16;
/** The string may end here: at most seven bits are left, all ones. */
const MAY_END = 1 << 17;
const INVALID = 1 << 18;

/**
 * What four more bits do in each state, a node of the code's tree: the next state in bits 0–7, the symbol in bits
 * 8–15, and the flags. The shortest code has five bits, so that four bits never end two symbols.
 */
const STEPS = stepTable();

function stepTable(): Uint32Array {
  // Children of node n at 2n and 2n+1: a node, or -1 - symbol.
  const children: number[] = [0, 0];
  for (let symbol = 0; symbol <= EOS; symbol++) {
    const length = LENGTHS[symbol] ?? EOS_LENGTH;
    const code = CODES[symbol] ?? 0;
    let node = 0;
    for (let bit = length - 1; bit > 0; bit--) {
      const at = 2 * node + ((code >>> bit) & 1);
      if (children[at] === 0) children[at] = children.push(0, 0) / 2 - 1;
      node = children[at] ?? 0;
    }
    children[2 * node + (code & 1)] = -1 - symbol;
  }
  const padding = new Set<number>();
  for (let node = 0, depth = 0; depth <= 7; depth++) {
    padding.add(node);
    node = children[2 * node + 1] ?? 0;
  }
  const steps = new Uint32Array((children.length / 2) * 16);
  for (let state = 0; state < children.length / 2; state++) {
    for (let nibble = 0; nibble < 16; nibble++) {
      let node = state;
      let step = 0;
      for (let bit = 3; bit >= 0; bit--) {
        const child = children[2 * node + ((nibble >>> bit) & 1)] ?? 0;
        if (child === -1 - EOS) step = INVALID;
        else if (child < 0) step |= EMITS | ((-1 - child) << 8);
        node = Math.max(child, 0);
      }
      steps[state * 16 + nibble] = step | node | (padding.has(node) ? MAY_END : 0);
    }
  }
  return steps;
}

/** Decodes the string in `bytes` from `start` to `end`, one character a byte, or undefined when it is malformed. */
export function huffmanDecode(bytes: Uint8Array, start: number, end: number): string | undefined {
  // Every symbol takes five bits or more.
  const out = Buffer.allocUnsafe(Math.ceil(((end - start) * 8) / 5));
  let length = 0;
  let step = MAY_END;
  for (let at = start; at < end; at++) {
    const byte = bytes[at] ?? 0;
    step = STEPS[((step & 0xff) << 4) | (byte >>> 4)] ?? INVALID;
    if (step & (EMITS | INVALID)) {
      if (step & INVALID) return undefined;
      out[length++] = step >>> 8;
    }
    step = STEPS[((step & 0xff) << 4) | (byte & 15)] ?? INVALID;
    if (step & (EMITS | INVALID)) {
      if (step & INVALID) return undefined;
      out[length++] = step >>> 8;
    }
  }
  return step & MAY_END ? out.toString("latin1", 0, length) : undefined;
}

/** Bytes that {@link huffmanEncode} makes of `text`, whose characters are bytes. */
export function huffmanLength(text: string): number {
  let bits = 0;
  for (let i = 0; i < text.length; i++) bits += LENGTHS[text.charCodeAt(i)] ?? 0;
  return Math.ceil(bits / 8);
}

/** Encodes `text`, whose characters are bytes, into `out` from `at` on. @returns where it ends */
export function huffmanEncode(text: string, out: Uint8Array, at: number): number {
  let end = at;
  let bits = 0;
  // At most 7 + 30 bits wait, more than a bitwise operation takes.
  let waiting = 0;
  for (let i = 0; i < text.length; i++) {
    const byte = text.charCodeAt(i);
    const length = LENGTHS[byte] ?? 0;
    waiting = waiting * 2 ** length + (CODES[byte] ?? 0);
    bits += length;
    while (bits >= 8) {
      bits -= 8;
      const unit = 2 ** bits;
      const first = Math.floor(waiting / unit);
      out[end++] = first;
      waiting -= first * unit;
    }
  }
  if (bits > 0) out[end++] = (waiting << (8 - bits)) | (0xff >>> bits);
  return end;
}
