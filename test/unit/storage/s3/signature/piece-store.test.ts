import { expect } from "chai";
import fc from "fast-check";
import { PieceStore } from "../../../../../src/storage/s3/signature/piece-store.js";

describe("storage/s3 pieces held back", () => {
  it("come out in order, whatever their sizes, as often as there are some", () => {
    const size = fc.oneof(fc.nat(50), fc.integer({ min: 16_000, max: 17_000 }), fc.constant(70_000));
    fc.assert(
      fc.property(fc.array(fc.array(size, { maxLength: 12 }), { maxLength: 4 }), (rounds) => {
        const store = new PieceStore();
        let next = 0;
        for (const sizes of rounds) {
          const pieces = sizes.map((bytes) => Buffer.alloc(bytes, ++next));
          for (const piece of pieces) store.add(piece);
          expect(Buffer.concat(store.drain()).equals(Buffer.concat(pieces))).to.equal(true);
        }
        expect(store.drain()).to.deep.equal([]);
      }),
    );
  });

  it("are few, however small they came", () => {
    const store = new PieceStore();
    for (let i = 0; i < 100_000; i++) store.add(Buffer.of(i));
    expect(store.drain()).to.have.length(2);
  });

  it("are forgotten when nobody wants them", () => {
    const store = new PieceStore();
    store.add(Buffer.alloc(20_000));
    store.add(Buffer.alloc(10));
    store.clear();
    expect(store.drain()).to.deep.equal([]);
  });
});
