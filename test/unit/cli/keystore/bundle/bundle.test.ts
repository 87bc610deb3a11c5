import { createPublicKey, generateKeyPairSync } from "node:crypto";
import { expect } from "chai";
import fc from "fast-check";
import { CommandError } from "../../../../../src/cli/command.js";
import type { Sink } from "../../../../../src/cli/file/sink.js";
import type { Source } from "../../../../../src/cli/file/source.js";
import { drill } from "../../../../../src/cli/keystore/bundle/drill.js";
import { MAX_HEADER_BYTES, parseBundleHeader } from "../../../../../src/cli/keystore/bundle/header.js";
import {
  type Locksmith,
  passphraseLock,
  passphraseSecret,
  recipientLock,
  recipientSecret,
} from "../../../../../src/cli/keystore/bundle/lock.js";
import { type Opener, readBundle } from "../../../../../src/cli/keystore/bundle/read.js";
import { type BundleKey, encodeRecord } from "../../../../../src/cli/keystore/bundle/records.js";
import { BundleWriter } from "../../../../../src/cli/keystore/bundle/write.js";
import { DareSealer } from "../../../../../src/crypto/dare-sealer.js";
import { secureRandom } from "../../../../../src/crypto/random.js";
import { errorOf, named } from "../../../../support/keystore.js";
import { keyValue } from "../../../../support/keystore-site.js";

/** The cheapest that is read. */
const COST = { log2N: 15, r: 8, p: 1 };
const ABOUT = { createdAt: "2026-01-31T12:00:00Z", keystore: "In Memory" };
const { publicKey, privateKey } = generateKeyPairSync("x25519");
const forRecipient = recipientLock(publicKey);
const openAsRecipient: Opener = async (lock, file) => {
  if (lock.kind !== "recipient") throw new Error("not for a recipient");
  return recipientSecret(privateKey, lock, file);
};
const openWith =
  (passphrase: string): Opener =>
  async (lock) => {
    if (lock.kind !== "passphrase") throw new Error("no passphrase");
    return passphraseSecret(passphrase, lock);
  };

class MemorySink implements Sink {
  readonly name = "memory";
  #chunks: Buffer[] = [];
  isPublished = false;
  async write(bytes: Buffer): Promise<void> {
    this.#chunks.push(Buffer.from(bytes));
  }
  async publish(): Promise<void> {
    this.isPublished = true;
  }
  async close(): Promise<void> {}
  get bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }
}

function sourceOf(bytes: Buffer): Source {
  let at = 0;
  return {
    name: "'keys.kesbundle'",
    async read(target) {
      const size = bytes.copy(target, 0, at);
      at += size;
      return size;
    },
    async close() {},
  };
}

async function bundle(
  values: Readonly<Record<string, Buffer>>,
  lock: Locksmith = forRecipient,
): Promise<Buffer> {
  const sink = new MemorySink();
  const writer = await BundleWriter.begin({ sink, header: await lock(), about: ABOUT, random: secureRandom });
  for (const name of Object.keys(values).sort())
    await writer.add(named(name), values[name] ?? Buffer.alloc(0));
  await writer.finish(new AbortController().signal);
  expect(sink.isPublished).to.equal(true);
  return sink.bytes;
}

async function contents(bytes: Buffer, open: Opener = openAsRecipient): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for await (const { name, value } of readBundle(sourceOf(bytes), open))
    found[name] = value.toString("latin1");
  return found;
}

const texts = (values: Readonly<Record<string, Buffer>>): Record<string, string> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, value.toString("latin1")]));

