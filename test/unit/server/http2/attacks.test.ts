/**
 * Must hold: what has brought other HTTP/2 servers down is refused here within bounds that are told. Each class by the
 * number under which it became known.
 */
import { expect } from "chai";
import type { Exchange } from "../../../../src/server/exchange.js";
import { HeldAnswers } from "../../../../src/server/held-answers.js";
import { until } from "../../../support/child-process.js";
import {
  data,
  END_HEADERS,
  END_STREAM,
  GET,
  headers,
  PUT,
  plus,
  priority,
  reset,
  setting,
  u32,
  windowUpdate,
} from "../../../support/http2-frames.js";
import { Harness, type HarnessOptions, T } from "../../../support/http2-session.js";
import { encode, type Fields, frame } from "../../../support/raw-http2.js";

const CALM = 0xb;
/** The length of a string below 16 KiB that is not compressed (RFC 7541 §5.2). */
function integer(length: number): Buffer {
  const rest = length - 0x7f;
  return rest < 0 ? Buffer.of(length) : Buffer.of(0x7f, (rest & 0x7f) | 0x80, rest >>> 7);
}
const PING = frame(T.ping, 0, 0, Buffer.alloc(8));
/** Bursts of RFC-conform noise and of resets that are borne: docs/http2.md. */
const BURST = 1_000;

interface Flooded {
  readonly client: Harness;
  /** Code of the GOAWAY. */
  readonly code: number | undefined;
  /** How often the attack was made before. */
  readonly rounds: number;
}

/** Repeats an attack until the connection is ended, at most `most` times. `nth` counts from 0. */
function flood(
  attack: (nth: number) => readonly Buffer[],
  most = 20_000,
  options: HarnessOptions = {},
): Flooded {
  const client = new Harness(options);
  for (let nth = 0; nth < most; nth++) {
    client.send(...attack(nth));
    const code = Harness.goAway(client.frames());
    // 0 is no more than a goodbye.
    if (code !== undefined && code !== 0) return { client, code, rounds: nth };
  }
  return { client, code: undefined, rounds: most };
}

/** As {@link flood}; the connection is to be ended with ENHANCE_YOUR_CALM after at most `within` rounds. */
function calmed(
  attack: (nth: number) => readonly Buffer[],
  within = BURST,
  options: HarnessOptions = {},
): Flooded {
  const flooded = flood(attack, within + 10, options);
  expect(flooded.code).to.equal(CALM);
  expect(flooded.rounds).to.be.at.most(within);
  expect(flooded.client.refusals.at(-1)?.[0]).to.equal(429);
  expect(flooded.client.isEnded).to.equal(true);
  expect(flooded.client.open).to.equal(0);
  flooded.client.pass(1_000);
  expect(flooded.client.isDestroyed).to.equal(true);
  return flooded;
}
const id = (nth: number): number => 2 * nth + 1;

