import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect } from "chai";
import { BodyBudget } from "../../../../src/server/body.js";
import { Connections } from "../../../../src/server/connections.js";
import type { Exchange, StreamWriter } from "../../../../src/server/exchange.js";
import { HeldAnswers } from "../../../../src/server/held-answers.js";
import { AnswerHeads } from "../../../../src/server/http1/answer-head.js";
import { RequestHead, readHead } from "../../../../src/server/http1/head.js";
import { Later } from "../../../../src/server/http1/later.js";
import { Http1Session } from "../../../../src/server/http1/session.js";
import { SocketInput } from "../../../../src/server/socket-input.js";
import { until } from "../../../support/child-process.js";
import { FedSocket } from "../../../support/http1/fed-socket.js";
import { turns } from "../../../support/http1/play.js";

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5);
const GET = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";
const HEAD_TICKS = 3;
const IDLE_TICKS = 5;
const BUDGET = 1_000_000;
const TAIL =
  "Date: Fri, 02 Jan 2026 03:04:05 GMT\r\nConnection: keep-alive\r\nKeep-Alive: timeout=90\r\n\r\n";

/** A session that is under the test's hand: its client, its requests, its clock. */
async function stage(
  serve?: (exchange: Exchange) => void,
  mostHeld = 64 * BUDGET,
): Promise<{
  readonly socket: FedSocket;
  readonly session: Http1Session;
  readonly connections: Connections;
  readonly exchanges: Exchange[];
  readonly refused: string[];
  readonly budget: BodyBudget;
  readonly held: HeldAnswers;
  tick(count: number): void;
}> {
  const socket = new FedSocket();
  const connections = new Connections();
  const connection = connections.establish(socket, { ip: "192.0.2.1" });
  const exchanges: Exchange[] = [];
  const refused: string[] = [];
  const budget = new BodyBudget(BUDGET);
  const held = new HeldAnswers(mostHeld);
  const session = new Http1Session(socket, connection, {
    input: new SocketInput(),
    serve: serve ?? ((exchange) => exchanges.push(exchange)),
    refused: (_, status, reason) => refused.push(`${status} ${reason}`),
    limits: {
      handshakeTimeoutMs: 1,
      headersTimeoutMs: 1,
      idleTimeoutMs: 1,
      maxConnections: 1,
      maxPendingBodyBytes: 1,
    },
    bodies: budget,
    held,
    heads: new AnswerHeads(90_000, () => NOW),
    later: new Later(() => 0),
    headTicks: HEAD_TICKS,
    idleTicks: IDLE_TICKS,
  });
  await turns(1);
  const tick = (count: number): void => {
    for (let i = 0; i < count; i++) session.tick();
  };
  return { socket, session, connections, exchanges, refused, budget, held, tick };
}

function answer(exchange: Exchange | undefined, body = "x"): void {
  exchange?.reply(200, { "content-type": "text/plain" }, body);
  exchange?.finished();
}

