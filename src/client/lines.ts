/** Splits a stream of bytes into lines. */
const NEWLINE = 0x0a;

/**
 * The lines of `body` without their ends, blank ones left out; a last line needs no end.
 * @param tooLong - the error to throw for a line of more than `maxBytes`
 */
export async function* linesOf(
  body: AsyncIterable<Uint8Array>,
  maxBytes: number,
  tooLong: () => Error,
): AsyncGenerator<string, void, undefined> {
  let parts: Uint8Array[] = [];
  let size = 0;
  const take = (last: Uint8Array): string => {
    const line = Buffer.concat([...parts, last])
      .toString("utf8")
      .trim();
    parts = [];
    size = 0;
    return line;
  };
  for await (const chunk of body) {
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, from)) {
      if (size + at - from > maxBytes) throw tooLong();
      const line = take(chunk.subarray(from, at));
      if (line !== "") yield line;
      from = at + 1;
    }
    if (from === chunk.length) continue;
    // A copy: what is kept of a large chunk must not keep the whole.
    parts.push(Uint8Array.from(chunk.subarray(from)));
    size += chunk.length - from;
    if (size > maxBytes) throw tooLong();
  }
  const line = take(new Uint8Array());
  if (line !== "") yield line;
}
