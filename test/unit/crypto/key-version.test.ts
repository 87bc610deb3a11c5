import { inspect } from "node:util";
import { expect } from "chai";
import fc from "fast-check";
import type { Algorithm } from "../../../src/crypto/algorithm.js";
import { hmacSha256 } from "../../../src/crypto/hmac.js";
import { KeyFormatError, MAX_STORED_BYTES } from "../../../src/crypto/key-encoding.js";
import { decodeKeyVersion, encodeKeyVersion, KeyVersion } from "../../../src/crypto/key-version.js";
import { secureRandom } from "../../../src/crypto/random.js";
import { seal } from "../../../src/crypto/seal.js";
import { formatTimestamp } from "../../../src/crypto/timestamp.js";
import { KesError } from "../../../src/errors.js";
import { fixedRandom, fromBase64, storedKey, vectors } from "./support.js";

interface KeyCase {
  id: string;
  result: "valid" | "invalid";
  value: string;
  algorithm: Algorithm;
  algorithmRecorded: boolean;
  key: string;
  hmacKey: string | null;
  createdAt: string;
  createdBy: string;
  written: boolean;
}

const none = Buffer.alloc(0);
const message = Buffer.from("Hello World");
const code = (run: () => unknown, expected: string) =>
  expect(run).to.throw(KesError).with.property("code", expected);

describe("stored keys", () => {
  for (const v of vectors<KeyCase>("key-encoding.json")) {
    if (v.result === "invalid") {
      it(`refuses ${v.id}`, () => {
        expect(() => decodeKeyVersion(Buffer.from(v.value))).to.throw(KeyFormatError);
      });
      continue;
    }
    it(`reads ${v.id}`, () => {
      const key = decodeKeyVersion(Buffer.from(v.value));
      expect(key.algorithm).to.equal(v.algorithm);
      expect(key.algorithmRecorded).to.equal(v.algorithmRecorded);
      expect(formatTimestamp(key.createdAt)).to.equal(v.createdAt);
      expect(key.createdBy).to.equal(v.createdBy);
      // The bytes are private, so they show in what they seal and sign.
      const sealed = seal(v.algorithm, fromBase64(v.key), message, none, secureRandom);
      expect(key.open(sealed, none).equals(message)).to.equal(true);
      expect(key.hasHmacKey).to.equal(v.hmacKey !== null);
      if (v.hmacKey === null) code(() => key.hmac(message), "HMAC_UNSUPPORTED");
      else expect(key.hmac(message)).to.deep.equal(hmacSha256(fromBase64(v.hmacKey), message));
    });
    if (v.written) {
      it(`writes ${v.id}`, () => {
        expect(encodeKeyVersion(decodeKeyVersion(Buffer.from(v.value))).toString()).to.equal(v.value);
      });
      // Milliseconds since 1970 cannot say nanoseconds, so only whole seconds can be made anew to the byte.
      if (v.hmacKey === null || v.createdAt.includes(".")) continue;
      const hmacKey = fromBase64(v.hmacKey);
      it(`makes ${v.id}`, () => {
        const made = KeyVersion.create({
          algorithm: v.algorithm,
          createdBy: v.createdBy,
          nowMs: Date.parse(v.createdAt),
          random: fixedRandom(hmacKey),
          keyBytes: fromBase64(v.key),
        });
        expect(made.encode().toString()).to.equal(v.value);
      });
    }
  }

  it("draws the key before the HMAC key and writes both", () => {
    const key = Buffer.from(Array.from({ length: 32 }, (_, i) => i));
    const hmacKey = Buffer.from(Array.from({ length: 32 }, (_, i) => i + 32));
    const made = KeyVersion.create({
      algorithm: "ChaCha20",
      createdBy: "",
      nowMs: 1_700_000_000_123.456_8,
      random: fixedRandom(key, hmacKey),
    });
    const [, nanos] = /\.(\d+)Z$/.exec(formatTimestamp(made.createdAt)) ?? [];
    expect(nanos?.slice(0, 6)).to.equal("123456");
    const again = decodeKeyVersion(made.encode());
    expect(again.createdAt).to.deep.equal(made.createdAt);
    expect(again.hmac(message)).to.deep.equal(hmacSha256(hmacKey, message));
    expect(again.open(seal("ChaCha20", key, message, none, secureRandom), none).equals(message)).to.equal(
      true,
    );
  });

  it("imports 32 bytes and nothing else, as a copy", () => {
    const keyBytes = secureRandom(32);
    const make = (bytes: Buffer) =>
      KeyVersion.create({
        algorithm: "AES256",
        createdBy: "",
        nowMs: 0,
        random: secureRandom,
        keyBytes: bytes,
      });
    for (const size of [0, 16, 31, 33]) code(() => make(Buffer.alloc(size)), "KEY_SIZE_INVALID");
    const sealed = seal("AES256", keyBytes, message, none, secureRandom);
    const key = make(keyBytes);
    keyBytes.fill(0);
    expect(key.open(sealed, none).equals(message)).to.equal(true);
  });

  it("never makes a key of fewer random bytes", () => {
    const options = { algorithm: "AES256", createdBy: "", nowMs: 0 } as const;
    code(() => KeyVersion.create({ ...options, random: () => Buffer.alloc(0) }), "INTERNAL");
  });

  it("keeps fields that it does not know through a rewrite, byte for byte", () => {
    const unknown = fc
      .array(fc.tuple(fc.integer({ min: 16, max: 2000 }), fc.uint8Array({ maxLength: 100 })), {
        maxLength: 5,
      })
      .map((fields) =>
        Buffer.concat(
          fields.map(([number, data]) =>
            Buffer.from([...varint((number << 3) | 2), ...varint(data.length), ...data]),
          ),
        ),
      );
    fc.assert(
      fc.property(unknown, fc.constantFrom<Algorithm>("AES256", "ChaCha20"), (extra, algorithm) => {
        const value = storedKey(algorithm, secureRandom(32), secureRandom(32), extra);
        expect(encodeKeyVersion(decodeKeyVersion(value)).toString()).to.equal(value.toString());
      }),
    );
  });

  it("does not upgrade the older JSON form", () => {
    const key = decodeKeyVersion(Buffer.from(`{"bytes":"${Buffer.alloc(32).toString("base64")}"}`));
    code(() => key.encode(), "INTERNAL");
  });

  it("reads a key whose creation time nobody can write, for the key matters more", () => {
    const extra = Buffer.from("1a0908ffffffffffffff7f", "hex");
    const key = decodeKeyVersion(storedKey("AES256", secureRandom(32), secureRandom(32), extra));
    expect(formatTimestamp(key.createdAt)).to.equal("0001-01-01T00:00:00Z");
  });

  it("refuses what is larger than any key", () => {
    const large = Buffer.concat([Buffer.from("{}"), Buffer.alloc(MAX_STORED_BYTES, " ")]);
    expect(() => decodeKeyVersion(large)).to.throw(KeyFormatError, "too large");
  });

  it("fails for arbitrary bytes with nothing but KeyFormatError", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (junk, encode) => {
        const value = encode ? Buffer.from(Buffer.from(junk).toString("base64")) : junk;
        expect(() => decodeKeyVersion(value)).to.throw(KeyFormatError);
      }),
    );
  });

  it("fails for each single damaged byte with nothing but KeyFormatError", () => {
    const key = secureRandom(32);
    const value = Buffer.from(storedKey("AES256", key, secureRandom(32)).toString(), "base64");
    for (let at = 0; at < value.length; at++) {
      const damaged = Buffer.from(value);
      damaged[at] = (damaged[at] ?? 0) ^ 0x40;
      try {
        decodeKeyVersion(Buffer.from(damaged.toString("base64")));
      } catch (error) {
        expect(error).to.be.instanceOf(KeyFormatError);
      }
    }
  });

  it("says nothing of the key in its errors", () => {
    const marker = "SECRETSECRETSECRETSECRETSECRETSE";
    const encoded = Buffer.from(marker).toString("base64");
    const damaged = [
      `{"bytes":"${encoded}"`,
      `{"bytes":"${encoded}!"}`,
      `{"bytes":"${encoded}AA=="}`,
      `${encoded}*`,
    ];
    for (const value of damaged) {
      try {
        decodeKeyVersion(Buffer.from(value));
        expect.fail("read a damaged key");
      } catch (error) {
        expect(error).to.be.instanceOf(KeyFormatError);
        expect(inspect(error, { depth: 9 }))
          .to.not.include(marker)
          .and.not.include(encoded);
      }
    }
  });
});