describe("attacks on HTTP/2", () => {
  it("CVE-2023-44487, rapid reset: requests that are reset at once", () => {
    const { client } = calmed((nth) => [headers(id(nth), GET), reset(id(nth))], BURST, {
      serve: (exchange) => exchange.onGone(() => exchange.finished()),
    });
    expect(client.requests.length).to.be.at.most(BURST + 1);
  });

  it("CVE-2023-44487: streams that were reset count as long as they are worked for", () => {
    // Nobody ends these requests: a keystore that hangs.
    const client = new Harness({ serve: () => undefined });
    for (let nth = 0; nth < 600; nth++) client.send(headers(id(nth), GET), reset(id(nth)));
    expect(client.requests).to.have.length(250);
    const refused = client
      .frames()
      .filter(({ type, payload }) => type === T.rst && payload.readUInt32BE(0) === 7);
    expect(refused).to.have.length(350);
  });

  it("CVE-2023-44487: what an honest client resets is borne, for as long as it likes", () => {
    const client = new Harness({ serve: (exchange) => exchange.onGone(() => exchange.finished()) });
    for (let nth = 0; nth < 5_000; nth++) {
      client.pass(20);
      client.send(headers(id(nth), GET), reset(id(nth)));
    }
    expect(Harness.goAway(client.frames())).to.equal(undefined);
    expect(client.requests).to.have.length(5_000);
  });

  describe("CVE-2025-8671, MadeYouReset: the server is made to reset its streams", () => {
    const waiting = { serve: (exchange: Exchange) => exchange.onGone(() => exchange.finished()) };
    const ways: Readonly<Record<string, (stream: number) => readonly Buffer[]>> = {
      "WINDOW_UPDATE by nothing": (stream) => [headers(stream, GET), windowUpdate(stream, 0)],
      "a window too large": (stream) => [headers(stream, GET), windowUpdate(stream, 0x7fff_ffff)],
      "a stream that depends on itself": (stream) => [headers(stream, GET), priority(stream, stream)],
      "PRIORITY of the wrong size": (stream) => [
        headers(stream, GET),
        frame(T.priority, 0, stream, Buffer.alloc(6)),
      ],
      "DATA behind the end": (stream) => [headers(stream, GET), data(stream, "x")],
      "HEADERS behind the end": (stream) => [headers(stream, GET), headers(stream, [["x", "1"]])],
      "a body longer than declared": (stream) => [
        headers(stream, plus(PUT, ["content-length", "1"]), false),
        windowUpdate(stream, 1),
        data(stream, "12", false),
      ],
      "trailers that are malformed": (stream) => [headers(stream, PUT, false), headers(stream, [["X", "1"]])],
    };
    for (const [what, way] of Object.entries(ways)) {
      it(what, () => {
        const { client } = calmed((nth) => way(id(nth)), BURST, waiting);
        expect(client.requests.length).to.be.at.most(BURST + 1);
      });
    }
  });

  it("CVE-2019-9514, reset flood: malformed requests, each of which asks for a reset", () => {
    const { client } = calmed((nth) => [headers(id(nth), plus(GET, ["X", "1"]))]);
    expect(client.requests).to.deep.equal([]);
  });

  describe("CVE-2024-27316, CVE-2023-45288, CVE-2024-28182: CONTINUATION without end", () => {
    const start = frame(T.headers, END_STREAM, 1, encode(GET));
    for (const [what, bytes, frames] of [
      ["of 16 KiB", 16_000, 6],
      ["of one byte", 1, 70],
      ["of none", 0, 70],
    ] as const) {
      it(what, () => {
        const piece = frame(T.continuation, 0, 1, Buffer.alloc(bytes, 0x82));
        const { client } = calmed((nth) => (nth === 0 ? [start, piece] : [piece]), frames);
        expect(client.requests).to.deep.equal([]);
      });
    }

    it("that come one by one, slowly", () => {
      const client = new Harness().send(start);
      for (let nth = 0; nth < 60 && !client.isEnded; nth++) {
        client.send(frame(T.continuation, 0, 1));
        client.pass(100);
      }
      expect(Harness.goAway(client.frames())).to.equal(CALM);
      expect(client.nowMs).to.be.at.most(5_100);
      expect(client.refusals.at(-1)?.[0]).to.equal(408);
    });
  });

  it("CVE-2019-9515, SETTINGS flood", () => {
    calmed(() => [setting([4, 65_535])]);
    calmed(() => [frame(T.settings, 1, 0)]);
  });

  it("CVE-2020-11080, settings without number in one frame", () => {
    const entries = Array.from({ length: 2_000 }, (_, i) => [4, i] as const);
    calmed(() => [setting(...entries)], 1);
  });

  it("CVE-2019-9512, PING flood", () => {
    calmed(() => [PING]);
    calmed(() => [frame(T.ping, 1, 0, Buffer.alloc(8))]);
  });

  it("CVE-2019-9512, CVE-2019-9515: acknowledgements do not pile up for a client that takes none", () => {
    const client = new Harness();
    client.isStuck = true;
    client.send(PING);
    // Nothing is read from now on; what is on its way already is the kernel's.
    expect(client.isPaused).to.equal(true);
    client.pass(90_000);
    expect(client.isDestroyed).to.equal(true);
    expect(client.refusals.at(-1)?.[0]).to.equal(408);
  });

  describe("CVE-2019-9518, empty frames", () => {
    it("of DATA", () => {
      calmed((nth) => (nth === 0 ? [headers(1, PUT, false)] : [data(1, "", false)]), BURST + 1);
    });
    it("of DATA that is all padding", () => {
      const padding = frame(T.data, 8, 1, Buffer.concat([Buffer.of(99), Buffer.alloc(99)]));
      calmed((nth) => (nth === 0 ? [headers(1, PUT, false)] : [padding]), BURST + 1);
    });
    it("of types that nobody knows", () => {
      calmed(() => [frame(0xee, 0, 0)]);
    });
  });

  it("CVE-2019-9513, resource loop: priorities that change again and again", () => {
    calmed((nth) => [priority(id(nth % 100), id((nth + 1) % 100))]);
  });

  it("CVE-2019-9516, header fields of no length", () => {
    const block = Buffer.concat([encode(GET), Buffer.alloc(15_000)]);
    const attack = (nth: number): Buffer => frame(T.headers, END_HEADERS | END_STREAM, id(nth), block);
    const { client } = calmed((nth) => [attack(nth)], BURST);
    expect(client.requests).to.deep.equal([]);
    expect(client.refusals[0]?.[0]).to.be.oneOf([400, 431]);
  });

  describe("HPACK bombs (CVE-2016-6581)", () => {
    // A field of 4,000 bytes into the table, and references to it: 16 KB on the wire, 64 MB of fields.
    const large = Buffer.concat([
      Buffer.of(0x40, 1),
      Buffer.from("x"),
      Buffer.of(0x7f, 0xa1, 0x1e),
      Buffer.alloc(4_000, 97),
    ]);
    const bomb = (stream: number): Buffer =>
      frame(
        T.headers,
        END_HEADERS | END_STREAM,
        stream,
        Buffer.concat([encode(GET), large, Buffer.alloc(12_000, 0xbe)]),
      );

    it("are answered with 431 and not unpacked", () => {
      const client = new Harness();
      const before = process.memoryUsage().heapUsed;
      client.send(bomb(1));
      expect(process.memoryUsage().heapUsed - before).to.be.below(8 << 20);
      expect(client.requests).to.deep.equal([]);
      expect(client.refusals.map(([status]) => status)).to.deep.equal([431]);
      client.send(headers(3, GET));
      expect(client.requests).to.have.length(1);
    });

    it("without number end the connection", () => {
      calmed((nth) => [bomb(id(nth))], BURST);
    });

    it("of names: thousands of fields in two bytes each, with a name as long as the table", () => {
      const named = (length: number): Buffer =>
        Buffer.concat([Buffer.of(0x40), integer(length), Buffer.alloc(length, 97), Buffer.of(0)]);
      const repeated = Buffer.alloc(16_000, Buffer.from([0x7e, 0]));
      /** CPU that 8,000 fields with a name of so many bytes cost, the least of some rounds. */
      const cost = (length: number): number => {
        const client = new Harness();
        client.send(
          frame(T.headers, END_HEADERS | END_STREAM, 1, Buffer.concat([encode(GET), named(length)])),
        );
        const costs = Array.from({ length: 9 }, (_, round) => {
          const block = frame(T.headers, END_HEADERS | END_STREAM, 2 * round + 3, repeated);
          const before = process.cpuUsage();
          client.send(block);
          const { user, system } = process.cpuUsage(before);
          return user + system;
        });
        expect(client.refusals.map(([status]) => status)).to.deep.equal(Array(9).fill(431));
        return Math.min(...costs);
      };
      cost(3_900);
      expect(cost(3_900)).to.be.below(5 * cost(1) + 1_000);
    });

    it("the table keeps its size, whatever is asked for", () => {
      const grow = Buffer.from([0x3f, 0xe2, 0x1f]);
      const { code } = flood(() => [frame(T.headers, END_HEADERS | END_STREAM, 1, grow)], 1);
      expect(code).to.equal(9);
    });
  });

  describe("windows", () => {
    const large = {
      serve: (exchange: Exchange) => {
        exchange.reply(200, {}, "x".repeat(100_000));
        exchange.finished();
      },
    };

    it("CVE-2019-9511, data dribble: a window of one byte after the other", () => {
      calmed((nth) => (nth === 0 ? [setting([4, 0]), headers(1, GET)] : [windowUpdate(1, 1)]), BURST, large);
    });

    it("CVE-2019-9511: windows opened again and again for nothing", () => {
      calmed(() => [windowUpdate(0, 1)]);
    });

    it("CVE-2019-9511: an honest client takes as much as it likes", () => {
      const client = new Harness(large);
      for (let nth = 0; nth < 1_000; nth++) {
        client.send(headers(id(nth), GET), windowUpdate(0, 50_000), windowUpdate(id(nth), 50_000));
        client.send(windowUpdate(0, 50_000), windowUpdate(id(nth), 50_000));
      }
      expect(Harness.goAway(client.frames())).to.equal(undefined);
      expect(client.session.openStreams).to.equal(0);
    });

    it("CVE-2019-9511: nor one that reads 4 KiB at a time, as Go's does", () => {
      const client = new Harness(large).send(setting([4, 4 << 20]), windowUpdate(0, 1 << 30));
      for (let nth = 0; nth < 200; nth++) {
        const frames = client.send(headers(id(nth), GET)).frames();
        for (const { type, payload } of frames) {
          if (type !== T.data) continue;
          for (let at = 4_096; at <= payload.length; at += 4_096) {
            client.send(windowUpdate(0, 4_096), windowUpdate(id(nth), 4_096));
          }
        }
      }
      expect(client.isEnded).to.equal(false);
      expect(client.requests).to.have.length(200);
    });

    it("CVE-2019-9517, internal data buffering: wide windows and nothing taken from the socket", () => {
      const client = new Harness(large);
      client.send(setting([4, 0x7fff_ffff]), windowUpdate(0, 0x7fff_0000));
      client.isStuck = true;
      client.bytes();
      // What one read brings, and no more is read.
      client.send(...Array.from({ length: 200 }, (_, nth) => headers(id(nth), GET)));
      expect(client.isPaused).to.equal(true);
      expect(client.bytes().length).to.be.below(1 << 20);
      expect(client.session.sender.pendingBytes).to.be.below(5 << 20);
      client.pass(90_000);
      expect(client.isDestroyed).to.equal(true);
      expect(client.session.sender.pendingBytes).to.equal(0);
    });

    it("CVE-2019-9517, CVE-2016-1546: answers that come when all have been asked for, on many connections", () => {
      const held = new HeldAnswers(40 << 20);
      const exchanges: Exchange[] = [];
      const clients = Array.from({ length: 8 }, () => {
        const client = new Harness({ serve: (one) => void exchanges.push(one), held }).send(setting([4, 0]));
        for (let nth = 0; nth < 250; nth++) client.send(headers(id(nth), GET));
        return client;
      });
      const honest = new Harness({ ...large, held });
      for (const one of exchanges) {
        one.reply(200, {}, "x".repeat(100_000));
        one.finished();
        expect(held.bytes).to.be.at.most(40 << 20);
      }
      const ended = clients.filter((client) => client.isEnded);
      expect(ended).to.have.length.within(4, 7);
      for (const client of ended) {
        expect(Harness.goAway(client.frames())).to.equal(CALM);
        expect(client.refusals).to.deep.equal([[429, "answers are not taken"]]);
        expect(client.session.sender.pendingBytes).to.equal(0);
        expect(client.open).to.equal(0);
      }
      const taken = honest.send(windowUpdate(0, 1 << 20), setting([4, 1 << 20]), headers(1, GET)).frames();
      const body = taken.filter(({ type }) => type === T.data).map(({ payload }) => payload);
      expect(Buffer.concat(body)).to.have.length(100_000);
      for (const client of clients) client.pass(91_000);
      expect(held.bytes).to.equal(0);
    });

    it("CVE-2016-1546, slow reads: answers that no window is opened for", () => {
      const client = new Harness(large).send(setting([4, 0]));
      for (let nth = 0; nth < 250; nth++) client.send(headers(id(nth), GET));
      // Above four MiB of answers nobody gets another stream.
      expect(client.session.sender.pendingBytes).to.be.below(5 << 20);
      client.pass(89_000);
      expect(client.session.openStreams).to.be.greaterThan(0);
      client.pass(2_000);
      expect(client.session.openStreams).to.equal(0);
      expect(client.session.sender.pendingBytes).to.equal(0);
    });
  });

  it("small pieces: a body of single bytes that nobody has asked for takes no more than its size", async () => {
    const exchanges: Exchange[] = [];
    const client = new Harness({ serve: (one) => void exchanges.push(one) }).send(headers(1, PUT, false));
    const pieces = Buffer.concat(Array.from({ length: 1_000 }, () => data(1, "x", false)));
    const before = process.memoryUsage();
    for (let sent = 0; sent < 250_000; sent += 1_000) client.send(pieces);
    // Long enough for what was thrown away to be collected.
    await until("memory to be freed", async () => {
      Buffer.alloc(1 << 16).toString("latin1");
      const { heapUsed, arrayBuffers } = process.memoryUsage();
      return heapUsed + arrayBuffers - before.heapUsed - before.arrayBuffers < 24 << 20;
    });
    let body: Buffer | string = "";
    exchanges[0]?.readBody(300_000, (whole) => {
      body = Buffer.from(whole);
    });
    client.send(data(1, "y"));
    expect(Buffer.from(body).equals(Buffer.concat([Buffer.alloc(250_000, "x"), Buffer.from("y")]))).to.equal(
      true,
    );
  });

  it("small pieces: they count among the unfinished bodies of all connections", () => {
    const exchanges: Exchange[] = [];
    const serve = (one: Exchange): void => void exchanges.push(one);
    const client = new Harness({ serve, maxBodyBytes: 10_000 }).send(headers(1, PUT, false));
    for (let sent = 0; sent < 50_000; sent += 1_000) client.send(data(1, Buffer.alloc(1_000), false));
    const ends: unknown[] = [];
    exchanges[0]?.readBody(100_000, (end) => ends.push(end));
    expect(ends).to.deep.equal(["overloaded"]);
    exchanges[0]?.reply(503, {}, "");
    exchanges[0]?.finished();
    client.send(data(1, "end"));
    expect(client.session.openStreams).to.equal(0);
    expect(client.bodies.take(10_000)).to.equal(true);
  });

  it("bodies that are not as long as declared do not use up the connection's window for others", () => {
    const client = new Harness();
    const declared = plus(PUT, ["content-length", "5"]);
    for (let nth = 0; nth < 200; nth++) {
      client.send(headers(id(nth), declared, false), data(id(nth), Buffer.alloc(16_000)));
      expect(Harness.reset(client.frames(), id(nth))).to.equal(1);
    }
    client.send(headers(id(200), PUT, false), data(id(200), "x".repeat(16_000)));
    expect(client.frames().map(({ payload }) => payload.toString())).to.include("16000");
  });

  it("more streams than a client may have are refused, and too many of those end the connection", () => {
    const { client } = calmed((nth) => [headers(id(nth), GET)], 250 + BURST, {
      serve: (exchange) => exchange.onGone(() => exchange.finished()),
    });
    expect(client.requests).to.have.length(250);
  });

  it("slow headers (Slowloris): a frame that does not end", () => {
    const whole = headers(1, plus(GET, ["x", "a".repeat(100)]));
    const client = new Harness();
    for (const byte of whole.subarray(0, -1)) {
      client.send(Buffer.of(byte));
      client.pass(100);
      if (client.isEnded) break;
    }
    expect(client.isEnded).to.equal(true);
    expect(client.nowMs).to.be.at.most(5_200);
    expect(client.refusals).to.deep.equal([[408, "headers were not received in time"]]);
  });

  it("a connection that never begins", () => {
    const client = new Harness({ greeted: false });
    client.pass(5_000);
    client.pass(600);
    expect(client.isDestroyed).to.equal(true);
  });

  it("header name tricks (CVE-2021-40346 and its like): what could be another field elsewhere is malformed", () => {
    const names = [
      "content-length\0",
      "content-length ",
      " content-length",
      "Content-Length",
      "content-length:",
      "content\u00adlength",
      "transfer-encoding\t",
      "x\r\nhost",
      ":x",
      "x:",
    ];
    for (const name of names) {
      const client = new Harness().send(headers(1, plus(PUT, [name, "0"])));
      expect(Harness.reset(client.frames(), 1), JSON.stringify(name)).to.equal(1);
      expect(client.requests).to.deep.equal([]);
    }
  });

  it("pseudo-header misuse (CVE-2021-33193, CVE-2021-21295): no second request hides in one", () => {
    const rows: Fields[] = [
      [[":method", "GET / HTTP/1.1\r\nhost: x"], ...GET.slice(1)],
      [[":method", "GET "], ...GET.slice(1)],
      [...GET.slice(0, 2), [":path", "/ HTTP/1.1\r\nhost: x"], [":authority", "localhost"]],
      [...GET.slice(0, 3), [":authority", "localhost\r\nx: y"]],
      [
        [":method", "GET"],
        [":scheme", "https://x/?"],
        [":path", "/"],
      ],
      plus(PUT, ["transfer-encoding", "chunked"]),
      plus(PUT, ["connection", "x-identity"]),
      plus([[":method", "GET"]], ...GET),
      plus(GET, [":path", "/b"]),
    ];
    for (const row of rows) {
      const client = new Harness().send(headers(1, row));
      expect(Harness.reset(client.frames(), 1), JSON.stringify(row)).to.equal(1);
      expect(client.requests).to.deep.equal([]);
    }
  });

  it("frames for streams that are over, without number", () => {
    calmed((nth) => (nth === 0 ? [headers(1, GET)] : [reset(1)]), BURST + 3);
    calmed((nth) => (nth === 0 ? [headers(1, GET)] : [windowUpdate(1, 1)]), BURST + 3);
    calmed((nth) => (nth === 0 ? [headers(1, GET)] : [data(1, "x")]), BURST + 3);
  });

  it("GOAWAY again and again", () => {
    const { client } = calmed(
      (nth) => (nth === 0 ? [headers(1, GET)] : [frame(T.goaway, 0, 0, u32(0, 0))]),
      BURST + 1,
      {
        serve: (exchange) => exchange.onGone(() => exchange.finished()),
      },
    );
    expect(client.requests).to.have.length(1);
  });
});
