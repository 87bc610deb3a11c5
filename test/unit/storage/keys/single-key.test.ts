import { inspect } from "node:util";
import { expect } from "chai";
import { secureRandom } from "../../../../src/crypto/random.js";
import { KesError } from "../../../../src/errors.js";
import { checkKey, prepareDefaultKey } from "../../../../src/storage/keys/key-check.js";
import type { KeyService } from "../../../../src/storage/keys/key-service.js";
import { MasterKeyService } from "../../../../src/storage/keys/master-key.js";
import { StaticKeyService } from "../../../../src/storage/keys/static-key.js";
import { sseError } from "../../../../src/storage/sse/errors.js";
import { openValue } from "../../../../src/storage/sse/sealed-value.js";
import { fixedRandom, fromBase64, fromHex, vectors } from "../../crypto/support.js";
import { fails } from "../sse/support.js";
import { SeveralKeys } from "./support.js";

interface StaticCase {
  readonly id: string;
  readonly result: "valid" | "invalid";
  readonly key: string;
  readonly iv?: string;
  readonly nonce?: string;
  /** base64 of the context's bytes. */
  readonly context: string;
  readonly plaintext?: string;
  readonly ciphertext: string;
  readonly written?: boolean;
}

interface MasterCase {
  readonly id: string;
  readonly result: "valid" | "invalid";
  readonly masterKey: string;
  readonly keyName: string;
  readonly context: Readonly<Record<string, string>>;
  readonly dek: string;
  readonly nonce: string;
  readonly derivedKey?: string;
  readonly ciphertext: string;
}

const context = { bucket: "bucket/object" };

describe("the static key", () => {
  // Contexts that are not in canonical form cannot be asked for here.
  const cases = vectors<StaticCase>("minio-single-key.json").filter(
    ({ context: bytes }) => !fromBase64(bytes).toString().endsWith(" "),
  );
  for (const v of cases) {
    const map: Record<string, string> = JSON.parse(fromBase64(v.context).toString());
    const service = (): StaticKeyService => new StaticKeyService("my-key", fromBase64(v.key));
    it(`${v.result}: ${v.id}`, async () => {
      const decrypt = () => service().decrypt("my-key", fromBase64(v.ciphertext), map);
      if (v.result === "invalid") return fails(decrypt, "KMS_ALTERED");
      expect((await decrypt()).toString("base64")).to.equal(v.plaintext);
      if (!v.written) return;
      const random = fixedRandom(
        fromBase64(v.plaintext ?? ""),
        fromBase64(v.iv ?? ""),
        fromBase64(v.nonce ?? ""),
      );
      const dek = await new StaticKeyService("my-key", fromBase64(v.key), random).generate(undefined, map);
      expect(dek.ciphertext.toString("base64")).to.equal(v.ciphertext);
      expect(dek.plaintext.toString("base64")).to.equal(v.plaintext);
      expect(dek.keyName).to.equal("my-key");
    });
  }

  it("has vectors of every form, valid and not", () => {
    expect(cases.filter(({ result }) => result === "valid")).to.have.length(5);
    expect(cases.filter(({ result }) => result === "invalid").length).to.be.at.least(4);
  });

  it("is one key: no other name is known, created or listed", async () => {
    const keys = new StaticKeyService("my-key", secureRandom(32));
    const dek = await keys.generate("my-key", context);
    expect(await keys.decrypt("my-key", dek.ciphertext, context)).to.deep.equal(dek.plaintext);
    await fails(() => keys.generate("other", context), "KMS_KEY_NOT_FOUND");
    await fails(() => keys.generate("", context), "KMS_KEY_NOT_FOUND");
    await fails(() => keys.decrypt("other", dek.ciphertext, context), "KMS_KEY_NOT_FOUND");
    await fails(() => keys.createKey("my-key"), "KMS_KEY_EXISTS");
    await fails(() => keys.createKey("other"), "KMS_NOT_SUPPORTED");
    expect(await keys.status()).to.deep.equal({
      ...{ name: "static key", defaultKey: "my-key" },
      endpoints: [{ endpoint: "127.0.0.1", isOnline: true }],
    });
  });

  it("opens with the same context alone, and gives another ciphertext each time", async () => {
    const keys = new StaticKeyService("my-key", secureRandom(32));
    const [a, b] = [await keys.generate(undefined, context), await keys.generate(undefined, context)];
    expect(a.plaintext.equals(b.plaintext)).to.equal(false);
    expect(a.ciphertext.equals(b.ciphertext)).to.equal(false);
    for (const wrong of [{}, { bucket: "bucket/other" }, { ...context, more: "" }]) {
      await fails(() => keys.decrypt("my-key", a.ciphertext, wrong), "KMS_ALTERED");
    }
    for (const wrong of [
      Buffer.alloc(0),
      a.ciphertext.subarray(1),
      Buffer.concat([a.ciphertext, a.ciphertext]),
    ]) {
      await fails(() => keys.decrypt("my-key", wrong, context), "KMS_ALTERED");
    }
  });
});

