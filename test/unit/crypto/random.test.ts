import { expect } from "chai";
import { parseAlgorithm } from "../../../src/crypto/algorithm.js";
import { pooledRandom, RANDOM_POOL_BYTES, secureRandom } from "../../../src/crypto/random.js";

describe("random bytes", () => {
  /** Fills the pool with numbers that never repeat, two bytes each. */
  const counting = () => {
    let next = 0;
    let pool: Buffer = Buffer.alloc(0);
    const fill = (target: Buffer) => {
      pool = target;
      for (let at = 0; at < target.length; at += 2) target.writeUInt16BE(next++, at);
    };
    return { fill, pool: () => pool };
  };

  it("gives the size asked for", () => {
    for (const random of [secureRandom, pooledRandom()]) {
      for (const size of [0, 1, 12, 28, 32, 60, 1024, 1025, 5000]) expect(random(size).length).to.equal(size);
    }
  });

  it("hands out each byte of the pool once, in order, over refills", () => {
    const random = pooledRandom(counting().fill);
    const seen = new Set<number>();
    for (let call = 0; call < 2000; call++) {
      const bytes = random([28, 32, 12, 60][call % 4] ?? 0);
      for (let at = 0; at < bytes.length; at += 2) {
        const number = bytes.readUInt16BE(at);
        expect(seen.has(number)).to.equal(false);
        seen.add(number);
      }
    }
  });

  it("wipes what it handed out and shares no memory with it", () => {
    const source = counting();
    const random = pooledRandom(source.fill);
    const first = random(32);
    expect(source.pool().subarray(0, 32).equals(Buffer.alloc(32))).to.equal(true);
    const copy = Buffer.from(first);
    random(32).fill(0xff);
    expect(first.equals(copy)).to.equal(true);
    expect(first.buffer.byteLength).to.equal(32);
  });

  it("differs from call to call", () => {
    for (const random of [secureRandom, pooledRandom()]) {
      const seen = new Set(Array.from({ length: 500 }, () => random(16).toString("hex")));
      expect(seen.size).to.equal(500);
    }
  });

  it("draws a pool at a time", () => {
    let fills = 0;
    const random = pooledRandom((pool) => {
      fills += 1;
      pool.fill(1);
    });
    for (let used = 0; used + 32 <= RANDOM_POOL_BYTES; used += 32) random(32);
    expect(fills).to.equal(1);
    random(1);
    expect(fills).to.equal(2);
  });
});

describe("algorithm names", () => {
  for (const [text, expected] of [
    ["AES256", "AES256"],
    ["AES256-GCM_SHA256", "AES256"],
    ["ChaCha20", "ChaCha20"],
    ["XCHACHA20-POLY1305", "ChaCha20"],
    ["aes256", undefined],
    ["", undefined],
    ["constructor", undefined],
  ] as const) {
    it(`${text || "(empty)"} → ${expected}`, () => expect(parseAlgorithm(text)).to.equal(expected));
  }
});
