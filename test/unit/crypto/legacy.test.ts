import { Encoder } from "@msgpack/msgpack";
import { expect } from "chai";
import fc from "fast-check";
import type { Algorithm } from "../../../src/crypto/algorithm.js";
import { keyId, readLegacy } from "../../../src/crypto/legacy.js";
import { secureRandom } from "../../../src/crypto/random.js";
import { seal } from "../../../src/crypto/seal.js";
import { KesError } from "../../../src/errors.js";
import { fixedRandom, fromBase64, keyOf, vectors } from "./support.js";

interface OpenCase {
  id: string;
  result: "valid" | "invalid";
  algorithm: Algorithm;
  recorded?: boolean;
  key: string;
  context: string;
  plaintext: string;
  ciphertext: string;
}

const none = Buffer.alloc(0);
const msgpack = (value: unknown): Buffer => Buffer.from(new Encoder().encode(value));
const iv = Buffer.alloc(16, 1);
const nonce = Buffer.alloc(12, 2);
const tail = Buffer.concat([iv, nonce]);

describe("legacy ciphertexts", () => {
  for (const file of ["kes-open.json", "kes-seal.json", "minio-single-key.json"]) {
    describe(file, () => {
      for (const v of vectors<OpenCase>(file)) {
        it(`${v.result}: ${v.id}`, () => {
          const key = keyOf(v.algorithm, fromBase64(v.key), v.recorded ?? true);
          const run = () => key.open(fromBase64(v.ciphertext), fromBase64(v.context)).toString("base64");
          if (v.result === "valid") expect(run()).to.equal(v.plaintext);
          else expect(run).to.throw(KesError).with.property("code", "DECRYPT_FAILED");
        });
      }
    });
  }

  it("all legacy forms convert to exactly the current form", () => {
    const cases = vectors<OpenCase>("kes-seal.json").filter((v) => v.result === "valid");
    for (const algorithm of ["AES256", "ChaCha20"]) {
      const current = cases.find((v) => v.id === `${algorithm} without context`);
      const legacy = cases.filter((v) => v.id.startsWith(`${algorithm} legacy`));
      expect(legacy).to.have.length(3);
      for (const v of legacy) {
        const read = readLegacy(fromBase64(v.ciphertext));
        expect(read?.algorithm).to.equal(algorithm);
        expect(read?.sealed.toString("base64")).to.equal(current?.ciphertext);
      }
    }
  });

  it("reads JSON with blanks and unknown members, as the original does", () => {
    const text = `{ "bytes":"AAAA", "x":[1], "iv":"${iv.toString("base64")}",\n "aead":"ChaCha20Poly1305", "nonce":"${nonce.toString("base64")}" }\n`;
    expect(readLegacy(Buffer.from(text))?.sealed).to.deep.equal(Buffer.concat([Buffer.alloc(3), tail]));
  });

  it("reads every string and byte header of MessagePack that another encoder may choose", () => {
    const sizes = [0, 1, 255, 256, 65_535, 65_536];
    for (const size of sizes) {
      const sealed = Buffer.alloc(size, 3);
      const read = readLegacy(msgpack(["AES256", "", iv, nonce, sealed]));
      expect(read?.sealed.equals(Buffer.concat([sealed, tail]))).to.equal(true);
    }
    const str16 = Buffer.concat([
      Buffer.from("95da0006", "hex"),
      Buffer.from("AES256"),
      Buffer.from("db00000000", "hex"),
      msgpack(iv),
      msgpack(nonce),
      msgpack(none),
    ]);
    expect(readLegacy(str16)?.algorithm).to.equal("AES256");
  });

  describe("takes for current what is not exactly a legacy form", () => {
    const good = ["AES256", "id", iv, nonce, Buffer.alloc(20)];
    const table: readonly [string, Buffer][] = [
      ["empty", none],
      ["lone {", Buffer.from("{")],
      ["lone array header", Buffer.from([0x95])],
      ["array of four", msgpack(good.slice(0, 4))],
      ["array of six", msgpack([...good, 1])],
      ["a byte behind the array", Buffer.concat([msgpack(good), Buffer.of(0)])],
      ["the array cut", msgpack(good).subarray(0, -1)],
      ["a length beyond the end", Buffer.from("95db7fffffff", "hex")],
      ["the largest length", Buffer.from("95a6414553323536a0c6ffffffff", "hex")],
      ["unknown algorithm", msgpack(["AES128", ...good.slice(1)])],
      ["algorithm of the JSON form", msgpack(["ChaCha20Poly1305", ...good.slice(1)])],
      ["algorithm as bytes", msgpack([Buffer.from("AES256"), ...good.slice(1)])],
      ["id as number", msgpack(["AES256", 7, iv, nonce, none])],
      ["id too long", msgpack(["AES256", "x".repeat(65), iv, nonce, none])],
      ["iv as text", msgpack(["AES256", "", "x".repeat(16), nonce, none])],
      ["iv of 15", msgpack(["AES256", "", iv.subarray(1), nonce, none])],
      ["nonce of 13", msgpack(["AES256", "", iv, Buffer.alloc(13), none])],
      ["nil sealed", msgpack(["AES256", "", iv, nonce, null])],
      ["nested arrays", Buffer.alloc(1000, 0x95)],
      ["JSON array member names", Buffer.from('{"aead":["AES-256-GCM-HMAC-SHA-256"]}')],
      ["JSON with numbers", Buffer.from('{"aead":"ChaCha20Poly1305","iv":1,"nonce":2,"bytes":3}')],
      ["JSON with prototype member", Buffer.from('{"__proto__":{"aead":"ChaCha20Poly1305"}}')],
    ];
    for (const [what, bytes] of table) it(what, () => expect(readLegacy(bytes)).to.equal(undefined));
  });

  it("opens a current ciphertext that happens to begin like a legacy one", () => {
    const key = keyOf("AES256", Buffer.alloc(32, 9));
    for (const start of [0x7b, 0x95]) {
      // The first byte of the ciphertext is plaintext XOR key stream: choose the plaintext to hit it.
      const random = () => fixedRandom(iv, nonce);
      const probe = key.seal(Buffer.from([0]), none, random());
      const plaintext = Buffer.from([(probe[0] ?? 0) ^ start]);
      const sealed = key.seal(plaintext, none, random());
      expect(sealed[0]).to.equal(start);
      expect(key.open(sealed, none).equals(plaintext)).to.equal(true);
    }
  });

  it("uses the algorithm of a legacy ciphertext only when the stored key names none", () => {
    const bytes = secureRandom(32);
    const sealed = seal("ChaCha20", bytes, Buffer.from("dek"), none, secureRandom);
    const legacy = Buffer.from(
      JSON.stringify({
        aead: "ChaCha20Poly1305",
        iv: sealed.subarray(-28, -12).toString("base64"),
        nonce: sealed.subarray(-12).toString("base64"),
        bytes: sealed.subarray(0, -28).toString("base64"),
      }),
    );
    expect(keyOf("AES256", bytes, false).open(legacy, none).toString()).to.equal("dek");
    expect(keyOf("ChaCha20", bytes, true).open(legacy, none).toString()).to.equal("dek");
    const aes = keyOf("AES256", bytes, true);
    expect(() => aes.open(legacy, none))
      .to.throw(KesError)
      .with.property("code", "DECRYPT_FAILED");
  });

  it("costs a hostile megabyte next to nothing", () => {
    const key = keyOf("AES256", secureRandom(32));
    const deep = Buffer.from(`{"aead":${"[".repeat(786_000)}}`);
    const arrays = Buffer.alloc(1024 * 1024, 0x95);
    const started = performance.now();
    for (const junk of [deep, arrays]) {
      expect(() => key.open(junk, none))
        .to.throw(KesError)
        .with.property("code", "DECRYPT_FAILED");
    }
    expect(performance.now() - started).to.be.lessThan(1000);
  });

  it("never fails in another way than undefined", () => {
    const start = fc.constantFrom(Buffer.from("{"), Buffer.from([0x95]), Buffer.from([0x95, 0xa6]));
    fc.assert(
      fc.property(start, fc.uint8Array({ maxLength: 100 }), (head, junk) => {
        expect(readLegacy(Buffer.concat([head, junk]))).to.equal(undefined);
      }),
    );
  });

  it("computes the key id", () => {
    expect(keyId(Buffer.alloc(32))).to.equal("66687aadf862bd776c8fc18b8e9f8e20");
    expect(keyId(Buffer.from(Array.from({ length: 32 }, (_, i) => i)))).to.equal(
      "630dcd2966c4336691125448bbb25b4f",
    );
  });
});
