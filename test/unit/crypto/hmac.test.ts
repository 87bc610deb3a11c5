import { expect } from "chai";
import fc from "fast-check";
import { hmacInto, hmacSha256 } from "../../../src/crypto/hmac.js";
import { fromBase64, vectors } from "./support.js";

describe("hmac", () => {
  interface HmacCase {
    id: string;
    result: "valid" | "invalid";
    key: string;
    message: string;
    hmac: string;
  }
  for (const v of vectors<HmacCase>("hmac.json")) {
    it(v.id, () => {
      const hmac = hmacSha256(fromBase64(v.key), fromBase64(v.message)).toString("base64");
      if (v.result === "valid") expect(hmac).to.equal(v.hmac);
      else expect(hmac).to.not.equal(v.hmac);
    });
  }

  it("of 16 bytes is the same by two hashes, wherever they stand", () => {
    const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
    const source = fc.uint8Array({ minLength: 16, maxLength: 60 });
    fc.assert(
      fc.property(bytes(32), source, fc.nat(), (key, from, anywhere) => {
        const at = anywhere % (from.length - 15);
        const target = Buffer.alloc(32);
        hmacInto(target, key, from, at);
        expect(target).to.deep.equal(hmacSha256(key, from.subarray(at, at + 16)));
      }),
      { numRuns: 500 },
    );
  });

  it("of 16 bytes refuses keys, results and places of another size", () => {
    const [key, source] = [Buffer.alloc(32), Buffer.alloc(28)];
    for (const call of [
      () => hmacInto(Buffer.alloc(31), key, source, 0),
      () => hmacInto(Buffer.alloc(32), key.subarray(1), source, 0),
      () => hmacInto(Buffer.alloc(32), Buffer.alloc(64), source, 0),
      () => hmacInto(Buffer.alloc(32), key, source, 13),
      () => hmacInto(Buffer.alloc(32), key, source, -1),
    ])
      expect(call).to.throw(RangeError);
  });
});
