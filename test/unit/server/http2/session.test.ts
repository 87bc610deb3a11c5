import { expect } from "chai";
import type { Exchange, StreamWriter } from "../../../../src/server/exchange.js";
import { HpackDecoder } from "../../../../src/server/http2/hpack-decoder.js";
import {
  data,
  END_HEADERS,
  END_STREAM,
  GET,
  headers,
  PUT,
  plus,
  setting,
  u32,
  windowUpdate,
} from "../../../support/http2-frames.js";
import { answerOk, framesOf, Harness, type SentFrame, T } from "../../../support/http2-session.js";
import { encode, type Fields, frame, PREFACE } from "../../../support/raw-http2.js";

const GREETING = Buffer.concat([PREFACE, frame(T.settings, 0, 0)]);

/** Answers among frames, in order: `stream status body`. */
function answers(frames: readonly SentFrame[], decoder = new HpackDecoder()): string[] {
  const found = new Map<number, string>();
  for (const { type, stream, payload } of frames) {
    if (type === T.headers) {
      let status = "";
      decoder.decode(payload, 0, payload.length, {
        add: ({ name, value }) => {
          if (name === ":status") status = value;
        },
      });
      found.set(stream, `${found.get(stream) ?? ""}${stream} ${status} `);
    }
    if (type === T.data) found.set(stream, `${found.get(stream) ?? ""}${payload.toString()}`);
  }
  return [...found.values()];
}
const types = (frames: readonly SentFrame[]): number[] => frames.map(({ type }) => type);

