import { expect } from "chai";
import fc from "fast-check";
import { BodyBudget, BodyBuffer, PAGE_BYTES } from "../../../src/server/body.js";

describe("server/body", () => {
  it("gives back what was added, however it was cut", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 9_000 }), { maxLength: 20 }), (pieces) => {
        const body = new BodyBuffer(200_000, new BodyBudget(1_000_000));
        for (const piece of pieces) expect(body.add(Buffer.from(piece))).to.equal(undefined);
        expect(body.take().equals(Buffer.concat(pieces))).to.equal(true);
      }),
      { numRuns: 50 },
    );
  });

  it("keeps nothing of pieces that were lent, and gives nothing of one body to another", () => {
    const budget = new BodyBudget(10_000_000);
    const size = fc.oneof(fc.integer({ max: 20, min: 0 }), fc.integer({ min: 0, max: 3_000 }));
    fc.assert(
      fc.property(fc.array(size, { maxLength: 6 }), fc.nat(255), (sizes, first) => {
        const body = new BodyBuffer(200_000, budget, true);
        const lent = Buffer.alloc(3_000);
        const expected: Buffer[] = [];
        for (const [i, length] of sizes.entries()) {
          lent.fill((first + i) % 256, 0, length);
          expected.push(Buffer.from(lent.subarray(0, length)));
          expect(body.add(lent.subarray(0, length))).to.equal(undefined);
          lent.fill(0xee);
        }
        const whole = body.take();
        expect(whole.equals(Buffer.concat(expected))).to.equal(true);
        body.recycle();
        // Whoever has kept it reads zeros from now on.
        expect(whole.every((byte) => byte === 0)).to.equal(true);
        expect(budget.page().every((byte) => byte === 0)).to.equal(true);
      }),
    );
  });

  it("collects one large body after another in the same memory, and never in a piece of somebody's", () => {
    const budget = new BodyBudget(10_000_000);
    const seen = new Set<ArrayBufferLike>();
    const piece = Buffer.alloc(16_000, 1);
    for (const isLent of [true, false, true, false]) {
      const body = new BodyBuffer(1_000_000, budget, isLent);
      for (let i = 0; i < 15; i++) expect(body.add(piece)).to.equal(undefined);
      const whole = body.take();
      expect(whole).to.have.length(240_000);
      seen.add(whole.buffer);
      body.recycle();
      expect(whole.every((byte) => byte === 0)).to.equal(true);
      const alone = new BodyBuffer(1_000_000, budget);
      alone.add(piece);
      alone.release();
      alone.recycle();
    }
    expect(seen.size).to.equal(1);
    expect(piece.every((byte) => byte === 1)).to.equal(true);
    expect(budget.take(10_000_000)).to.equal(true);
  });

  it("counts a page of a lent body as a whole", () => {
    const budget = new BodyBudget(PAGE_BYTES);
    const first = new BodyBuffer(10, budget, true);
    expect(first.add(Buffer.alloc(1))).to.equal(undefined);
    const second = new BodyBuffer(10, budget, true);
    expect(second.add(Buffer.alloc(1))).to.equal("overloaded");
    first.release();
    expect(second.add(Buffer.alloc(1))).to.equal(undefined);
  });

  it("does not copy a body that comes in one piece", () => {
    const piece = Buffer.from("{}");
    const body = new BodyBuffer(10, new BodyBudget(10));
    body.add(piece);
    expect(body.take().buffer).to.equal(piece.buffer);
  });

  it("leaves the first piece as it is, since it may be a part of somebody else's buffer", () => {
    const shared = Buffer.from("abcdef");
    const body = new BodyBuffer(10, new BodyBudget(10_000));
    body.add(shared.subarray(0, 2));
    body.add(Buffer.from("XY"));
    expect(body.take().toString()).to.equal("abXY");
    expect(shared.toString()).to.equal("abcdef");
  });

  it("takes exactly the limit, and no byte more", () => {
    const body = new BodyBuffer(5, new BodyBudget(100));
    expect(body.add(Buffer.alloc(3))).to.equal(undefined);
    expect(body.add(Buffer.alloc(2))).to.equal(undefined);
    expect(body.add(Buffer.alloc(1))).to.equal("too-large");
    expect(body.take()).to.have.length(5);
  });

  it("reserves no more than the limit, and refuses when all bodies together take too much", () => {
    const budget = new BodyBudget(20_000);
    const first = new BodyBuffer(12_000, budget);
    for (let i = 0; i < 12_000; i++) expect(first.add(Buffer.alloc(1))).to.equal(undefined);
    const second = new BodyBuffer(12_000, budget);
    expect(second.add(Buffer.alloc(8_000))).to.equal(undefined);
    expect(second.add(Buffer.alloc(1))).to.equal("overloaded");
    first.release();
    expect(second.add(Buffer.alloc(1))).to.equal(undefined);
    second.release();
    second.release();
    expect(budget.take(20_000)).to.equal(true);
    expect(budget.take(1)).to.equal(false);
  });
});
