/** Sequences of frames for the fuzzer: mostly what a client would send, with everything bent that can be. */
import { huffmanEncode, huffmanLength } from "../../../src/server/http2/huffman.js";
import {
  data,
  END_HEADERS,
  END_STREAM,
  headers,
  PADDED,
  PRIORITY,
  priority,
  reset,
  u32,
  windowUpdate,
} from "../http2-frames.js";
import { T } from "../http2-session.js";
import { frame, PREFACE } from "../raw-http2.js";
import type { Random } from "./random.js";

type Field = readonly [name: string, value: string];

const NAMES = [
  "x-a",
  "x-b",
  "content-length",
  "content-type",
  "expect",
  "te",
  "host",
  "cookie",
  "connection",
  "X-Bad",
  "",
  "a b",
  "transfer-encoding",
  ":path",
  ":status",
  "user-agent",
];
const VALUES = [
  "",
  "1",
  "0",
  "5",
  "-1",
  "100-continue",
  "trailers",
  "a\nb",
  "a\0b",
  " a",
  "localhost",
  "x".repeat(50),
  "y".repeat(3_000),
  "\xff\xfe",
];
const SETTINGS_IDS = [1, 2, 3, 4, 5, 6, 8, 0, 9, 0xffff];
const SETTINGS_VALUES = [0, 1, 2, 100, 4_096, 16_384, 65_535, 65_536, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];
const INCREMENTS = [0, 1, 2, 100, 16_384, 65_535, 1_000_000, 0x7fff_ffff, 0xffff_ffff];

/** A connection's bytes, with the preface as a rule. */
export function sequence(random: Random): Buffer {
  const parts: Buffer[] = [];
  // Where everything is bent nothing gets far.
  random.meanness = random.pick([0, 0, 0.01, 0.03, 0.1, 0.5]);
  if (!random.isMean) parts.push(PREFACE);
  if (!random.isMean)
    parts.push(frame(T.settings, 0, 0, random.chance(0.3) ? settings(random) : Buffer.alloc(0)));
  const streams = new Streams(random);
  const count = 1 + random.int(random.chance(0.1) ? 200 : 25);
  for (let i = 0; i < count; i++) parts.push(...step(random, streams));
  const all = Buffer.concat(parts);
  return random.chance(0.2) ? mutate(random, all) : all;
}

/** Which streams a client would have open. */
class Streams {
  readonly #random: Random;
  #next = 1;
  #open: number[] = [];

  constructor(random: Random) {
    this.#random = random;
  }

  fresh(): number {
    const id = this.#next;
    this.#next += 2;
    return id;
  }

  opened(id: number): void {
    this.#open.push(id);
  }

  ended(id: number): void {
    this.#open = this.#open.filter((one) => one !== id);
  }

