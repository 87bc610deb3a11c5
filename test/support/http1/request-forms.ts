/**
 * Requests of HTTP/1.1 as clients, proxies and attackers write them: mostly valid, each part now and then a form
 * that readers are known to differ on. Latin-1 text, one byte a character.
 */
import { type Choices, oneOf, seldom } from "./tape.js";

/** How often a part is not the usual one: one in so many. */
const RARE = 24;

/** Requests on one connection, one after the other. */
export function requests(choices: Choices, most = 4): readonly string[] {
  const all = Array.from({ length: 1 + choices.below(most) }, () => request(choices));
  const last = all.pop() ?? "";
  return [
    ...all,
    seldom(choices, RARE, last, [last.slice(0, choices.below(last.length + 1)), `${last}\0`, `${last}GET /`]),
  ];
}

function request(choices: Choices): string {
  const eol = (): string =>
    seldom(choices, RARE * 4, "\r\n", ["\n", "\r", "\r\r\n", " \r\n", "\n\r", "\v\r\n"]);
  const [fields, body] = message(choices);
  let text = seldom(choices, RARE, "", ["\r\n", "\r\n\r\n", "\n", "\r", " ", "\r\nX"]);
  text += method(choices) + space(choices) + target(choices) + space(choices) + version(choices) + eol();
  for (const field of fields) text += field + eol();
  return text + eol() + body;
}

function method(choices: Choices): string {
  const usual = oneOf(choices, ["GET", "PUT", "POST", "HEAD", "DELETE", "OPTIONS", "PATCH"]);
  return seldom(choices, RARE, usual, [
    "get",
    "FOO",
    "M-SEARCH",
    "PRI",
    "CONNECT",
    "SOURCE",
    "TRACE",
    "",
    "G\0T",
    "GET\t",
    "GE T",
    "(GET)",
    "GÉT",
    "QUERY",
    "A".repeat(40),
    "GET\r",
    "!#$%&'*+-.^_`|~",
  ]);
}

function space(choices: Choices): string {
  return seldom(choices, RARE * 2, " ", ["  ", "\t", "", "\v", "\f", "\r", "\u00a0", " \t"]);
}

function target(choices: Choices): string {
  const usual = oneOf(choices, ["/read", "/skip", "/read?a=b", "/late", "/stream"]);
  return seldom(choices, RARE, usual, [
    "*",
    "http://host/read",
    "https://host:1/read?x",
    "//read",
    "/a#b",
    "/read\x7f",
    "/\xe4",
    "/a%00",
    "/a\0",
    "host:443",
    "",
    "https://",
    "read",
    "?x",
    "/\\",
    '/{}|^`"<>',
    "ftp://x/read",
    "1a://x/",
    "/\x01",
    "/\x80\xff",
    "\u00a0/",
    `/${"a".repeat(5_000)}`,
    "**",
    "*/x",
    "#",
    "/..//.",
  ]);
}

function version(choices: Choices): string {
  return seldom(choices, RARE, seldom(choices, 12, "HTTP/1.1", ["HTTP/1.0"]), [
    "HTTP/1.2",
    "HTTP/2.0",
    "HTTP/0.9",
    "http/1.1",
    "HTTP/1",
    "HTTP/01.1",
    "HTTP/1.10",
    "HTTP/1,1",
    "HTTP/ 1.1",
    "RTSP/1.0",
    "ICE/1.0",
    "HTTP/1.1 ",
    "HTTP/1.1\t",
    "HTTP/3.0",
    "HTTP/1.1HTTP/1.1",
    "",
    "HTTP",
    "HTTP/+1.1",
  ]);
}

