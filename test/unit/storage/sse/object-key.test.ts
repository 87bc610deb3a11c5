import { inspect } from "node:util";
import { expect } from "chai";
import { DareOpener } from "../../../../src/crypto/dare-opener.js";
import { DareSealer } from "../../../../src/crypto/dare-sealer.js";
import { secureRandom } from "../../../../src/crypto/random.js";
import { KesError } from "../../../../src/errors.js";
import { type MetadataLabel, ObjectKey } from "../../../../src/storage/sse/object-key.js";
import { openValue, sealValue } from "../../../../src/storage/sse/sealed-value.js";
import { fixedRandom, fromHex, vectors } from "../../crypto/support.js";
import { bytesOf, fails, pattern } from "./support.js";

interface Case {
  readonly id: string;
  readonly result: "valid" | "invalid";
  readonly use: "generate" | "part" | "part-content" | "etag" | "label";
  readonly key: string;
  readonly random?: string;
  readonly part?: number;
  readonly nonce?: string;
  readonly label?: string;
  readonly plaintext?: string;
  readonly shown?: string;
  readonly value?: string;
  readonly begins?: string;
  readonly ends?: string;
}

const internal = (run: () => unknown) => expect(run).to.throw(KesError).with.property("code", "INTERNAL");
const keyOf = (hex: string): ObjectKey => ObjectKey.adopt(fromHex(hex));

function sealContent(key: ObjectKey, part: number | undefined, plaintext: Buffer, nonce?: string): Buffer {
  const sealer = key.contentSealer(part, nonce === undefined ? secureRandom : fixedRandom(fromHex(nonce)));
  return Buffer.concat([sealer.update(plaintext), sealer.final()]);
}

function openContent(key: ObjectKey, part: number | undefined, sealed: Buffer): Buffer {
  const opener = key.contentOpener(part);
  return Buffer.concat([opener.update(sealed), opener.final()]);
}

