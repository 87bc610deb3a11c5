import { expect } from "chai";
import fc from "fast-check";
import {
  type Encryption,
  encryptionKind,
  isReservedName,
  readEncryption,
  withoutReserved,
  writeEncryption,
} from "../../../../src/storage/sse/metadata.js";
import { fails } from "./support.js";

const SSE = "X-Minio-Internal-Server-Side-Encryption-";
const objectKey = {
  algorithm: "DAREv2-HMAC-SHA256",
  iv: Buffer.alloc(32, 1),
  bytes: Buffer.alloc(64, 2),
} as const;
const dek = { keyName: "my-key", ciphertext: Buffer.alloc(76, 3) };

const bytes = (size: number) =>
  fc.uint8Array({ minLength: size, maxLength: size }).map((b) => Buffer.from(b));
const common = {
  objectKey: fc.record({
    algorithm: fc.constantFrom("DAREv2-HMAC-SHA256", "DARE-SHA256"),
    iv: bytes(32),
    bytes: bytes(64),
  }),
  isMultipart: fc.boolean(),
};
const sealedDek = fc.record({
  keyName: fc.stringMatching(/^[A-Za-z0-9_-]{1,80}$/),
  ciphertext: fc.uint8Array({ minLength: 1, maxLength: 200 }).map((b) => Buffer.from(b)),
});
const text = fc.string({ unit: "grapheme", maxLength: 20 });
const encryptions: fc.Arbitrary<Encryption> = fc.oneof(
  fc.record({ kind: fc.constant("SSE-C" as const), ...common }),
  fc.record({ kind: fc.constant("SSE-S3" as const), dek: sealedDek, ...common }),
  fc.record(
    {
      kind: fc.constant("SSE-KMS" as const),
      dek: sealedDek,
      context: fc.dictionary(text, text, { maxKeys: 4, noNullPrototype: true }),
      keyId: fc.constant("arn:aws:kms:my-key"),
      ...common,
    },
    { requiredKeys: ["kind", "dek", "objectKey", "isMultipart"] },
  ),
);

