/** Must hold: what open streams keep in memory is known and bounded, on all connections together. */
import { expect } from "chai";
import type { Exchange } from "../../../../src/server/exchange.js";
import { HeldAnswers } from "../../../../src/server/held-answers.js";
import { STREAM_BYTES } from "../../../../src/server/http2/limits.js";
import { data, GET, headers, PUT, plus, setting } from "../../../support/http2-frames.js";
import { Harness, T } from "../../../support/http2-session.js";
import { encode, type Fields, frame } from "../../../support/raw-http2.js";

const MIB = 1 << 20;
const id = (nth: number): number => 2 * nth + 1;
/** Of 15 KiB, in one frame. */
const LARGE: Fields = plus(GET, ["x", "v".repeat(15_000)]);

describe("http2: what open streams hold", () => {
  it("counts requests that wait with their heads, and gives back what it has counted", () => {
    const held = new HeldAnswers(128 * MIB);
    const exchanges: Exchange[] = [];
    const client = new Harness({ serve: (one) => void exchanges.push(one), held });
    client.send(setting([4, 0]));
    for (let nth = 0; nth < 100; nth++) client.send(headers(id(nth), LARGE, nth % 2 === 0));
    expect(held.bytes).to.be.within(100 * (STREAM_BYTES + 15_000), 100 * (STREAM_BYTES + 15_500));
    for (const one of exchanges) {
      one.reply(200, {}, "ten octets");
      one.finished();
    }
    // Their answers wait for the client, the requests are gone.
    expect(held.bytes).to.equal(100 * (STREAM_BYTES + 10));
    expect(exchanges.every((one) => one.header("x").length === 0)).to.equal(true);
    client.send(setting([4, 1_000]));
    expect(held.bytes).to.equal(50 * STREAM_BYTES);
    client.pass(6_000);
    expect(held.bytes).to.equal(0);
    expect(client.open).to.equal(0);
  });

  it("counts nothing for what is answered and over at once", () => {
    const held = new HeldAnswers(1);
    const client = new Harness({ held });
    for (let nth = 0; nth < 100; nth++) client.send(headers(id(nth), PUT, false), data(id(nth), "body"));
    expect(client.refusals).to.deep.equal([]);
    expect(client.requests.length).to.equal(100);
  });

  it("counts a body that nobody has asked for, whole or begun", () => {
    const held = new HeldAnswers(128 * MIB);
    const exchanges: Exchange[] = [];
    const client = new Harness({ serve: (one) => void exchanges.push(one), held });
    const piece = Buffer.alloc(10_000);
    client.send(headers(1, PUT, false), data(1, piece));
    client.send(headers(3, PUT, false)).send(data(3, piece, false));
    expect(held.bytes).to.be.above(2 * (STREAM_BYTES + 10_000));
    client.session.destroy();
    expect(held.bytes).to.equal(0);
  });

  it("ends the connections that hold most, and no other one", () => {
    const held = new HeldAnswers(10 * MIB);
    const serve = (one: Exchange): void => one.onGone(() => one.finished());
    const honest = new Harness({ serve, held }).send(headers(1, GET));
    const clients = Array.from({ length: 10 }, () => new Harness({ serve, held }));
    for (let nth = 0; nth < 250; nth++) {
      for (const client of clients) client.send(headers(id(nth), LARGE));
      expect(held.bytes).to.be.at.most(10 * MIB);
    }
    for (const client of clients.filter(({ isEnded }) => isEnded)) {
      expect(Harness.goAway(client.frames())).to.equal(0xb);
      expect(client.open).to.equal(0);
    }
    expect(clients.filter(({ isEnded }) => isEnded).length).to.be.within(7, 9);
    expect(honest.isEnded).to.equal(false);
  });
});

describe("http2: time for headers", () => {
  it("is that of one request: a busy client always has one under way", () => {
    const client = new Harness();
    const all = Buffer.concat(Array.from({ length: 200 }, (_, nth) => headers(id(nth), GET)));
    const size = all.length / 200;
    // Every piece ends within a frame.
    client.send(all.subarray(0, size / 2));
    for (let nth = 0; nth < 199; nth++) {
      client.send(all.subarray((nth + 0.5) * size, (nth + 1.5) * size));
      client.pass(100);
    }
    expect(client.refusals).to.deep.equal([]);
    expect(client.requests.length).to.equal(199);
    client.pass(5_100);
    expect(client.refusals).to.deep.equal([[408, "headers were not received in time"]]);
  });

  it("is not prolonged by parts of the same one", () => {
    const client = new Harness();
    const block = encode(plus(GET, ["x", "v".repeat(200)]));
    client.send(headers(1, GET), frame(T.headers, 0, 3, block.subarray(0, 1)));
    for (let at = 1; at < 60; at++) {
      client.send(frame(T.continuation, 0, 3, block.subarray(at, at + 1)));
      client.pass(100);
    }
    expect(client.refusals).to.deep.equal([[408, "headers were not received in time"]]);
    expect(client.nowMs).to.be.at.most(6_000);
  });
});
