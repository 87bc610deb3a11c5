import { expect } from "chai";
import fc from "fast-check";
import {
  clip,
  clipMiddle,
  clipPath,
  jsonText,
  padEnd,
  padStart,
  printable,
  printableLines,
  printablePath,
  widthOf,
} from "../../../../src/cli/terminal/text.js";

describe("cli/terminal/text", () => {
  it("spells out what a terminal would act on", () => {
    expect(printable("a\x1b[2Jb\nc\x07")).to.equal("a\\x1b[2Jb\\x0ac\\x07");
    expect(printable("\u202egnp.exe\u2028")).to.equal("\\u{202e}gnp.exe\\u{2028}");
    expect(printable("\x9b31m")).to.equal("\\x9b31m");
    expect(printable("schlüssel 鍵 –")).to.equal("schlüssel 鍵 –");
  });

  it("makes paths ASCII without changing those that are", () => {
    expect(printablePath("/v1/key/create/my-key")).to.equal("/v1/key/create/my-key");
    expect(printablePath("/v1/\x1b]0;x\x07 ü")).to.equal("/v1/%1B]0;x%07%20%C3%BC");
    expect(printablePath("\ud800")).to.match(/^[\x21-\x7e]+$/);
  });

  it("leaves nothing in any path or text that moves a cursor", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 30 }), (text) => {
        expect(printablePath(text)).to.match(/^[\x21-\x7e]*$/);
        expect(printable(text)).to.not.match(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
      }),
    );
  });

  it("cuts to a width, at the end or in the middle", () => {
    expect(clip("abcdef", 6)).to.equal("abcdef");
    expect(clip("abcdefg", 6)).to.equal("abcde…");
    expect(clip("abc", 0)).to.equal("");
    expect(clipMiddle("/v1/key/generate/my-key", 12)).to.equal("/v1/ke…y-key");
    for (let width = 0; width <= 12; width++) {
      expect(clip("a".repeat(12), width)).to.have.length(width);
      expect(clipMiddle("a".repeat(12), width)).to.have.length(width);
    }
  });

  it("cuts a path in its name, as long as enough of that is left", () => {
    expect(clipPath("/v1/key/generate/my-minio-key", 28)).to.equal("/v1/key/generate/…-minio-key");
    expect(clipPath("/v1/key/generate/my-minio-key", 29)).to.equal("/v1/key/generate/my-minio-key");
    expect(clipPath("/v1/key/generate/my-minio-key", 20)).to.equal("/v1/key/ge…minio-key");
    for (let width = 0; width < 40; width++) {
      expect(clipPath(`/v1/key/create/${"k".repeat(80)}`, width)).to.have.length(width);
    }
  });

  it("does not count styles", () => {
    const red = "\x1b[31mred\x1b[39m";
    expect(widthOf(red)).to.equal(3);
    expect(padEnd(red, 5)).to.equal(`${red}  `);
    expect(padStart(red, 5)).to.equal(`  ${red}`);
    expect(padEnd("longer", 3)).to.equal("longer");
  });

  it("keeps lines and tabs apart", () => {
    expect(printableLines("a\x1b[2J\n\tb\r\n")).to.equal("a\\x1b[2J\n\tb\\x0d\n");
  });

  it("writes JSON that a terminal does nothing about and that says the same", () => {
    expect(jsonText({ a: "\x9b2J\u202e\u{e0041}ü" })).to.equal('{"a":"\\u009b2J\\u202e\\udb40\\udc41ü"}');
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom(undefined, 2), (value, indent) => {
        const text = jsonText(value, indent);
        expect(JSON.stringify(JSON.parse(text))).to.equal(JSON.stringify(value));
        expect(text).to.not.match(/[^\P{C}\n]|[\p{Zl}\p{Zp}]/u);
      }),
    );
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(JSON.parse(jsonText(text))).to.equal(text);
        expect(jsonText(text)).to.not.match(/[\p{C}\p{Zl}\p{Zp}]/u);
      }),
    );
  });
});