describe("stored encryption metadata", () => {
  it("reads what it has written, in any case, with other metadata beside it and as user metadata", () => {
    fc.assert(
      fc.property(encryptions, (encryption) => {
        const written = writeEncryption(encryption);
        const beside = { "content-type": "text/plain", "X-Amz-Meta-Color": "blue", ...written };
        expect(readEncryption(beside)).to.deep.equal(encryption);
        expect(encryptionKind(beside)).to.equal(encryption.kind);
        for (const prefix of ["", "x-amz-meta-"]) {
          const folded = Object.entries(written).map(([name, value]) => [prefix + name.toLowerCase(), value]);
          expect(readEncryption(Object.fromEntries(folded))).to.deep.equal(encryption);
        }
        for (const name of Object.keys(written)) {
          expect(isReservedName(name), name).to.equal(true);
          expect(isReservedName(`x-amz-meta-${name}`), name).to.equal(true);
        }
        expect(withoutReserved(beside)).to.deep.equal({
          "content-type": "text/plain",
          "X-Amz-Meta-Color": "blue",
        });
      }),
    );
  });

  it("has MinIO's names", () => {
    const marks = { "SSE-C": "Sealed-Key", "SSE-S3": "S3-Sealed-Key", "SSE-KMS": "Kms-Sealed-Key" } as const;
    const managed = [`${SSE}S3-Kms-Key-Id`, `${SSE}S3-Kms-Sealed-Key`];
    for (const kind of ["SSE-C", "SSE-S3", "SSE-KMS"] as const) {
      const names = Object.keys(writeEncryption({ kind, dek, objectKey, isMultipart: false }));
      expect(names.sort()).to.deep.equal(
        [`${SSE}Iv`, `${SSE}Seal-Algorithm`, SSE + marks[kind], ...(kind === "SSE-C" ? [] : managed)].sort(),
      );
    }
    const full = { kind: "SSE-KMS", dek, objectKey, isMultipart: true, context: { b: "2", a: "1" } } as const;
    expect(writeEncryption(full)).to.include({
      [`${SSE}Context`]: Buffer.from('{"a":"1","b":"2"}').toString("base64"),
      "X-Minio-Internal-Encrypted-Multipart": "",
      [`${SSE}S3-Kms-Key-Id`]: "my-key",
      [`${SSE}Seal-Algorithm`]: "DAREv2-HMAC-SHA256",
    });
  });

  it("takes up less than 2 KB, so that it fits into user metadata of any S3 service", () => {
    const context = { tenant: "north", department: "accounting" };
    const written = writeEncryption({ kind: "SSE-KMS", dek, objectKey, isMultipart: true, context });
    const size = Object.entries(written).reduce((sum, [name, value]) => sum + name.length + value.length, 0);
    expect(size).to.be.lessThan(1024);
  });

  it("of a plain object is none", () => {
    for (const plain of [{}, { etag: "x" }, { "X-Minio-Internal-actual-size": "5" }]) {
      expect(readEncryption(plain)).to.equal(undefined);
      expect(encryptionKind(plain)).to.equal(undefined);
    }
  });

  const s3 = writeEncryption({ kind: "SSE-S3", dek, objectKey, isMultipart: false });
  const kms = writeEncryption({ kind: "SSE-KMS", dek, objectKey, isMultipart: false });
  const c = writeEncryption({ kind: "SSE-C", objectKey, isMultipart: false });

  it("with several marks is SSE-KMS first, then SSE-S3, then SSE-C", () => {
    expect(encryptionKind({ ...c, ...s3, ...kms })).to.equal("SSE-KMS");
    expect(encryptionKind({ ...c, ...s3 })).to.equal("SSE-S3");
    expect(readEncryption({ ...c, ...s3 })?.kind).to.equal("SSE-S3");
  });

  const without = (from: Record<string, string>, name: string): Record<string, string> =>
    Object.fromEntries(Object.entries(from).filter(([each]) => each !== name));
  const rows: readonly [string, Record<string, string>][] = [
    ["an iv alone", { [`${SSE}Iv`]: objectKey.iv.toString("base64") }],
    ["a mark of parts alone", { "X-Minio-Internal-Encrypted-Multipart": "" }],
    ["a name of the future alone", { [`${SSE}Something`]: "1" }],
    ["no iv", without(s3, `${SSE}Iv`)],
    ["no seal algorithm", without(s3, `${SSE}Seal-Algorithm`)],
    ["an unknown seal algorithm", { ...s3, [`${SSE}Seal-Algorithm`]: "DAREv3" }],
    ["an iv of 31 bytes", { ...s3, [`${SSE}Iv`]: Buffer.alloc(31).toString("base64") }],
    ["a sealed key of 65 bytes", { ...s3, [`${SSE}S3-Sealed-Key`]: Buffer.alloc(65).toString("base64") }],
    ["a sealed key that is no base64", { ...s3, [`${SSE}S3-Sealed-Key`]: "?" }],
    ["an empty mark", { ...s3, [`${SSE}S3-Sealed-Key`]: "" }],
    ["a sealed DEK without key name", without(s3, `${SSE}S3-Kms-Key-Id`)],
    ["a key name without sealed DEK", without(kms, `${SSE}S3-Kms-Sealed-Key`)],
    ["an empty key name", { ...kms, [`${SSE}S3-Kms-Key-Id`]: "" }],
    ["a context that is none", { ...kms, [`${SSE}Context`]: "e30" }],
    ["an entry twice with two values", { ...s3, [`${SSE}iv`]: Buffer.alloc(32, 9).toString("base64") }],
  ];
  for (const [what, metadata] of rows) {
    it(`is refused: ${what}`, () => fails(() => readEncryption(metadata), "SSE_ALTERED"));
  }

  it("is known to be there even where it cannot be read", () => {
    expect(encryptionKind({ "X-Minio-Internal-Encrypted-Multipart": "" })).to.equal("unknown");
    expect(encryptionKind({ [`${SSE}Something`]: "1" })).to.equal("unknown");
  });
});

describe("reserved names", () => {
  it("are those of MinIO and ours, by themselves or as user metadata, in any case", () => {
    for (const name of [
      "X-Minio-Internal-anything",
      "x-minio-internal-",
      "x-amz-meta-X-MINIO-INTERNAL-Server-Side-Encryption-Iv",
      "X-Keswick-Internal-Kms-Key-Id",
      "X-Minio-Replication-Ssec-Crc",
    ]) {
      expect(isReservedName(name), name).to.equal(true);
    }
    for (const name of ["x-amz-meta-color", "x-minio", "content-type", "x-amz-meta-my-x-minio-internal-x"]) {
      expect(isReservedName(name), name).to.equal(false);
    }
  });
});
