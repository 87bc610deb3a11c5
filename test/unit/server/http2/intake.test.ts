/** Must hold: what one client has sent ahead is read in portions, in its order, and others come in between. */
import { expect } from "chai";
import type { Exchange } from "../../../../src/server/exchange.js";
import { Turn } from "../../../../src/server/http2/turn.js";
import { data, GET, headers, PUT, reset } from "../../../support/http2-frames.js";
import { Harness, T } from "../../../support/http2-session.js";
import { frame } from "../../../support/raw-http2.js";

const MANY = 1_000;
const id = (nth: number): number => 2 * nth + 1;
const requests = (count: number, from = 0): Buffer =>
  Buffer.concat(Array.from({ length: count }, (_, nth) => headers(id(from + nth), GET)));

describe("http2: what one turn reads", () => {
  /** Answers as a server that takes `costMs` for each request. */
  function busy(costMs: number): { client: Harness; served: string[] } {
    const served: string[] = [];
    const client: Harness = new Harness({
      serve: (exchange: Exchange) => {
        client.nowMs += costMs;
        const answer = (body: string): void => {
          served.push(body);
          exchange.reply(200, {}, body);
          exchange.finished();
        };
        if (exchange.bodyless) answer("none");
        else exchange.readBody(100_000, (body) => answer(body.toString()));
      },
    });
    return { client, served };
  }

  it("leaves the rest of many requests to later turns, while nothing more is read", () => {
    const { client } = busy(0.1);
    client.send(requests(MANY));
    const turns = [client.requests.length];
    for (let before = client.requests.length; before < MANY; before = client.requests.length) {
      expect(client.isPaused).to.equal(true);
      client.turn();
      turns.push(client.requests.length - before);
    }
    // A share and 2 ms, and the same again at the end of the first turn, for those that wait.
    expect(turns[0]).to.be.within(40, 80);
    for (const count of turns.slice(1)) expect(count).to.be.at.most(40);
    expect(client.isPaused).to.equal(false);
    expect(client.frames().filter(({ type }) => type === T.data).length).to.equal(MANY);
    expect(client.open).to.equal(0);
  });

  it("holds a large frame against the clock at once: one may cost as much as hundreds", () => {
    const { client } = busy(2);
    const large = [...GET, ["x-large", "v".repeat(4_000)] as const];
    client.send(Buffer.concat(Array.from({ length: 12 }, (_, nth) => headers(id(nth), large))));
    // Two, and one more at the end of the turn: a share of sixteen frames would have taken all of them.
    expect(client.requests.length).to.be.at.most(4);
    for (let turn = 0; turn < 12; turn++) client.turn();
    expect(client.requests.length).to.equal(12);
  });

  it("reads all at once what takes no time", () => {
    const { client } = busy(0);
    client.session.receive(requests(MANY));
    expect(client.requests.length).to.equal(MANY);
    expect(client.isPaused).to.equal(false);
  });

  it("keeps bodies with their requests, and the order of pieces that come meanwhile, wherever they are cut", () => {
    for (let size = 1; size < 3_000; size = Math.ceil(size * 2.3)) {
      const { client, served } = busy(1);
      const all = Buffer.concat(
        Array.from({ length: 60 }, (_, nth) =>
          Buffer.concat([headers(id(nth), PUT, false), data(id(nth), `body ${nth}`)]),
        ),
      );
      for (let at = 0; at < all.length; at += size) {
        client.session.receive(all.subarray(at, at + size));
        if (at % 7 === 0) client.turn();
      }
      for (let turn = 0; turn < 100 && served.length < 60; turn++) client.turn();
      expect(served).to.deep.equal(Array.from({ length: 60 }, (_, nth) => `body ${nth}`));
      expect(client.open).to.equal(0);
    }
  });

  it("does not serve a request without the body that waits behind it", () => {
    const { client, served } = busy(1);
    const pairs = Array.from({ length: 40 }, (_, nth) => [headers(id(nth), PUT, false), data(id(nth), "x")]);
    client.session.receive(Buffer.concat(pairs.flat()));
    expect(served.length).to.be.below(40);
    expect(client.requests.length).to.equal(served.length);
  });

  it("has nothing left of it when the connection ends, at once or by a mistake that waited", () => {
    const { client: gone } = busy(1);
    gone.session.receive(requests(MANY));
    gone.session.destroy();
    gone.turn();
    expect(gone.requests.length).to.be.below(40);
    expect(gone.open).to.equal(0);

    const { client: wrong } = busy(1);
    wrong.send(requests(100), frame(T.data, 0, 0), requests(100, 100));
    for (let turn = 0; turn < 100; turn++) wrong.turn();
    expect(wrong.requests.length).to.equal(100);
    expect(wrong.refusals).to.deep.equal([[400, "DATA on stream 0"]]);
    // What still comes is read and thrown away.
    expect(wrong.isPaused).to.equal(false);
  });

  it("reads on only when the client has taken what was sent", () => {
    const { client } = busy(1);
    client.isStuck = true;
    client.send(requests(100));
    const served = client.requests.length;
    for (let turn = 0; turn < 10; turn++) client.turn();
    expect(client.requests.length).to.equal(served);
    client.isStuck = false;
    client.session.drained();
    for (let turn = 0; turn < 100; turn++) client.turn();
    expect(client.requests.length).to.equal(100);
    expect(client.isPaused).to.equal(false);
  });

  it("does not take time that bytes wait here for time that the client lets pass", () => {
    const { client } = busy(1);
    client.session.receive(Buffer.concat([requests(100), frame(T.headers, 0, id(100))]));
    client.pass(6_000);
    expect(client.refusals).to.deep.equal([]);
  });

  it("counts floods that wait as any other", () => {
    const client: Harness = new Harness({
      serve: (exchange) => {
        client.nowMs += 0.01;
        exchange.onGone(() => exchange.finished());
      },
    });
    const flood = Array.from({ length: 3_000 }, (_, nth) => [headers(id(nth), GET), reset(id(nth))]);
    client.send(Buffer.concat(flood.flat()));
    for (let turn = 0; turn < 1_000; turn++) client.turn();
    expect(Harness.goAway(client.frames())).to.equal(0xb);
  });
});

describe("http2: turns", () => {
  it("has those that wait go on one after the other, as long as a turn lasts", () => {
    let nowMs = 0;
    let run: (() => void) | undefined;
    const turn = new Turn(
      () => nowMs,
      (next) => {
        run = next;
      },
    );
    const order: string[] = [];
    const waiting = (name: string) => ({
      goOn() {
        nowMs += 1;
        order.push(name);
        if (order.length < 12) turn.later(this);
      },
    });
    for (const name of ["a", "b", "c", "d"]) turn.later(waiting(name));
    const turns: string[] = [];
    while (run !== undefined) {
      const now = run;
      run = undefined;
      const before = order.length;
      now();
      turns.push(order.slice(before).join(""));
    }
    expect(turns.slice(0, 4)).to.deep.equal(["abc", "dab", "cda", "bcd"]);
  });

  it("has no more bytes wait than there is room for", () => {
    const turn = new Turn(
      () => 0,
      () => undefined,
    );
    expect(turn.take(32 * 1024 * 1024)).to.equal(true);
    expect(turn.take(1)).to.equal(false);
    turn.give(1);
    expect(turn.take(1)).to.equal(true);
  });
});
