import { expect } from "chai";
import { secureRandom } from "../../../../src/crypto/random.js";
import { StaticKeyService } from "../../../../src/storage/keys/static-key.js";
import { checkCustomerKey, type SseUse } from "../../../../src/storage/sse/access.js";
import { CustomerKey } from "../../../../src/storage/sse/customer-key.js";
import { encryptObject, openEncryption } from "../../../../src/storage/sse/encryption.js";
import type { SseFailure } from "../../../../src/storage/sse/errors.js";
import {
  isSealedETag,
  multipartETag,
  openETag,
  sealETag,
  shownETag,
} from "../../../../src/storage/sse/etag.js";
import { dekContext } from "../../../../src/storage/sse/kms-context.js";
import { readEncryption, writeEncryption } from "../../../../src/storage/sse/metadata.js";
import { bucketEncryption, decideEncryption } from "../../../../src/storage/sse/precedence.js";
import type { RequestedEncryption } from "../../../../src/storage/sse/request.js";
import { sseResponseHeaders } from "../../../../src/storage/sse/response.js";
import {
  type RotationPairing,
  rotateCustomerKey,
  rotateEncryption,
  rotationPairings,
} from "../../../../src/storage/sse/rotate.js";
import { openObjectKey, type SseKind } from "../../../../src/storage/sse/seal.js";
import { fromHex, vectors } from "../../crypto/support.js";
import { CountingKeyService, SeveralKeys } from "../keys/support.js";
import { bytesOf, fails } from "./support.js";

const random = secureRandom;
const path = { bucket: "my-bucket", object: "dir/object.txt" };
const customerKey = new CustomerKey(Buffer.alloc(32, 5));
const requests: Readonly<Record<SseKind, RequestedEncryption>> = {
  "SSE-C": { kind: "SSE-C", key: customerKey },
  "SSE-S3": { kind: "SSE-S3" },
  "SSE-KMS": { kind: "SSE-KMS", keyId: "arn:aws:kms:other", context: { tenant: "north" } },
};
const kinds = ["SSE-C", "SSE-S3", "SSE-KMS"] as const;
const given = (kind: SseKind) => (kind === "SSE-C" ? { customerKey } : {});

