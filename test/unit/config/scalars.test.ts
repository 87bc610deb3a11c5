import { expect } from "chai";
import { referencedVariable } from "../../../src/config/env.js";
import { type Origin, readBoolean, readDuration, readInteger } from "../../../src/config/scalars.js";

const WORDS = {
  true: ["y", "Y", "yes", "Yes", "YES", "on", "On", "ON"],
  false: ["n", "N", "no", "No", "NO", "off", "Off", "OFF"],
};
const PLAIN = { true: ["true", "True", "TRUE"], false: ["false", "False", "FALSE"] };
const origins: readonly Origin[] = ["plain", "quoted", "env"];

describe("booleans", () => {
  for (const origin of origins) {
    it(`reads the words, ${origin}`, () => {
      for (const word of WORDS.true) expect(readBoolean(word, origin), word).to.equal(true);
      for (const word of WORDS.false) expect(readBoolean(word, origin), word).to.equal(false);
    });
    it(`${origin === "quoted" ? "refuses" : "reads"} true and false, ${origin}`, () => {
      for (const word of PLAIN.true) {
        expect(readBoolean(word, origin), word).to.equal(origin === "quoted" ? undefined : true);
      }
      for (const word of PLAIN.false) {
        expect(readBoolean(word, origin), word).to.equal(origin === "quoted" ? undefined : false);
      }
    });
    for (const word of ["1", "0", "t", "f", "", "yEs", "tRUE", "oN", "null", "true "]) {
      it(`refuses '${word}', ${origin}`, () => expect(readBoolean(word, origin)).to.equal(undefined));
    }
  }
});

describe("durations by origin", () => {
  it("takes 0 for a number unless it is quoted", () => {
    expect(readDuration("0", "plain")).to.equal(undefined);
    expect(readDuration("0", "quoted")).to.equal(0n);
    expect(readDuration("0", "env")).to.equal(0n);
  });
  for (const origin of origins) {
    it(`refuses bare integers, ${origin}`, () => expect(readDuration("15", origin)).to.equal(undefined));
    it(`reads 5m, ${origin}`, () => expect(readDuration("5m", origin)).to.equal(300_000_000_000n));
  }
});

describe("integers", () => {
  it("reads decimal digits alone", () => {
    expect(readInteger("42")).to.equal(42);
    expect(readInteger("-4")).to.equal(-4);
    for (const text of ["", "1.5", "1e3", "0x10", "1_000", "9".repeat(16)]) {
      expect(readInteger(text), text).to.equal(undefined);
    }
  });
});

describe("environment references", () => {
  const references: readonly (readonly [string, string | undefined])[] = [
    [`\${X}`, "X"],
    [`  \${X}  `, "X"],
    [`\${ X }`, "X"],
    [`\${X:-y}`, "X:-y"],
    [`\${A}\${B}`, `A}\${B`],
    [`\${}`, ""],
    [`x\${X}`, undefined],
    [`\${X}y`, undefined],
    ["$X", undefined],
    [`\${X`, undefined],
    ["", undefined],
  ];
  for (const [text, name] of references) {
    it(`'${text}' refers to ${name ?? "nothing"}`, () => expect(referencedVariable(text)).to.equal(name));
  }
});
