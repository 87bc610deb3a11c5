import { createHash } from "node:crypto";
import { inspect } from "node:util";
import { expect } from "chai";
import fc from "fast-check";
import { KesError } from "../../../../src/errors.js";
import { backEndKey, CustomerKey } from "../../../../src/storage/sse/customer-key.js";
import { type SseFailure, sseErrors } from "../../../../src/storage/sse/errors.js";
import type { SseHeaders } from "../../../../src/storage/sse/headers.js";
import {
  keyNameOfId,
  readSseRequest,
  type SseConditions,
  type SseOperation,
} from "../../../../src/storage/sse/request.js";
import { fails, failureOf } from "./support.js";

const keyBytes = Buffer.from("32byteslongsecretkeymustprovided");
const SSE = "x-amz-server-side-encryption";
const C = `${SSE}-customer`;
const SOURCE_C = "x-amz-copy-source-server-side-encryption-customer";
const md5 = (bytes: Buffer): string => createHash("md5").update(bytes).digest("base64");
const customer = (prefix = C, bytes = keyBytes): Record<string, string> => ({
  [`${prefix}-algorithm`]: "AES256",
  [`${prefix}-key`]: bytes.toString("base64"),
  [`${prefix}-key-md5`]: md5(bytes),
});
const without = (headers: Record<string, string>, name: string): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).filter(([each]) => each !== name));
const base64 = (text: string): string => Buffer.from(text).toString("base64");

const secure: SseConditions = { isSecure: true };
const read = (headers: SseHeaders, operation: SseOperation = "store", conditions = secure) =>
  readSseRequest(operation, headers, conditions);