describe("the encryption of an object", () => {
  for (const kind of kinds) {
    it(`${kind}: is opened again from its metadata, with one call or none each way`, async () => {
      const keys = new CountingKeyService(new SeveralKeys("default", "other"));
      const { key, encryption } = await encryptObject(requests[kind], {
        path,
        keys,
        random,
        isMultipart: true,
      });
      const stored = readEncryption(writeEncryption(encryption));
      expect(stored).to.deep.equal(encryption);
      expect(stored?.isMultipart).to.equal(true);
      if (stored === undefined) throw new Error("not stored");
      const opened = await openEncryption(stored, { path, keys, use: "read", ...given(kind) });
      expect(bytesOf(opened)).to.equal(bytesOf(key));
      expect(keys.calls).to.deep.equal(kind === "SSE-C" ? [] : ["generate", "decrypt"]);
    });

    it(`${kind}: opens at no other path, also when the key service would give the DEK`, async () => {
      const keys = new SeveralKeys("default", "other");
      const { encryption } = await encryptObject(requests[kind], { path, keys, random });
      const elsewhere = { bucket: "my-bucket", object: "dir/other.txt" };
      const careless = keys.withoutContext();
      const { encryption: theirs } = await encryptObject(requests[kind], { path, keys: careless, random });
      const options = { path: elsewhere, use: "read" as const, ...given(kind) };
      const altered: SseFailure = kind === "SSE-C" ? "SSE_C_KEY_WRONG" : "KMS_ALTERED";
      await fails(() => openEncryption(encryption, { ...options, keys }), altered);
      await fails(
        () => openEncryption(theirs, { ...options, keys: careless }),
        kind === "SSE-C" ? "SSE_C_KEY_WRONG" : "SSE_ALTERED",
      );
    });
  }

  it("leaves no DEK in memory", async () => {
    const keys = new SeveralKeys("default");
    const { encryption } = await encryptObject({ kind: "SSE-S3" }, { path, keys, random });
    await openEncryption(encryption, { path, keys, use: "read" });
    expect(keys.given).to.have.length(2);
    for (const dek of keys.given) expect(dek.every((byte) => byte === 0)).to.equal(true);
  });

  it("binds the DEK to bucket and object, and for SSE-KMS to the client's context", async () => {
    const keys = new CountingKeyService(new SeveralKeys("default", "other"));
    await encryptObject({ kind: "SSE-S3" }, { path, keys, random });
    await encryptObject(requests["SSE-KMS"], { path, keys, random });
    await encryptObject({ kind: "SSE-KMS", context: { "my-bucket": "mine" } }, { path, keys, random });
    const own = { "my-bucket": "my-bucket/dir/object.txt" };
    expect(keys.contexts).to.deep.equal([own, { ...own, tenant: "north" }, { "my-bucket": "mine" }]);
    expect(keys.names).to.deep.equal([undefined, "other", undefined]);
    expect(dekContext({ bucket: "x", object: "a//b/../c" })).to.deep.equal({ x: "x/a/c" });
  });

  it("keeps what a member of a context is called, whatever that is", () => {
    const context = JSON.parse('{"__proto__":"a","constructor":"b"}');
    expect(Object.entries(dekContext(path, context))).to.deep.include(["__proto__", "a"]);
  });

  it("needs a key service for SSE-S3 and SSE-KMS alone", async () => {
    const none = { path, keys: undefined, random };
    await fails(() => encryptObject({ kind: "SSE-S3" }, none), "KMS_NOT_CONFIGURED");
    await fails(() => encryptObject({ kind: "SSE-KMS" }, none), "KMS_NOT_CONFIGURED");
    const { encryption } = await encryptObject(requests["SSE-C"], none);
    await openEncryption(encryption, { path, keys: undefined, use: "read", customerKey });
    const stored = await encryptObject({ kind: "SSE-S3" }, { path, keys: new SeveralKeys("k"), random });
    await fails(
      () => openEncryption(stored.encryption, { path, keys: undefined, use: "read" }),
      "KMS_NOT_CONFIGURED",
    );
  });

  it("is not opened by another client's key; what that is called depends on the request", async () => {
    const { encryption } = await encryptObject(requests["SSE-C"], { path, keys: undefined, random });
    const wrong = new CustomerKey(Buffer.alloc(32, 6));
    const rows: readonly [SseUse, SseFailure, number][] = [
      ["read", "SSE_C_KEY_WRONG", 403],
      ["copy-source", "SSE_C_KEY_WRONG", 403],
      ["part", "SSE_C_PART_KEY_WRONG", 400],
      ["upload", "SSE_C_PART_KEY_WRONG", 400],
    ];
    for (const [use, failure] of rows) {
      await fails(
        () => openEncryption(encryption, { path, keys: undefined, use, customerKey: wrong }),
        failure,
      );
    }
  });

  const access: readonly [SseKind | undefined, boolean, SseUse, SseFailure | undefined][] = [
    ["SSE-C", false, "read", "SSE_C_KEY_NEEDED"],
    ["SSE-C", false, "copy-source", "SSE_C_SOURCE_KEY_NEEDED"],
    ["SSE-C", false, "part", "SSE_C_PART_KEY_NEEDED"],
    ["SSE-C", false, "upload", undefined],
    ["SSE-C", true, "upload", undefined],
    ["SSE-C", true, "read", undefined],
    [undefined, true, "read", "SSE_C_KEY_STRAY"],
    ["SSE-S3", true, "read", "SSE_C_KEY_STRAY"],
    ["SSE-KMS", true, "copy-source", "SSE_C_SOURCE_KEY_STRAY"],
    ["SSE-S3", true, "part", "SSE_C_PART_KEY_STRAY"],
    [undefined, true, "upload", "SSE_C_PART_KEY_STRAY"],
    [undefined, false, "part", undefined],
    ["SSE-KMS", false, "read", undefined],
  ];
  for (const [kind, hasKey, use, failure] of access) {
    it(`${kind ?? "plain"}, ${use}, ${hasKey ? "with" : "without"} a client's key: ${failure ?? "fine"}`, async () => {
      const check = () => checkCustomerKey(kind, hasKey ? customerKey : undefined, use);
      if (failure === undefined) check();
      else await fails(check, failure);
    });
  }
});

