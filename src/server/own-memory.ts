/**
 * Copies with memory of their own. `Buffer.from` takes small ones out of a block that it shares (8 KiB, from Node.js 24 on
 * 64 KiB), which lives as long as any of them: whoever keeps a few bytes of each request for long would keep them all.
 */

/** Bytes of the shared blocks up to Node.js 22: what a request that waits keeps at most beyond its own. */
const SHARED_BYTES = 8 * 1024;

/** Has Node.js share blocks no larger than those that our bounds reckon with. Of the whole process. */
export function shareSmallBlocks(): void {
  Buffer.poolSize = Math.min(Buffer.poolSize, SHARED_BYTES);
}

export function ownCopy(bytes: Uint8Array): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  copy.set(bytes);
  return copy;
}

/** `text` in UTF-8. */
export function ownText(text: string): Buffer {
  const bytes = Buffer.allocUnsafeSlow(Buffer.byteLength(text));
  bytes.write(text);
  return bytes;
}
