/** What an HTTP/1.1 client can do to a server. */
import type { Behaviour } from "./behaviour.js";

const KIB = 1024;
const GENERATE = "PUT /v1/key/generate/known HTTP/1.1\r\nhost: a\r\n";
const NOWHERE = "PUT /nowhere HTTP/1.1\r\nhost: a\r\n";

function ascii(text: string): Buffer {
  return Buffer.from(text, "latin1");
}

/** A request's head without its end, filled up to `bytes`. */
function head(line: string, bytes: number): string {
  let text = line;
  for (let i = 0; text.length < bytes; i++)
    text += `x-${i}: ${"v".repeat(Math.max(0, Math.min(4_000, bytes - text.length - 10)))}\r\n`;
  return text;
}

type Row = Omit<Behaviour, "name" | "speaks">;

function h1(name: string, row: Row): Behaviour {
  return { name: `h1: ${name}`, speaks: "h1", ...row };
}

/** The same bytes once. */
function sends(bytes: Buffer | string): NonNullable<Behaviour["start"]> {
  return (line) => line.send(bytes);
}

/** The same bytes without end. */
function floods(bytes: Buffer | string): NonNullable<Behaviour["flood"]> {
  const all = typeof bytes === "string" ? ascii(bytes) : bytes;
  return () => all;
}

function drips(everyMs: number, text: string): NonNullable<Behaviour["drip"]> {
  const bytes = ascii(text);
  return { everyMs, bytes: () => bytes };
}

function body(bytes: number, letter = "b"): Buffer {
  return Buffer.alloc(bytes, letter);
}

const VERSION = "GET /version HTTP/1.1\r\nhost: a\r\n\r\n";
const BULK = `[${Array.from({ length: 1000 }, () => "{}").join()}]`;
const oneByteChunks = "1\r\nb\r\n";
const extended = `1;${"e".repeat(200)}\r\nb\r\n`;

