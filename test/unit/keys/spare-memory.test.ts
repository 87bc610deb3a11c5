import { expect } from "chai";
import fc from "fast-check";
import { MAX_SPARE_BYTES, SpareMemory, spareBytes } from "../../../src/keys/spare-memory.js";

describe("keys/spare-memory", () => {
  it("gives again what was given back, wiped", () => {
    const spare = new SpareMemory();
    const first = spare.take(100_000).fill(7);
    const other = spare.take(100_000);
    expect(other.buffer).to.not.equal(first.buffer);
    spare.give(first, first.length);
    expect(first.every((byte) => byte === 0)).to.equal(true);
    expect(spare.take(80_000)).to.equal(first);
    expect(spare.take(80_000)).to.not.equal(first);
  });

  it("has room for what was asked, and says how much", () => {
    const spare = new SpareMemory();
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 5_000_000 }), (bytes) => {
        const memory = spare.take(bytes);
        expect(memory.length).to.equal(spareBytes(bytes)).and.to.be.at.least(bytes);
        expect(memory.length).to.be.at.most(Math.max(4096, 2 * bytes));
        spare.give(memory, 0);
      }),
    );
  });

  it("keeps no more than its bound, and nothing that is of no size of its own", () => {
    const spare = new SpareMemory();
    const size = 1024 * 1024;
    const count = MAX_SPARE_BYTES / size;
    const all = Array.from({ length: count + 3 }, () => spare.take(size));
    for (const memory of all) spare.give(memory, 0);
    const again = new Set(Array.from({ length: count + 3 }, () => spare.take(size)));
    expect(all.filter((memory) => again.has(memory))).to.have.length(count);
    for (const odd of [Buffer.alloc(5000), Buffer.alloc(0), Buffer.alloc(2 * MAX_SPARE_BYTES)]) {
      spare.give(odd, odd.length);
      expect(spare.take(odd.length)).to.not.equal(odd);
    }
  });
});