describe("the encryption that a request asks for", () => {
  const asked: readonly [string, SseHeaders, object | undefined][] = [
    ["nothing", {}, undefined],
    ["nothing, with a bucket key", { [`${SSE}-bucket-key-enabled`]: "true" }, undefined],
    ["AES256", { [SSE]: "AES256" }, { kind: "SSE-S3" }],
    ["aes256, as MinIO lets it pass", { [SSE]: "aes256" }, { kind: "SSE-S3" }],
    ["aws:kms with the default key", { [SSE]: "aws:kms" }, { kind: "SSE-KMS" }],
    ["an empty key id", { [SSE]: "aws:kms", [`${SSE}-aws-kms-key-id`]: "" }, { kind: "SSE-KMS" }],
    ["a key", { [SSE]: "aws:kms", [`${SSE}-aws-kms-key-id`]: "k" }, { kind: "SSE-KMS", keyId: "k" }],
    [
      "a key with its prefix, as given",
      { [SSE]: "aws:kms", [`${SSE}-aws-kms-key-id`]: "arn:aws:kms:k" },
      { kind: "SSE-KMS", keyId: "arn:aws:kms:k" },
    ],
    [
      "a context",
      { [SSE]: "aws:kms", [`${SSE}-context`]: base64('{ "b":"2", "a":"1" }') },
      { kind: "SSE-KMS", context: { a: "1", b: "2" } },
    ],
    [
      "an empty context",
      { [SSE]: "aws:kms", [`${SSE}-context`]: base64("{}") },
      { kind: "SSE-KMS", context: {} },
    ],
  ];
  for (const [what, headers, target] of asked) {
    it(`is understood: ${what}`, () => {
      for (const operation of ["store", "copy"] as const) {
        expect(read(headers, operation)).to.deep.equal({ target, source: undefined });
      }
    });
  }

  it("is understood: a client's key, which is copied and echoed by its MD5", () => {
    for (const operation of ["store", "copy", "part", "part-copy", "read"] as const) {
      const { target } = read(customer(), operation);
      if (target?.kind !== "SSE-C") throw new Error("not SSE-C");
      expect(target.key.use((dek) => Buffer.from(dek))).to.deep.equal(keyBytes);
      expect(target.key.md5).to.equal(md5(keyBytes));
    }
  });

  it("is understood: the key of a copy's source, with any kind for the target", () => {
    const other = Buffer.alloc(32, 9);
    for (const [target, kind] of [
      [{}, undefined],
      [{ [SSE]: "AES256" }, "SSE-S3"],
      [{ [SSE]: "aws:kms" }, "SSE-KMS"],
      [customer(C, other), "SSE-C"],
    ] as const) {
      const request = read({ ...target, ...customer(SOURCE_C) }, "copy");
      expect(request.target?.kind).to.equal(kind);
      expect(request.source?.md5).to.equal(md5(keyBytes));
    }
  });

  it("is not what came before the request's own headers in a prototype", () => {
    expect(read(Object.create({ [SSE]: "AES256" })).target).to.equal(undefined);
  });

  it("is ignored on parts, where the upload has settled it", () => {
    for (const operation of ["part", "part-copy"] as const) {
      const headers = { [SSE]: "aws:kms", [`${SSE}-aws-kms-key-id`]: " other", [`${SSE}-context`]: "!" };
      expect(read(headers, operation).target).to.equal(undefined);
      expect(read({ ...headers, ...customer() }, operation).target?.kind).to.equal("SSE-C");
    }
  });

  const kms = { [SSE]: "aws:kms" };
  const context = (text: string): SseHeaders => ({ ...kms, [`${SSE}-context`]: text });
  const short = Buffer.alloc(31, 1);
  const refused: readonly [string, SseHeaders, SseFailure, SseOperation?, SseConditions?][] = [
    ["an unknown algorithm", { [SSE]: "AES128" }, "SSE_ALGORITHM_UNKNOWN"],
    ["an empty algorithm", { [SSE]: "" }, "SSE_ALGORITHM_UNKNOWN"],
    ["two layers", { [SSE]: "aws:kms:dsse" }, "SSE_ALGORITHM_UNKNOWN"],
    ["aws:kms in another case", { [SSE]: "AWS:KMS" }, "SSE_ALGORITHM_UNKNOWN"],
    ["a header twice", { [SSE]: ["AES256", "AES256"] }, "SSE_ALGORITHM_UNKNOWN"],
    ["a key id by itself", { [`${SSE}-aws-kms-key-id`]: "k" }, "SSE_KMS_NOT_ASKED"],
    ["a key id with AES256", { [SSE]: "AES256", [`${SSE}-aws-kms-key-id`]: "k" }, "SSE_KMS_NOT_ASKED"],
    ["a context by itself", { [`${SSE}-context`]: base64("{}") }, "SSE_KMS_NOT_ASKED"],
    ["a context with AES256", { [SSE]: "AES256", [`${SSE}-context`]: base64("{}") }, "SSE_KMS_NOT_ASKED"],
    ["a key id with a blank in front", { ...kms, [`${SSE}-aws-kms-key-id`]: " k" }, "SSE_KMS_KEY_ID_INVALID"],
    ["a key id with a tab behind", { ...kms, [`${SSE}-aws-kms-key-id`]: "k\t" }, "SSE_KMS_KEY_ID_INVALID"],
    ["a context that is no base64", context("{}"), "SSE_KMS_CONTEXT_INVALID"],
    ["a context of URL base64", context("_-8="), "SSE_KMS_CONTEXT_INVALID"],
    ["a context that is no JSON", context(base64("{a")), "SSE_KMS_CONTEXT_INVALID"],
    ["an empty context header", context(""), "SSE_KMS_CONTEXT_INVALID"],
    ["a context that is a list", context(base64("[]")), "SSE_KMS_CONTEXT_INVALID"],
    ["a context that is null", context(base64("null")), "SSE_KMS_CONTEXT_INVALID"],
    ["a context that is text", context(base64('"a"')), "SSE_KMS_CONTEXT_INVALID"],
    ["a context with a number", context(base64('{"a":1}')), "SSE_KMS_CONTEXT_INVALID"],
    ["a context within a context", context(base64('{"a":{}}')), "SSE_KMS_CONTEXT_INVALID"],
    ["a context with half a character", context(base64('{"a":"\\ud800"}')), "SSE_KMS_CONTEXT_INVALID"],
    ["a context that is not UTF-8", context("eyJhIjoi/yJ9"), "SSE_KMS_CONTEXT_INVALID"],
    ["a context of 9 KiB", context(base64(`{"a":"${"x".repeat(9216)}"}`)), "SSE_KMS_CONTEXT_INVALID"],
    ["both kinds: SSE-S3", { ...customer(), [SSE]: "AES256" }, "SSE_KINDS_MIXED"],
    ["both kinds: SSE-KMS", { ...customer(), ...kms }, "SSE_KINDS_MIXED", "copy"],
    ["both kinds, told before a bad key", { ...kms, [`${C}-key`]: "?" }, "SSE_KINDS_MIXED"],
    ["SSE-S3 for reading", { [SSE]: "AES256" }, "SSE_NOT_FOR_READING", "read"],
    ["SSE-KMS for reading", kms, "SSE_NOT_FOR_READING", "read"],
    ["another algorithm", { ...customer(), [`${C}-algorithm`]: "AES128" }, "SSE_C_ALGORITHM_INVALID"],
    [
      "the algorithm in lower case",
      { ...customer(), [`${C}-algorithm`]: "aes256" },
      "SSE_C_ALGORITHM_INVALID",
    ],
    ["no algorithm", without(customer(), `${C}-algorithm`), "SSE_C_ALGORITHM_INVALID"],
    ["no key", without(customer(), `${C}-key`), "SSE_C_KEY_MISSING"],
    ["an empty key", { ...customer(), [`${C}-key`]: "" }, "SSE_C_KEY_MISSING"],
    ["no MD5", without(customer(), `${C}-key-md5`), "SSE_C_MD5_MISSING"],
    ["an empty MD5", { ...customer(), [`${C}-key-md5`]: "" }, "SSE_C_MD5_MISSING"],
    ["a key of 31 bytes", customer(C, short), "SSE_C_KEY_INVALID"],
    ["a key of 33 bytes", customer(C, Buffer.alloc(33)), "SSE_C_KEY_INVALID"],
    ["a key in hex", { ...customer(), [`${C}-key`]: keyBytes.toString("hex") }, "SSE_C_KEY_INVALID"],
    [
      "a key without padding",
      { ...customer(), [`${C}-key`]: keyBytes.toString("base64").replace("=", "") },
      "SSE_C_KEY_INVALID",
    ],
    ["the MD5 of another key", { ...customer(), [`${C}-key-md5`]: md5(short) }, "SSE_C_MD5_MISMATCH"],
    ["an MD5 in hex", { ...customer(), [`${C}-key-md5`]: "00".repeat(16) }, "SSE_C_MD5_MISMATCH"],
    ["an MD5 of 15 bytes", { ...customer(), [`${C}-key-md5`]: base64("x".repeat(15)) }, "SSE_C_MD5_MISMATCH"],
    ["over plain HTTP", customer(), "SSE_C_INSECURE", "store", { isSecure: false }],
    ["over plain HTTP for reading", customer(), "SSE_C_INSECURE", "read", { isSecure: false }],
    [
      "over plain HTTP, told before all else",
      { [`${C}-key`]: "?" },
      "SSE_C_INSECURE",
      "part",
      { isSecure: false },
    ],
    ["a source's key over plain HTTP", customer(SOURCE_C), "SSE_C_INSECURE", "copy", { isSecure: false }],
    ["a source's key for a put", customer(SOURCE_C), "SSE_C_SOURCE_STRAY"],
    ["a source's key for a get", customer(SOURCE_C), "SSE_C_SOURCE_STRAY", "read"],
    ["a source's key for a part", customer(SOURCE_C), "SSE_C_SOURCE_STRAY", "part"],
    [
      "a source's key without MD5",
      without(customer(SOURCE_C), `${SOURCE_C}-key-md5`),
      "SSE_C_MD5_MISSING",
      "copy",
    ],
    ["a source's key that is wrong", customer(SOURCE_C, short), "SSE_C_KEY_INVALID", "part-copy"],
    [
      "a bucket that blocks clients' keys",
      { [`${C}-key`]: "?" },
      "SSE_C_BLOCKED",
      "store",
      { isSecure: true, blocksCustomerKeys: true },
    ],
  ];
  for (const [what, headers, failure, operation, conditions] of refused) {
    it(`is refused: ${what}`, () => fails(() => read(headers, operation, conditions), failure));
  }

  it("of a blocking bucket is still read", () => {
    const conditions = { isSecure: true, blocksCustomerKeys: true };
    expect(read(customer(), "read", conditions).target?.kind).to.equal("SSE-C");
    expect(read({ [SSE]: "AES256" }, "store", conditions).target?.kind).to.equal("SSE-S3");
  });

  it("gives away nothing of the request in its errors", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.subarray([...Object.keys(customer()), SSE, `${SSE}-context`, `${SSE}-aws-kms-key-id`], {
          minLength: 1,
        }),
        async (names) => {
          const headers = Object.fromEntries(names.map((name) => [name, "c2VjcmV0LXRleHQ= "]));
          const error = await failureOf(() => read(headers));
          expect(inspect(error, { depth: 9 })).not.to.match(/c2VjcmV0|secret-text/);
          expect(error.message).to.equal(sseErrors[error.reason as SseFailure][2]);
        },
      ),
    );
  });
});