export const h1Behaviours: readonly Behaviour[] = [
  h1("idle", {}),
  h1("half a request line", { start: sends("GET /vers") }),
  h1("head of 63 KiB without end", { start: sends(head(GENERATE, 63 * KIB)) }),
  h1("head of 4 KiB without end", { start: sends(head(GENERATE, 4 * KIB)) }),
  h1("head byte by byte", { start: sends(head(GENERATE, KIB)), drip: drips(5, "x") }),
  h1("head line by line, 63 KiB", { start: sends(GENERATE), drip: drips(20, `x: ${"v".repeat(400)}\r\n`) }),
  h1("empty lines", { flood: floods("\r\n".repeat(1000)), comesBack: true }),
  h1("head too large", { flood: floods(body(16 * KIB, "G")), comesBack: true }),
  h1("heads of 60 KiB", { flood: floods(`${head("GET /nowhere HTTP/1.1\r\nhost: a\r\n", 60 * KIB)}\r\n`) }),
  h1("heads of 60 KiB, answers not read", {
    flood: floods(`${head("GET /nowhere HTTP/1.1\r\nhost: a\r\n", 60 * KIB)}\r\n`),
    isDeaf: true,
  }),
  h1("heads of 250 fields", {
    flood: floods(`${GENERATE}${Array.from({ length: 250 }, (_, i) => `x${i}:\r\n`).join("")}\r\n`),
  }),
  h1("pipelined requests", { flood: floods(VERSION) }),
  h1("pipelined requests, answers not read", { flood: floods(VERSION), isDeaf: true }),
  h1("pipelined pages", { flood: floods("GET / HTTP/1.1\r\nhost: a\r\n\r\n") }),
  h1("pipelined API descriptions, not read", {
    flood: floods("GET /openapi.json HTTP/1.1\r\nhost: a\r\n\r\n"),
    isDeaf: true,
    sharedMib: 128,
  }),
  h1("pipelined requests with bodies, 403", { flood: floods(`${GENERATE}content-length: 2\r\n\r\n{}`) }),
  h1("requests that are none", { flood: floods("GET  / HTTP/1.1\r\n\r\n"), comesBack: true }),
  h1("chunks of one byte, 403", {
    start: sends(`${GENERATE}transfer-encoding: chunked\r\n\r\n`),
    flood: floods(oneByteChunks),
    comesBack: true,
  }),
  h1("chunks of one byte, with rights", {
    isEntitled: true,
    start: sends(`${GENERATE}transfer-encoding: chunked\r\n\r\n`),
    flood: floods(oneByteChunks),
    comesBack: true,
    sharedMib: 80,
  }),
  h1("chunk extensions, with rights", {
    isEntitled: true,
    start: sends(`${GENERATE}transfer-encoding: chunked\r\n\r\n`),
    flood: floods(extended),
    comesBack: true,
  }),
  h1("trailers, with rights", {
    isEntitled: true,
    flood: floods(`${GENERATE}transfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n${head("", 3_900)}\r\n`),
    comesBack: true,
  }),
  h1("Expect, then no body", {
    isEntitled: true,
    start: sends(`${GENERATE}content-length: 900000\r\nexpect: 100-continue\r\n\r\n`),
  }),
  h1("body declared and not sent", {
    isEntitled: true,
    start: sends(`${GENERATE}content-length: 900000\r\n\r\n`),
  }),
  h1("body half sent, 403", {
    start: sends(Buffer.concat([ascii(`${GENERATE}content-length: 900000\r\n\r\n`), body(450_000)])),
  }),
  h1("body half sent, with rights", {
    isEntitled: true,
    start: sends(Buffer.concat([ascii(`${GENERATE}content-length: 900000\r\n\r\n`), body(450_000)])),
    sharedMib: 256,
  }),
  h1("bodies for a route that takes none", {
    flood: floods(Buffer.concat([ascii(`${NOWHERE}content-length: 60000\r\n\r\n`), body(60_000)])),
    comesBack: true,
  }),
  h1("body without end, 404", {
    start: sends(`${NOWHERE}transfer-encoding: chunked\r\n\r\n`),
    flood: floods(Buffer.concat([ascii("4000\r\n"), body(16_384), ascii("\r\n")])),
    comesBack: true,
  }),
  h1("log not read", {
    isEntitled: true,
    isDeaf: true,
    start: sends("GET /v1/log/audit HTTP/1.1\r\nhost: a\r\n\r\n"),
    sharedMib: 128,
  }),
  h1("log read by the byte, requests behind it", {
    isEntitled: true,
    start: sends("GET /v1/log/audit HTTP/1.1\r\nhost: a\r\n\r\n"),
    flood: floods(VERSION),
  }),
  h1("listing not read", {
    isDear: true,
    isEntitled: true,
    isDeaf: true,
    flood: floods("GET /v1/key/list/ HTTP/1.1\r\nhost: a\r\n\r\n"),
    sharedMib: 128,
  }),
  h1("metrics not read", {
    isDear: true,
    isEntitled: true,
    isDeaf: true,
    flood: floods("GET /v1/metrics HTTP/1.1\r\nhost: a\r\n\r\n"),
    sharedMib: 128,
  }),
  h1("bulk answers not read", {
    isDear: true,
    isEntitled: true,
    isDeaf: true,
    flood: floods(
      `PUT /v1/key/bulk/generate/known HTTP/1.1\r\nhost: a\r\ncontent-length: ${BULK.length}\r\n\r\n${BULK}`,
    ),
    sharedMib: 128,
  }),
  h1("requests for a key that hangs", {
    isEntitled: true,
    flood: floods("PUT /v1/key/generate/cold HTTP/1.1\r\nhost: a\r\n\r\n"),
  }),
  h1("half closed behind a request", {
    start: (line) => {
      line.send(VERSION);
      line.socket.end();
    },
    comesBack: true,
  }),
  h1("half closed in a head", {
    start: (line) => {
      line.send(head(GENERATE, 32 * KIB));
      line.socket.end();
    },
    comesBack: true,
  }),
  h1("TLS records of one byte", {
    start: (line) => {
      const bytes = ascii(VERSION);
      let at = 0;
      // One write after the other, or they would become one record.
      const next = (): void => {
        if (!line.isGone && line.socket.writable) line.socket.write(bytes.subarray(at, at + 1), later);
        at = (at + 1) % bytes.length;
      };
      // Not at once: a write that needs no waiting would go on for ever, and nobody could end it.
      const later = (): void => void setImmediate(next);
      next();
    },
  }),
  h1("HTTP/2 where HTTP/1.1 was agreed", {
    start: sends("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    comesBack: true,
  }),
];
