/** Frames that ask for nothing, blocks that are dear to read, and beginnings without end. */
import { encode, frame, HEADERS, RST_STREAM } from "../../test/support/raw-http2.js";
import type { Behaviour } from "./behaviour.js";
import {
  block,
  CONTINUATION,
  data,
  GOAWAY,
  h2,
  huffman,
  indexed,
  PADDED,
  PING,
  PRIORITY,
  plain,
  request,
  SETTINGS,
  setting,
  u32,
  WINDOW_UPDATE,
} from "./frames.js";
import type { Line } from "./line.js";

const VERSION = block("GET", "/version");
const CANCEL = u32(8);
/** So many a second of frames that ask for nothing are borne; a little less. */
const TOLERATED_MS = 21;

function floods(bytes: Buffer): NonNullable<Behaviour["flood"]> {
  return () => bytes;
}

function drips(everyMs: number, bytes: Buffer): NonNullable<Behaviour["drip"]> {
  return { everyMs, bytes: () => bytes };
}

/** Once 900 of them, which are borne at once, then as many as are borne for ever. */
function borne(bytes: Buffer): Pick<Behaviour, "start" | "drip" | "connections"> {
  return {
    connections: 100,
    start: (line) => line.send(Buffer.concat(Array.from({ length: 900 }, () => bytes))),
    drip: drips(TOLERATED_MS, bytes),
  };
}

const ping = frame(PING, 0, 0, Buffer.alloc(8));
const settings = frame(SETTINGS, 0, 0, setting(3, 100));

/** The `a` of Huffman, five bits, and the byte 0xf9, 28 bits. */
const SHORT_CODES = huffman(
  Buffer.concat(Array.from({ length: 1_900 }, () => Buffer.from("18c6318c63", "hex"))),
);
const LONG_CODES = huffman(
  Buffer.concat(Array.from({ length: 2_000 }, () => Buffer.from("ffffffeffffffe", "hex"))),
);
const fullTable = Buffer.concat([
  VERSION,
  ...Array.from({ length: 120 }, () => indexed(plain("a"), plain(""))),
]);
const longName = indexed(plain("n".repeat(4_000)), plain(""));
/** Each takes the name of the newest entry, and is the newest then. Made once: attackers must not be the slow ones. */
const longNames = Buffer.concat([
  VERSION,
  longName,
  ...Array.from({ length: 6_000 }, () => Buffer.of(0x7e, 0)),
]);

/** A request whose body goes on. */
function openBody(line: Line): void {
  line.send(request(line, block("PUT", "/v1/key/generate/known"), false));
}

