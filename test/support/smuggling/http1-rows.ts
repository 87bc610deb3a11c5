/** Attacks over HTTP/1.1: headers that should not be believed, and messages that two readers end in different places. */
import { type Attack, type Cast, forwarded, type SmugglingRow, SPOOFED_IP, WHO } from "./row.js";

const HEADER = "X-Tls-Client-Cert";

interface Shape {
  /** Instead of `GET /v1/identity/self/describe HTTP/1.1`. */
  readonly line?: string;
  /** Instead of `Connection: close`. */
  readonly connection?: string;
  readonly body?: string;
}

/** A request with `lines` as headers; characters are bytes. */
function request(
  lines: readonly string[],
  { line = `GET ${WHO} HTTP/1.1`, connection = "close", body = "" }: Shape = {},
): Attack {
  const head = [line, "Host: localhost", ...lines, `Connection: ${connection}`];
  return { protocol: "http/1.1", bytes: Buffer.from(`${head.join("\r\n")}\r\n\r\n${body}`, "latin1") };
}

/** A whole request of the victim's, to be taken for one of its own. */
const inner = ({ victim }: Cast): string =>
  `GET ${WHO} HTTP/1.1\r\nHost: localhost\r\n${HEADER}: ${forwarded.pem(victim)}\r\n\r\n`;

const chunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`;
const GENERATE = "PUT /v1/key/generate/theirs HTTP/1.1";

type Entry = readonly [why: string, attack: (cast: Cast, pem: string) => Attack];

const headers: readonly Entry[] = [
  ["the certificate as PEM", (_, pem) => request([`${HEADER}: ${pem}`])],
  ["the certificate as DER", ({ victim }) => request([`${HEADER}: ${forwarded.der(victim)}`])],
  ["the certificate as Envoy's element", ({ victim }) => request([`${HEADER}: ${forwarded.xfcc(victim)}`])],
  ["the certificate as RFC 9440", ({ victim }) => request([`${HEADER}: ${forwarded.rfc9440(victim)}`])],
  ["the admin's certificate", ({ admin }) => request([`${HEADER}: ${forwarded.pem(admin)}`])],
  ["the proxy's certificate", ({ proxy }) => request([`${HEADER}: ${forwarded.pem(proxy)}`])],
  [
    "X-Forwarded-Client-Cert",
    ({ victim }) => request([`X-Forwarded-Client-Cert: ${forwarded.xfcc(victim)}`]),
  ],
  [
    "Client-Cert and Client-Cert-Chain",
    ({ victim }) =>
      request([
        `Client-Cert: ${forwarded.rfc9440(victim)}`,
        `Client-Cert-Chain: ${forwarded.rfc9440(victim)}`,
      ]),
  ],
  ["X-SSL-Client-Cert", (_, pem) => request([`X-SSL-Client-Cert: ${pem}`])],
  ["the name in lower case", (_, pem) => request([`${HEADER.toLowerCase()}: ${pem}`])],
  ["the name in upper case", (_, pem) => request([`${HEADER.toUpperCase()}: ${pem}`])],
  ["the name in mixed case", (_, pem) => request([`x-TLS-cLIENT-cERT: ${pem}`])],
  ["the name with underscores", (_, pem) => request([`X_Tls_Client_Cert: ${pem}`])],
  ["the name with a blank behind it", (_, pem) => request([`${HEADER} : ${pem}`])],
  ["the name with a tab behind it", (_, pem) => request([`${HEADER}\t: ${pem}`])],
  ["the name with a blank before it", (_, pem) => request([` ${HEADER}: ${pem}`])],
  ["the name with a control character", (_, pem) => request([`${HEADER}\u000b: ${pem}`])],
  ["the name with a NUL", (_, pem) => request([`${HEADER}\u0000: ${pem}`])],
  ["the name with a byte above ASCII", (_, pem) => request([`${HEADER}\u00a0: ${pem}`])],
  ["the name without a colon", (_, pem) => request([`${HEADER} ${pem}`])],
  ["twice", (_, pem) => request([`${HEADER}: ${pem}`, `${HEADER}: ${pem}`])],
  [
    "the own one first",
    ({ attacker }, pem) => request([`${HEADER}: ${forwarded.pem(attacker)}`, `${HEADER}: ${pem}`]),
  ],
  [
    "the own one last",
    ({ attacker }, pem) => request([`${HEADER}: ${pem}`, `${HEADER}: ${forwarded.pem(attacker)}`]),
  ],
  [
    "two, joined by a comma",
    ({ attacker }, pem) => request([`${HEADER}: ${pem}, ${forwarded.pem(attacker)}`]),
  ],
  ["two in one PEM", ({ attacker }, pem) => request([`${HEADER}: ${forwarded.pem(attacker)}${pem}`])],
  ["an empty one first", (_, pem) => request([`${HEADER}:`, `${HEADER}: ${pem}`])],
  ["folded", (_, pem) => request([`${HEADER}:\r\n ${pem}`])],
  [
    "folded within the certificate",
    (_, pem) => request([`${HEADER}: ${pem.slice(0, 99)}\r\n\t${pem.slice(99)}`]),
  ],
  ["as the continuation of another", (_, pem) => request([`X-A: b\r\n ${HEADER}: ${pem}`])],
  ["behind a bare CR", (_, pem) => request([`X-A: b\r${HEADER}: ${pem}`])],
  ["behind a bare LF", (_, pem) => request([`X-A: b\n${HEADER}: ${pem}`])],
  ["behind a NUL", (_, pem) => request([`X-A: b\u0000\r\n${HEADER}: ${pem}`])],
  ["escaped line ends in a value", (_, pem) => request([`X-A: b%0d%0a${HEADER}:%20${pem}`])],
  ["oversized: 20 KiB", (_, pem) => request([`${HEADER}: ${pem}${"%0A".repeat(7_000)}`])],
  ["oversized: 60 KiB", (_, pem) => request([`${HEADER}: ${pem}${"%0A".repeat(20_000)}`])],
  [
    "behind 200 other headers",
    (_, pem) => request([...Array.from({ length: 200 }, (_unused, n) => `X-${n}: a`), `${HEADER}: ${pem}`]),
  ],
  ["the proxy's header named as hop by hop", () => request([], { connection: `close, ${HEADER}` })],
  [
    "named as hop by hop, and sent",
    (_, pem) => request([`${HEADER}: ${pem}`], { connection: `close, ${HEADER}, X-Forwarded-For` }),
  ],
  ["X-Forwarded-For", () => request([`X-Forwarded-For: ${SPOOFED_IP}`])],
  [
    "X-Forwarded-For twice",
    () => request([`X-Forwarded-For: ${SPOOFED_IP}`, `X-Forwarded-For: ${SPOOFED_IP}`]),
  ],
  ["Forwarded and X-Real-IP", () => request([`Forwarded: for=${SPOOFED_IP}`, `X-Real-IP: ${SPOOFED_IP}`])],
];

const messages: readonly Entry[] = [
  [
    "pipelined behind an honest request",
    (cast) => ({ ...request([], { connection: "keep-alive", body: inner(cast) }) }),
  ],
  [
    "in the request line, escaped",
    (_, pem) =>
      request([], { line: `GET ${WHO}%20HTTP/1.1%0d%0a${HEADER}:%20${pem.slice(0, 2_000)} HTTP/1.1` }),
  ],
  [
    "in the request line, as it is",
    (_, pem) => request([], { line: `GET ${WHO} HTTP/1.1\r${HEADER}: ${pem} HTTP/1.1` }),
  ],
  ["in Host", (_, pem) => request([`Host: localhost\t${HEADER}: ${pem}`])],
  [
    "an absolute URL",
    (_, pem) => request([`${HEADER}: ${pem}`], { line: `GET https://localhost${WHO} HTTP/1.1` }),
  ],
  ["HTTP/1.0", (_, pem) => request([`${HEADER}: ${pem}`], { line: `GET ${WHO} HTTP/1.0` })],
  ["HTTP/0.9", () => ({ protocol: "http/1.1", bytes: Buffer.from(`GET ${WHO}\r\n`) })],
  ["CONNECT", (cast) => request([], { line: "CONNECT localhost:7373 HTTP/1.1", body: inner(cast) })],
  [
    "an upgrade to h2c",
    (cast) =>
      request(["Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__"], {
        connection: "Upgrade, HTTP2-Settings",
        body: inner(cast),
      }),
  ],
  [
    "an upgrade to WebSocket",
    (cast) =>
      request(
        ["Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="],
        { connection: "Upgrade", body: inner(cast) },
      ),
  ],
  [
    "a PROXY line inside TLS",
    () => ({
      protocol: "http/1.1",
      bytes: Buffer.concat([Buffer.from(`PROXY TCP4 ${SPOOFED_IP} 127.0.0.1 1 2\r\n`), request([]).bytes]),
    }),
  ],
  [
    "a body of GET",
    (cast) =>
      request([`Content-Length: ${inner(cast).length}`], { connection: "keep-alive", body: inner(cast) }),
  ],
  [
    "CL 0 and a body",
    (cast) => request(["Content-Length: 0"], { line: GENERATE, connection: "keep-alive", body: inner(cast) }),
  ],
  [
    "CL and TE",
    (cast) =>
      request(["Content-Length: 5", "Transfer-Encoding: chunked"], {
        line: GENERATE,
        connection: "keep-alive",
        body: `0\r\n\r\n${inner(cast)}`,
      }),
  ],
  [
    "TE and CL",
    (cast) =>
      request(["Transfer-Encoding: chunked", `Content-Length: ${inner(cast).length + 5}`], {
        line: GENERATE,
        connection: "keep-alive",
        body: `0\r\n\r\n${inner(cast)}`,
      }),
  ],
  [
    "TE that is none",
    (cast) =>
      request(["Transfer-Encoding: xchunked", "Content-Length: 4"], {
        line: GENERATE,
        connection: "keep-alive",
        body: `0\r\n\r\n${inner(cast)}`,
      }),
  ],
  [
    "TE with a blank before the colon",
    (cast) =>
      request(["Transfer-Encoding : chunked", "Content-Length: 5"], {
        line: GENERATE,
        connection: "keep-alive",
        body: `0\r\n\r\n${inner(cast)}`,
      }),
  ],
  [
    "TE twice",
    (cast) =>
      request(["Transfer-Encoding: chunked", "Transfer-Encoding: identity", "Content-Length: 5"], {
        line: GENERATE,
        connection: "keep-alive",
        body: `0\r\n\r\n${inner(cast)}`,
      }),
  ],
  [
    "TE behind a tab and in capitals",
    (cast) =>
      request(["Transfer-Encoding:\tCHUNKED", "Content-Length: 5"], {
        line: GENERATE,
        connection: "keep-alive",
        body: `0\r\n\r\n${inner(cast)}`,
      }),
  ],
  [
    "TE folded",
    (cast) =>
      request(["Transfer-Encoding:\r\n chunked", "Content-Length: 5"], {
        line: GENERATE,
        connection: "keep-alive",
        body: `0\r\n\r\n${inner(cast)}`,
      }),
  ],
  [
    "TE in HTTP/1.0",
    (cast) =>
      request(["Transfer-Encoding: chunked"], {
        line: GENERATE.replace("1.1", "1.0"),
        connection: "keep-alive",
        body: `0\r\n\r\n${inner(cast)}`,
      }),
  ],
  [
    "two lengths",
    (cast) =>
      request(["Content-Length: 0", `Content-Length: ${inner(cast).length}`], {
        line: GENERATE,
        connection: "keep-alive",
        body: inner(cast),
      }),
  ],
  [
    "two lengths in one",
    (cast) =>
      request([`Content-Length: 0, ${inner(cast).length}`], {
        line: GENERATE,
        connection: "keep-alive",
        body: inner(cast),
      }),
  ],
  [
    "a length with a sign",
    (cast) =>
      request(["Content-Length: +0"], { line: GENERATE, connection: "keep-alive", body: inner(cast) }),
  ],
  [
    "a length in hex",
    (cast) =>
      request(["Content-Length: 0x0"], { line: GENERATE, connection: "keep-alive", body: inner(cast) }),
  ],
  [
    "a chunk's size that wraps around",
    (cast) =>
      request(["Transfer-Encoding: chunked"], {
        line: GENERATE,
        connection: "keep-alive",
        body: `10000000000000000\r\n\r\n${inner(cast)}`,
      }),
  ],
  [
    "a chunk with an extension and a bare LF",
    (cast) =>
      request(["Transfer-Encoding: chunked"], {
        line: GENERATE,
        connection: "keep-alive",
        body: `2;a\nxx\r\n{}\r\n0\r\n\r\n${inner(cast)}`,
      }),
  ],
  [
    "a chunk that is longer than it says",
    (cast) =>
      request(["Transfer-Encoding: chunked"], {
        line: GENERATE,
        connection: "keep-alive",
        body: `2\r\n{}xx\r\n0\r\n\r\n${inner(cast)}`,
      }),
  ],
  [
    "in trailers",
    (_, pem) =>
      request(["Transfer-Encoding: chunked", `Trailer: ${HEADER}`], {
        line: GENERATE,
        body: `${chunk("{}")}0\r\n${HEADER}: ${pem}\r\n\r\n`,
      }),
  ],
  [
    "while it waits for 100 Continue",
    (cast) =>
      request(["Expect: 100-continue", "Content-Length: 2"], {
        line: GENERATE,
        connection: "keep-alive",
        body: `{}${inner(cast)}`,
      }),
  ],
  [
    "as the rest of an answer that came early",
    (cast) =>
      request(["Content-Length: 9000000"], { line: GENERATE, connection: "keep-alive", body: inner(cast) }),
  ],
];

export const http1Rows: readonly SmugglingRow[] = [...headers, ...messages].map(([why, attack]) => ({
  why: `h1: ${why}`,
  attack: (cast) => attack(cast, forwarded.pem(cast.victim)),
}));