describe("who decides on encryption", () => {
  const sseC = requests["SSE-C"];
  it("is the request, then the bucket, then the server", () => {
    const bucket = { kind: "SSE-KMS", keyId: "k" } as const;
    expect(decideEncryption(sseC, { bucket, autoEncryption: true })).to.equal(sseC);
    expect(decideEncryption({ kind: "SSE-S3" }, { bucket, autoEncryption: true })).to.deep.equal({
      kind: "SSE-S3",
    });
    expect(decideEncryption(undefined, { bucket, autoEncryption: true })).to.deep.equal(bucket);
    expect(decideEncryption(undefined, { bucket: { kind: "SSE-S3" }, autoEncryption: true })).to.deep.equal({
      kind: "SSE-S3",
    });
    expect(decideEncryption(undefined, { autoEncryption: true })).to.deep.equal({ kind: "SSE-KMS" });
    expect(decideEncryption(undefined, { autoEncryption: false })).to.equal(undefined);
  });

  it("of a bucket is one rule out of few", async () => {
    expect(bucketEncryption("AES256", undefined)).to.deep.equal({ kind: "SSE-S3" });
    expect(bucketEncryption("aws:kms", undefined)).to.deep.equal({ kind: "SSE-KMS" });
    expect(bucketEncryption("aws:kms", "")).to.deep.equal({ kind: "SSE-KMS" });
    expect(bucketEncryption("aws:kms", "arn:aws:kms:k")).to.deep.equal({
      kind: "SSE-KMS",
      keyId: "arn:aws:kms:k",
    });
    for (const [algorithm, keyId] of [
      ["AES256", "k"],
      ["AES256", ""],
      ["aes256", undefined],
      ["aws:kms:dsse", undefined],
      ["", undefined],
      ["aws:kms", " k"],
    ] as const) {
      await fails(() => bucketEncryption(algorithm, keyId), "SSE_BUCKET_DEFAULT_INVALID");
    }
  });
});

describe("the headers of an answer", () => {
  it("tell kind, key id as it was given, context and MD5", async () => {
    const keys = new SeveralKeys("default", "other");
    const shown = async (requested: RequestedEncryption) =>
      sseResponseHeaders((await encryptObject(requested, { path, keys, random })).encryption, customerKey);
    expect(sseResponseHeaders(undefined)).to.deep.equal({});
    expect(await shown({ kind: "SSE-S3" })).to.deep.equal({ "x-amz-server-side-encryption": "AES256" });
    expect(await shown(requests["SSE-KMS"])).to.deep.equal({
      "x-amz-server-side-encryption": "aws:kms",
      "x-amz-server-side-encryption-aws-kms-key-id": "arn:aws:kms:other",
      "x-amz-server-side-encryption-context": Buffer.from('{"tenant":"north"}').toString("base64"),
    });
    for (const keyId of [undefined, "default"]) {
      const requested = { kind: "SSE-KMS", ...(keyId === undefined ? {} : { keyId }) } as const;
      expect(await shown(requested)).to.deep.equal({
        "x-amz-server-side-encryption": "aws:kms",
        "x-amz-server-side-encryption-aws-kms-key-id": "default",
      });
    }
    expect(await shown(requests["SSE-C"])).to.deep.equal({
      "x-amz-server-side-encryption-customer-algorithm": "AES256",
      "x-amz-server-side-encryption-customer-key-md5": customerKey.md5,
    });
  });
});

