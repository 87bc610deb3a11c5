import { createHash, createSecretKey } from "node:crypto";
import { expect } from "chai";
import fc from "fast-check";
import type { Algorithm } from "../../../src/crypto/algorithm.js";
import { DareFault, type DareFlaw, sealPackage } from "../../../src/crypto/dare.js";
import { DareOpener, type DareOpenerOptions, mostOpenBytes } from "../../../src/crypto/dare-opener.js";
import { DareSealer, mostSealedBytes } from "../../../src/crypto/dare-sealer.js";
import { sealedSize } from "../../../src/crypto/dare-sizes.js";
import { type RandomSource, secureRandom } from "../../../src/crypto/random.js";
import { KesError } from "../../../src/errors.js";
import { fixedRandom, fromHex, vectors } from "./support.js";

interface Valid {
  readonly id: string;
  readonly result: "valid";
  readonly cipher: Algorithm;
  readonly key: string;
  readonly nonce: string;
  readonly plaintext?: string;
  readonly plaintextBytes?: number;
  readonly sealed?: string;
  readonly sealedSha256?: string;
}
interface Invalid {
  readonly id: string;
  readonly result: "invalid";
  readonly flaw: DareFlaw;
  readonly key: string;
  readonly sealed: string;
  readonly sequence?: number;
}

const PACKAGE = 65_536;
const SEALED = 65_568;
const key = secureRandom(32);
const none = Buffer.alloc(0);

/** Byte i is i modulo 251: no two packages are alike. */
const pattern = (size: number): Buffer => Buffer.from(Uint8Array.from({ length: size }, (_, i) => i % 251));

function seal(
  plaintext: Buffer,
  algorithm: Algorithm = "AES256",
  secret = key,
  random: RandomSource = secureRandom,
): Buffer {
  const sealer = new DareSealer(secret, random, algorithm);
  return Buffer.concat([sealer.update(plaintext), sealer.final()]);
}

function open(sealed: Buffer, secret = key, options: DareOpenerOptions = {}): Buffer {
  const opener = new DareOpener(secret, options);
  return Buffer.concat([opener.update(sealed), opener.final()]);
}

function refused(run: () => unknown, flaw: DareFlaw, sequence?: number): void {
  let thrown: unknown;
  try {
    run();
  } catch (error) {
    thrown = error;
  }
  if (!(thrown instanceof KesError) || !(thrown.cause instanceof DareFault)) {
    throw new Error(`was not refused but: ${thrown}`);
  }
  expect(thrown.code).to.equal("DECRYPT_FAILED");
  expect(thrown.message).to.equal("decryption failed: ciphertext is not authentic");
  expect(thrown.cause.flaw).to.equal(flaw);
  if (sequence !== undefined) expect(thrown.cause.sequence).to.equal(sequence);
}

const internal = (run: () => unknown) => expect(run).to.throw(KesError).with.property("code", "INTERNAL");

/** The packages of a stream, to be put together otherwise. */
function packagesOf(stream: Buffer): Buffer[] {
  const list: Buffer[] = [];
  for (let at = 0; at < stream.length; at += SEALED) list.push(stream.subarray(at, at + SEALED));
  return list;
}

