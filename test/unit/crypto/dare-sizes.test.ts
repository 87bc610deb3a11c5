import { expect } from "chai";
import fc from "fast-check";
import { openSize, sealedSize } from "../../../src/crypto/dare-sizes.js";

/** S3 reference §6.3. */
const KNOWN: readonly [plaintext: number, sealed: number][] = [
  [0, 0],
  [1, 33],
  [32, 64],
  [65_535, 65_567],
  [65_536, 65_568],
  [65_537, 65_601],
  [131_072, 131_136],
  [131_073, 131_169],
  [5 * 1024 ** 4, 5_500_242_493_440],
];

describe("sizes of DARE streams", () => {
  for (const [plaintext, sealed] of KNOWN) {
    it(`${plaintext} bytes are ${sealed} sealed`, () => {
      expect(sealedSize(plaintext)).to.equal(sealed);
      expect(openSize(sealed)).to.equal(plaintext);
    });
  }

  it("come back for any size", () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (number) => {
        const plaintext = number % (2 ** 48 + 1);
        expect(openSize(sealedSize(plaintext))).to.equal(plaintext);
      }),
    );
  });

  it("are not known for what no stream can be", () => {
    for (const sealed of [1, 16, 32, 65_569, 65_600, 131_137, sealedSize(2 ** 48) + 33]) {
      expect(openSize(sealed), String(sealed)).to.equal(undefined);
    }
  });
});
