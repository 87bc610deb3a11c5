/** Changes bytes of a request, knowing what its parts are. */
import { type Choices, oneOf } from "../../test/support/http1/tape.js";

/** Longest input, in bytes. */
const MAX_INPUT = 200_000;

/** Bytes and words that mean something to some reader. */
const WORDS = [
  "\r\n",
  "\r",
  "\n",
  " ",
  "\t",
  "\0",
  ":",
  ";",
  ",",
  "\r\n\r\n",
  "\r\n ",
  "0\r\n\r\n",
  "chunked",
  "close",
  "keep-alive",
  "Content-Length: ",
  "Transfer-Encoding: chunked\r\n",
  "Connection: ",
  "Expect: 100-continue\r\n",
  "Host: b\r\n",
  "HTTP/1.1",
  "HTTP/1.0",
  "GET / HTTP/1.1\r\n\r\n",
  "PUT ",
  "/skip",
  "/read",
  "/late",
  "/stream",
  "fffffffffffff",
  "7fffffff",
  '"',
  "\\",
  "=",
  "\x7f",
  "\x80",
  "\xff",
  "\x0b",
  "\x0c",
  "-1",
  "+1",
  "0x",
  "99999999999999999999",
] as const;

/** One to four changes of `input`; `other` is another input, for parts. */
export function mutate(choices: Choices, input: string, other: string): string {
  let text = input;
  for (let i = 1 + choices.below(4); i > 0; i--) text = mutateOnce(choices, text, other);
  return text.slice(0, MAX_INPUT);
}

function mutateOnce(choices: Choices, text: string, other: string): string {
  const at = choices.below(text.length + 1);
  const size = 1 + choices.below(oneOf(choices, [1, 4, 16, 64]));
  const rest = text.slice(at + size);
  switch (choices.below(9)) {
    case 0:
      return text.slice(0, at) + String.fromCharCode(choices.below(256)) + text.slice(at + 1);
    case 1:
      return text.slice(0, at) + oneOf(choices, WORDS) + text.slice(at);
    case 2:
      return text.slice(0, at) + oneOf(choices, WORDS) + rest;
    case 3:
      return text.slice(0, at) + rest;
    case 4:
      return text.slice(0, at) + text.slice(at, at + size).repeat(1 + choices.below(20)) + rest;
    case 5:
      return text.slice(0, at) + other.slice(choices.below(other.length + 1));
    case 6:
      return swapLines(choices, text);
    case 7:
      return changeNumber(choices, text);
    default:
      return text.slice(0, at);
  }
}

function swapLines(choices: Choices, text: string): string {
  const lines = text.split("\r\n");
  const [from, to] = [choices.below(lines.length), choices.below(lines.length)];
  const moved = lines.splice(from, 1);
  lines.splice(to, 0, ...moved);
  return lines.join("\r\n");
}

/** Lengths and sizes a little wrong. */
function changeNumber(choices: Choices, text: string): string {
  const numbers = [...text.matchAll(/[0-9a-f]+/gi)];
  const match = numbers[choices.below(numbers.length)];
  if (match === undefined) return text;
  const value = Number.parseInt(match[0], 16);
  const other = oneOf(choices, [value + 1, Math.max(0, value - 1), value * 16, 0, value + 2]);
  return text.slice(0, match.index) + other.toString(16) + text.slice(match.index + match[0].length);
}
