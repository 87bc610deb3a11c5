import { createHash } from "node:crypto";
import { expect } from "chai";
import fc from "fast-check";
import { canonicalContext, contextBytes } from "../../../src/client/context.js";

/** Computed with MinIO's own code (MinIO client reference §3.1). */
const vectors: readonly { map: Record<string, string>; text?: string; base64: string; sha256: string }[] = [
  { map: {}, text: "{}", base64: "e30=", sha256: "44136fa355b3678a" },
  { map: { b: "b/o" }, text: '{"b":"b/o"}', base64: "eyJiIjoiYi9vIn0=", sha256: "d16e4b2763a66da9" },
  {
    map: { b: 'b/a<b>&"c\\d\u2028é\x7f\x08\t' },
    base64: "eyJiIjoiYi9hXHUwMDNjYlx1MDAzZVx1MDAyNlwiY1xcZFx1MjAyOMOpf1x1MDAwOFx0In0=",
    sha256: "c3040c78d84e1ec9",
  },
  {
    map: { z: "1", bkt: "bkt/k", a: "2", "\u{1f600}": "e", "\uffee": "f" },
    text: '{"a":"2","bkt":"bkt/k","z":"1","\uffee":"f","\u{1f600}":"e"}',
    base64: "eyJhIjoiMiIsImJrdCI6ImJrdC9rIiwieiI6IjEiLCLvv64iOiJmIiwi8J+YgCI6ImUifQ==",
    sha256: "74977bad5a7adf26",
  },
];

describe("canonical context", () => {
  for (const { map, text, base64, sha256 } of vectors) {
    it(`writes ${JSON.stringify(map)} as MinIO does`, () => {
      const bytes = canonicalContext(map);
      if (text !== undefined) expect(bytes.toString()).to.equal(text);
      expect(bytes.toString("base64")).to.equal(base64);
      expect(createHash("sha256").update(bytes).digest("hex").slice(0, 16)).to.equal(sha256);
    });
  }

  it("writes every control character below 0x20, and only those, in its form", () => {
    for (let code = 0; code < 0x80; code++) {
      const c = String.fromCharCode(code);
      const short = new Map([
        ["\n", "\\n"],
        ["\r", "\\r"],
        ["\t", "\\t"],
        ['"', '\\"'],
        ["\\", "\\\\"],
      ]).get(c);
      const isEscaped = code < 0x20 || "<>&".includes(c);
      const expected = short ?? (isEscaped ? `\\u${code.toString(16).padStart(4, "0")}` : c);
      expect(canonicalContext({ k: c }).toString()).to.equal(`{"k":"${expected}"}`);
    }
  });

  const text = fc.string({ unit: "binary" });
  const map = fc.dictionary(text, text, { noNullPrototype: true });

  it("is JSON of the same map, members in the order of their UTF-8 bytes", () => {
    fc.assert(
      fc.property(map, (members) => {
        const bytes = canonicalContext(members).toString();
        const parsed: unknown = JSON.parse(bytes);
        expect(parsed).to.deep.equal(members);
        const names = [...bytes.matchAll(/(?:^\{|",)("(?:[^"\\]|\\.)*"):/g)].map(([, name = ""]) =>
          Buffer.from(String(JSON.parse(name))),
        );
        expect(names.length).to.equal(Object.keys(members).length);
        for (let i = 1; i < names.length; i++) {
          const [a, b] = [names[i - 1], names[i]];
          expect(a !== undefined && b !== undefined && Buffer.compare(a, b) < 0).to.equal(true);
        }
      }),
    );
  });

  it("does not depend on the order of the members", () => {
    fc.assert(
      fc.property(map, (members) => {
        const turned = Object.fromEntries(Object.entries(members).reverse());
        expect(canonicalContext(turned).equals(canonicalContext(members))).to.equal(true);
      }),
    );
  });

  it("refuses what would become other text", () => {
    expect(() => canonicalContext({ a: "\ud83d" })).to.throw(TypeError);
    expect(() => canonicalContext({ "\ude00": "a" })).to.throw(TypeError);
    const untyped: Record<string, never> = JSON.parse('{"a":1}');
    expect(() => canonicalContext(untyped)).to.throw(TypeError);
  });

  it("passes bytes as they are", () => {
    const bytes = Uint8Array.of(0, 255, 128);
    expect(contextBytes(bytes)).to.equal(bytes);
  });
});