describe("key version", () => {
  const fresh = () =>
    KeyVersion.create({ algorithm: "AES256", createdBy: "admin", nowMs: 1000, random: secureRandom });

  it("throws for every use after destroy, and never seals under zeros", () => {
    const key = fresh();
    const sealed = key.seal(message, none, secureRandom);
    key.destroy();
    key.destroy();
    expect(key.destroyed).to.equal(true);
    code(() => key.seal(message, none, secureRandom), "INTERNAL");
    code(() => key.open(sealed, none), "INTERNAL");
    code(() => key.hmac(message), "INTERNAL");
    code(() => key.encode(), "INTERNAL");
  });

  it("overwrites both keys on destroy", () => {
    // The buffers given out by the random source are copied, so the imported one shows nothing; the message
    // that `encode` writes shares the memory that is wiped.
    const filled: Buffer[] = [];
    const original = Buffer.prototype.fill;
    const key = fresh();
    Buffer.prototype.fill = function (this: Buffer, ...args: Parameters<typeof original>) {
      filled.push(this);
      return Reflect.apply(original, this, args);
    } as typeof original;
    try {
      key.destroy();
    } finally {
      Buffer.prototype.fill = original;
    }
    expect(filled.map((buffer) => buffer.equals(Buffer.alloc(32)))).to.deep.equal([true, true]);
  });

  it("prints no key bytes", () => {
    const keyBytes = Buffer.from("SECRETSECRETSECRETSECRETSECRETSE");
    const key = KeyVersion.create({
      algorithm: "AES256",
      createdBy: "x",
      nowMs: 0,
      random: secureRandom,
      keyBytes,
    });
    const printed = [inspect(key, { depth: 9, showHidden: true }), JSON.stringify(key), String(key)].join();
    for (const form of ["utf8", "base64", "hex"] as const) {
      expect(printed).to.not.include(keyBytes.toString(form).slice(0, 20));
    }
    expect(JSON.parse(JSON.stringify(key))).to.deep.equal({
      algorithm: "AES256",
      createdAt: "1970-01-01T00:00:00Z",
      createdBy: "x",
    });
  });

  it("does not share memory with the value it was read from", () => {
    const value = fresh().encode();
    const key = decodeKeyVersion(value);
    const sealed = key.seal(message, none, secureRandom);
    value.fill(0);
    expect(key.open(sealed, none).equals(message)).to.equal(true);
  });
});

/** A protobuf tag or length. */
function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 127) {
    bytes.push((rest & 127) | 128);
    rest >>>= 7;
  }
  return [...bytes, rest];
}
