import { createCipheriv, createHash } from "node:crypto";
import { expect } from "chai";
import fc from "fast-check";
import type { Algorithm } from "../../../src/crypto/algorithm.js";
import { DareFault, type DareFlaw } from "../../../src/crypto/dare.js";
import { DareV1Opener, openDareV1 } from "../../../src/crypto/dare-v1.js";
import { KesError } from "../../../src/errors.js";
import { fromHex, vectors } from "./support.js";

type Case = { readonly id: string; readonly key: string } & (
  | { readonly result: "valid"; readonly plaintext: string; readonly sealed: string }
  | {
      readonly result: "valid";
      readonly plaintext?: never;
      readonly cipher: Algorithm;
      readonly random: string;
      readonly plaintextBytes: number;
      readonly secondHeader: string;
      readonly sealedSha256: string;
    }
  | { readonly result: "invalid"; readonly flaw: DareFlaw; readonly sealed: string }
);

const PACKAGE = 65_536;
const SEALED = 65_568;
const key = fromHex("07".repeat(32));

/** The format written from its description: what nothing in the program does any more. */
function sealV1(plaintext: Buffer, algorithm: Algorithm, secret: Buffer, random: Buffer): Buffer {
  const packages: Buffer[] = [];
  for (let at = 0; at < plaintext.length; at += PACKAGE) {
    const part = plaintext.subarray(at, at + PACKAGE);
    const header = Buffer.alloc(16);
    header[0] = 0x10;
    header[1] = algorithm === "AES256" ? 0 : 1;
    header.writeUInt16LE(part.length - 1, 2);
    header.writeUInt32LE(packages.length, 4);
    random.copy(header, 8);
    const options = { authTagLength: 16 };
    const iv = header.subarray(4);
    const cipher =
      algorithm === "AES256"
        ? createCipheriv("aes-256-gcm", secret, iv, options)
        : createCipheriv("chacha20-poly1305", secret, iv, options);
    cipher.setAAD(header.subarray(0, 4), { plaintextLength: part.length });
    packages.push(Buffer.concat([header, cipher.update(part), cipher.final(), cipher.getAuthTag()]));
  }
  return Buffer.concat(packages);
}

const pattern = (size: number): Buffer => Buffer.from(Uint8Array.from({ length: size }, (_, i) => i % 251));
const random = fromHex("a0a1a2a3a4a5a6a7");

function open(sealed: Buffer, secret = key, sequence = 0, steps: readonly number[] = []): Buffer {
  const opener = new DareV1Opener(secret, sequence);
  const opened: Buffer[] = [];
  let at = 0;
  for (let i = 0; at < sealed.length; i++) {
    const size = steps.length === 0 ? sealed.length : (steps[i % steps.length] ?? 1);
    opened.push(opener.update(sealed.subarray(at, at + size)));
    at += size;
  }
  return Buffer.concat([...opened, opener.final()]);
}

function flawOf(run: () => unknown): DareFlaw {
  try {
    run();
  } catch (error) {
    expect(error).to.be.instanceOf(KesError).with.property("code", "DECRYPT_FAILED");
    if (error instanceof KesError && error.cause instanceof DareFault) return error.cause.flaw;
  }
  throw new Error("was not refused");
}