export const h2Behaviours: readonly Behaviour[] = [
  h2("idle", {}),
  h2("half a frame", { start: (line) => line.send(frame(HEADERS, 4, 1, VERSION).subarray(0, 20)) }),
  h2("CONTINUATION without end", {
    start: (line) => line.send(frame(HEADERS, 1, line.nextStream(), VERSION)),
    flood: floods(frame(CONTINUATION, 0, 1, encode([["x", "v".repeat(100)]]))),
    comesBack: true,
  }),
  h2("CONTINUATION slowly", {
    start: (line) => line.send(frame(HEADERS, 1, line.nextStream(), VERSION)),
    drip: drips(100, frame(CONTINUATION, 0, 1, encode([["x", "v".repeat(1_000)]]))),
  }),
  h2("PING flood", { flood: floods(ping), comesBack: true }),
  h2("PING as many as are borne", borne(ping)),
  h2("PING, acknowledgements not read", { ...borne(ping), isDeaf: true }),
  h2("SETTINGS flood", { flood: floods(settings), comesBack: true }),
  h2("SETTINGS as many as are borne", borne(settings)),
  h2("SETTINGS with 2,000 entries", {
    flood: floods(frame(SETTINGS, 0, 0, Buffer.concat(Array.from({ length: 2_000 }, () => setting(3, 100))))),
    comesBack: true,
  }),
  h2("table resized again and again", {
    ...borne(frame(SETTINGS, 0, 0, Buffer.concat([setting(1, 0), setting(1, 4096)]))),
  }),
  h2("PRIORITY flood", { flood: floods(frame(PRIORITY, 0, 1, Buffer.alloc(5, 3))), comesBack: true }),
  h2("frames of unknown types", { flood: floods(frame(0x77, 0, 0, Buffer.alloc(16_000))), comesBack: true }),
  h2("WINDOW_UPDATE flood", { flood: floods(frame(WINDOW_UPDATE, 0, 0, u32(1))), comesBack: true }),
  h2("GOAWAY, then idle", { start: (line) => line.send(frame(GOAWAY, 0, 0, u32(0, 0))) }),
  h2("GOAWAY flood", { flood: floods(frame(GOAWAY, 0, 0, u32(0, 0))), comesBack: true }),
  h2("garbage", { flood: floods(Buffer.alloc(16_384, 0xa5)), comesBack: true }),
  h2("HTTP/1.1 where HTTP/2 was agreed", {
    flood: floods(Buffer.from("GET / HTTP/1.1\r\n\r\n")),
    comesBack: true,
  }),
  h2("half closed", {
    start: (line) => {
      line.send(request(line, VERSION));
      line.socket.end();
    },
    comesBack: true,
  }),
  h2("DATA without content", {
    start: openBody,
    flood: floods(data(1, Buffer.alloc(0))),
    comesBack: true,
  }),
  h2("DATA of padding alone", {
    start: openBody,
    flood: floods(frame(0, PADDED, 1, Buffer.concat([Buffer.of(255), Buffer.alloc(255)]))),
    comesBack: true,
  }),
  h2("DATA of one byte, 403", { start: openBody, flood: floods(data(1, Buffer.of(0x20))), comesBack: true }),
  h2("DATA of one byte, with rights", {
    isEntitled: true,
    start: openBody,
    flood: floods(data(1, Buffer.of(0x20))),
    comesBack: true,
    sharedMib: 80,
  }),
  h2("heads too large", {
    flood: (line) => request(line, Buffer.concat([VERSION, encode([["x", "v".repeat(15_000)]])])),
    comesBack: true,
  }),
  h2("HPACK bomb", {
    flood: (line) => {
      const bomb = indexed(plain("x"), plain("b".repeat(4_000)));
      return request(line, Buffer.concat([VERSION, bomb, Buffer.alloc(8_000, 0x80 | 62)]));
    },
    comesBack: true,
  }),
  h2("HPACK, thousands of long names", {
    flood: (line) => request(line, longNames),
    comesBack: true,
  }),
  h2("HPACK, table filled anew by each request", { flood: (line) => request(line, fullTable) }),
  h2("Huffman, codes of five bits", {
    flood: (line) => request(line, Buffer.concat([VERSION, Buffer.of(0), plain("x"), SHORT_CODES])),
  }),
  h2("Huffman, codes of 28 bits", {
    flood: (line) => request(line, Buffer.concat([VERSION, Buffer.of(0), plain("x"), LONG_CODES])),
  }),
  h2("malformed requests", {
    flood: (line) => request(line, Buffer.concat([VERSION, encode([["Upper", ""]])])),
    comesBack: true,
  }),
  h2("rapid reset", {
    flood: (line) => {
      const one = request(line, VERSION, false);
      return Buffer.concat([one, frame(RST_STREAM, 0, 2 * line.count - 1, CANCEL)]);
    },
    comesBack: true,
  }),
  h2("MadeYouReset", {
    flood: (line) => {
      const one = request(line, VERSION, false);
      return Buffer.concat([one, frame(WINDOW_UPDATE, 0, 2 * line.count - 1, u32(0))]);
    },
    comesBack: true,
  }),
  h2("resets as many as are borne", {
    connections: 100,
    drip: {
      everyMs: 11,
      bytes: (line) => {
        const one = request(line, VERSION, false);
        return Buffer.concat([one, frame(RST_STREAM, 0, 2 * line.count - 1, CANCEL)]);
      },
    },
  }),
  h2("TLS records of one byte", {
    start: (line) => {
      let bytes: Buffer = Buffer.alloc(0);
      let at = 0;
      const next = (): void => {
        if (line.isGone || !line.socket.writable) return;
        if (at === bytes.length) [bytes, at] = [request(line, VERSION), 0];
        line.socket.write(bytes.subarray(at, ++at), later);
      };
      // Not at once: a write that needs no waiting would go on for ever, and nobody could end it.
      const later = (): void => void setImmediate(next);
      next();
    },
  }),
];