describe("DARE 2.0", () => {
  describe("known answers", () => {
    for (const v of vectors<Valid | Invalid>("dare.json")) {
      if (v.result === "invalid") {
        it(`refuses: ${v.id}`, () => {
          const options = { sequence: v.sequence ?? 0 };
          refused(() => open(fromHex(v.sealed), fromHex(v.key), options), v.flaw, options.sequence);
        });
        continue;
      }
      const plaintext =
        v.plaintext === undefined ? pattern(v.plaintextBytes ?? 0) : Buffer.from(v.plaintext, "hex");
      it(`seals ${v.id}`, () => {
        const sealed = seal(plaintext, v.cipher, fromHex(v.key), fixedRandom(fromHex(v.nonce)));
        if (v.sealed !== undefined) expect(sealed.toString("hex")).to.equal(v.sealed);
        else expect(createHash("sha256").update(sealed).digest("hex")).to.equal(v.sealedSha256);
      });
      it(`opens ${v.id}`, () => {
        const sealed =
          v.sealed === undefined
            ? seal(plaintext, v.cipher, fromHex(v.key), fixedRandom(fromHex(v.nonce)))
            : fromHex(v.sealed);
        expect(open(sealed, fromHex(v.key)).equals(plaintext)).to.equal(true);
      });
    }

    it("are as many invalid as valid", () => {
      const cases = vectors<Valid | Invalid>("dare.json");
      expect(cases.filter(({ result }) => result === "invalid").length).to.be.at.least(cases.length / 2);
    });
  });

  describe("laws", () => {
    const algorithm = fc.constantFrom<Algorithm>("AES256", "ChaCha20");
    /** Around the borders of packages, where mistakes live. */
    const size = fc.oneof(
      fc.nat(300),
      fc
        .tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: -2, max: 2 }))
        .map(([n, d]) => n * PACKAGE + d),
    );

    it("opening undoes sealing, whatever the chunks", () => {
      fc.assert(
        fc.property(
          algorithm,
          size,
          fc.array(fc.integer({ min: 1, max: 3 * SEALED }), { minLength: 1, maxLength: 5 }),
          fc.array(fc.integer({ min: 1, max: 3 * SEALED }), { minLength: 1, maxLength: 5 }),
          (name, bytes, sealSteps, openSteps) => {
            const plaintext = pattern(bytes);
            const sealer = new DareSealer(key, secureRandom, name);
            const sealed = Buffer.concat([
              ...chunks(plaintext, sealSteps).map((chunk) => sealer.update(chunk)),
              sealer.final(),
            ]);
            expect(sealed.length).to.equal(sealedSize(bytes));
            const opener = new DareOpener(key);
            const opened = [
              ...chunks(sealed, openSteps).map((chunk) => opener.update(chunk)),
              opener.final(),
            ];
            expect(Buffer.concat(opened).equals(plaintext)).to.equal(true);
          },
        ),
        { numRuns: 60 },
      );
    });

    it("writes into a given buffer, and never beyond what was promised", () => {
      fc.assert(
        fc.property(fc.array(fc.integer({ min: 0, max: 2 * PACKAGE + 1 }), { maxLength: 4 }), (steps) => {
          const sealer = new DareSealer(key, secureRandom);
          const opener = new DareOpener(key);
          const opened: Buffer[] = [];
          for (const step of steps) {
            const sealed = sealer.update(pattern(step), Buffer.alloc(mostSealedBytes(step)));
            const plaintext = opener.update(sealed, Buffer.alloc(mostOpenBytes(sealed.length)));
            opened.push(Buffer.from(plaintext));
          }
          opened.push(opener.update(sealer.final()), opener.final());
          expect(Buffer.concat(opened).equals(Buffer.concat(steps.map(pattern)))).to.equal(true);
        }),
        { numRuns: 30 },
      );
    });

    it("refuses every flipped bit of a stream of one package", () => {
      for (const name of ["AES256", "ChaCha20"] as const) {
        const sealed = seal(pattern(20), name);
        for (let bit = 0; bit < sealed.length * 8; bit++) {
          const bent = Buffer.from(sealed);
          bent.writeUInt8(bent.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
          expect(() => open(bent), `${name} bit ${bit}`).to.throw(KesError);
        }
      }
    });

    it("refuses one flipped bit anywhere in three packages", () => {
      const sealed = seal(pattern(2 * PACKAGE + 100));
      fc.assert(
        fc.property(fc.nat(sealed.length * 8 - 1), (bit) => {
          const bent = Buffer.from(sealed);
          bent.writeUInt8(bent.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
          expect(() => open(bent))
            .to.throw(KesError)
            .with.property("code", "DECRYPT_FAILED");
        }),
        { numRuns: 60 },
      );
    });

    it("refuses every length but its own", () => {
      const sealed = seal(pattern(PACKAGE + 40));
      fc.assert(
        fc.property(fc.integer({ min: 1, max: sealed.length - 1 }), (length) =>
          refused(() => open(sealed.subarray(0, length)), "truncated"),
        ),
        { numRuns: 60, examples: [[1], [15], [16], [32], [SEALED - 1], [SEALED], [SEALED + 1]] },
      );
    });

    it("opens any run of packages with the number of the first", () => {
      const plaintext = pattern(3 * PACKAGE + 5);
      const packages = packagesOf(seal(plaintext));
      for (let from = 0; from < 4; from++) {
        for (let to = from; to <= 4; to++) {
          const run = Buffer.concat(packages.slice(from, to));
          const opened = open(run, key, { sequence: from, isRange: true });
          expect(opened.equals(plaintext.subarray(from * PACKAGE, to * PACKAGE))).to.equal(true);
          if (from > 0 && to > from) refused(() => open(run, key, { isRange: true }), "altered", 0);
        }
      }
    });
  });

  describe("refuses a stream", () => {
    const plaintext = pattern(3 * PACKAGE + 5);
    const [a = none, b = none, c = none, last = none] = packagesOf(seal(plaintext));
    const full = packagesOf(seal(pattern(2 * PACKAGE)));
    const cases: readonly [what: string, stream: readonly Buffer[], flaw: DareFlaw, sequence: number][] = [
      ["with two packages swapped", [b, a, c, last], "altered", 0],
      ["with its last two packages swapped", [a, b, last, c], "trailing", 2],
      ["without its first package", [b, c, last], "altered", 0],
      ["without one in the middle", [a, c, last], "altered", 1],
      ["without its last package", [a, b, c], "truncated", 3],
      ["without its last two packages", [a, b], "truncated", 2],
      ["cut in its last package", [a, b, c, last.subarray(0, 36)], "truncated", 3],
      ["cut in the header of its last package", [a, b, c, last.subarray(0, 9)], "truncated", 3],
      ["cut in the middle", [a, b.subarray(0, 4000)], "truncated", 1],
      ["with a package repeated", [a, a, b, c, last], "altered", 1],
      ["with its last package repeated", [a, b, c, last, last], "trailing", 3],
      ["with a byte behind it", [a, b, c, last, Buffer.of(0)], "trailing", 3],
      ["with a package behind it", [a, b, c, last, a], "trailing", 3],
      ["with a byte behind a last package of full size", [...full, Buffer.of(0)], "trailing", 2],
      ["with a package behind a last one of full size", [...full, a], "trailing", 2],
      ["without its last package of full size", full.slice(0, 1), "truncated", 1],
      ["with a package of another stream", [a, packagesOf(seal(plaintext))[1] ?? none], "altered", 1],
      [
        "with a package of the other cipher",
        [a, packagesOf(seal(plaintext, "ChaCha20"))[1] ?? none],
        "altered",
        1,
      ],
      ["with bytes of no meaning in the middle", [a, Buffer.alloc(SEALED, 7), c, last], "unknown-format", 1],
    ];
    for (const [what, stream, flaw, sequence] of cases) {
      it(what, () => {
        expect(open(Buffer.concat([a, b, c, last])).equals(plaintext)).to.equal(true);
        refused(() => open(Buffer.concat(stream)), flaw, sequence);
      });
    }

    it("with a short package in the middle, even one made with the key", () => {
      const nonce = secureRandom(12);
      const stream = { key: createSecretKey(key), algorithm: "AES256", nonce } as const;
      const short = Buffer.alloc(132);
      sealPackage(stream, 0, false, pattern(100), short);
      refused(() => open(short), "altered", 0);
      const end = Buffer.alloc(132);
      sealPackage(stream, 1, true, pattern(100), end);
      refused(() => open(Buffer.concat([short, end])), "altered", 0);
    });

    it("in which a package made with the key changes nonce or cipher", () => {
      const secret = createSecretKey(key);
      const nonce = secureRandom(12);
      const first = Buffer.alloc(SEALED);
      sealPackage({ key: secret, algorithm: "AES256", nonce }, 0, false, pattern(PACKAGE), first);
      for (const [algorithm, other] of [
        ["AES256", secureRandom(12)],
        ["ChaCha20", nonce],
      ] as const) {
        const second = Buffer.alloc(33);
        sealPackage({ key: secret, algorithm, nonce: other }, 1, true, pattern(1), second);
        refused(() => open(Buffer.concat([first, second])), "altered", 1);
        expect(open(second, key, { sequence: 1 }).equals(pattern(1))).to.equal(true);
      }
    });

    it("under another key", () => {
      refused(() => open(seal(plaintext), secureRandom(32)), "altered", 0);
    });
  });

  it("seals nothing to nothing", () => {
    expect(seal(none).length).to.equal(0);
    expect(open(none).length).to.equal(0);
  });

  it("gives nothing of a package that is altered, and nothing more after it", () => {
    const sealed = seal(pattern(2 * PACKAGE));
    sealed.writeUInt8(sealed.readUInt8(100) ^ 1, 100);
    const target = Buffer.alloc(mostOpenBytes(sealed.length), 0xee);
    const opener = new DareOpener(key);
    refused(() => opener.update(sealed, target), "altered", 0);
    expect(target.equals(Buffer.alloc(target.length, 0xee))).to.equal(true);
    internal(() => opener.update(none));
    internal(() => opener.final());
  });

  it("is used once", () => {
    const sealer = new DareSealer(key, secureRandom);
    sealer.final();
    internal(() => sealer.update(none));
    internal(() => sealer.final());
    const opener = new DareOpener(key);
    opener.final();
    internal(() => opener.update(none));
    internal(() => opener.final());
  });

  it("clears the random nonce's top bit and needs all its bytes", () => {
    const sealed = seal(pattern(PACKAGE + 1), "AES256", key, () => Buffer.alloc(12, 0xff));
    expect(packagesOf(sealed).map((bytes) => bytes[4])).to.deep.equal([0x7f, 0xff]);
    expect(open(sealed).equals(pattern(PACKAGE + 1))).to.equal(true);
    internal(() => new DareSealer(key, () => Buffer.alloc(11)));
  });

  it("takes no key of another size, no number out of range and no buffer that is too small", () => {
    internal(() => new DareSealer(key.subarray(1), secureRandom));
    internal(() => new DareOpener(key.subarray(1)));
    for (const sequence of [-1, 0.5, Number.NaN, 2 ** 32]) internal(() => new DareOpener(key, { sequence }));
    internal(() => new DareSealer(key, secureRandom).update(pattern(PACKAGE + 1), Buffer.alloc(PACKAGE)));
    const sealed = seal(pattern(PACKAGE));
    internal(() => new DareOpener(key).update(sealed, Buffer.alloc(100)));
    const stream = { key: createSecretKey(key), algorithm: "AES256", nonce: secureRandom(12) } as const;
    const target = Buffer.alloc(SEALED + 1);
    internal(() => sealPackage(stream, 2 ** 32, true, pattern(1), target));
    internal(() => sealPackage(stream, 0, true, none, target));
    internal(() => sealPackage(stream, 0, true, pattern(PACKAGE + 1), target));
  });

  it("works up to the last package that there may be", () => {
    const stream = { key: createSecretKey(key), algorithm: "AES256", nonce: secureRandom(12) } as const;
    const target = Buffer.alloc(33);
    sealPackage(stream, 2 ** 32 - 1, true, pattern(1), target);
    expect(open(target, key, { sequence: 2 ** 32 - 1 }).equals(pattern(1))).to.equal(true);
    const full = Buffer.alloc(SEALED);
    sealPackage(stream, 2 ** 32 - 1, false, pattern(PACKAGE), full);
    refused(() => open(Buffer.concat([full, target]), key, { sequence: 2 ** 32 - 1 }), "altered", 2 ** 32);
  });
});

/** `bytes` cut into pieces of the given sizes, over and over. */
function chunks(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const list: Buffer[] = [];
  let at = 0;
  for (let i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length] ?? bytes.length;
    list.push(bytes.subarray(at, at + size));
    at += size;
  }
  return list;
}