describe("object keys", () => {
  describe("known answers", () => {
    for (const v of vectors<Case>("object-key.json")) {
      it(`${v.result}: ${v.id}`, async () => {
        const key = keyOf(v.key);
        const value = fromHex(v.value ?? "");
        if (v.result === "invalid") {
          if (v.use === "part") internal(() => key.contentSealer(v.part, secureRandom));
          else if (v.use === "etag") await fails(() => key.openETag(value), "SSE_ALTERED");
          else {
            expect(() => openContent(key, v.part, value))
              .to.throw(KesError)
              .with.property("code", "DECRYPT_FAILED");
          }
          return;
        }
        switch (v.use) {
          case "generate": {
            const made = ObjectKey.generate(fromHex(v.key), fixedRandom(fromHex(v.random ?? "")));
            expect(bytesOf(made)).to.equal(v.value);
            return;
          }
          case "part": {
            if (v.value === undefined) {
              // Only its ends are known, so that the key is made from the format's description.
              const { createHmac } = await import("node:crypto");
              const number = Buffer.alloc(4);
              number.writeUInt32LE(v.part ?? 0);
              const partKey = createHmac("sha256", fromHex(v.key)).update(number).digest();
              expect(partKey.toString("hex")).to.match(new RegExp(`^${v.begins}.*${v.ends}$`));
              expect(opened(partKey, sealContent(key, v.part, pattern(10)))).to.deep.equal(pattern(10));
              return;
            }
            expect(opened(value, sealContent(key, v.part, pattern(10)))).to.deep.equal(pattern(10));
            const sealer = new DareSealer(value, secureRandom);
            const sealed = Buffer.concat([sealer.update(pattern(20)), sealer.final()]);
            expect(openContent(key, v.part, sealed)).to.deep.equal(pattern(20));
            return;
          }
          case "part-content": {
            const plaintext = fromHex(v.plaintext ?? "");
            expect(sealContent(key, v.part, plaintext, v.nonce).toString("hex")).to.equal(v.value);
            expect(openContent(key, v.part, value).equals(plaintext)).to.equal(true);
            return;
          }
          case "etag": {
            const md5 = fromHex(v.plaintext ?? "");
            const sealed = key.sealETag(md5, fixedRandom(fromHex(v.nonce ?? "")));
            expect(sealed.toString("hex")).to.equal(v.value);
            expect(sealed.subarray(-16).toString("hex")).to.equal(v.shown);
            expect(key.openETag(value).toString("hex")).to.equal(v.plaintext);
            return;
          }
          case "label": {
            if (v.label === "SSE-etag") {
              expect(openValue(value, key.sealETag(pattern(16), secureRandom))).to.deep.equal(pattern(16));
              return;
            }
            const label: MetadataLabel =
              v.label === "compression-index" ? "compression-index" : "object-checksum";
            const sealed = key.sealMetadata(label, pattern(40), secureRandom);
            expect(openValue(value, sealed)).to.deep.equal(pattern(40));
            const theirs = sealValue(value, pattern(50), secureRandom);
            expect(key.openMetadata(label, theirs)).to.deep.equal(pattern(50));
          }
        }
      });
    }
  });

  it("differ, although the DEK is the same", () => {
    const dek = secureRandom(32);
    const [a, b] = [ObjectKey.generate(dek, secureRandom), ObjectKey.generate(dek, secureRandom)];
    expect(bytesOf(a)).not.to.equal(bytesOf(b));
    expect(bytesOf(a)).not.to.equal(dek.toString("hex"));
  });

  it("refuse DEKs, random bytes and MD5s of another size", () => {
    internal(() => ObjectKey.generate(secureRandom(31), secureRandom));
    internal(() => ObjectKey.generate(secureRandom(32), () => secureRandom(16)));
    internal(() => ObjectKey.adopt(secureRandom(33)));
    internal(() =>
      ObjectKey.generate(secureRandom(32), secureRandom).sealETag(secureRandom(20), secureRandom),
    );
  });

  it("seal metadata of any size, and nothing as nothing", () => {
    const key = ObjectKey.generate(secureRandom(32), secureRandom);
    for (const size of [0, 1, 65_536, 65_537, 200_000]) {
      const sealed = key.sealMetadata("compression-index", pattern(size), secureRandom);
      expect(key.openMetadata("compression-index", sealed).equals(pattern(size))).to.equal(true);
      if (size === 0) expect(sealed.length).to.equal(0);
    }
  });

  it("open no metadata of another label or object", async () => {
    const key = ObjectKey.generate(secureRandom(32), secureRandom);
    const sealed = key.sealMetadata("object-checksum", pattern(16), secureRandom);
    await fails(() => key.openMetadata("compression-index", sealed), "SSE_ALTERED");
    await fails(() => key.openETag(sealed), "SSE_ALTERED");
    const other = ObjectKey.generate(secureRandom(32), secureRandom);
    await fails(() => other.openMetadata("object-checksum", sealed), "SSE_ALTERED");
  });

  it("serve nothing once they are wiped, but streams that began go on", () => {
    const bytes = secureRandom(32);
    const key = ObjectKey.adopt(bytes);
    const sealed = sealContent(key, 3, pattern(100));
    const opener = key.contentOpener(3);
    opener.update(sealed.subarray(0, 10));
    key.wipe();
    expect(bytes.every((byte) => byte === 0)).to.equal(true);
    for (const run of [
      () => key.contentSealer(undefined, secureRandom),
      () => key.contentOpener(1),
      () => key.sealUnder(secureRandom(32), secureRandom),
      () => key.sealETag(pattern(16), secureRandom),
    ]) {
      internal(run);
    }
    const opened = Buffer.concat([opener.update(sealed.subarray(10)), opener.final()]);
    expect(opened).to.deep.equal(pattern(100));
  });

  it("show nothing to logs", () => {
    const key = ObjectKey.adopt(fromHex("5a".repeat(32)));
    for (const text of [inspect(key, { depth: 9, showHidden: true }), JSON.stringify(key), String(key)]) {
      expect(text).not.to.match(/5a5a|90, ?90|Buffer/);
    }
  });
});

function opened(key: Buffer, sealed: Buffer): Buffer {
  const opener = new DareOpener(key);
  return Buffer.concat([opener.update(sealed), opener.final()]);
}