describe("server/http2/session", () => {
  describe("requests", () => {
    it("answers a request without a body", () => {
      const client = new Harness().send(headers(1, GET));
      expect(answers(client.frames())).to.deep.equal(["1 200 none"]);
      expect(client.open).to.equal(0);
      expect(client.session.openStreams).to.equal(0);
    });

    it("answers everything that came within a turn with one write", () => {
      const client = new Harness();
      const before = client.writes;
      client.send(headers(1, GET), headers(3, PUT, false), data(3, "{}"), headers(5, GET), headers(7, GET));
      expect(client.writes).to.equal(before + 1);
      expect(answers(client.frames())).to.deep.equal(["1 200 none", "3 200 2", "5 200 none", "7 200 none"]);
    });

    it("keeps nothing of the memory that its bytes are lent in, however they are cut", () => {
      const long = Buffer.alloc(3_000, "y");
      const stream = Buffer.concat([
        ...[headers(1, PUT, false), data(1, "first "), headers(3, PUT, false), data(3, "whole")],
        ...[headers(5, PUT, false), frame(T.data, 0, 5, long), data(5, "z")],
      ]);
      for (const size of [1, 7, 50, 5_000]) {
        const bodies: string[] = [];
        const client = new Harness({
          serve(exchange) {
            exchange.readBody(1 << 20, (body) => {
              bodies.push(Buffer.isBuffer(body) ? body.toString() : body);
              exchange.finished();
              exchange.reply(200, {}, "ok");
            });
          },
        });
        const lent = Buffer.alloc(5_000);
        for (let at = 0; at < stream.length; at += size) {
          const length = stream.copy(lent, 0, at, at + size);
          client.session.receive(lent, length);
          lent.fill(0xff);
        }
        expect(bodies, `in pieces of ${size}`).to.deep.equal(["first ", "whole", `${long}z`]);
      }
    });

    it("keeps a body that nobody has asked for yet as it came", () => {
      for (const isEnd of [true, false]) {
        const client = new Harness({ serve: (exchange) => void client.requests.push(exchange) });
        const stream = Buffer.concat([headers(1, PUT, false), data(1, "first ", isEnd)]);
        client.session.receive(stream, stream.length);
        stream.fill(0xff);
        let text = "";
        client.requests[0]?.readBody(100, (body) => {
          text = Buffer.isBuffer(body) ? body.toString() : body;
        });
        if (!isEnd) client.session.receive(data(1, "last"));
        expect(text).to.equal(isEnd ? "first " : "first last");
      }
    });

    it("serves a request with its body in hand when both came together", () => {
      let readAtOnce = false;
      const client = new Harness({
        serve(exchange) {
          exchange.readBody(100, (body) => {
            readAtOnce = body.toString() === "{}";
          });
          expect(readAtOnce).to.equal(true);
          exchange.reply(200, {}, "x");
          exchange.finished();
        },
      });
      client.send(headers(1, PUT, false), data(1, "{}"));
      expect(readAtOnce).to.equal(true);
    });

    it("reads the same, however the bytes are cut", () => {
      const all = Buffer.concat([
        GREETING,
        headers(1, PUT, false),
        data(1, "first", false),
        data(1, "second"),
        frame(T.ping, 0, 0, Buffer.alloc(8)),
        headers(3, GET),
      ]);
      for (const size of [1, 2, 3, 5, 8, 9, 10, 13, 24, 40, 1000]) {
        const client = new Harness({ greeted: false });
        for (let at = 0; at < all.length; at += size) client.send(all.subarray(at, at + size));
        expect(answers(client.frames()), `pieces of ${size}`).to.deep.equal(["1 200 11", "3 200 none"]);
      }
    });

    it("tells method, target and all values of a header", () => {
      const client = new Harness();
      client.send(headers(1, plus(GET, ["x-a", "1"], ["x-b", "2"], ["x-a", "3, 4"])));
      const [request] = client.requests;
      expect(request?.method).to.equal("GET");
      expect(request?.target).to.equal("/a");
      expect(request?.header("x-a")).to.deep.equal(["1", "3, 4"]);
      expect(request?.header("x-c")).to.deep.equal([]);
      expect(request?.bodyless).to.equal(true);
    });

    it("reads a head that is sent again as references like the first time", () => {
      // Everything into the table, then references to it (RFC 7541 §6.2.1, §6.1).
      const literal = (name: string, value: string): Buffer =>
        Buffer.concat([
          Buffer.of(0x40, name.length),
          Buffer.from(name),
          Buffer.of(value.length),
          Buffer.from(value),
        ]);
      const first = Buffer.concat([
        Buffer.of(0x82, 0x87),
        literal(":authority", "x"),
        literal(":path", "/one"),
        literal("x-a", "1"),
      ]);
      const same = Buffer.from([0x82, 0x87, 0xc0, 0xbf, 0xbe]);
      const client = new Harness();
      const send = (stream: number, block: Buffer) =>
        client.send(frame(T.headers, END_HEADERS | END_STREAM, stream, block));
      send(1, first);
      send(3, same);
      send(5, same);
      // Another entry moves the references: the same bytes now lack a path.
      send(7, Buffer.concat([Buffer.of(0x82, 0x87, 0x84, 0xc0), literal("x-b", "2")]));
      send(9, same);
      const seen = client.requests.map((one) => [one.target, ...one.header("x-a")]);
      expect(seen).to.deep.equal([["/one", "1"], ["/one", "1"], ["/one", "1"], ["/"]]);
      expect(client.refusals).to.have.length(1);
    });

    it("ends a body that is too large, or for which there is no memory, and gives back what it took", () => {
      for (const [maxBodyBytes, wanted] of [
        [1 << 20, "too-large"],
        [50_000, "overloaded"],
      ] as const) {
        const client = new Harness({ maxBodyBytes }).send(headers(1, PUT, false));
        for (let i = 0; i < 7; i++) client.send(data(1, Buffer.alloc(16_000), false));
        expect(answers(client.send(data(1, "")).frames())).to.deep.equal([`1 413 ${wanted}`]);
        expect(client.session.openStreams).to.equal(0);
        expect(client.session.bodies.take(maxBodyBytes)).to.equal(true);
      }
    });

    it("takes trailers, and a body without a declared length", () => {
      const client = new Harness();
      client.send(headers(1, PUT, false), data(1, "abc", false), headers(1, [["x-checksum", "1"]]));
      expect(answers(client.frames())).to.deep.equal(["1 200 3"]);
    });

    it("reads a head that comes in many frames", () => {
      const value = "v".repeat(30_000);
      const block = encode(plus(GET, ["x-long", value]));
      const client = new Harness().send(
        frame(T.headers, END_STREAM, 1, block.subarray(0, 5)),
        frame(T.continuation, 0, 1, block.subarray(5, 15_000)),
        frame(T.continuation, 0, 1, block.subarray(15_000, 30_000)),
        frame(T.continuation, END_HEADERS, 1, block.subarray(30_000)),
      );
      expect(answers(client.frames())).to.deep.equal(["1 200 none"]);
      expect(client.requests[0]?.header("x-long")).to.deep.equal([value]);
    });

    it("keeps to the size that the client's table has, and names nothing from a table that it emptied", () => {
      const client = new Harness();
      const decoder = new HpackDecoder();
      const statuses: string[] = [];
      for (const [i, size] of [4_096, 4_096, 0, 0, 100, 4_096].entries()) {
        const frames = client.send(setting([1, size]), headers(2 * i + 1, GET)).frames();
        statuses.push(...answers(frames, decoder));
        expect(decoder.tableSize).to.be.at.most(size);
      }
      expect(statuses).to.have.length(6);
    });

    it("says that the table was emptied when one frame makes it small and large again (RFC 7541 §4.2)", () => {
      const client = new Harness();
      client.send(headers(1, GET)).frames();
      const [, head] = client.send(setting([1, 0], [1, 4_096]), headers(3, GET)).frames();
      // To nothing, then to 4,096; and all fields anew, for the client's table holds none.
      expect(head?.payload.subarray(0, 5).toString("hex")).to.equal("203fe11f88");
      expect(answers(head === undefined ? [] : [head], new HpackDecoder())).to.deep.equal(["3 200 "]);
    });

    it("ignores padding, and priorities", () => {
      const client = new Harness();
      const block = encode(PUT);
      const padded = Buffer.concat([Buffer.of(3), u32(0), Buffer.of(15), block, Buffer.alloc(3)]);
      client.send(
        frame(T.headers, END_HEADERS | 0x8 | 0x20, 1, padded),
        frame(
          T.data,
          END_STREAM | 0x8,
          1,
          Buffer.concat([Buffer.of(4), Buffer.from("abc"), Buffer.alloc(4)]),
        ),
        frame(T.priority, 0, 3, Buffer.concat([u32(1), Buffer.of(7)])),
        frame(0xfa, 0xff, 7, Buffer.from("an extension")),
      );
      expect(answers(client.frames())).to.deep.equal(["1 200 3"]);
    });

    it("says 100 where the client waits for it, and not when the body is there", () => {
      const asking = plus(PUT, ["expect", "100-continue"], ["content-length", "2"]);
      const waiting = new Harness().send(headers(1, asking, false));
      const first = waiting.frames();
      expect(answers(first)).to.deep.equal(["1 100 "]);
      expect(first[0]?.flags).to.equal(END_HEADERS);
      expect(answers(waiting.send(data(1, "{}")).frames())).to.deep.equal(["1 200 2"]);
      const impatient = new Harness().send(headers(1, asking, false), data(1, "{}"));
      expect(answers(impatient.frames())).to.deep.equal(["1 200 2"]);
      // Refused before it is sent: no 100.
      const large = plus(PUT, ["expect", "100-continue"], ["content-length", "200000"]);
      expect(answers(new Harness().send(headers(1, large, false)).frames())).to.deep.equal([
        "1 413 too-large",
      ]);
    });

    it("answers HEAD with a length and no body", () => {
      const client = new Harness({ serve: (exchange) => exchange.reply(200, {}, "12345") });
      const [head, ...more] = client.send(headers(1, [[":method", "HEAD"], ...GET.slice(1)])).frames();
      expect(head?.flags).to.equal(END_HEADERS | END_STREAM);
      expect(more).to.deep.equal([]);
    });

    it("splits a head that is larger than a frame", () => {
      const location = `/${"a".repeat(40_000)}`;
      const client = new Harness({ serve: (exchange) => exchange.reply(301, { location }) });
      const frames = client.send(headers(1, GET)).frames();
      expect(types(frames)).to.deep.equal([T.headers, ...types(frames).slice(1).fill(T.continuation)]);
      const block = Buffer.concat(frames.map(({ payload }) => payload));
      const fields: string[] = [];
      new HpackDecoder().decode(block, 0, block.length, { add: ({ value }) => void fields.push(value) });
      expect(fields).to.deep.equal(["301", location, "Mon, 21 Oct 2013 21:21:21 GMT", "0"]);
      expect(frames.at(-1)?.flags).to.equal(END_HEADERS);
      expect(frames[0]?.flags).to.equal(END_STREAM);
    });

    it("ends a stream whose answer cannot be sent", () => {
      const client = new Harness({
        serve: (exchange) => expect(() => exchange.reply(200, { location: "a\r\nb" })).to.throw(),
      });
      expect(Harness.reset(client.send(headers(1, GET)).frames(), 1)).to.equal(2);
    });
  });

  describe("malformed requests are reset with PROTOCOL_ERROR and recorded (RFC 9113 §8)", () => {
    const rows: Readonly<Record<string, Fields>> = {
      "a name with capitals": plus(GET, ["X-a", "1"]),
      "an empty name": plus(GET, ["", "1"]),
      "a name with a space": plus(GET, ["x a", "1"]),
      "a name with a colon": plus(GET, ["x:a", "1"]),
      "a name with a line end": plus(GET, ["x\na", "1"]),
      "a name beyond ASCII": plus(GET, ["x-\xe4", "1"]),
      "a value with a line end": plus(GET, ["x", "a\nb"]),
      "a value with a carriage return": plus(GET, ["x", "a\rb"]),
      "a value with a zero": plus(GET, ["x", "a\0b"]),
      "a value with a control": plus(GET, ["x", "a\x01b"]),
      "a value with a delete": plus(GET, ["x", "a\x7fb"]),
      "a value that begins with a space": plus(GET, ["x", " a"]),
      "a value that ends with a tab": plus(GET, ["x", "a\t"]),
      connection: plus(GET, ["connection", "close"]),
      "keep-alive": plus(GET, ["keep-alive", "5"]),
      "proxy-connection": plus(GET, ["proxy-connection", "close"]),
      "transfer-encoding": plus(GET, ["transfer-encoding", "chunked"]),
      upgrade: plus(GET, ["upgrade", "h2c"]),
      "te other than trailers": plus(GET, ["te", "gzip"]),
      "no method": GET.slice(1),
      "no scheme": GET.filter(([name]) => name !== ":scheme"),
      "no path": GET.filter(([name]) => name !== ":path"),
      "an empty path": [
        [":method", "GET"],
        [":scheme", "https"],
        [":path", ""],
      ],
      "a path that is none": [
        [":method", "GET"],
        [":scheme", "https"],
        [":path", "a"],
      ],
      "an asterisk that is none": [
        [":method", "GET"],
        [":scheme", "https"],
        [":path", "*"],
      ],
      "a path with a space": [
        [":method", "GET"],
        [":scheme", "https"],
        [":path", "/a b"],
      ],
      "a path with a control": [
        [":method", "GET"],
        [":scheme", "https"],
        [":path", "/a\x7f"],
      ],
      "a method that is no token": [[":method", "G T"], ...GET.slice(1)],
      "an empty method": [[":method", ""], ...GET.slice(1)],
      "two methods": plus([[":method", "GET"]], ...GET),
      "two paths": plus([[":path", "/a"]], ...GET),
      "two schemes": plus([[":scheme", "https"]], ...GET),
      "two authorities": plus([[":authority", "localhost"]], ...GET),
      "a pseudo-header behind a field": [...GET.slice(0, 2), ["x", "1"], ...GET.slice(2)],
      "an unknown pseudo-header": plus([[":unknown", "1"]], ...GET),
      "a status": plus([[":status", "200"]], ...GET),
      "a protocol": plus([[":protocol", "websocket"]], ...GET),
      "an authority with a user": plus(GET.slice(0, 3), [":authority", "a@localhost"]),
      "a host that is another": plus(GET, ["host", "other"]),
      "neither authority nor host": GET.filter(([name]) => name !== ":authority"),
      "an empty authority": plus(GET.slice(0, 3), [":authority", ""]),
      "an empty host": plus(GET, ["host", ""]),
      "two hosts": plus(GET.slice(0, 3), ["host", "a"], ["host", "a"]),
      "a CONNECT with a path": [[":method", "CONNECT"], ...GET.slice(1)],
      "a CONNECT without authority": [[":method", "CONNECT"]],
      "two lengths that agree": plus(GET, ["content-length", "0"], ["content-length", "0"]),
      "a length with a sign": plus(GET, ["content-length", "+0"]),
      "a length that is none": plus(GET, ["content-length", ""]),
      "a list of lengths": plus(GET, ["content-length", "0, 0"]),
      "a length without a body": plus(GET, ["content-length", "3"]),
    };
    for (const [what, fields] of Object.entries(rows)) {
      it(what, () => {
        const client = new Harness().send(headers(1, fields));
        expect(Harness.reset(client.frames(), 1)).to.equal(1);
        expect(client.requests).to.deep.equal([]);
        expect(client.refusals.map(([status]) => status)).to.deep.equal([400]);
        // The connection is as good as before.
        expect(answers(client.send(headers(3, GET)).frames())).to.deep.equal(["3 200 none"]);
      });
    }

    const bodies: Readonly<Record<string, readonly Buffer[]>> = {
      "more body than declared": [data(1, "1234")],
      "more body than declared, in pieces": [data(1, "12", false), data(1, "34", false)],
      "less body than declared": [data(1, "12")],
      "less body than declared, before trailers": [data(1, "12", false), headers(1, [["x", "1"]])],
      "trailers with a pseudo-header": [data(1, "123", false), headers(1, [[":path", "/"]])],
      "trailers with a name in capitals": [data(1, "123", false), headers(1, [["X", "1"]])],
      "trailers that do not end the stream": [data(1, "123", false), headers(1, [["x", "1"]], false)],
    };
    for (const [what, frames] of Object.entries(bodies)) {
      it(what, () => {
        const start = headers(1, plus(PUT, ["content-length", "3"]), false);
        for (const isTogether of [true, false]) {
          const client = new Harness();
          if (isTogether) client.send(start, ...frames);
          else for (const one of [start, ...frames]) client.send(one);
          expect(Harness.reset(client.frames(), 1)).to.equal(1);
          expect(client.open).to.equal(0);
          expect(client.session.openStreams).to.equal(0);
        }
      });
    }

    it("a stream that depends on itself from the start", () => {
      const payload = Buffer.concat([u32(1), Buffer.of(0), encode(GET)]);
      const client = new Harness().send(frame(T.headers, END_HEADERS | END_STREAM | 0x20, 1, payload));
      expect(Harness.reset(client.frames(), 1)).to.equal(1);
      expect(client.refusals).to.have.length(1);
    });

    it("answers 431 to more fields, and larger ones, than are served", () => {
      const many = Array.from({ length: 200 }, (_, i) => [`x${i}`, "1"] as const);
      const client = new Harness();
      expect(answers(client.send(headers(1, plus(GET, ...many))).frames())).to.deep.equal(["1 431 "]);
      expect(client.refusals).to.deep.equal([[431, "request header fields too large"]]);
      expect(answers(client.send(headers(3, GET)).frames())).to.deep.equal(["3 200 none"]);
    });
  });

  describe("connection errors end the connection with GOAWAY", () => {
    const PROTOCOL = 1;
    const FLOW = 3;
    const CLOSED = 5;
    const SIZE = 6;
    const COMPRESSION = 9;
    const rows: readonly (readonly [what: string, code: number, ...frames: Buffer[]])[] = [
      ["DATA on stream 0", PROTOCOL, data(0, "")],
      ["DATA on an idle stream", PROTOCOL, data(1, "")],
      ["DATA on a stream of the server's", PROTOCOL, data(2, "")],
      ["HEADERS on stream 0", PROTOCOL, headers(0, GET)],
      ["HEADERS on a stream of the server's", PROTOCOL, headers(2, GET)],
      ["a stream below the last", PROTOCOL, headers(5, GET), headers(3, GET)],
      ["HEADERS on a stream that is over", CLOSED, headers(1, GET), headers(1, GET)],
      ["RST_STREAM on stream 0", PROTOCOL, frame(T.rst, 0, 0, u32(0))],
      ["RST_STREAM on an idle stream", PROTOCOL, frame(T.rst, 0, 1, u32(0))],
      ["RST_STREAM of the wrong size", SIZE, headers(1, GET, false), frame(T.rst, 0, 1, Buffer.alloc(3))],
      ["PRIORITY on stream 0", PROTOCOL, frame(T.priority, 0, 0, Buffer.alloc(5))],
      ["PRIORITY of the wrong size", SIZE, frame(T.priority, 0, 1, Buffer.alloc(4))],
      [
        "an idle stream that depends on itself",
        PROTOCOL,
        frame(T.priority, 0, 1, Buffer.from([0, 0, 0, 1, 0])),
      ],
      ["SETTINGS on a stream", PROTOCOL, frame(T.settings, 0, 1)],
      ["SETTINGS of half an entry", SIZE, frame(T.settings, 0, 0, Buffer.alloc(3))],
      ["an acknowledgement with entries", SIZE, frame(T.settings, 1, 0, Buffer.alloc(6))],
      ["ENABLE_PUSH of 2", PROTOCOL, setting([2, 2])],
      ["an initial window too large", FLOW, setting([4, 0x8000_0000])],
      ["a frame size too small", PROTOCOL, setting([5, 16_383])],
      ["a frame size too large", PROTOCOL, setting([5, 16_777_216])],
      ["PUSH_PROMISE", PROTOCOL, frame(T.push, END_HEADERS, 1, Buffer.alloc(4))],
      ["PING on a stream", PROTOCOL, frame(T.ping, 0, 1, Buffer.alloc(8))],
      ["PING of the wrong size", SIZE, frame(T.ping, 0, 0, Buffer.alloc(7))],
      ["GOAWAY on a stream", PROTOCOL, frame(T.goaway, 0, 1, Buffer.alloc(8))],
      ["GOAWAY too short", SIZE, frame(T.goaway, 0, 0, Buffer.alloc(7))],
      ["WINDOW_UPDATE of the wrong size", SIZE, frame(T.window, 0, 0, Buffer.alloc(3))],
      ["WINDOW_UPDATE by nothing", PROTOCOL, windowUpdate(0, 0)],
      ["WINDOW_UPDATE on an idle stream", PROTOCOL, windowUpdate(1, 1)],
      ["a connection's window too large", FLOW, windowUpdate(0, 0x7fff_ffff)],
      ["CONTINUATION by itself", PROTOCOL, frame(T.continuation, END_HEADERS, 1)],
      [
        "another frame within a header block",
        PROTOCOL,
        frame(T.headers, 1, 1, encode(GET)),
        frame(T.ping, 0, 0, Buffer.alloc(8)),
      ],
      ["another block within a header block", PROTOCOL, frame(T.headers, 1, 1, encode(GET)), headers(3, GET)],
      [
        "CONTINUATION of another stream",
        PROTOCOL,
        frame(T.headers, 1, 1, encode(GET)),
        frame(T.continuation, 4, 3),
      ],
      ["a frame larger than allowed", SIZE, frame(T.data, 0, 1, Buffer.alloc(16_385))],
      ["more padding than frame", PROTOCOL, frame(T.headers, END_HEADERS | 8, 1, Buffer.from([200, 0x82]))],
      ["padding without its length", SIZE, frame(T.headers, END_HEADERS | 8, 1)],
      [
        "HEADERS too short for their priority",
        SIZE,
        frame(T.headers, END_HEADERS | 0x20, 1, Buffer.alloc(4)),
      ],
      [
        "a header block that cannot be decoded",
        COMPRESSION,
        frame(T.headers, 5, 1, Buffer.of(0xff, 0xff, 0xff)),
      ],
      [
        "trailers that cannot be decoded",
        COMPRESSION,
        headers(1, PUT, false),
        frame(T.headers, 5, 1, Buffer.of(0x80)),
      ],
    ];
    for (const [what, code, ...frames] of rows) {
      it(what, () => {
        const client = new Harness().send(...frames);
        expect(Harness.goAway(client.frames())).to.equal(code);
        expect(client.isEnded).to.equal(true);
        expect(client.open).to.equal(0);
        expect(client.refusals.length).to.be.at.least(1);
        // Whatever else comes is not looked at, and the connection goes even if the client keeps it.
        client.send(headers(101, GET));
        expect(client.frames()).to.deep.equal([]);
        client.pass(1_000);
        expect(client.isDestroyed).to.equal(true);
      });
    }

    it("anything but HTTP/2's preface", () => {
      for (const text of ["GET / HTTP/1.1\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\rx"]) {
        const client = new Harness({ greeted: false }).send(Buffer.from(text));
        expect(Harness.goAway(client.frames())).to.equal(PROTOCOL);
      }
    });

    it("a first frame that is not SETTINGS", () => {
      for (const first of [headers(1, GET), frame(T.settings, 1, 0), frame(T.ping, 0, 0, Buffer.alloc(8))]) {
        const client = new Harness({ greeted: false }).send(PREFACE, first);
        expect(Harness.goAway(client.frames())).to.equal(PROTOCOL);
      }
    });
  });

  describe("stream errors leave the connection", () => {
    const rows: readonly (readonly [what: string, code: number, ...frames: Buffer[]])[] = [
      ["WINDOW_UPDATE by nothing", 1, headers(1, PUT, false), windowUpdate(1, 0)],
      ["a window too large", 3, headers(1, PUT, false), windowUpdate(1, 0x7fff_ffff)],
      ["PRIORITY of the wrong size", 6, headers(1, PUT, false), frame(T.priority, 0, 1, Buffer.alloc(6))],
      [
        "a stream that depends on itself",
        1,
        headers(1, PUT, false),
        frame(T.priority, 0, 1, Buffer.from([0, 0, 0, 1, 0])),
      ],
      ["DATA on a stream that is over", 5, headers(1, GET), data(1, "x")],
    ];
    for (const [what, code, ...frames] of rows) {
      it(what, () => {
        const client = new Harness().send(...frames);
        const sent = client.frames();
        expect(Harness.reset(sent, 1)).to.equal(code);
        sent.push(...client.send(headers(3, GET)).frames());
        expect(answers(sent).at(-1)).to.equal("3 200 none");
      });
    }

    it("what was on its way to a stream that was reset is ignored", () => {
      const client = new Harness().send(headers(1, PUT, false), windowUpdate(1, 0));
      client.frames();
      client.send(
        data(1, "abc", false),
        windowUpdate(1, 5),
        headers(1, [["x", "1"]]),
        frame(T.rst, 0, 1, u32(8)),
      );
      expect(client.frames()).to.deep.equal([]);
    });

    it("a client that resets a request is told nothing, and whoever serves it is", () => {
      let gone = 0;
      const client = new Harness({ serve: (exchange) => exchange.onGone(() => gone++) });
      client.send(headers(1, GET), frame(T.rst, 0, 1, u32(8)));
      expect(gone).to.equal(1);
      expect(client.frames()).to.deep.equal([]);
      expect(client.session.openStreams).to.equal(0);
      const [request] = client.requests;
      request?.reply(200, {}, "late");
      request?.finished();
      client.turn();
      expect(client.frames()).to.deep.equal([]);
      expect(client.open).to.equal(0);
    });

    it("a body that is aborted is told so once", () => {
      const ends: unknown[] = [];
      const client = new Harness({ serve: (exchange) => exchange.readBody(100, (body) => ends.push(body)) });
      client.send(headers(1, PUT, false), data(1, "a", false));
      client.send(frame(T.rst, 0, 1, u32(8)));
      client.session.destroy();
      expect(ends).to.deep.equal(["aborted"]);
    });
  });

  describe("flow control", () => {
    const big = (bytes: number) => ({
      serve: (exchange: Exchange) => exchange.reply(200, {}, "x".repeat(bytes)),
    });
    const bodyBytes = (frames: readonly SentFrame[], stream?: number): number =>
      frames
        .filter((one) => one.type === T.data && (stream === undefined || one.stream === stream))
        .reduce((sum, { payload }) => sum + payload.length, 0);

    it("sends no more than the windows allow, and the rest as they open", () => {
      const client = new Harness(big(200_000)).send(headers(1, GET));
      expect(bodyBytes(client.frames())).to.equal(65_535);
      expect(bodyBytes(client.send(windowUpdate(1, 1_000_000)).frames())).to.equal(0);
      expect(bodyBytes(client.send(windowUpdate(0, 34_465)).frames())).to.equal(34_465);
      const last = client.send(windowUpdate(0, 1_000_000)).frames();
      expect(bodyBytes(last)).to.equal(100_000);
      expect(last.at(-1)?.flags).to.equal(END_STREAM);
      expect(client.session.openStreams).to.equal(0);
    });

    it("sends no frame larger than the protocol's default", () => {
      const client = new Harness(big(60_000)).send(headers(1, GET));
      for (const { payload } of client.frames()) expect(payload.length).to.be.at.most(16_384);
    });

    it("gives every stream its turn", () => {
      const client = new Harness(big(100_000)).send(setting([4, 100_000]), headers(1, GET), headers(3, GET));
      client.frames();
      const frames = client.send(windowUpdate(0, 65_536)).frames();
      expect(bodyBytes(frames, 1)).to.be.greaterThan(0);
      expect(bodyBytes(frames, 3)).to.be.greaterThan(0);
    });

    it("goes on with those whose turn it was when the client had to take what was sent", () => {
      const client = new Harness(big(60_000)).send(setting([4, 1 << 20]), windowUpdate(0, 1 << 30));
      client.isStuck = true;
      client.send(...Array.from({ length: 60 }, (_, i) => headers(2 * i + 1, GET)));
      const begun = new Set<number>();
      // 16 frames are written before the client has to take them.
      for (let round = 0; round < 6; round++) {
        for (const { type, stream } of client.frames()) if (type === T.data) begun.add(stream);
        client.session.drained();
        client.turn();
      }
      expect(begun.size).to.equal(60);
    });

    it("follows changes of the initial window, also below zero", () => {
      const client = new Harness(big(60)).send(setting([4, 10]), headers(1, GET));
      expect(bodyBytes(client.frames())).to.equal(10);
      // Ten are out: the window is -7 now, and 1 after the update.
      expect(bodyBytes(client.send(setting([4, 3]), windowUpdate(1, 8)).frames())).to.equal(1);
      expect(bodyBytes(client.send(setting([4, 100])).frames())).to.equal(49);
      expect(client.session.openStreams).to.equal(0);
    });

    it("refuses changes of the initial window that make a stream's too large", () => {
      const client = new Harness(big(60)).send(
        setting([4, 0]),
        headers(1, GET),
        windowUpdate(1, 0x7fff_ffff - 5),
      );
      expect(Harness.goAway(client.send(setting([4, 100_000])).frames())).to.equal(undefined);
      const stuck = new Harness({ serve: () => undefined }).send(setting([4, 0]), headers(1, PUT, false));
      stuck.send(windowUpdate(1, 0x7fff_ffff));
      expect(Harness.goAway(stuck.send(setting([4, 1])).frames())).to.equal(3);
    });

    it("resets a stream whose client sends more than its window", () => {
      const client = new Harness({ serve: () => undefined }).send(headers(1, PUT, false));
      for (let i = 0; i < 16; i++) client.send(data(1, Buffer.alloc(16_384), false));
      expect(Harness.reset(client.frames(), 1)).to.equal(undefined);
      expect(Harness.reset(client.send(data(1, "x", false)).frames(), 1)).to.equal(3);
    });

    it("ends a connection whose client sends more than its window", () => {
      const client = new Harness({ serve: () => undefined });
      let code: number | undefined;
      for (let stream = 1; stream < 13 && code === undefined; stream += 2) {
        client.send(headers(stream, PUT, false));
        for (let i = 0; i < 15; i++) client.send(data(stream, Buffer.alloc(16_384), false));
        code = Harness.goAway(client.frames());
      }
      expect(code).to.equal(3);
    });

    it("opens the windows again for as much as was taken", () => {
      let total = 0;
      const client = new Harness({
        serve: (exchange) => exchange.readBody(4_000_000, () => undefined),
        maxBodyBytes: 1 << 24,
      });
      client.send(headers(1, PUT, false));
      let given = 0;
      for (let i = 0; i < 200; i++) {
        client.send(data(1, Buffer.alloc(10_000), false));
        total += 10_000;
        const frames = client.frames();
        expect(Harness.goAway(frames)).to.equal(undefined);
        expect(Harness.reset(frames, 1)).to.equal(undefined);
        for (const one of frames)
          if (one.type === T.window && one.stream === 0) given += one.payload.readUInt32BE(0);
      }
      expect(given).to.be.within(total - 600_000, total);
    });

    it("gives back what a refused body takes, and padding", () => {
      const client = new Harness({ serve: (exchange) => exchange.reply(403, {}, "no") });
      let given = 0;
      for (let stream = 1; stream < 400; stream += 2) {
        const padded = Buffer.concat([Buffer.of(200), Buffer.alloc(9_800), Buffer.alloc(200)]);
        client.send(headers(stream, PUT, false), frame(T.data, END_STREAM | 8, stream, padded));
        const frames = client.frames();
        expect(Harness.goAway(frames)).to.equal(undefined);
        for (const one of frames) if (one.type === T.window) given += one.payload.readUInt32BE(0);
      }
      expect(given).to.be.within(1_400_000, 2_010_000);
    });

    it("cuts off an answer that is not taken for long, and not one that is taken slowly", () => {
      const client = new Harness(big(100_000)).send(setting([4, 0]), headers(1, GET), headers(3, GET));
      for (let i = 0; i < 10; i++) {
        client.pass(60_000);
        client.send(windowUpdate(1, 1_000));
      }
      const frames = client.frames();
      expect(Harness.reset(frames, 1)).to.equal(undefined);
      expect(Harness.reset(frames, 3)).to.equal(8);
      expect(bodyBytes(frames, 1)).to.equal(10_000);
    });

    it("stops reading while its answers are not taken, and goes on afterwards", () => {
      const client = new Harness(big(1_000));
      client.isStuck = true;
      client.send(headers(1, GET));
      expect(client.isPaused).to.equal(true);
      client.isStuck = false;
      client.session.drained();
      expect(client.isPaused).to.equal(false);
      expect(answers(client.send(headers(3, GET)).frames())).to.have.length(2);
    });
  });

  describe("an early answer", () => {
    const refuse = { serve: (exchange: Exchange) => exchange.reply(403, {}, "no") };
    it("throws away the rest of the body, and ends with it", () => {
      const client = new Harness(refuse).send(headers(1, PUT, false));
      expect(answers(client.frames())).to.deep.equal(["1 403 no"]);
      client.send(data(1, "abc", false));
      expect(client.session.openStreams).to.equal(1);
      client.send(data(1, "def"));
      expect(client.session.openStreams).to.equal(0);
      expect(client.frames()).to.deep.equal([]);
    });

    it("ends the stream with NO_ERROR when the body does not end in time", () => {
      const client = new Harness(refuse).send(headers(1, PUT, false));
      client.frames();
      client.pass(4_900);
      expect(client.frames()).to.deep.equal([]);
      client.pass(200);
      expect(Harness.reset(client.frames(), 1)).to.equal(0);
    });

    it("ends the stream when too much comes", () => {
      const client = new Harness(refuse).send(headers(1, PUT, false));
      let code: number | undefined;
      let sent = 0;
      for (; code === undefined && sent < 10_000_000; sent += 16_000) {
        client.send(data(1, Buffer.alloc(16_000), false));
        code = Harness.reset(client.frames(), 1);
      }
      expect(code).to.equal(0);
      expect(sent).to.be.within(8_000_000, 9_000_000);
    });
  });

  describe("an answer that goes on", () => {
    let writer: StreamWriter | undefined;
    const follow = {
      serve: (exchange: Exchange) => {
        writer = exchange.stream(200, { "content-type": "text/plain" });
        exchange.finished();
      },
    };

    it("sends as it is written, keeps the connection, and ends", () => {
      let closed = 0;
      const client = new Harness(follow).send(headers(1, GET));
      writer?.onClose(() => closed++);
      expect(answers(client.frames())).to.deep.equal(["1 200 "]);
      expect(client.open).to.equal(1);
      writer?.write("one");
      writer?.write("two");
      client.turn();
      expect(Buffer.concat(client.frames().map(({ payload }) => payload)).toString()).to.equal("onetwo");
      writer?.end("last");
      client.turn();
      const [last, ...more] = client.frames();
      expect([last?.payload.toString(), last?.flags, more.length]).to.deep.equal(["last", END_STREAM, 0]);
      expect(closed).to.equal(1);
      expect(client.open).to.equal(0);
    });

    it("ends with an empty frame", () => {
      const client = new Harness(follow).send(headers(1, GET));
      client.frames();
      writer?.end();
      client.turn();
      expect(client.frames().map(({ type, flags, payload }) => [type, flags, payload.length])).to.deep.equal([
        [0, 1, 0],
      ]);
    });

    it("ends below a window of zero as well, for an end needs none", () => {
      const client = new Harness(follow).send(setting([4, 10]), headers(1, GET));
      writer?.write("0123456789");
      client.turn();
      client.send(setting([4, 3])).frames();
      writer?.end();
      client.turn();
      expect(client.frames().map(({ type, flags, payload }) => [type, flags, payload.length])).to.deep.equal([
        [0, 1, 0],
      ]);
    });

    it("says when more waits than may, and sends the last all the same", () => {
      const client = new Harness(follow).send(setting([4, 0]), headers(1, GET));
      let written = 0;
      while (writer?.write("x".repeat(10_000))) written += 10_000;
      expect(written).to.be.within(1_000_000, 1_100_000);
      writer?.end("last");
      const frames = client.send(windowUpdate(0, 2_000_000), windowUpdate(1, 2_000_000)).frames();
      expect(frames.at(-1)?.payload.subarray(-4).toString()).to.equal("last");
      expect(client.session.openStreams).to.equal(0);
    });

    it("cuts off a client that does not take the end", () => {
      let closed = 0;
      const client = new Harness(follow).send(setting([4, 0]), headers(1, GET));
      writer?.onClose(() => closed++);
      writer?.write("x");
      writer?.end();
      client.pass(4_900);
      expect(closed).to.equal(0);
      client.pass(200);
      expect(closed).to.equal(1);
      expect(Harness.reset(client.frames(), 1)).to.equal(8);
      expect(client.open).to.equal(0);
    });

    it("is closed when the client leaves", () => {
      let closed = 0;
      const client = new Harness(follow).send(headers(1, GET));
      writer?.onClose(() => closed++);
      client.send(frame(T.rst, 0, 1, u32(8)));
      expect(closed).to.equal(1);
      writer?.onClose(() => closed++);
      expect(closed).to.equal(2);
      expect(writer?.write("x")).to.equal(true);
      writer?.end();
      expect(client.open).to.equal(0);
    });
  });

  describe("its end", () => {
    const lastStream = (frames: readonly SentFrame[]): number | undefined =>
      frames.find(({ type }) => type === T.goaway)?.payload.readUInt32BE(0);

    it("comes in two steps: what is on its way is served, and then the last stream is named", () => {
      const client = new Harness();
      client.session.close();
      client.turn();
      const first = client.frames();
      expect(types(first)).to.deep.equal([T.goaway, T.ping]);
      expect(lastStream(first)).to.equal(0x7fff_ffff);
      expect(answers(client.send(headers(3, GET)).frames())).to.deep.equal(["3 200 none"]);
      const ping = first.find(({ type }) => type === T.ping)?.payload ?? Buffer.alloc(0);
      const second = client.send(frame(T.ping, 1, 0, ping)).frames();
      expect(lastStream(second)).to.equal(3);
      expect(client.isEnded).to.equal(true);
    });

    it("does not wait for a client that does not answer", () => {
      const client = new Harness();
      client.session.close();
      client.pass(300);
      expect(client.isEnded).to.equal(true);
      client.pass(600);
      expect(client.isDestroyed).to.equal(true);
    });

    it("waits for answers, and ignores streams behind the last", () => {
      const client = new Harness({ serve: () => undefined }).send(headers(1, GET));
      client.session.close();
      client.pass(300);
      client.frames();
      client.send(headers(3, GET));
      expect(client.requests).to.have.length(1);
      expect(client.isEnded).to.equal(false);
      client.requests[0]?.reply(200, {}, "x");
      client.turn();
      expect(answers(client.frames())).to.deep.equal(["1 200 x"]);
      expect(client.isEnded).to.equal(true);
    });

    it("ignores the bodies, too, of requests that have crossed it, and still serves what came before", () => {
      let waiting: Exchange | undefined;
      const client = new Harness({
        serve: (exchange) => {
          waiting = exchange;
        },
      }).send(headers(1, GET));
      client.session.close();
      client.pass(300);
      client.frames();
      client.send(headers(3, PUT, false), data(3, "x", false));
      client.send(windowUpdate(3, 5), data(3, "y"), headers(5, PUT, false), frame(T.rst, 0, 5, u32(8)));
      expect(client.frames()).to.deep.equal([]);
      expect(client.requests).to.have.length(1);
      waiting?.reply(200, {}, "done");
      waiting?.finished();
      client.turn();
      expect(answers(client.frames())).to.deep.equal(["1 200 done"]);
      expect(client.isEnded).to.equal(true);
    });

    it("gives a client time to take what was sent", () => {
      const client = new Harness().send(headers(1, GET));
      client.isStuck = true;
      client.session.close();
      client.turn();
      client.pass(300);
      expect(client.isEnded).to.equal(true);
      client.pass(80_000);
      expect(client.isDestroyed).to.equal(false);
      client.pass(11_000);
      expect(client.isDestroyed).to.equal(true);
    });

    it("serves what a client asked before it said goodbye", () => {
      const client = new Harness({ serve: () => undefined }).send(headers(1, GET));
      client.send(frame(T.goaway, 0, 0, u32(0, 0)));
      expect(client.isEnded).to.equal(false);
      client.requests[0]?.reply(200, {}, "x");
      client.turn();
      expect(client.isEnded).to.equal(true);
    });

    it("tells everybody who waits when the connection breaks", () => {
      let gone = 0;
      const client = new Harness({
        serve: (exchange) => {
          exchange.onGone(() => gone++);
          exchange.onGone(() => exchange.finished());
        },
      });
      client.send(headers(1, GET), headers(3, GET), headers(5, PUT, false));
      client.session.destroy();
      expect(gone).to.equal(3);
      expect(client.open).to.equal(0);
    });
  });

  it("does not serve with a promise or a timer what came whole", () => {
    const client = new Harness();
    const before = process.getActiveResourcesInfo().length;
    client.send(headers(1, PUT, false), data(1, "{}"));
    expect(process.getActiveResourcesInfo().length).to.equal(before);
    expect(answers(client.frames())).to.deep.equal(["1 200 2"]);
  });

  it("sends its settings first, and a window for the connection", () => {
    const client = new Harness({ greeted: false, serve: answerOk });
    client.turn();
    const [settings, window] = framesOf(client.bytes());
    expect(settings?.payload.toString("hex")).to.equal("0003000000fa000400040000000600010000");
    expect(window?.payload.readUInt32BE(0)).to.equal(1024 * 1024 - 65_535);
  });
});