describe("ETags", () => {
  const md5 = fromHex("5d41402abc4b2a76b9719d911017c592");

  it("of SSE-S3 are the MD5, of the others what tells nothing of the content", async () => {
    const { key } = await encryptObject(requests["SSE-C"], { path, keys: undefined, random });
    const stored = sealETag(key, md5, random);
    expect(isSealedETag(stored)).to.equal(true);
    expect(openETag(key, stored)).to.equal(md5.toString("hex"));
    expect(shownETag("SSE-S3", stored, key)).to.equal(md5.toString("hex"));
    for (const kind of ["SSE-C", "SSE-KMS"] as const) {
      expect(shownETag(kind, stored)).to.equal(stored.slice(-32));
      expect(shownETag(kind, stored)).not.to.equal(md5.toString("hex"));
    }
    expect(sealETag(key, undefined, random)).not.to.equal(sealETag(key, undefined, random));
    await fails(() => shownETag("SSE-S3", stored), "SSE_ALTERED");
    const bent = stored.slice(0, -1) + (stored.endsWith("0") ? "1" : "0");
    await fails(() => shownETag("SSE-S3", bent, key), "SSE_ALTERED");
  });

  it("that are not sealed are shown as they are", () => {
    for (const etag of [md5.toString("hex"), `${md5.toString("hex")}-3`]) {
      expect(isSealedETag(etag)).to.equal(false);
      for (const kind of [...kinds, undefined]) expect(shownETag(kind, etag)).to.equal(etag);
    }
  });

  it("of parts make that of the whole", async () => {
    // By md5sum of the binary MD5 of "hello" twice.
    const hello = md5.toString("hex");
    expect(multipartETag([hello, hello])).to.equal("616b22817b80eed9f65c3aa38cd29054-2");
    await fails(() => multipartETag(["x"]), "SSE_ALTERED");
  });
});

