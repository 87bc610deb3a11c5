import { expect } from "chai";
import fc from "fast-check";
import { AnswerPage, ascii } from "../../../src/api/answer-page.js";
import { SpareMemory } from "../../../src/keys/spare-memory.js";

describe("api/answer-page", () => {
  it("is what Node makes of the same parts, however small it begins", () => {
    const part = fc.oneof(
      fc
        .uint8Array({ maxLength: 3000 })
        .map((bytes) => ({ bytes, text: Buffer.from(bytes).toString("base64") })),
      fc.string({ unit: "binary-ascii", maxLength: 200 }).map((text) => ({ bytes: undefined, text })),
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 20 }), fc.nat(20_000), (parts, expected) => {
        const page = new AnswerPage(new SpareMemory(), expected);
        for (const { bytes, text } of parts) {
          if (bytes === undefined) page.ascii(ascii(text));
          else page.base64(bytes);
        }
        expect(page.text()).to.equal(parts.map(({ text }) => text).join(""));
      }),
    );
  });

  it("writes base64 of every length and every byte", () => {
    for (let length = 0; length < 300; length++) {
      const bytes = Buffer.from(Array.from({ length }, (_, i) => (i * 7 + length) & 0xff));
      const page = new AnswerPage(new SpareMemory(), 0);
      page.base64(bytes);
      expect(page.text()).to.equal(bytes.toString("base64"));
    }
  });

  it("leaves nothing in the memory that it gives back, nor in that which became too small", () => {
    const spare = new SpareMemory();
    const page = new AnswerPage(spare, 0);
    const secret = Buffer.alloc(3000, 7);
    for (let i = 0; i < 5; i++) page.base64(secret);
    const text = page.text();
    page.recycle();
    expect(text).to.equal(secret.toString("base64").repeat(5));
    // Behind what was written there may be what `malloc` gave.
    for (const size of [4096, 8192, 16384, 32768]) expect(spare.take(size).includes("BwcH")).to.equal(false);
  });

  it("takes ASCII alone", () => {
    expect(ascii("~}").toString()).to.equal("~}");
    for (const text of ["\u0080", "ä", "€", "\ud800"]) expect(() => ascii(text)).to.throw("not ASCII");
  });
});