describe("key ids", () => {
  it("name keys with and without their prefix", () => {
    for (const [id, name] of [
      [undefined, undefined],
      ["", undefined],
      ["arn:aws:kms:", undefined],
      ["my-key", "my-key"],
      ["arn:aws:kms:my-key", "my-key"],
      ["ARN:aws:kms:my-key", "ARN:aws:kms:my-key"],
      ["arn:aws:kms:arn:aws:kms:k", "arn:aws:kms:k"],
    ] as const) {
      expect(keyNameOfId(id), String(id)).to.equal(name);
    }
  });
});

describe("a client's key", () => {
  it("becomes another one for a back end (S3 reference §10)", () => {
    const bytes = Buffer.from(Uint8Array.from({ length: 32 }, (_, i) => 0x40 + i));
    const derived = backEndKey(new CustomerKey(bytes), { bucket: "my-bucket", object: "dir/object.txt" });
    const hex = "81e487c90cace1e61490ce56446e14fcc4f30a5e1237a3cd5060441da37daf5b";
    expect(derived.use((dek) => Buffer.from(dek).toString("hex"))).to.equal(hex);
    expect(derived.md5).to.equal(md5(Buffer.from(hex, "hex")));
  });

  it("is a copy, compared without a hint, shown to nobody, and gone when it is wiped", () => {
    const bytes = Buffer.alloc(32, 0x5a);
    const key = new CustomerKey(bytes);
    bytes.fill(0);
    expect(key.equals(new CustomerKey(Buffer.alloc(32, 0x5a)))).to.equal(true);
    expect(key.equals(new CustomerKey(Buffer.alloc(32)))).to.equal(false);
    for (const text of [inspect(key, { depth: 9, showHidden: true }), JSON.stringify(key)]) {
      expect(text).not.to.match(/5a5a|90, ?90|Buffer/);
    }
    key.wipe();
    expect(() => key.use(() => 1))
      .to.throw(KesError)
      .with.property("code", "INTERNAL");
    expect(() => new CustomerKey(Buffer.alloc(31))).to.throw(KesError);
  });
});