describe("rotation", () => {
  const pairings: readonly [SseKind | "none", SseKind, RotationPairing][] = [
    ["none", "SSE-KMS", "skip"],
    ["SSE-C", "SSE-C", "reseal"],
    ["SSE-C", "SSE-KMS", "rewrite"],
    ["SSE-S3", "SSE-S3", "reseal"],
    ["SSE-S3", "SSE-KMS", "reseal-as-is"],
    ["SSE-KMS", "SSE-KMS", "reseal"],
    ["SSE-KMS", "SSE-S3", "refuse"],
    ["SSE-KMS", "SSE-C", "rewrite"],
  ];
  for (const [from, to, pairing] of pairings) {
    it(`${from} to ${to}: ${pairing}`, () => expect(rotationPairings[from][to]).to.equal(pairing));
  }

  it("puts the same object key under another key, in one decrypt and one generate", async () => {
    const keys = new CountingKeyService(new SeveralKeys("default", "other", "new"));
    for (const kind of ["SSE-S3", "SSE-KMS"] as const) {
      const { key, encryption } = await encryptObject(requests[kind], {
        path,
        keys,
        random,
        isMultipart: true,
      });
      keys.calls.length = 0;
      const to = { kind: "SSE-KMS", keyId: "new" } as const;
      const rotated = await rotateEncryption(encryption, { to, path, keys, random });
      expect(keys.calls).to.deep.equal(["decrypt", "generate"]);
      if (rotated === undefined || rotated.kind === "SSE-C") throw new Error("nothing was rotated");
      expect([rotated.kind, rotated.dek.keyName, rotated.isMultipart]).to.deep.equal([kind, "new", true]);
      if (rotated.kind === "SSE-KMS") {
        expect(rotated.context).to.deep.equal({ tenant: "north" });
        expect(rotated.keyId).to.equal(undefined);
      }
      const opened = await openEncryption(rotated, { path, keys, use: "read" });
      expect(bytesOf(opened)).to.equal(bytesOf(key));
    }
  });

  it("keeps the key of SSE-KMS where none is named, and takes a context that is", async () => {
    const keys = new SeveralKeys("default", "other");
    const { encryption } = await encryptObject(requests["SSE-KMS"], { path, keys, random });
    const to = { kind: "SSE-KMS", context: { tenant: "south" } } as const;
    const rotated = await rotateEncryption(encryption, { to, path, keys, random });
    expect(rotated).to.include({ kind: "SSE-KMS", keyId: "arn:aws:kms:other" });
    expect(rotated).to.have.nested.property("dek.keyName", "other");
    expect(rotated).to.have.deep.property("context", { tenant: "south" });
    const plain = await encryptObject({ kind: "SSE-S3" }, { path, keys: new SeveralKeys("default"), random });
    expect(plain.encryption).to.have.nested.property("dek.keyName", "default");
  });

  it("does nothing for plain objects, and refuses what would show", async () => {
    const keys = new SeveralKeys("default", "other");
    const rotate = async (kind: SseKind | undefined, to: "SSE-S3" | "SSE-KMS") => {
      const stored = kind && (await encryptObject(requests[kind], { path, keys, random })).encryption;
      return rotateEncryption(stored, { to: { kind: to }, path, keys, random });
    };
    expect(await rotate(undefined, "SSE-KMS")).to.equal(undefined);
    await fails(() => rotate("SSE-KMS", "SSE-S3"), "SSE_ROTATION_REFUSED");
    await fails(() => rotate("SSE-C", "SSE-KMS"), "SSE_ROTATION_REFUSED");
  });

  it("of a client's key keeps the iv and the object key", async () => {
    const to = new CustomerKey(Buffer.alloc(32, 7));
    const { key, encryption } = await encryptObject(requests["SSE-C"], { path, keys: undefined, random });
    const rotated = rotateCustomerKey(encryption, { from: customerKey, to, path, random });
    expect(rotated.objectKey.iv).to.deep.equal(encryption.objectKey.iv);
    const open = (with_: CustomerKey) =>
      openEncryption(rotated, { path, keys: undefined, use: "read", customerKey: with_ });
    expect(bytesOf(await open(to))).to.equal(bytesOf(key));
    await fails(() => open(customerKey), "SSE_C_KEY_WRONG");
  });

  it("of a client's key with a wrong old one is refused, in another way when it is the new one too", async () => {
    const [wrong, other] = [8, 9].map((byte) => new CustomerKey(Buffer.alloc(32, byte)));
    if (wrong === undefined || other === undefined) throw new Error("no keys");
    const { encryption } = await encryptObject(requests["SSE-C"], { path, keys: undefined, random });
    const rotate = (from: CustomerKey, to: CustomerKey) =>
      rotateCustomerKey(encryption, { from, to, path, random });
    await fails(() => rotate(wrong, other), "SSE_C_KEY_WRONG");
    await fails(() => rotate(wrong, wrong), "SSE_C_SAME_KEY_WRONG");
    const keys = new StaticKeyService("k", Buffer.alloc(32, 1));
    const managed = await encryptObject({ kind: "SSE-S3" }, { path, keys, random });
    await fails(
      () => rotateCustomerKey(managed.encryption, { from: wrong, to: other, path, random }),
      "SSE_ROTATION_REFUSED",
    );
  });

  it("makes a seal of today out of one of the older kind", () => {
    const old = vectors<Record<string, string>>("object-key-seal.json").find(
      ({ algorithm, result }) => algorithm === "DARE-SHA256" && result === "valid",
    );
    const dek = fromHex(old?.dek ?? "");
    const iv = fromHex(old?.iv ?? "");
    const objectKey = { algorithm: "DARE-SHA256", iv, bytes: fromHex(old?.sealed ?? "") } as const;
    const key = new CustomerKey(dek);
    const encryption = { kind: "SSE-C", objectKey, isMultipart: false } as const;
    const rotated = rotateCustomerKey(encryption, { from: key, to: key, path, random });
    expect(rotated.objectKey.algorithm).to.equal("DAREv2-HMAC-SHA256");
    expect(bytesOf(openObjectKey(rotated.objectKey, dek, "SSE-C", path))).to.equal(old?.oek);
  });
});
