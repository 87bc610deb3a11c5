/** Requests as bytes on the wire, framed at random, and the answers read from what comes back. */
import { HpackDecoder } from "../../../src/server/http2/hpack-decoder.js";
import type { Random } from "../http2-fuzz/random.js";
import { ACK, DATA, END_HEADERS, END_STREAM, frame, HEADERS, PREFACE, SETTINGS } from "../raw-http2.js";

export interface WireRequest {
  readonly method: string;
  readonly path: string;
  readonly body: string;
}

export interface WireAnswer {
  readonly status: number;
  readonly body: string;
}

/** One connection's client: what it sends, and what it was answered. */
export interface Wire {
  /** What comes before the first request. */
  readonly greeting: Buffer;
  /** Requests as one run of bytes. */
  write(random: Random, requests: readonly WireRequest[]): Buffer;
  /** Takes bytes of the server's. */
  read(chunk: Buffer): void;
  /** Answers to the last {@link write}, by request; undefined for those that have not come. */
  readonly answers: readonly (WireAnswer | undefined)[];
}

/** `bytes` in up to `most` pieces. */
export function cut(random: Random, bytes: Buffer, most: number): Buffer[] {
  const ends = Array.from({ length: random.int(most) }, () => random.int(bytes.length + 1));
  ends.push(bytes.length);
  let start = 0;
  return ends
    .sort((a, b) => a - b)
    .flatMap((end) => {
      const piece = bytes.subarray(start, end);
      start = end;
      return piece.length > 0 ? [piece] : [];
    });
}

export class Http1Wire implements Wire {
  readonly greeting = Buffer.alloc(0);
  #answers: WireAnswer[] = [];
  #expected = 0;
  #received = Buffer.alloc(0);