/** The fields and the body that goes with them, or does not. */
function message(choices: Choices): [fields: string[], body: string] {
  const fields = [hostField(choices)];
  const others = choices.below(4);
  for (let i = 0; i < others; i++) fields.push(otherField(choices));
  const payload = oneOf(choices, [
    "",
    "{}",
    '{"a":1}',
    "0\r\n\r\n",
    "GET /read HTTP/1.1\r\nHost: a\r\n\r\n",
    "x".repeat(300),
  ]);
  const form = choices.below(8);
  let body = "";
  if (form >= 3 && form <= 5) {
    fields.push(lengthField(choices, payload.length));
    body = payload;
  } else if (form >= 6) {
    fields.push(codingField(choices));
    body = chunked(choices, payload);
  }
  if (choices.below(RARE) === RARE - 1) fields.push(lengthField(choices, payload.length));
  if (choices.below(RARE * 2) === RARE * 2 - 1) fields.push(codingField(choices));
  if (choices.below(4) === 3) fields.reverse();
  return [fields, seldom(choices, RARE * 2, body, [body.slice(1), `${body}x`, `${body}\r\n`, ""])];
}

function hostField(choices: Choices): string {
  return seldom(choices, RARE, "Host: a", [
    "host: a:443",
    "x-nohost: 1",
    "Host: a\r\nHost: b",
    "Host:",
    "Host: a, b",
    "Host: a\r\nhost: a",
    "Host: [::1]:7373",
    "Host: a b",
    "Host: @",
    "Host : a",
  ]);
}

const CONTINUE = "Expect: 100-continue";

function otherField(choices: Choices): string {
  const usual = oneOf(choices, [
    "X-A: 1",
    "x-a: two words",
    "Accept: */*",
    "Connection: keep-alive",
    "User-Agent: x/1.0 (y; z)",
    "x-a:",
    "x-a: \xe4",
    "Content-Type: application/json",
    "x-b: a\tb",
  ]);
  return seldom(choices, RARE / 2, usual, [
    "Connection: close",
    "connection: Close, keep-alive",
    "Connection: upgrade, HTTP2-Settings\r\nUpgrade: h2c",
    "Connection: upgrade\r\nUpgrade: websocket",
    "Connection: close\r\nConnection: keep-alive",
    "Connection: ,",
    CONTINUE,
    "Expect: 100-Continue",
    "Expect: 200-ok",
    "Expect:",
    `${CONTINUE}\r\n${CONTINUE}`,
    "Keep-Alive: timeout=5",
    "Proxy-Connection: close",
    "TE: trailers",
    "Trailer: x-t",
    "x-a : 1",
    "x-a\t: 1",
    " x-a: 1",
    "\tx-a: 1",
    "x-a",
    ":",
    ": 1",
    "x a: 1",
    "x\0a: 1",
    "x-a: a\0b",
    "x-a: a\rb",
    "x-a: a\nb",
    "x-a: a\r\n b",
    "x-a: a\r\n\tb",
    "x-a:\r\n b",
    "x-a: \r\n\r\n ",
    "x-\xe4: 1",
    "x-a: \x7f",
    "x-a: \x01",
    "x-a:\v1",
    "x-a: 1 \t ",
    "x-a:1",
    "x-a:  \t 1",
    'x-a: "',
    "X_A: 1",
    "(x): 1",
    "x-a;: 1",
    "x-a: 1\r",
    "Content\u00a0Length: 1",
    "Content-Length : 5",
    "Content-Length\0: 5",
    "Content_Length: 5",
    "\rContent-Length: 5",
    "Transfer-Encoding : chunked",
    "Transfer_Encoding: chunked",
    "\u00a0Transfer-Encoding: chunked",
    `x-long: ${"y".repeat(3_000)}`,
    "x-a: 1\r\nx-a: 2",
    "Content-Encoding: gzip",
    "Upgrade: h2c",
    "connection: x-a",
    "Connection: close, close",
    "connection: \tclose\t",
    "Connection: clos\x00e",
  ]);
}

function lengthField(choices: Choices, length: number): string {
  return `Content-Length: ${seldom(choices, RARE / 2, String(length), [
    `+${length}`,
    `-${length}`,
    `0${length}`,
    `0x${length.toString(16)}`,
    `${length},${length}`,
    `${length}, ${length + 1}`,
    `${length} `,
    ` \t${length}`,
    `${length}\t`,
    "",
    " ",
    `${length}.0`,
    `${length}e0`,
    "99999999999999999999",
    "00",
    "18446744073709551616",
    "9007199254740993",
    "4294967296",
    `${length};x`,
    `"${length}"`,
    `${length} ${length}`,
    `${length}\0`,
    `${length}_`,
    "1_0",
    String(length + 1),
    "\u00d9\u00a1",
    `${length}\r\nContent-Length: ${length}`,
    `${length}\r\nContent-Length: 0`,
    "1000000",
  ])}`;
}

