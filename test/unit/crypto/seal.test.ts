import { expect } from "chai";
import fc from "fast-check";
import type { Algorithm } from "../../../src/crypto/algorithm.js";
import { secureRandom } from "../../../src/crypto/random.js";
import { deriveMessageKey, OVERHEAD_BYTES, open, seal } from "../../../src/crypto/seal.js";
import { KesError } from "../../../src/errors.js";
import { fixedRandom, fromBase64, fromHex, vectors } from "./support.js";

interface SealCase {
  id: string;
  result: "valid" | "invalid";
  algorithm: Algorithm;
  key: string;
  iv: string;
  nonce: string;
  context: string;
  plaintext: string;
  ciphertext: string;
  written?: boolean;
}

const none = Buffer.alloc(0);
const algorithm = fc.constantFrom<Algorithm>("AES256", "ChaCha20");
const bytes = (max: number) => fc.uint8Array({ maxLength: max }).map((array) => Buffer.from(array));
const key = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((array) => Buffer.from(array));

function refused(run: () => unknown): void {
  expect(run).to.throw(KesError).with.property("code", "DECRYPT_FAILED");
}

describe("seal and open", () => {
  describe("known answers", () => {
    for (const file of ["kes-seal.json", "minio-single-key.json"]) {
      for (const v of vectors<SealCase>(file).filter((c) => c.written)) {
        it(`seals ${v.id}`, () => {
          const random = fixedRandom(fromBase64(v.iv), fromBase64(v.nonce));
          const sealed = seal(
            v.algorithm,
            fromBase64(v.key),
            fromBase64(v.plaintext),
            fromBase64(v.context),
            random,
          );
          expect(sealed.toString("base64")).to.equal(v.ciphertext);
        });
        it(`opens ${v.id}`, () => {
          const opened = open(
            v.algorithm,
            fromBase64(v.key),
            fromBase64(v.ciphertext),
            fromBase64(v.context),
          );
          expect(opened.toString("base64")).to.equal(v.plaintext);
        });
      }
    }
  });

  describe("message key", () => {
    interface KeyCase {
      id: string;
      result: "valid" | "invalid";
      algorithm: Algorithm;
      key: string;
      iv: string;
      derived: string;
    }
    for (const v of vectors<KeyCase>("message-key.json")) {
      it(v.id, () => {
        const derived = deriveMessageKey(v.algorithm, fromHex(v.key), fromHex(v.iv)).toString("hex");
        if (v.result === "valid") expect(derived).to.equal(v.derived);
        else expect(derived).to.not.equal(v.derived);
      });
    }

    it("does not depend on where in its memory a key begins", () => {
      const shifted = Buffer.alloc(33);
      const kek = secureRandom(32);
      kek.copy(shifted, 1);
      const iv = secureRandom(16);
      expect(deriveMessageKey("ChaCha20", shifted.subarray(1), iv)).to.deep.equal(
        deriveMessageKey("ChaCha20", kek, iv),
      );
    });
  });

  describe("laws", () => {
    it("open undoes seal, 44 bytes longer", () => {
      fc.assert(
        fc.property(algorithm, key, bytes(300), bytes(100), (name, kek, plaintext, context) => {
          const sealed = seal(name, kek, plaintext, context, secureRandom);
          expect(sealed.length).to.equal(plaintext.length + OVERHEAD_BYTES);
          expect(open(name, kek, sealed, context).equals(plaintext)).to.equal(true);
        }),
      );
    });

    it("does so for 1 MiB", () => {
      const kek = secureRandom(32);
      const plaintext = Buffer.alloc(1024 * 1024, 0x5a);
      for (const name of ["AES256", "ChaCha20"] as const) {
        expect(
          open(name, kek, seal(name, kek, plaintext, none, secureRandom), none).equals(plaintext),
        ).to.equal(true);
      }
    });

    it("refuses every single flipped bit", () => {
      for (const name of ["AES256", "ChaCha20"] as const) {
        const kek = secureRandom(32);
        const context = Buffer.from("context");
        const sealed = seal(name, kek, Buffer.from("Hello World"), context, secureRandom);
        for (let bit = 0; bit < sealed.length * 8; bit++) {
          const flipped = Buffer.from(sealed);
          flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
          refused(() => open(name, kek, flipped, context));
        }
      }
    });

    it("refuses every truncation at either end", () => {
      for (const name of ["AES256", "ChaCha20"] as const) {
        const kek = secureRandom(32);
        const sealed = seal(name, kek, Buffer.from("Hello World"), none, secureRandom);
        for (let length = 0; length < sealed.length; length++) {
          refused(() => open(name, kek, sealed.subarray(0, length), none));
          refused(() => open(name, kek, sealed.subarray(sealed.length - length), none));
        }
      }
    });

    it("refuses another context, another key and the other algorithm", () => {
      fc.assert(
        fc.property(algorithm, key, key, bytes(64), bytes(32), bytes(32), (name, kek, other, plain, a, b) => {
          fc.pre(!a.equals(b) && !kek.equals(other));
          const sealed = seal(name, kek, plain, a, secureRandom);
          refused(() => open(name, kek, sealed, b));
          refused(() => open(name, other, sealed, a));
          refused(() => open(name === "AES256" ? "ChaCha20" : "AES256", kek, sealed, a));
        }),
      );
    });

    it("refuses arbitrary bytes", () => {
      fc.assert(
        fc.property(algorithm, key, bytes(200), bytes(20), (name, kek, junk, context) => {
          refused(() => open(name, kek, junk, context));
        }),
      );
    });
  });

  it("leaves its inputs as they were", () => {
    const kek = Buffer.alloc(32, 7);
    const plaintext = Buffer.from("Hello World");
    const context = Buffer.from("context");
    for (const name of ["AES256", "ChaCha20"] as const) {
      const sealed = seal(name, kek, plaintext, context, secureRandom);
      const before = Buffer.from(sealed);
      open(name, kek, sealed, context);
      expect(sealed.equals(before)).to.equal(true);
    }
    expect(kek.equals(Buffer.alloc(32, 7))).to.equal(true);
    expect(plaintext.toString()).to.equal("Hello World");
    expect(context.toString()).to.equal("context");
  });

  it("never seals with too few random bytes or a key of another size", () => {
    const kek = secureRandom(32);
    const internal = (run: () => unknown) => expect(run).to.throw(KesError).with.property("code", "INTERNAL");
    internal(() => seal("AES256", kek, none, none, () => Buffer.alloc(0)));
    internal(() => seal("ChaCha20", kek, none, none, () => secureRandom(27)));
    internal(() => seal("AES256", kek.subarray(1), none, none, secureRandom));
    internal(() => seal("ChaCha20", Buffer.alloc(0), none, none, secureRandom));
  });

  it("tells nothing about why it refused", () => {
    const kek = secureRandom(32);
    for (const junk of [none, Buffer.alloc(20), Buffer.alloc(80)]) {
      try {
        open("AES256", kek, junk, none);
        expect.fail("opened junk");
      } catch (error) {
        expect(error).to.be.instanceOf(KesError);
        expect(error).to.have.property("message", "decryption failed: ciphertext is not authentic");
        expect(error).to.not.have.property("cause");
      }
    }
  });
});