describe("DARE 1.0", () => {
  describe("known answers", () => {
    for (const v of vectors<Case>("dare-v1.json")) {
      if (v.result === "invalid") {
        it(`refuses: ${v.id}`, () => {
          expect(flawOf(() => open(fromHex(v.sealed), fromHex(v.key)))).to.equal(v.flaw);
        });
      } else if (v.plaintext !== undefined) {
        it(`opens ${v.id}`, () => {
          expect(open(fromHex(v.sealed), fromHex(v.key)).toString("hex")).to.equal(v.plaintext);
          expect(openDareV1(fromHex(v.key), fromHex(v.sealed)).toString("hex")).to.equal(v.plaintext);
        });
      } else {
        it(`opens ${v.id}`, () => {
          const sealed = sealV1(pattern(v.plaintextBytes), v.cipher, fromHex(v.key), fromHex(v.random));
          expect(createHash("sha256").update(sealed).digest("hex")).to.equal(v.sealedSha256);
          expect(sealed.subarray(SEALED, SEALED + 16).toString("hex")).to.equal(v.secondHeader);
          expect(open(sealed, fromHex(v.key)).equals(pattern(v.plaintextBytes))).to.equal(true);
        });
      }
    }
  });

  it("opens any size in any chunks, from any package on", () => {
    const sizes = fc.oneof(
      fc.nat(100),
      fc
        .tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: -1, max: 1 }))
        .map(([n, d]) => n * PACKAGE + d),
    );
    const chunks = fc.array(fc.integer({ min: 1, max: 2 * SEALED }), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(
        fc.constantFrom<Algorithm>("AES256", "ChaCha20"),
        sizes,
        // One byte at a time takes its time for three packages.
        chunks.filter((steps) => Math.max(...steps) > 1000),
        fc.nat(3),
        (algorithm, size, steps, first) => {
          const plaintext = pattern(size);
          const sealed = sealV1(plaintext, algorithm, key, random);
          const opened = open(sealed.subarray(first * SEALED), key, first, steps);
          expect(opened.equals(plaintext.subarray(first * PACKAGE))).to.equal(true);
        },
      ),
      { numRuns: 40 },
    );
  });

  describe("refuses", () => {
    const three = sealV1(pattern(2 * PACKAGE + 10), "AES256", key, random);
    const [a, b, c] = [
      three.subarray(0, SEALED),
      three.subarray(SEALED, 2 * SEALED),
      three.subarray(2 * SEALED),
    ];
    const short = sealV1(pattern(100), "AES256", key, random);
    const other = sealV1(pattern(2 * PACKAGE), "AES256", key, fromHex("b0b1b2b3b4b5b6b7"));
    const chacha = sealV1(pattern(2 * PACKAGE), "ChaCha20", key, random);
    const rows: readonly [string, Buffer, DareFlaw, number?][] = [
      ["two packages swapped", Buffer.concat([b, a, c]), "altered"],
      ["a package repeated", Buffer.concat([a, a, b]), "altered"],
      ["a package left out", Buffer.concat([a, c]), "altered"],
      ["a wrong first number", three, "altered", 1],
      [
        "a package of another stream under the same key",
        Buffer.concat([a, other.subarray(SEALED)]),
        "altered",
      ],
      ["a package of the other cipher", Buffer.concat([a, chacha.subarray(SEALED)]), "altered"],
      ["a short package with more behind it", Buffer.concat([short, a]), "altered"],
      ["a cut inside of a package", three.subarray(0, three.length - 1), "truncated"],
    ];
    for (const [what, sealed, flaw, sequence] of rows) {
      it(what, () => {
        expect(flawOf(() => open(sealed, key, sequence))).to.equal(flaw);
      });
    }

    it("anything after an error, and after its end", () => {
      const opener = new DareV1Opener(key);
      expect(() => opener.update(Buffer.concat([b, a]))).to.throw(KesError);
      expect(() => opener.update(a))
        .to.throw(KesError)
        .with.property("code", "INTERNAL");
      const ended = new DareV1Opener(key);
      ended.final();
      expect(() => ended.update(a))
        .to.throw(KesError)
        .with.property("code", "INTERNAL");
    });

    it("keys and numbers of the wrong size", () => {
      for (const run of [
        () => new DareV1Opener(key.subarray(1)),
        () => new DareV1Opener(key, -1),
        () => new DareV1Opener(key, 2 ** 32),
        () => openDareV1(key, three),
      ]) {
        expect(run).to.throw(KesError).with.property("code", "INTERNAL");
      }
    });
  });

  it("cannot see that whole packages are missing at the end, as the format has it", () => {
    const sealed = sealV1(pattern(2 * PACKAGE), "AES256", key, random);
    expect(open(sealed.subarray(0, SEALED)).length).to.equal(PACKAGE);
  });
});
