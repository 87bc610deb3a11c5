import { expect } from "chai";
import { BodyBudget } from "../../../../src/server/body.js";
import { Connections } from "../../../../src/server/connections.js";
import type { Exchange } from "../../../../src/server/exchange.js";
import { HeldAnswers } from "../../../../src/server/held-answers.js";
import { Http1Engine } from "../../../../src/server/http1/engine.js";
import { Later } from "../../../../src/server/http1/later.js";
import { defaultConnectionLimits } from "../../../../src/server/limits.js";
import { FedSocket } from "../../../support/http1/fed-socket.js";
import { turns } from "../../../support/http1/play.js";

const MIB = 1024 * 1024;
const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;

interface Stage {
  readonly held: HeldAnswers;
  /** Targets in the order in which they were served. */
  readonly served: string[];
  /** A new connection, which is being read. */
  open(): Promise<FedSocket>;
}

/** An engine of which the test is all clients. */
function stage(serve: (exchange: Exchange) => void, mostHeld = MIB): Stage {
  const held = new HeldAnswers(mostHeld);
  const served: string[] = [];
  const connections = new Connections();
  const limits = { ...defaultConnectionLimits(), headersTimeoutMs: 60_000 };
  const engine = new Http1Engine({
    serve: (exchange) => {
      served.push(exchange.target);
      serve(exchange);
    },
    refused: () => undefined,
    limits,
    bodies: new BodyBudget(MIB),
    held,
  });
  return {
    held,
    served,
    async open() {
      const socket = new FedSocket();
      engine.take(socket, connections.establish(socket, { ip: "192.0.2.1" }));
      await turns(1);
      return socket;
    },
  };
}

function answer(exchange: Exchange, size: number): void {
  exchange.reply(200, {}, "x".repeat(size));
  exchange.finished();
}