function codingField(choices: Choices): string {
  return `Transfer-Encoding: ${seldom(choices, RARE / 3, "chunked", [
    "Chunked",
    "CHUNKED",
    "gzip",
    "gzip, chunked",
    "chunked, gzip",
    "chunked, chunked",
    "identity",
    "chunked;q=1",
    "xchunked",
    "chunked\0",
    "\x0bchunked",
    "chunked ,",
    ",chunked",
    "",
    "chunked\r\nTransfer-Encoding: identity",
    '"chunked"',
    "chunked\r\nTransfer-Encoding: chunked",
    "chun ked",
    "\tchunked\t",
    "chunk",
    "chunked\r\n\tx",
    "identity, chunked",
    "chunked\r\nContent-Length: 3",
    "\u00c5\u00bfhunked",
  ])}`;
}

function chunked(choices: Choices, payload: string): string {
  const eol = (): string =>
    seldom(choices, RARE * 2, "\r\n", [
      "\n",
      "\r",
      "\r\r\n",
      "\n\r\n",
      "",
      " \r\n",
      "\n\n",
      "\r\n\r\n",
      "xx",
      "\r\nx",
    ]);
  let text = "";
  for (let at = 0; at < payload.length; ) {
    const size = Math.min(payload.length - at, 1 + choices.below(40));
    text += sizeOf(choices, size) + extension(choices) + eol() + payload.slice(at, at + size) + eol();
    at += size;
  }
  const last = seldom(choices, RARE, "0", ["00000", "", "-0", "0x0", "000000000000000000000", "0 ", "+0"]);
  return text + last + extension(choices) + eol() + trailers(choices) + eol();
}

function sizeOf(choices: Choices, size: number): string {
  const hex = size.toString(16);
  return seldom(choices, RARE, hex, [
    hex.toUpperCase(),
    `0${hex}`,
    `0x${hex}`,
    `+${hex}`,
    `-${hex}`,
    ` ${hex}`,
    `${hex} `,
    `${hex}\t`,
    `${hex}g`,
    "",
    `00000000000000000${hex}`,
    `1000000000000000${hex}`,
    "ffffffffffffffff",
    `${hex}\0`,
    `${hex}_`,
    (size + 1).toString(16),
    (size + 2).toString(16),
    "7fffffffffffffff",
    "fffffff",
    "\u00d9\u00a1",
    `${hex},${hex}`,
    `\n${hex}`,
    `\r\n${hex}`,
  ]);
}

function extension(choices: Choices): string {
  return seldom(choices, RARE, "", [
    ";a",
    ";a=b",
    ';a="b c"',
    ";a=b;c=d",
    ";",
    ";;",
    ";a=",
    "; a=b",
    " ;a=b",
    ";a =b",
    ";a= b",
    ';a="',
    ';a="\r\n"',
    ";a\n",
    ";\n",
    ";a\r",
    ";\r",
    ";a=b\nxx",
    ';a="\n"',
    ";a\0",
    `;${"a".repeat(300)}`,
    ';a="\\""',
    ";ä",
    ";a=\xe4",
    ";\x7f",
    ";=b",
    " ",
    "\t",
    ";a\rX",
    ";\xff",
    `;a=${"b".repeat(20_000)}`,
  ]);
}

function trailers(choices: Choices): string {
  return seldom(choices, RARE, "", [
    "x-t: 1\r\n",
    "x-t: 1\r\nx-u: 2\r\n",
    "Content-Length: 5\r\n",
    "Transfer-Encoding: chunked\r\n",
    "x-t : 1\r\n",
    "x-t: a\n",
    "x-t: a\r\n b\r\n",
    "x-t\r\n",
    ": 1\r\n",
    "x-t: \0\r\n",
    "GET /read HTTP/1.1\r\n",
    "x: \r\n\n",
    "Host: b\r\n",
    `x-t: ${"t".repeat(6_000)}\r\n`,
    "x-t: a\rb\r\n",
    "\n",
    "\r",
    "Connection: close\r\n",
  ]);
}