  /** An open one as a rule. */
  any(): number {
    const random = this.#random;
    if (random.isMean) return random.int(40);
    if (this.#open.length > 0 && random.chance(0.9)) return random.pick(this.#open);
    return Math.max(1, this.#next - 2 - 2 * random.int(5));
  }

  /** Open, or one of its own: what DATA and trailers need. */
  mustBeOpen(): number | undefined {
    if (this.#open.length > 0) return this.#random.pick(this.#open);
    return this.#random.isMean ? this.any() : undefined;
  }

  get hasBegun(): boolean {
    return this.#next > 1 || this.#random.isMean;
  }
}

function step(random: Random, streams: Streams): readonly Buffer[] {
  const kind = random.next();
  if (kind < 0.35 || !streams.hasBegun) return request(random, streams);
  if (kind < 0.6) return body(random, streams);
  if (kind < 0.7) return [windowUpdate(random.chance(0.4) ? 0 : streams.any(), increment(random))];
  if (kind < 0.76) return [reset(streams.any(), random.int(16))];
  if (kind < 0.81) {
    const isAck = random.chance(0.2);
    const entries = isAck && !random.isMean ? Buffer.alloc(0) : settings(random);
    return [frame(T.settings, isAck ? 1 : 0, random.isMean ? 1 : 0, entries)];
  }
  if (kind < 0.86)
    return [frame(T.ping, random.int(2), 0, Buffer.alloc(random.isMean ? 7 : 8, random.int(256)))];
  if (kind < 0.9) return [priority(streams.any(), random.isMean ? streams.any() : 0)];
  if (kind < 0.94) return trailers(random, streams);
  if (kind < 0.96)
    return [frame(0x0a + random.int(240), random.int(256), random.int(9), random.bytes(random.int(40)))];
  if (!random.isMean) return request(random, streams);
  if (random.chance(0.3)) return [frame(T.goaway, 0, 0, u32(random.int(10), random.int(12)))];
  const id = random.chance(0.5) ? streams.any() : random.int(5);
  return [frame(random.int(12), random.int(256), id, random.bytes(random.int(40)))];
}

function increment(random: Random): number {
  return random.isMean ? random.pick(INCREMENTS) : random.pick([1, 100, 1_000, 16_384, 65_535]);
}

function request(random: Random, streams: Streams): readonly Buffer[] {
  const id = random.isMean ? streams.any() : streams.fresh();
  const isEnd = random.chance(0.5);
  if (!isEnd) streams.opened(id);
  return split(random, id, block(random, requestFields(random, isEnd)), isEnd);
}

function trailers(random: Random, streams: Streams): readonly Buffer[] {
  const id = streams.mustBeOpen();
  if (id === undefined) return [];
  streams.ended(id);
  if (!random.isMean) return [headers(id, [["x-checksum", "1"]])];
  return split(random, id, block(random, [field(random)]), !random.chance(0.2));
}

function body(random: Random, streams: Streams): readonly Buffer[] {
  const id = streams.mustBeOpen();
  if (id === undefined) return [];
  const isEnd = random.chance(0.4);
  if (isEnd) streams.ended(id);
  const size = random.pick([0, 1, 5, 5, 100, 1_000, 16_300]);
  if (!random.chance(0.1)) return [data(id, Buffer.alloc(size, 97), isEnd)];
  const padding = random.int(80);
  const payload = Buffer.alloc(1 + padding + (random.isMean ? -1 : size));
  payload[0] = padding;
  return [frame(T.data, PADDED | (isEnd ? END_STREAM : 0), id, payload)];
}

const PATHS = ["/a", "/a", "/a", "/now", "/late", "/big", "/follow", "/never", "/early"];

/** @param isEnd - the request has no body */
export function requestFields(random: Random, isEnd: boolean): readonly Field[] {
  const fields: Field[] = [
    [
      ":method",
      random.isMean ? random.pick(["CONNECT", "G T", ""]) : random.pick(["GET", "PUT", "POST", "HEAD"]),
    ],
    [":scheme", random.isMean ? random.pick(["http", "1", ""]) : "https"],
    [":path", random.isMean ? random.pick(["*", "", "a", "/a b", "http://x/"]) : random.pick(PATHS)],
    [":authority", random.isMean ? random.pick(["a@b", "", "\x01"]) : "localhost"],
  ];
  if (random.chance(0.2))
    fields.push([
      "content-length",
      String(isEnd && !random.isMean ? 0 : random.pick([0, 1, 5, 5, 100, 200_000])),
    ]);
  while (random.chance(0.5)) fields.push(field(random));
  if (random.isMean) fields.splice(random.int(fields.length), 1);
  if (random.isMean) fields.push(random.pick(fields));
  if (random.isMean) fields.reverse();
  return fields;
}

function field(random: Random): Field {
  if (random.isMean) return [random.pick(NAMES), random.pick(VALUES)];
  return [
    random.pick(["x-a", "x-b", "content-type", "user-agent"]),
    random.pick(["1", "a", "localhost", "x".repeat(50), "y".repeat(3_000)]),
  ];
}

/** Every representation of RFC 7541 §6, and sometimes none of them. */
export function block(random: Random, fields: readonly Field[]): Buffer {
  const parts: Buffer[] = fields.map(([name, value]) => {
    const first = random.pick([0x00, 0x10, 0x40, 0x40]);
    return Buffer.concat([Buffer.of(first), text(random, name), text(random, value)]);
  });
  if (random.chance(0.05))
    parts.unshift(random.isMean ? Buffer.of(0x3f) : Buffer.from([0x20, 0x3f, 0xe1, 0x1f]));
  if (random.isMean) parts.push(Buffer.of(0x80 | random.pick([2, 7, 15, 62, 63, 64, 70, 127, 0])));
  if (random.chance(0.1)) parts.push(Buffer.of(0x80 | random.pick([19, 58, 16])));
  if (random.isMean) parts.push(random.bytes(random.int(8)));
  return Buffer.concat(parts);
}

function text(random: Random, value: string): Buffer {
  if (random.chance(0.4)) {
    const coded = Buffer.alloc(huffmanLength(value));
    huffmanEncode(value, coded, 0);
    return Buffer.concat([length(coded.length, 0x80), coded]);
  }
  return Buffer.concat([length(value.length, 0), Buffer.from(value, "latin1")]);
}

function length(value: number, flag: number): Buffer {
  if (value < 127) return Buffer.of(flag | value);
  const bytes = [flag | 127];
  let rest = value - 127;
  for (; rest >= 128; rest >>= 7) bytes.push((rest & 0x7f) | 0x80);
  return Buffer.from([...bytes, rest]);
}

/** A header block as one frame or more, padded and with a priority at times. */
function split(random: Random, id: number, bytes: Buffer, isEnd: boolean): readonly Buffer[] {
  const pieces: Buffer[] = [];
  let rest = bytes;
  while (rest.length > 16_000 || (rest.length > 1 && random.chance(0.15))) {
    const at = Math.min(16_000, 1 + random.int(rest.length));
    pieces.push(rest.subarray(0, at));
    rest = rest.subarray(at);
  }
  pieces.push(rest);
  return pieces.map((piece, i) => {
    const end = i === pieces.length - 1 ? END_HEADERS : 0;
    if (i > 0) return frame(T.continuation, end, id, piece);
    let flags = end | (isEnd ? END_STREAM : 0);
    let payload = piece;
    if (random.chance(0.1)) {
      flags |= PRIORITY;
      payload = Buffer.concat([u32(random.isMean ? id : 0), Buffer.of(random.int(256)), payload]);
    }
    if (random.chance(0.1)) {
      flags |= PADDED;
      payload = Buffer.concat([Buffer.of(3), payload, Buffer.alloc(3)]);
    }
    return frame(T.headers, flags, id, payload);
  });
}

function settings(random: Random): Buffer {
  const count = random.isMean ? 40 : 1 + random.int(3);
  const entries = Array.from({ length: count }, () => {
    const isMean = random.isMean;
    const id = random.pick(isMean ? SETTINGS_IDS : [1, 3, 4, 6]);
    const value = random.pick(isMean ? SETTINGS_VALUES : [0, 100, 4_096, 65_535, 100_000]);
    return Buffer.concat([Buffer.of(id >> 8, id & 0xff), u32(value)]);
  });
  return Buffer.concat(entries);
}

/** Bends bytes: flips, cuts, repeats, and swaps pieces, within frames or across them. */
export function mutate(random: Random, bytes: Buffer): Buffer {
  let bent: Buffer = Buffer.from(bytes);
  for (let i = 0; i <= random.int(4) && bent.length > 0; i++) {
    const at = random.int(bent.length);
    const size = 1 + random.int(20);
    const kind = random.int(6);
    if (kind === 0) bent[at] = (bent[at] ?? 0) ^ (1 << random.int(8));
    else if (kind === 1) bent[at] = random.pick([0, 1, 0x7f, 0x80, 0xff]);
    else if (kind === 2) bent = Buffer.concat([bent.subarray(0, at), bent.subarray(at + size)]);
    else if (kind === 3) bent = Buffer.concat([bent.subarray(0, at + size), bent.subarray(at)]);
    else if (kind === 4) bent = Buffer.concat([bent.subarray(0, at), random.bytes(size), bent.subarray(at)]);
    else
      bent = Buffer.concat([
        bent.subarray(0, at),
        Buffer.alloc(size, random.int(256)),
        bent.subarray(at + size),
      ]);
  }
  return bent;
}