describe("server/http1: what connections may have of all", () => {
  describe("a turn of the event loop", () => {
    it("is not one connection's, however many requests come in one piece", async () => {
      const { served, open } = stage((exchange) => answer(exchange, 1));
      const [many, one] = [await open(), await open()];
      many.feed(get("/many").repeat(2_000));
      one.feed(get("/one"));
      const before = served.indexOf("/one");
      expect(before).to.be.within(1, 20);
      for (let i = 0; i < 2_000 && served.length < 2_001; i++) await turns(1);
      expect(served).to.have.length(2_001);
      expect(many.sent.split("HTTP/1.1 200").length - 1).to.equal(2_000);
    });

    it("is not one connection's, when answers are given within it but not at once", async () => {
      const { served, open } = stage((exchange) => queueMicrotask(() => answer(exchange, 1)));
      const many = await open();
      // The kernel tells later that it has taken what was written, as TLS does.
      many._write = (_chunk, _encoding, done) => void setImmediate(done);
      many.feed(get("/many").repeat(1_000));
      let isOver = false;
      setImmediate(() => {
        isOver = true;
      });
      await new Promise<void>((resolve) => queueMicrotask(resolve));
      while (!isOver) await turns(1);
      expect(served.length).to.be.within(1, 40);
    });

    it("is shared in the order of coming, and those who had none come first in the next", async () => {
      let now = 0;
      const order: string[] = [];
      const later = new Later(() => now);
      for (const name of ["a", "b", "c"]) {
        later.add({
          goOn: () => {
            order.push(name);
            now += 1;
            if (order.length < 4) later.add({ goOn: () => order.push(`${name} again`) });
          },
        });
      }
      await turns(1);
      expect(order).to.deep.equal(["a", "b"]);
      await turns(3);
      expect(order).to.deep.equal(["a", "b", "c", "a again", "b again", "c again"]);
    });

    it("keeps the order of requests and answers", async () => {
      const { served, open } = stage((exchange) =>
        exchange.target.endsWith("3") ? setImmediate(() => answer(exchange, 2)) : answer(exchange, 1),
      );
      const paths = Array.from({ length: 200 }, (_, i) => `/${i}`);
      const socket = await open();
      socket.feed(paths.map(get).join(""));
      for (let i = 0; i < 1_000 && served.length < paths.length; i++) await turns(1);
      await turns(2);
      expect(served).to.deep.equal(paths);
      expect(socket.sent.match(/content-length: \d/g)).to.deep.equal(
        paths.map((path) => `content-length: ${path.endsWith("3") ? 2 : 1}`),
      );
    });
  });

  it("nothing is done whose answer could not be sent", async () => {
    const { served, open } = stage((exchange) => answer(exchange, 1));
    const socket = await open();
    socket.feed(get("/a").repeat(500));
    socket.push(null);
    await turns(1);
    const count = served.length;
    expect(count).to.be.below(500);
    await turns(20);
    expect(served).to.have.length(count);
    expect(socket.sent.split("HTTP/1.1 200").length - 1).to.equal(count);
  });

  describe("memory", () => {
    it("counts answers that are not taken, until they are", async () => {
      const { held, open } = stage((exchange) => answer(exchange, 100_000));
      const socket = await open();
      socket.isStuck = true;
      socket.feed(get("/a"));
      expect(held.bytes).to.be.within(100_000, 101_000);
      socket.release();
      await turns(2);
      expect(held.bytes).to.equal(0);
    });

    it("of small answers is not counted", async () => {
      const { held, open } = stage((exchange) => answer(exchange, 1_000));
      const socket = await open();
      socket.isStuck = true;
      socket.feed(get("/a"));
      expect(held.bytes).to.equal(0);
    });

    it("counts heads that do not come to their end, and requests that wait for those before them", async () => {
      const waiting: Exchange[] = [];
      const { held, open } = stage((exchange) => waiting.push(exchange));
      const [slow, eager] = [await open(), await open()];
      slow.feed(`GET /a HTTP/1.1\r\nx: ${"x".repeat(30_000)}`);
      expect(held.bytes).to.be.at.least(30_000);
      slow.destroy();
      await turns(1);
      expect(held.bytes).to.equal(0);
      eager.feed(`GET /a HTTP/1.1\r\nHost: a\r\nx: ${"x".repeat(30_000)}\r\n\r\n`);
      // The request under way keeps its head.
      expect(held.bytes).to.be.at.least(30_000);
      eager.feed(get("/b").repeat(1_000));
      expect(held.bytes).to.be.at.least(55_000);
      eager.destroy();
      await turns(1);
      expect(held.bytes).to.equal(0);
    });

    it("of bodies that somebody reads is not counted twice", async () => {
      const { held, open } = stage((exchange) => exchange.readBody(MIB, () => answer(exchange, 1)));
      const socket = await open();
      socket.feed("PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n");
      socket.feed("x".repeat(100_000));
      expect(held.bytes).to.equal(0);
    });

    it("that is too much ends the connection that holds most, and no other", async () => {
      const { held, open } = stage((exchange) => answer(exchange, Number(exchange.target.slice(1))));
      const sockets: FedSocket[] = [];
      for (const size of [200_000, 500_000, 300_000]) {
        const socket = await open();
        socket.isStuck = true;
        socket.feed(get(`/${size}`));
        sockets.push(socket);
      }
      expect(sockets.map(({ destroyed }) => destroyed)).to.deep.equal([false, false, false]);
      const last = await open();
      last.isStuck = true;
      last.feed(get("/100000"));
      expect(sockets.map(({ destroyed }) => destroyed)).to.deep.equal([false, true, false]);
      expect(last.destroyed).to.equal(false);
      expect(held.bytes).to.be.within(600_000, 602_000);
    });

    it("that is too much ends a log that nobody reads, and its writer sees that at once", async () => {
      const written: boolean[] = [];
      let isClosed = false;
      const { held, open } = stage((exchange) => {
        const writer = exchange.stream(200, {});
        writer.onClose(() => {
          isClosed = true;
        });
        while (written.at(-1) !== false) written.push(writer.write("x".repeat(10_000)));
        exchange.finished();
      }, 100_000);
      const socket = await open();
      socket.isStuck = true;
      socket.feed(get("/a"));
      expect(written.length).to.be.within(10, 20);
      await turns(2);
      expect(isClosed).to.equal(true);
      expect(held.bytes).to.equal(0);
    });

    it("that is too much ends the connection itself, in the middle of its requests", async () => {
      const { held, served, open } = stage((exchange) => answer(exchange, 2 * MIB));
      const socket = await open();
      socket.isStuck = true;
      socket.feed(get("/a").repeat(3));
      await turns(2);
      expect(socket.destroyed).to.equal(true);
      expect(served).to.have.length(1);
      expect(held.bytes).to.equal(0);
    });
  });
});