describe("server/http1/session", () => {
  describe("answers", () => {
    it("are one write: head and body in one piece", async () => {
      const { socket, exchanges } = await stage();
      const writes: string[] = [];
      const write = socket._write.bind(socket);
      socket._write = (chunk, encoding, done) => {
        writes.push(String(chunk));
        write(chunk, encoding, done);
      };
      socket.feed(GET);
      answer(exchanges[0], "{}");
      expect(writes).to.deep.equal([
        `HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 2\r\n${TAIL}{}`,
      ]);
    });

    it("say their length in bytes", async () => {
      const { socket, exchanges } = await stage();
      socket.feed(GET);
      answer(exchanges[0], "ä€");
      expect(socket.sent).to.include("content-length: 5\r\n");
      expect(Buffer.from(socket.sent, "latin1").toString()).to.match(/\r\n\r\nä€$/);
    });

    it("to HEAD have a length and no body", async () => {
      const { socket, exchanges } = await stage();
      socket.feed("HEAD /a HTTP/1.1\r\nHost: a\r\n\r\n");
      answer(exchanges[0], "four");
      expect(socket.sent).to.match(/content-length: 4\r\n(?:.+\r\n)+\r\n$/);
    });

    it("are sent once", async () => {
      const { socket, exchanges } = await stage();
      socket.feed(GET);
      answer(exchanges[0], "first");
      exchanges[0]?.reply(200, {}, "second");
      expect(socket.sent).to.include("first").and.not.to.include("second");
    });

    for (const [what, line, closes] of [
      ["an HTTP/1.1 request", "GET /a HTTP/1.1\r\nHost: a", false],
      ["Connection: close", "GET /a HTTP/1.1\r\nHost: a\r\nConnection: close", true],
      ["close in a list", "GET /a HTTP/1.1\r\nHost: a\r\nConnection: x, Close", true],
      [
        "close and keep-alive",
        "GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\nConnection: keep-alive",
        true,
      ],
      [
        "keep-alive and close",
        "GET /a HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\nConnection: close",
        true,
      ],
      ["an HTTP/1.0 request", "GET /a HTTP/1.0", true],
      ["an HTTP/1.0 request with keep-alive", "GET /a HTTP/1.0\r\nConnection: keep-alive", false],
    ] as const) {
      it(`${closes ? "close" : "keep"} the connection after ${what}`, async () => {
        const { socket, exchanges } = await stage();
        socket.feed(`${line}\r\n\r\n`);
        answer(exchanges[0]);
        expect(socket.sent).to.include(
          closes ? "\r\nConnection: close\r\n" : "\r\nConnection: keep-alive\r\n",
        );
        expect(socket.isOver).to.equal(closes);
      });
    }

    it("with a line break in a field end the connection instead", async () => {
      const { socket, exchanges } = await stage();
      socket.feed(GET);
      expect(() => exchanges[0]?.reply(302, { location: "/\r\nx: y" })).to.throw(TypeError);
      expect(socket.destroyed).to.equal(true);
      expect(socket.sent).to.equal("");
    });
  });

  describe("pipelining", () => {
    it("serves one request after the other, in order", async () => {
      const { socket, exchanges } = await stage();
      socket.feed(
        "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\nGET /3 HTTP/1.1\r\nHost: a\r\n\r\n",
      );
      expect(exchanges.map(({ target }) => target)).to.deep.equal(["/1"]);
      answer(exchanges[0], "one");
      expect(exchanges.map(({ target }) => target)).to.deep.equal(["/1", "/2"]);
      answer(exchanges[1], "two");
      answer(exchanges[2], "three");
      expect(socket.sent.match(/one|two|three/g)).to.deep.equal(["one", "two", "three"]);
    });

    it("reads no more than 64 KiB and a piece ahead", async () => {
      const { socket, exchanges } = await stage();
      socket.feed(GET);
      for (let i = 0; i < 100; i++) socket.feed(GET.repeat(400));
      await turns(2);
      expect(socket.isPaused()).to.equal(true);
      expect(socket.readableLength).to.be.greaterThan(900_000);
      // All are served in the end.
      let served = 0;
      for (; exchanges.length > served; served++) {
        answer(exchanges[served], "");
        if (served % 500 === 0) await turns(1);
      }
      await turns(3);
      for (; exchanges.length > served; served++) answer(exchanges[served], "");
      expect(served).to.be.greaterThan(2_000);
    });

    it("serves nobody further who takes no answers", async () => {
      const { socket, exchanges, tick } = await stage();
      socket.isStuck = true;
      socket.feed(GET.repeat(50));
      for (let served = 0; exchanges.length > served; served++) answer(exchanges[served], "x".repeat(40_000));
      expect(exchanges.length).to.be.below(4);
      socket.release();
      await turns(2);
      expect(exchanges.length).to.be.greaterThan(1);
      socket.isStuck = true;
      for (let served = 1; exchanges.length > served; served++) answer(exchanges[served], "x".repeat(40_000));
      tick(IDLE_TICKS);
      expect(socket.destroyed).to.equal(true);
    });
  });

  describe("bodies", () => {
    const PUT = "PUT /a HTTP/1.1\r\nHost: a\r\n";
    const read = (exchange: Exchange | undefined, into: unknown[], limit = 100): void =>
      exchange?.readBody(limit, (body) => into.push(typeof body === "string" ? body : body.toString()));

    it("that came with the head are there at once", async () => {
      const { socket, exchanges } = await stage();
      const bodies: unknown[] = [];
      socket.feed(`${PUT}content-length: 2\r\n\r\n{}`);
      read(exchanges[0], bodies);
      expect(bodies).to.deep.equal(["{}"]);
    });

    it("of no length are empty", async () => {
      const { socket, exchanges } = await stage();
      const bodies: unknown[] = [];
      socket.feed(`${PUT}\r\n`);
      expect(exchanges[0]?.bodyless).to.equal(true);
      read(exchanges[0], bodies);
      expect(bodies).to.deep.equal([""]);
    });

    it("that are declared too long are refused unread", async () => {
      const { socket, exchanges } = await stage();
      const bodies: unknown[] = [];
      socket.feed(`${PUT}content-length: 101\r\n\r\n`);
      read(exchanges[0], bodies);
      expect(bodies).to.deep.equal(["too-large"]);
      answer(exchanges[0]);
      expect(socket.sent).to.include("Connection: close");
      expect(socket.isOver).to.equal(false);
      socket.feed("x".repeat(101));
      expect(socket.isOver).to.equal(true);
    });

    it("in chunks are refused when they get too long, and answered once", async () => {
      const { socket, exchanges, budget } = await stage();
      const bodies: unknown[] = [];
      socket.feed(`${PUT}transfer-encoding: chunked\r\n\r\n`);
      exchanges[0]?.readBody(100, (body) => {
        bodies.push(body);
        answer(exchanges[0], "no");
      });
      for (let i = 0; i < 5; i++) socket.feed(`40\r\n${"x".repeat(0x40)}\r\n`);
      expect(bodies).to.deep.equal(["too-large"]);
      expect(socket.sent.match(/HTTP\/1\.1 200/g)).to.have.length(1);
      expect(budget.take(BUDGET), "memory is given back").to.equal(true);
    });

    it("that nobody reads do not close the connection when they are there", async () => {
      const { socket, exchanges } = await stage();
      socket.feed(`${PUT}transfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n${GET}`);
      answer(exchanges[0]);
      expect(socket.sent).to.include("Connection: keep-alive");
      expect(exchanges).to.have.length(2);
    });

    it("are asked for when the client waits to be", async () => {
      const { socket, exchanges } = await stage();
      const bodies: unknown[] = [];
      socket.feed(`${PUT}Expect: 100-continue\r\ncontent-length: 2\r\n\r\n`);
      expect(socket.sent).to.equal("");
      read(exchanges[0], bodies);
      expect(socket.sent).to.equal("HTTP/1.1 100 Continue\r\n\r\n");
      socket.feed("{}");
      expect(bodies).to.deep.equal(["{}"]);
    });

    it("that break off are told to be aborted, once", async () => {
      const { socket, exchanges, refused, budget } = await stage();
      const bodies: unknown[] = [];
      let gone = 0;
      socket.feed(`${PUT}content-length: 9\r\n\r\n{}`);
      exchanges[0]?.onGone(() => gone++);
      read(exchanges[0], bodies);
      socket.push(null);
      await turns(2);
      expect(bodies).to.deep.equal(["aborted"]);
      expect(gone).to.equal(1);
      expect(refused).to.deep.equal(["400 the connection ended in a request"]);
      expect(budget.take(BUDGET), "memory is given back").to.equal(true);
    });

    it("that become none behind an answer do not spoil it", async () => {
      const { socket, exchanges, refused } = await stage();
      socket.feed(`${PUT}transfer-encoding: chunked\r\n\r\n`);
      exchanges[0]?.readBody(10, () => answer(exchanges[0], "too much"));
      socket.feed("b\r\nhello world\r\nzz\r\n");
      await turns(2);
      expect(socket.sent).to.match(/Connection: close\r\n\r\ntoo much$/);
      expect(refused).to.deep.equal([]);
    });

    it("that are none are answered with 400, however late they are asked for", async () => {
      const { socket, exchanges, refused } = await stage();
      const bodies: unknown[] = [];
      socket.feed(`${PUT}transfer-encoding: chunked\r\n\r\nzz\r\n`);
      await turns(1);
      exchanges[0]?.readBody(10, (body) => {
        bodies.push(body);
        exchanges[0]?.finished();
      });
      expect(bodies).to.deep.equal(["aborted"]);
      expect(socket.sent).to.match(/^HTTP\/1\.1 400 /);
      expect(refused).to.have.length(1);
    });

    it("that are none are answered with 400 by the connection itself", async () => {
      const { socket, exchanges, refused } = await stage();
      const bodies: unknown[] = [];
      socket.feed(`${PUT}transfer-encoding: chunked\r\n\r\n`);
      read(exchanges[0], bodies);
      socket.feed("zz\r\n");
      expect(bodies).to.deep.equal(["aborted"]);
      answer(exchanges[0]);
      expect(socket.sent.match(/HTTP\/1\.1 \d+/g)).to.deep.equal(["HTTP/1.1 400"]);
      expect(refused).to.deep.equal(["400 malformed chunk size"]);
    });
  });

  describe("streams", () => {
    const open = (exchange: Exchange | undefined): StreamWriter => {
      const writer = exchange?.stream(200, { "content-type": "text/plain" });
      exchange?.finished();
      if (writer === undefined) throw new Error("no request came");
      return writer;
    };

    it("go out in chunks, and the connection goes on", async () => {
      const { socket, exchanges } = await stage();
      socket.feed(GET + GET);
      const writer = open(exchanges[0]);
      let closed = 0;
      writer.onClose(() => closed++);
      expect(socket.sent).to.include("Transfer-Encoding: chunked\r\n");
      expect(writer.write("one")).to.equal(true);
      expect(writer.write("")).to.equal(true);
      writer.end("zwölf");
      expect(socket.sent).to.match(/\r\n\r\n3\r\none\r\n6\r\nzw\u00c3\u00b6lf\r\n0\r\n\r\n$/);
      await turns(2);
      expect(closed).to.equal(1);
      expect(exchanges).to.have.length(2);
      expect(writer.write("more")).to.equal(false);
    });

    it("to HTTP/1.0 end with the connection", async () => {
      const { socket, exchanges } = await stage();
      socket.feed("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
      const writer = open(exchanges[0]);
      writer.write("one");
      writer.end();
      await turns(2);
      expect(socket.sent).to.match(/Connection: close\r\n\r\none$/);
      expect(socket.isOver).to.equal(true);
    });

    it("keep their connection busy", async () => {
      const { socket, session, exchanges, tick } = await stage();
      socket.feed(GET);
      open(exchanges[0]);
      tick(100);
      expect(session.connection.busy).to.equal(true);
      expect(socket.isOver).to.equal(false);
    });

    it("tell a writer that its client is slow, and that it has gone", async () => {
      const { socket, exchanges } = await stage();
      socket.feed(GET);
      const writer = open(exchanges[0]);
      let closed = 0;
      writer.onClose(() => closed++);
      socket.isStuck = true;
      let lines = 0;
      while (writer.write("x".repeat(10_000))) lines++;
      expect(lines).to.be.within(100, 110);
      socket.destroy();
      await turns(2);
      expect(closed).to.equal(1);
      writer.onClose(() => closed++);
      expect(closed).to.equal(2);
      writer.end("late");
    });

    it("that begin when the client has gone are over at once", async () => {
      const { socket, exchanges } = await stage();
      socket.feed(GET);
      socket.destroy();
      await turns(2);
      let closed = 0;
      open(exchanges[0]).onClose(() => closed++);
      expect(closed).to.equal(1);
    });
  });

  describe("time", () => {
    it("ends a connection on which nothing comes", async () => {
      const { socket, refused, tick } = await stage();
      tick(HEAD_TICKS - 1);
      expect(socket.isOver).to.equal(false);
      tick(1);
      expect(socket.sent).to.match(/^HTTP\/1\.1 408 /);
      expect(refused).to.deep.equal(["408 request header not received in time"]);
    });

    it("ends a head that does not, however many bytes come", async () => {
      const { socket, exchanges, tick } = await stage();
      socket.feed(GET);
      answer(exchanges[0]);
      for (let i = 0; i < HEAD_TICKS; i++) {
        socket.feed("G");
        tick(1);
      }
      expect(socket.sent).to.match(/HTTP\/1\.1 408 /);
    });

    it("ends an idle connection without a word", async () => {
      const { socket, exchanges, refused, tick } = await stage();
      socket.feed(GET);
      tick(100);
      answer(exchanges[0]);
      const { sent } = socket;
      tick(IDLE_TICKS - 1);
      expect(socket.isOver).to.equal(false);
      tick(1);
      expect(socket.isOver).to.equal(true);
      expect(socket.sent).to.equal(sent);
      expect(refused).to.deep.equal([]);
    });

    it("cuts a client that does not take its last answer", async () => {
      const { socket, exchanges, tick } = await stage();
      socket.isStuck = true;
      socket.feed("GET /a HTTP/1.0\r\n\r\n");
      answer(exchanges[0], "x".repeat(100_000));
      expect(socket.destroyed).to.equal(false);
      tick(IDLE_TICKS);
      expect(socket.destroyed).to.equal(true);
    });

    it("does not begin with an empty line, of which old clients send one behind a body", async () => {
      const { socket, exchanges, refused, tick } = await stage();
      socket.feed(GET);
      answer(exchanges[0]);
      const { sent } = socket;
      for (const bytes of ["\r\n", "\r", "\n"]) socket.feed(bytes);
      tick(IDLE_TICKS - 1);
      expect([socket.sent, refused]).to.deep.equal([sent, []]);
      socket.feed(`\r\n\r${"\n"}${GET}`);
      expect(exchanges).to.have.length(2);
      answer(exchanges[1]);
      // No such line makes an idle connection last.
      for (let i = 0; i < IDLE_TICKS; i++) {
        socket.feed("\r\n");
        tick(1);
      }
      expect(socket.isOver).to.equal(true);
    });

    it("is not taken by empty lines, which are read once", async () => {
      /** CPU of as many pieces as may come before a head, in microseconds. */
      const cost = async (piece: string): Promise<number> => {
        const { socket } = await stage();
        if (piece !== "\r\n") socket.feed("GET /a HTTP/1.1\r\nHost: a\r\nx: ");
        const before = process.cpuUsage();
        for (let i = 0; i < 30_000; i++) socket.feed(piece);
        const { user, system } = process.cpuUsage(before);
        expect(socket.isOver).to.equal(false);
        return user + system;
      };
      await cost("ab");
      expect(await cost("\r\n")).to.be.below(4 * (await cost("ab")) + 20_000);
    });

    it("keeps nothing of a head but its target where that is remembered", () => {
      setFlagsFromString("--expose-gc");
      const collect: unknown = runInNewContext("gc");
      if (typeof collect !== "function") throw new Error("there is no gc()");
      const heapBytes = (): number => {
        collect();
        return process.memoryUsage().heapUsed;
      };
      const before = heapBytes();
      const targets = Array.from({ length: 500 }, (_, i) => {
        const bytes = Buffer.from(
          `GET /v1/key/generate/${i} HTTP/1.1\r\nHost: a\r\nx: ${"a".repeat(60_000)}\r\n\r\n`,
        );
        const head = readHead(bytes, 0, bytes.length);
        return head instanceof RequestHead ? head.target : "";
      });
      expect(heapBytes() - before).to.be.below(5_000_000);
      expect(targets.at(-1)).to.equal("/v1/key/generate/499");
    });

    it("reads a large head that comes byte by byte", async () => {
      const { socket, exchanges } = await stage();
      for (const octet of `GET /a HTTP/1.1\r\nHost: a\r\n${`x: ${"x".repeat(100)}\r\n`.repeat(120)}\r\n`)
        socket.feed(octet);
      expect(exchanges.map(({ target }) => target)).to.deep.equal(["/a"]);
      expect(exchanges[0]?.header("x")).to.have.length(120);
    });
  });

  describe("the end", () => {
    it("lets a request under way have its answer, and says that it is the last", async () => {
      const { socket, exchanges, connections } = await stage();
      socket.feed(GET);
      answer(exchanges[0]);
      socket.feed(GET + GET);
      connections.close();
      expect(socket.isOver).to.equal(false);
      answer(exchanges[1], "last");
      expect(socket.sent).to.match(/Connection: close\r\n\r\nlast$/);
      await until("the connection to close", async () => socket.destroyed);
      expect(exchanges).to.have.length(2);
    });

    it("closes idle connections", async () => {
      const { socket, exchanges, connections } = await stage();
      socket.feed(GET);
      answer(exchanges[0]);
      connections.close();
      expect(socket.isOver).to.equal(true);
    });

    it("comes to a connection alone when whoever serves it throws", async () => {
      const thrown = new Error("no good");
      const { socket, refused } = await stage(() => {
        throw thrown;
      });
      socket.feed(GET);
      expect(socket.destroyed).to.equal(true);
      expect(refused).to.deep.equal(["500 Error: no good"]);
    });

    it("leaves no request open when a connection is cut", async () => {
      const { socket, session, exchanges } = await stage();
      const bodies: unknown[] = [];
      socket.feed("PUT /a HTTP/1.1\r\nHost: a\r\ncontent-length: 9\r\n\r\n{}");
      exchanges[0]?.readBody(100, (body) => {
        bodies.push(body);
        exchanges[0]?.finished();
      });
      session.destroy();
      await turns(2);
      expect(bodies).to.deep.equal(["aborted"]);
      expect(session.connection.busy).to.equal(false);
    });
  });
});
