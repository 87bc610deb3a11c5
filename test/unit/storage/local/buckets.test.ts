import { expect } from "chai";
import type { EncryptionDocument } from "../../../../src/storage/s3/documents.js";
import type { RequestedEncryption } from "../../../../src/storage/sse/request.js";
import { MemoryStore } from "../../../support/memory-store.js";
import { uploadBody } from "../../../support/upload-body.js";
import { pattern } from "../sse/support.js";
import {
  asks,
  at,
  BUCKET,
  copies,
  customerKey,
  type Kind,
  LocalSite,
  memorySite,
  rejects,
} from "./support.js";

const content = pattern(10);
const nothing = { target: undefined, source: undefined };

describe("local objects: buckets", () => {
  it("are made, listed in order, told of and deleted", async () => {
    const site = await memorySite();
    site.nowMs += 5;
    for (const name of ["zz-last", "a-first"]) await site.objects.createBucket(name);
    const buckets = await site.objects.buckets();
    expect(buckets.map(({ name }) => name)).to.deep.equal(["a-first", BUCKET, "zz-last"]);
    expect(await site.objects.bucket("a-first")).to.deep.equal({ name: "a-first", createdMs: site.nowMs });
    await rejects(() => site.objects.createBucket("a-first"), "BUCKET_OWNED");
    await rejects(() => site.objects.bucket("none"), "BUCKET_NOT_FOUND");
    await site.put("k", content);
    await rejects(() => site.objects.deleteBucket(BUCKET), "BUCKET_NOT_EMPTY");
    await site.objects.deleteBucket("a-first");
    await rejects(() => site.objects.deleteBucket("a-first"), "BUCKET_NOT_FOUND");
    expect(await site.objects.status()).to.deep.include({ isStorageOnline: true });
  });

  interface Row {
    readonly title: string;
    readonly bucket?: EncryptionDocument;
    readonly auto?: boolean;
    readonly asked?: RequestedEncryption;
    readonly kind: Kind;
    readonly keyName?: string;
  }
  const sse: EncryptionDocument = { algorithm: "AES256" };
  const kms: EncryptionDocument = { algorithm: "aws:kms", keyId: "arn:aws:kms:other" };
  const customer = { kind: "SSE-C", key: customerKey } as const;
  const rows: readonly Row[] = [
    { title: "nothing is said", kind: "none" },
    { title: "the request speaks", asked: { kind: "SSE-S3" }, kind: "SSE-S3" },
    { title: "the bucket speaks", bucket: sse, kind: "SSE-S3" },
    { title: "the bucket names a key", bucket: kms, kind: "SSE-KMS", keyName: "other" },
    { title: "the bucket names none", bucket: { algorithm: "aws:kms" }, kind: "SSE-KMS", keyName: "default" },
    { title: "the server speaks", auto: true, kind: "SSE-KMS", keyName: "default" },
    { title: "bucket before server", bucket: sse, auto: true, kind: "SSE-S3" },
    {
      title: "request before bucket",
      bucket: sse,
      asked: { kind: "SSE-KMS" },
      kind: "SSE-KMS",
      keyName: "default",
    },
    { title: "SSE-S3 before a bucket's key", bucket: kms, asked: { kind: "SSE-S3" }, kind: "SSE-S3" },
    { title: "a client's key before all", bucket: kms, auto: true, asked: customer, kind: "SSE-C" },
  ];
  for (const { title, bucket, auto = false, asked, kind, keyName } of rows) {
    it(`${title}: ${kind}, for put, upload and copy alike`, async () => {
      const site = await memorySite({ autoEncryption: auto });
      await site.objects.setBucketEncryption(BUCKET, bucket);
      const request = { target: asked, source: undefined };
      const put = await site.put("k", content, "none", { sse: request });
      const created = await site.upload("k", "none", { sse: request });
      await site.put("source", content, "none");
      const copied = await site.copy("source", "copy", request);
      for (const { encryption } of [put, created, copied]) {
        expect(encryption?.kind ?? "none").to.equal(kind);
        if (encryption?.kind === "SSE-KMS") expect(encryption.dek.keyName).to.equal(keyName);
      }
      expect((await site.get("k", kind)).bytes.equals(content)).to.equal(true);
    });
  }

  it("of an encrypted source nothing is taken over, where nothing is said", async () => {
    const site = await memorySite();
    for (const kind of ["SSE-S3", "SSE-KMS", "SSE-C"] as const) {
      await site.put("source", content, kind);
      const copied = await site.copy("source", "copy", { ...nothing, source: copies(kind, "none").source });
      expect(copied.encryption).to.equal(undefined);
    }
  });

  it("a default is tried, kept as it was given and taken away", async () => {
    const site = await memorySite();
    const document: EncryptionDocument = {
      ...{ algorithm: "aws:kms", keyId: "arn:aws:kms:other", bucketKeyEnabled: true, blockedTypes: ["NONE"] },
    };
    await site.objects.setBucketEncryption(BUCKET, document);
    expect((await site.objects.bucket(BUCKET)).encryption).to.deep.equal(document);
    expect(site.calls()).to.deep.equal(["generate"]);
    expect(site.counted.names.at(-1)).to.equal("other");
    const missing: EncryptionDocument = { algorithm: "aws:kms", keyId: "missing" };
    await rejects(() => site.objects.setBucketEncryption(BUCKET, missing), "KMS_KEY_NOT_FOUND");
    expect((await site.objects.bucket(BUCKET)).encryption).to.deep.equal(document);
    await site.objects.setBucketEncryption(BUCKET, undefined);
    expect(await site.objects.bucket(BUCKET)).not.to.have.property("encryption");
    await rejects(() => site.objects.setBucketEncryption("none", undefined), "BUCKET_NOT_FOUND");
    const bare = new LocalSite({ store: new MemoryStore(), keys: "none" });
    await bare.objects.createBucket(BUCKET);
    await rejects(
      () => bare.objects.setBucketEncryption(BUCKET, { algorithm: "AES256" }),
      "KMS_NOT_CONFIGURED",
    );
  });

  it("may accept no keys of clients: nothing is stored, what is there stays readable", async () => {
    const site = await memorySite();
    await site.put("old", content, "SSE-C");
    await site.objects.setBucketEncryption(BUCKET, { algorithm: "AES256", blockedTypes: ["SSE-C"] });
    const body = uploadBody(content);
    await rejects(() => site.put("k", content, "SSE-C", { body }), "SSE_C_BLOCKED");
    expect(body.isOpened).to.equal(false);
    await rejects(() => site.upload("k", "SSE-C"), "SSE_C_BLOCKED");
    await rejects(() => site.copy("old", "k", copies("SSE-C", "SSE-C")), "SSE_C_BLOCKED");
    expect((await site.get("old", "SSE-C")).bytes.equals(content)).to.equal(true);
    await site.copy("old", "k", copies("SSE-C", "SSE-KMS"));
    await site.put("k", content, "SSE-S3");
    await site.objects.setBucketEncryption(BUCKET, { algorithm: "AES256", blockedTypes: ["NONE"] });
    await site.put("k", content, "SSE-C");
  });

  it("an unknown key stores nothing, and opens no body", async () => {
    const site = await memorySite();
    const body = uploadBody(content);
    const unknown = { target: { kind: "SSE-KMS", keyId: "missing" }, source: undefined } as const;
    await rejects(() => site.put("k", content, "none", { sse: unknown, body }), "KMS_KEY_NOT_FOUND");
    await rejects(() => site.upload("k", "none", { sse: unknown }), "KMS_KEY_NOT_FOUND");
    expect(body.isOpened).to.equal(false);
    expect(await site.listed()).to.deep.equal([]);
    expect(
      (await site.objects.uploads(BUCKET, { prefix: "", delimiter: "", after: "", maxKeys: 5 })).contents,
    ).to.deep.equal([]);
    expect(asks("none").target).to.equal(undefined);
    await rejects(() => site.head("k", "none", { path: at("k", "none") }), "BUCKET_NOT_FOUND");
  });
});
