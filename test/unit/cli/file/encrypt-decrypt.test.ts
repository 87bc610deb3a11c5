import { expect } from "chai";
import fc from "fast-check";
import { CommandError } from "../../../../src/cli/command.js";
import { decryptFile } from "../../../../src/cli/file/decrypt.js";
import { encryptFile } from "../../../../src/cli/file/encrypt.js";
import { secureRandom } from "../../../../src/crypto/random.js";
import {
  DEK,
  decrypted,
  encrypted,
  failureOf,
  freshDek,
  memorySink,
  memorySource,
  nameOf,
  never,
  SEALED_DEK,
} from "./support.js";

const MIB = 1024 * 1024;
const HEADER = 14 + 6 + 76 + 32;
const SEALED = 65_568;

/** No two packages are alike. */
const content = (size: number): Buffer => Buffer.from(Uint8Array.from({ length: size }, (_, i) => i % 251));

/** The parts of a file: its header, then package by package. */
function partsOf(file: Buffer): Buffer[] {
  const parts = [file.subarray(0, HEADER)];
  for (let at = HEADER; at < file.length; at += SEALED) parts.push(file.subarray(at, at + SEALED));
  return parts;
}

describe("encrypted files", () => {
  // Around packages (64 KiB), around blocks (1 MiB), and where the first read of a decryption ends (4222 bytes).
  const sizes = [
    ...[0, 1, 2, 4000, 4062, 4063, 4222, 65_535, 65_536, 65_537, 131_072],
    ...[MIB - 1, MIB, MIB + 1, 2 * MIB, 3 * MIB + 12_345],
  ];
  for (const size of sizes) {
    it(`come back at ${size} bytes`, async () => {
      const file = await encrypted(content(size));
      expect(file.length).to.equal(HEADER + size + Math.ceil(size / 65_536) * 32);
      expect((await decrypted(file)).equals(content(size))).to.equal(true);
    });
  }

  it("are never the same twice", async () => {
    const [a, b] = [await encrypted(content(100)), await encrypted(content(100))];
    expect(a.equals(b)).to.equal(false);
  });

  it("hold nothing of the plaintext and nothing of the data key", async () => {
    const secret = Buffer.from("the plaintext that nobody may find");
    const file = await encrypted(secret);
    expect(file.includes(secret.subarray(0, 8))).to.equal(false);
    expect(file.includes(DEK.subarray(0, 8))).to.equal(false);
  });

  it("are refused with any bit flipped", async () => {
    const file = await encrypted(content(50));
    for (let bit = 0; bit < file.length * 8; bit++) {
      const bent = Buffer.from(file);
      bent.writeUInt8(bent.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      const sink = memorySink();
      expect(await failureOf(decrypted(bent, undefined, sink)), `bit ${bit}`).to.be.instanceOf(CommandError);
      expect(sink.published()).to.equal(undefined);
      expect(sink.written().length).to.equal(0);
    }
  });

  it("are refused at any other length", async () => {
    const file = await encrypted(content(2 * 65_536 + 10));
    await fc.assert(
      fc.asyncProperty(fc.nat(file.length - 1), async (length) => {
        const failure = await failureOf(decrypted(file.subarray(0, length)));
        expect(failure.message).to.match(length === 0 ? /was not made by/ : /is truncated/);
      }),
      { numRuns: 50, examples: [[0], [1], [13], [HEADER - 1], [HEADER], [HEADER + 1], [HEADER + SEALED]] },
    );
  });

  describe("are refused, and only what was proved is written,", () => {
    const plaintext = content(3 * 65_536 + 5);
    const cases: readonly [what: string, order: readonly number[], message: RegExp, proved: number][] = [
      ["with packages swapped", [0, 2, 1, 3, 4], /altered or damaged \(from byte 128 on\)/, 0],
      ["without a package", [0, 1, 3, 4], /altered or damaged \(from byte 65696 on\)/, 65_536],
      ["without the last package", [0, 1, 2, 3], /truncated/, 3 * 65_536],
      ["with a package twice", [0, 1, 1, 2, 3, 4], /altered or damaged/, 65_536],
      ["with the last package twice", [0, 1, 2, 3, 4, 4], /bytes behind its end/, 3 * 65_536],
      ["with a second file behind it", [0, 1, 2, 3, 4, 0, 1, 2, 3, 4], /behind its end/, 3 * 65_536],
      ["without its header", [1, 2, 3, 4], /was not made by/, 0],
      ["with its header twice", [0, 0, 1, 2, 3, 4], /altered or damaged/, 0],
    ];
    for (const [what, order, message, proved] of cases) {
      it(what, async () => {
        const parts = partsOf(await encrypted(plaintext));
        const file = Buffer.concat(order.map((part) => parts[part] ?? Buffer.alloc(0)));
        const sink = memorySink();
        const failure = await failureOf(decrypted(file, undefined, sink));
        expect(failure).to.be.instanceOf(CommandError);
        expect(failure.message).to.match(message);
        expect(sink.published()).to.equal(undefined);
        // Blocks are larger than these files: what was proved before the flaw may or may not be out.
        expect(plaintext.subarray(0, sink.written().length).equals(sink.written())).to.equal(true);
        expect(sink.written().length).to.be.at.most(proved);
      });
    }

    it("with the content of another file of the same data key", async () => {
      const [a, b] = [partsOf(await encrypted(plaintext)), partsOf(await encrypted(Buffer.alloc(0)))];
      const failure = await failureOf(decrypted(Buffer.concat([b[0] ?? Buffer.alloc(0), ...a.slice(1)])));
      expect(failure.message).to.match(/behind its end/);
    });
  });

  it("never publish when the key server refuses, and read nothing for it", async () => {
    const refusal = new Error("not authorized");
    const source = memorySource(content(10));
    const sink = memorySink();
    const refused = encryptFile({
      ...{ source, sink, keyName: nameOf("my-key"), random: secureRandom, signal: never },
      generate: async () => {
        throw refusal;
      },
      onProgress: () => undefined,
    });
    expect(await failureOf(refused)).to.equal(refusal);
    expect([source.reads(), sink.written().length, sink.published()]).to.deep.equal([0, 0, undefined]);

    const file = await encrypted(content(10));
    const opened = decrypted(
      file,
      async () => {
        throw refusal;
      },
      sink,
    );
    expect(await failureOf(opened)).to.equal(refusal);
    expect([sink.written().length, sink.published()]).to.deep.equal([0, undefined]);
  });

  it("refuse a data key or a sealed data key that cannot be one", async () => {
    const encrypt = (plaintext: Buffer, ciphertext: Buffer): Promise<void> =>
      encryptFile({
        source: memorySource(content(10)),
        sink: memorySink(),
        keyName: nameOf("my-key"),
        generate: async () => ({ plaintext, ciphertext }),
        random: secureRandom,
        signal: never,
        onProgress: () => undefined,
      });
    for (const size of [0, 16, 31, 33]) {
      const failure = await failureOf(encrypt(Buffer.alloc(size), SEALED_DEK));
      expect(failure.message).to.match(/not 32 bytes/);
      const opened = decrypted(await encrypted(content(10)), async () => Buffer.alloc(size));
      expect((await failureOf(opened)).message).to.match(/not 32 bytes/);
    }
    for (const size of [0, 4097]) {
      const failure = await failureOf(encrypt(Buffer.alloc(32), Buffer.alloc(size)));
      expect(failure.message).to.match(/no file header can hold/);
    }
  });

  it("leave no data key behind in memory", async () => {
    const dek = await freshDek();
    await encryptFile({
      source: memorySource(content(10)),
      sink: memorySink(),
      keyName: nameOf("my-key"),
      generate: async () => dek,
      random: secureRandom,
      signal: never,
      onProgress: () => undefined,
    });
    expect(dek.plaintext.equals(Buffer.alloc(32))).to.equal(true);
    const opened = Buffer.from(DEK);
    await decrypted(await encrypted(content(10)), async () => opened);
    expect(opened.equals(Buffer.alloc(32))).to.equal(true);
    const refused = Buffer.alloc(32, 1);
    await failureOf(decrypted(await encrypted(content(10)), async () => refused));
    expect(refused.equals(Buffer.alloc(32))).to.equal(true);
  });

  describe("when something fails on the way", () => {
    const plaintext = content(4 * MIB);
    const encrypt = (
      source = memorySource(plaintext),
      sink = memorySink(),
      signal = never,
      onProgress = (_bytes: number): void => undefined,
    ): Promise<void> =>
      encryptFile({
        ...{ source, sink, signal, onProgress },
        keyName: nameOf("my-key"),
        generate: freshDek,
        random: secureRandom,
      });

    it("tell what it was, publish nothing and leave no write under way", async () => {
      for (const failAt of [1, 2, 4]) {
        const sink = memorySink();
        expect((await failureOf(encrypt(memorySource(plaintext, failAt), sink))).message).to.equal(
          "disk is gone",
        );
        expect([sink.published(), sink.isBusy()]).to.deep.equal([undefined, false]);
      }
      for (const failAt of [1, 2, 3, 5]) {
        const sink = memorySink(failAt);
        expect((await failureOf(encrypt(undefined, sink))).message).to.equal("disk is full");
        expect([sink.published(), sink.isBusy()]).to.deep.equal([undefined, false]);
      }
    });

    it("stop at the next block once they are told to", async () => {
      const controller = new AbortController();
      const source = memorySource(content(10 * MIB));
      const sink = memorySink();
      const reason = new Error("interrupted");
      let blocks = 0;
      const failure = await failureOf(
        encrypt(source, sink, controller.signal, () => {
          if (++blocks === 2) controller.abort(reason);
        }),
      );
      expect(failure).to.equal(reason);
      expect(blocks).to.equal(2);
      expect(source.reads()).to.be.at.most(4);
      expect(sink.published()).to.equal(undefined);
    });

    it("do so when they decrypt", async () => {
      const file = await encrypted(plaintext);
      for (const failAt of [1, 2, 4]) {
        const sink = memorySink();
        const work = decryptFile({
          source: memorySource(file, failAt),
          sink,
          openDek: async () => Buffer.from(DEK),
          signal: never,
          onProgress: () => undefined,
        });
        expect((await failureOf(work)).message).to.equal("disk is gone");
        expect([sink.published(), sink.isBusy()]).to.deep.equal([undefined, false]);
        expect((await failureOf(decrypted(file, undefined, memorySink(failAt)))).message).to.equal(
          "disk is full",
        );
      }
    });
  });

  it("count every byte that was read", async () => {
    let bytes = 0;
    const plaintext = content(2 * MIB + 77);
    const sink = memorySink();
    const onProgress = (more: number): void => {
      bytes += more;
    };
    await encryptFile({
      ...{ source: memorySource(plaintext), sink, signal: never, onProgress },
      keyName: nameOf("my-key"),
      generate: freshDek,
      random: secureRandom,
    });
    expect(bytes).to.equal(plaintext.length);
    const file = sink.published() ?? Buffer.alloc(0);
    bytes = 0;
    await decryptFile({
      ...{ source: memorySource(file), sink: memorySink(), signal: never, onProgress },
      openDek: async () => Buffer.from(DEK),
    });
    expect(bytes).to.equal(file.length);
  });
});