describe("the older master key", () => {
  for (const v of vectors<MasterCase>("minio-master-key.json")) {
    it(`${v.result}: ${v.id}`, async () => {
      const service = new MasterKeyService("default", fromHex(v.masterKey));
      const decrypt = () => service.decrypt(v.keyName, fromHex(v.ciphertext), v.context);
      if (v.result === "invalid") return fails(decrypt, "KMS_ALTERED");
      expect((await decrypt()).toString("hex")).to.equal(v.dek);
      expect(openValue(fromHex(v.derivedKey ?? ""), fromHex(v.ciphertext)).toString("hex")).to.equal(v.dek);
      const random = fixedRandom(fromHex(v.dek), fromHex(v.nonce));
      const dek = await new MasterKeyService("x", fromHex(v.masterKey), random).generate(
        v.keyName,
        v.context,
      );
      expect(dek.ciphertext.toString("hex")).to.equal(v.ciphertext);
      expect(dek.keyName).to.equal(v.keyName);
    });
  }

  it("has a key for every name, and none to create", async () => {
    const keys = new MasterKeyService("default", secureRandom(32));
    const dek = await keys.generate(undefined, context);
    expect(dek.keyName).to.equal("default");
    expect(await keys.decrypt("default", dek.ciphertext, context)).to.deep.equal(dek.plaintext);
    await fails(() => keys.decrypt("other", dek.ciphertext, context), "KMS_ALTERED");
    await fails(() => keys.createKey(), "KMS_NOT_SUPPORTED");
    expect((await keys.status()).name).to.equal("master key");
  });
});

describe("a key in this process", () => {
  const kinds: readonly [string, (key: Buffer) => KeyService][] = [
    ["static", (key) => new StaticKeyService("k", key)],
    ["master", (key) => new MasterKeyService("k", key)],
  ];
  for (const [name, make] of kinds) {
    it(`${name}: seals nothing once it is overwritten`, async () => {
      const keys = make(secureRandom(32));
      const dek = await keys.generate(undefined, context);
      await keys.close();
      for (const call of [
        () => keys.generate(undefined, context),
        () => keys.decrypt("k", dek.ciphertext, context),
      ]) {
        const error = await call().catch((thrown: unknown) => thrown);
        expect(error).to.be.instanceOf(KesError).with.property("code", "INTERNAL");
      }
    });

    it(`${name}: is a copy of 32 bytes that nobody sees`, async () => {
      const key = Buffer.alloc(32, 0x5a);
      const keys = make(key);
      const dek = await keys.generate(undefined, context);
      key.fill(0);
      expect(await keys.decrypt("k", dek.ciphertext, context)).to.deep.equal(dek.plaintext);
      expect(inspect(keys, { depth: 9, showHidden: true }) + JSON.stringify(keys)).not.to.match(
        /5a5a|90, ?90/,
      );
      expect(() => make(secureRandom(31))).to.throw(KesError);
    });
  }
});

describe("the check of a key", () => {
  it("proves that what it seals it opens", async () => {
    const keys = new SeveralKeys("default", "other");
    expect(await checkKey(keys)).to.deep.equal({ keyName: "default" });
    expect(await checkKey(keys, "other")).to.deep.equal({ keyName: "other" });
    for (const dek of keys.given) expect(dek.every((byte) => byte === 0)).to.equal(true);
  });

  it("says which way it does not work", async () => {
    const keys = new SeveralKeys("default");
    const missing = await checkKey(keys, "none");
    expect(missing.encryptionError?.reason).to.equal("KMS_KEY_NOT_FOUND");
    expect(missing.decryptionError).to.equal(undefined);
    keys.decrypt = async () => Buffer.alloc(32);
    expect((await checkKey(keys)).decryptionError?.reason).to.equal("KMS_ALTERED");
    keys.decrypt = async () => {
      throw sseError("KMS_DENIED");
    };
    expect((await checkKey(keys)).decryptionError?.reason).to.equal("KMS_DENIED");
  });
});

describe("the default key at start", () => {
  it("is there, or is made", async () => {
    const keys = new SeveralKeys("default");
    expect(await prepareDefaultKey(keys)).to.equal("ready");
    keys.remove("default");
    expect(await prepareDefaultKey(keys)).to.equal("created");
    expect(await prepareDefaultKey(keys)).to.equal("ready");
  });

  it("is as good when somebody else has just made it", async () => {
    const keys = new SeveralKeys("default");
    keys.remove("default");
    keys.createKey = async () => {
      throw sseError("KMS_KEY_EXISTS");
    };
    expect(await prepareDefaultKey(keys)).to.equal("ready");
  });

  it("may be forbidden, but not out of reach", async () => {
    for (const [generate, create, state] of [
      ["KMS_DENIED", "KMS_FAILED", "denied"],
      ["KMS_KEY_NOT_FOUND", "KMS_DENIED", "denied"],
      ["KMS_UNAVAILABLE", "KMS_FAILED", "KMS_UNAVAILABLE"],
      ["KMS_KEY_NOT_FOUND", "KMS_UNAVAILABLE", "KMS_UNAVAILABLE"],
      ["KMS_KEY_NOT_FOUND", "KMS_NOT_SUPPORTED", "KMS_NOT_SUPPORTED"],
    ] as const) {
      const keys = new SeveralKeys("default");
      keys.generate = async () => {
        throw sseError(generate);
      };
      keys.createKey = async () => {
        throw sseError(create);
      };
      if (state === "denied") expect(await prepareDefaultKey(keys)).to.equal(state);
      else await fails(() => prepareDefaultKey(keys), state);
    }
  });
});