describe("cli/keystore/bundle", () => {
  const values = { alpha: keyValue(), beta: Buffer.from("not a key"), gamma: keyValue() };

  it("gives back what was put in, byte for byte", () =>
    fc.assert(
      fc.asyncProperty(
        fc.dictionary(
          fc.stringMatching(/^[a-z]{1,12}$/),
          fc.uint8Array({ minLength: 1, maxLength: 40_000 }).map((bytes) => Buffer.from(bytes)),
          { maxKeys: 8 },
        ),
        async (some) => {
          expect(await contents(await bundle(some))).to.deep.equal(texts(some));
        },
      ),
      { numRuns: 40 },
    ));

  it("is opened by the passphrase, however its accents are typed, and by no other", async () => {
    const bytes = await bundle(values, passphraseLock("pass\u00e9 partout", secureRandom, COST));
    expect(await contents(bytes, openWith("passe\u0301 partout"))).to.deep.equal(texts(values));
    expect(String(await errorOf(contents(bytes, openWith("passe partout"))))).to.match(/passphrase is wrong/);
  });

  it("is opened by its recipient and by nobody else", async () => {
    const bytes = await bundle(values);
    expect(await contents(bytes)).to.deep.equal(texts(values));
    for (const other of [
      generateKeyPairSync("x25519").privateKey,
      generateKeyPairSync("ed25519").privateKey,
    ]) {
      const open: Opener = async (lock, file) => {
        if (lock.kind !== "recipient") throw new Error("not for a recipient");
        return recipientSecret(other, lock, file);
      };
      expect(String(await errorOf(contents(bytes, open)))).to.match(/made for another key/);
    }
  });

  it("never looks alike twice", async () => {
    const [one, two] = [await bundle(values), await bundle(values)];
    expect(one.equals(two)).to.equal(false);
    expect(one.includes("alpha")).to.equal(false);
    expect(one.includes(values.alpha)).to.equal(false);
  });

  it("refuses one that was altered anywhere", async () => {
    const bytes = await bundle(values);
    for (let at = 0; at < bytes.length; at++) {
      const altered = Buffer.from(bytes);
      altered.writeUInt8(altered.readUInt8(at) ^ (1 << (at % 8)), at);
      expect(await errorOf(contents(altered)), `byte ${at}`).to.be.instanceOf(CommandError);
    }
  });

  it("refuses one that was cut short anywhere, or has more at its end", async () => {
    const bytes = await bundle(values);
    for (let size = 0; size < bytes.length; size++) {
      expect(await errorOf(contents(bytes.subarray(0, size))), `${size} bytes`).to.be.instanceOf(
        CommandError,
      );
    }
    expect(await errorOf(contents(Buffer.concat([bytes, Buffer.from([0])])))).to.be.instanceOf(CommandError);
  });

  it("refuses parts that were left out, repeated or exchanged, also at the border of a package", async () => {
    const many = Object.fromEntries(
      Array.from({ length: 60 }, (_, i) => [`k${i + 100}`, Buffer.alloc(5_000, `v${i}`)]),
    );
    const [bytes, other] = [await bundle(many), await bundle(many)];
    const head = parseBundleHeader(bytes.subarray(0, MAX_HEADER_BYTES), "it").bytes.length;
    const size = 64 * 1024 + 32;
    const parts = [0, 1, 2, 3, 4].map((i) => bytes.subarray(head + i * size, head + (i + 1) * size));
    const [a, b, c, d, e] = parts.map((part) => Buffer.from(part));
    if (!a || !b || !c || !d || !e || e.length === 0) throw new Error("too few packages");
    const start = bytes.subarray(0, head);
    const foreign = other.subarray(head + size, head + 2 * size);
    const wrong = [[a, b, c, d], [a, c, b, d, e], [a, b, b, c, d, e], [a, c, d, e], [a, b, c, e], [e], []];
    for (const order of [...wrong, [a, foreign, c, d, e]]) {
      expect(await errorOf(contents(Buffer.concat([start, ...order])))).to.be.instanceOf(CommandError);
    }
    expect(Object.keys(await contents(Buffer.concat([start, a, b, c, d, e])))).to.have.length(60);
    const exchanged = Buffer.concat([other.subarray(0, head), a, b, c, d, e]);
    expect(await errorOf(contents(exchanged))).to.be.instanceOf(CommandError);
  });

  it("takes no cost of a passphrase that nobody writes", async () => {
    const bytes = await bundle(values, passphraseLock("a passphrase", secureRandom, COST));
    let asked = 0;
    const open: Opener = async () => {
      asked++;
      return Buffer.alloc(32);
    };
    for (const cost of [
      [0, 8, 1, 0],
      [14, 8, 1, 0],
      [21, 8, 1, 0],
      [255, 8, 1, 0],
      [17, 255, 1, 0],
      [17, 8, 255, 0],
      [17, 8, 1, 1],
    ]) {
      const altered = Buffer.from(bytes);
      altered.set(cost, 10);
      expect(String(await errorOf(contents(altered, open)))).to.match(/cost/);
    }
    expect(asked).to.equal(0);
  });

  it("refuses an ephemeral key that gives everybody the same secret", async () => {
    const bytes = await bundle(values);
    bytes.fill(0, 10 + 32, 10 + 64);
    expect(String(await errorOf(contents(bytes)))).to.match(/header .* was altered/);
  });

  it("says what else a file is", async () => {
    const table: readonly (readonly [Buffer, RegExp])[] = [
      [Buffer.alloc(0), /is no bundle/],
      [Buffer.from("hello"), /is no bundle/],
      [Buffer.from("KESKEYS"), /truncated: its header/],
      [Buffer.from("KESKEYS\0\x02\x01".padEnd(200, "\0"), "latin1"), /version 2/],
      [Buffer.from("KESKEYS\0\x01\x09".padEnd(200, "\0"), "latin1"), /lock 9/],
    ];
    for (const [bytes, message] of table) expect(String(await errorOf(contents(bytes)))).to.match(message);
  });

  describe("with an inside that our writer never makes", () => {
    const record = (name: string, value = keyValue()): Buffer =>
      encodeRecord({ kind: "key", name: named(name), value, canary: Buffer.alloc(0) });
    const about = encodeRecord({ kind: "about", about: ABOUT });
    const end = (count: number): Buffer => encodeRecord({ kind: "end", count });
    const inside: Readonly<Record<string, readonly [Buffer[], RegExp]>> = {
      "names twice": [[about, record("a"), record("a"), end(2)], /names are out of order/],
      "names out of order": [[about, record("b"), record("a"), end(2)], /names are out of order/],
      "a wrong count": [[about, record("a"), end(2)], /says that it holds 2 keys/],
      "no end": [[about, record("a")], /truncated/],
      "no beginning": [[record("a"), end(1)], /records are out of order/],
      "two beginnings": [[about, about, end(0)], /records are out of order/],
      "something behind the end": [[about, end(0), record("a")], /follows the last record/],
      "an unknown record": [[about, Buffer.from([7, 0])], /unknown type 7/],
      "a name that is none": [[about, Buffer.from([1, 2, 0x2e, 0x2e])], /no valid key/],
      "an empty value": [[about, Buffer.from([1, 1, 0x61, 0, 0, 0, 0, 0, 0])], /is empty/],
      "a value that is too long": [[about, Buffer.from([1, 1, 0x61, 255, 255, 255, 255])], /more than 65536/],
      "a note that is no JSON": [[Buffer.from([0, 1, 0, 0x7b])], /no JSON/],
    };
    for (const [what, [records, message]] of Object.entries(inside)) {
      it(`refuses ${what}`, async () => {
        const { bytes, contentKey } = await forRecipient();
        const sealer = new DareSealer(contentKey, secureRandom);
        const sealed = Buffer.concat([bytes, sealer.update(Buffer.concat(records)), sealer.final()]);
        const error = await errorOf(contents(sealed));
        expect(error).to.be.instanceOf(CommandError);
        expect(String(error)).to.match(message);
      });
    }
  });

  it("does not take names out of order", async () => {
    const writer = await BundleWriter.begin({
      sink: new MemorySink(),
      header: await forRecipient(),
      about: ABOUT,
      random: secureRandom,
    });
    await writer.add(named("b"), keyValue());
    for (const name of ["b", "a"]) {
      expect(await errorOf(writer.add(named(name), keyValue()))).to.be.instanceOf(RangeError);
    }
  });

  it("makes another head each time, of which the ephemeral key is new", async () => {
    const [one, two] = [await forRecipient(), await forRecipient()];
    expect(one.bytes.subarray(10, 42).equals(two.bytes.subarray(10, 42))).to.equal(true);
    expect(one.bytes.subarray(42, 74).equals(two.bytes.subarray(42, 74))).to.equal(false);
    expect(one.contentKey.equals(two.contentKey)).to.equal(false);
    expect(createPublicKey(privateKey).equals(publicKey)).to.equal(true);
  });
});

describe("cli/keystore/bundle: drill", () => {
  it("says which keys open what was sealed with them", async () => {
    const bytes = await bundle({ good: keyValue(), strange: Buffer.from("not a key") });
    const facts = await drill(
      (onAbout) => readBundle(sourceOf(bytes), openAsRecipient, onAbout),
      () => {},
    );
    expect(facts.about).to.deep.equal(ABOUT);
    expect([facts.count, facts.opened, facts.notKeys.names, facts.broken.names]).to.deep.equal([
      2,
      1,
      ["strange"],
      [],
    ]);
  });

  it("finds a key that is not the one that was exported", async () => {
    async function* exchanged(): AsyncGenerator<BundleKey> {
      for await (const key of readBundle(sourceOf(await bundle({ k: keyValue() })), openAsRecipient)) {
        yield { ...key, value: keyValue() };
      }
    }
    const facts = await drill(exchanged, () => {});
    expect([facts.count, facts.opened, facts.broken.names]).to.deep.equal([1, 0, ["k"]]);
  });
});