  get answers(): readonly (WireAnswer | undefined)[] {
    return Array.from({ length: this.#expected }, (_, i) => this.#answers[i]);
  }

  write(random: Random, requests: readonly WireRequest[]): Buffer {
    this.#answers = [];
    this.#expected = requests.length;
    return Buffer.concat(
      requests.map(({ method, path, body }) => {
        const head = `${method} ${path} HTTP/1.1\r\nHost: localhost\r\n`;
        if (body === "") return Buffer.from(`${head}\r\n`);
        if (random.chance(0.5)) return Buffer.from(`${head}Content-Length: ${body.length}\r\n\r\n${body}`);
        const chunks = cut(random, Buffer.from(body), 6).map(
          (piece) => `${piece.length.toString(16)}\r\n${piece.toString("latin1")}\r\n`,
        );
        return Buffer.from(`${head}Transfer-Encoding: chunked\r\n\r\n${chunks.join("")}0\r\n\r\n`);
      }),
    );
  }

  read(chunk: Buffer): void {
    this.#received = Buffer.concat([this.#received, chunk]);
    for (;;) {
      const end = this.#received.indexOf("\r\n\r\n");
      if (end < 0) return;
      const head = this.#received.toString("latin1", 0, end);
      const stop = end + 4 + Number(/^content-length: (\d+)/im.exec(head)?.[1] ?? 0);
      if (this.#received.length < stop) return;
      const status = Number(head.slice(9, 12));
      const body = this.#received.toString("latin1", end + 4, stop);
      if (status !== 100) this.#answers.push({ status, body });
      this.#received = this.#received.subarray(stop);
    }
  }
}

/** Bytes that a client's table may hold, by the protocol's default, and what an entry counts besides its text. */
const TABLE_BYTES = 4096;
const OVERHEAD = 32;
const STATIC_COUNT = 61;
/** Of a frame, and half of no body here; with padding it stays below 16 KiB. */
const MAX_DATA = 16_000;
const MAX_WINDOW = 0x7fff_ffff;

export class Http2Wire implements Wire {
  readonly greeting: Buffer;
  readonly #decoder = new HpackDecoder();
  /** Of the requests: newest first. */
  #table: (readonly [name: string, value: string])[] = [];
  #next = 1;
  #ids: number[] = [];
  readonly #answers = new Map<number, { status: number; body: string; isEnded: boolean }>();
  #received = Buffer.alloc(0);

  constructor() {
    const window = Buffer.alloc(4);
    window.writeUInt32BE(MAX_WINDOW - 65_535);
    const settings = Buffer.from([0, 4, 0x7f, 0xff, 0xff, 0xff]);
    this.greeting = Buffer.concat([
      PREFACE,
      frame(SETTINGS, 0, 0, settings),
      frame(SETTINGS, ACK, 0),
      frame(8, 0, 0, window),
    ]);
  }

  get answers(): readonly (WireAnswer | undefined)[] {
    return this.#ids.map((id) => {
      const answer = this.#answers.get(id);
      return answer?.isEnded === true ? { status: answer.status, body: answer.body } : undefined;
    });
  }

  write(random: Random, requests: readonly WireRequest[]): Buffer {
    this.#ids = requests.map((_, i) => this.#next + 2 * i);
    this.#next += 2 * requests.length;
    const streams = requests.map((request, i) => this.#body(random, this.#ids[i] ?? 0, request.body));
    const frames: Buffer[] = [];
    for (const [i, request] of requests.entries()) {
      frames.push(this.#head(random, this.#ids[i] ?? 0, request));
      // Pieces of the bodies of those before it, and its own, in any order.
      const open = streams.slice(0, i + 1);
      const last = i + 1 === requests.length;
      for (;;) {
        const ready = open.filter((pieces) => pieces.length > 0);
        if (ready.length === 0 || (!last && random.chance(0.4))) break;
        frames.push(random.pick(ready).shift() ?? Buffer.alloc(0));
      }
    }
    return Buffer.concat(frames);
  }

  read(chunk: Buffer): void {
    this.#received = Buffer.concat([this.#received, chunk]);
    while (this.#received.length >= 9) {
      const stop = 9 + this.#received.readUIntBE(0, 3);
      if (this.#received.length < stop) return;
      const flags = this.#received[4] ?? 0;
      const payload = this.#received.subarray(9, stop);
      this.#take(this.#received[3] ?? 0, flags, this.#received.readUInt32BE(5), payload);
      this.#received = this.#received.subarray(stop);
    }
  }

  #take(type: number, flags: number, id: number, payload: Buffer): void {
    const answer = this.#answers.get(id) ?? { status: 0, body: "", isEnded: false };
    if (type === HEADERS) {
      this.#decoder.decode(payload, 0, payload.length, {
        add: ({ name, value }) => {
          if (name === ":status") answer.status = Number(value);
        },
      });
    } else if (type === DATA) answer.body += payload.toString("latin1");
    // RST_STREAM, GOAWAY: an answer of status 0, which no test expects.
    else if (type !== 3 && type !== 7) return;
    else answer.status = 0;
    answer.isEnded = type === 3 || (flags & END_STREAM) !== 0;
    this.#answers.set(id, answer);
  }

  /** Some clients pad, cut their header blocks, and refer to fields they have sent before: this one does it all. */
  #head(random: Random, id: number, { method, path, body }: WireRequest): Buffer {
    const block = Buffer.concat(
      [
        [":method", method],
        [":scheme", "https"],
        [":authority", "localhost"],
        [":path", path],
      ].map(([name = "", value = ""]) => this.#field(name, value)),
    );
    const end = body === "" ? END_STREAM : 0;
    const pieces = random.chance(0.2) ? cut(random, block, 3) : [block];
    return Buffer.concat(
      pieces.map((piece, i) => {
        const last = i + 1 === pieces.length ? END_HEADERS : 0;
        return frame(i === 0 ? HEADERS : 9, i === 0 ? last | end : last, id, piece);
      }),
    );
  }

  #field(name: string, value: string): Buffer {
    const at = this.#table.findIndex((entry) => entry[0] === name && entry[1] === value);
    if (at >= 0 && at + STATIC_COUNT + 1 < 127) return Buffer.of(0x80 | (at + STATIC_COUNT + 1));
    this.#table.unshift([name, value]);
    const sizes = this.#table.map((entry) => entry[0].length + entry[1].length + OVERHEAD);
    for (let size = sizes.reduce((a, b) => a + b, 0); size > TABLE_BYTES; this.#table.pop())
      size -= sizes.pop() ?? 0;
    // Short texts: their lengths are one byte.
    return Buffer.concat([
      Buffer.of(0x40, name.length),
      Buffer.from(name),
      Buffer.of(value.length),
      Buffer.from(value),
    ]);
  }

  #body(random: Random, id: number, body: string): Buffer[] {
    if (body === "") return [];
    const pieces = cut(random, Buffer.from(body), 5).flatMap((piece) =>
      piece.length <= MAX_DATA ? [piece] : [piece.subarray(0, MAX_DATA), piece.subarray(MAX_DATA)],
    );
    return pieces.map((piece, i) => {
      const end = i + 1 === pieces.length ? END_STREAM : 0;
      if (random.chance(0.6)) return frame(DATA, end, id, piece);
      const padding = random.int(100);
      return frame(DATA, end | 8, id, Buffer.concat([Buffer.of(padding), piece, Buffer.alloc(padding)]));
    });
  }
}
