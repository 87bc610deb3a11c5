/** Objects that a real MinIO has encrypted, opened from its data folder by the storage module's code. */
import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { StaticKeyService } from "../../src/storage/keys/static-key.js";
import { openContent } from "../../src/storage/sse/content.js";
import { type ByteRange, contentPart, planRead } from "../../src/storage/sse/content-layout.js";
import { openEncryption } from "../../src/storage/sse/encryption.js";
import { shownETag } from "../../src/storage/sse/etag.js";
import { encryptionKind, readEncryption, writeEncryption } from "../../src/storage/sse/metadata.js";
import type { ObjectKey } from "../../src/storage/sse/object-key.js";
import { sseResponseHeaders } from "../../src/storage/sse/response.js";
import { CleanUp } from "../support/clean-up.js";
import { Minio } from "../support/minio.js";
import { readMinioObject } from "../support/minio-object.js";
import { requireService } from "../support/services/index.js";
import { fails } from "../unit/storage/sse/support.js";

const SSE = "x-amz-server-side-encryption";
const s3 = { [SSE]: "AES256" };
const context = Buffer.from('{"tenant":"north","a":"<&>"}').toString("base64");
const kms = { [SSE]: "aws:kms", [`${SSE}-context`]: context };
const MIB = 1024 * 1024;
/** Text, for the plain S3 client sends text. */
const text = (size: number): string => "0123456789abcdef\n".repeat(Math.ceil(size / 17)).slice(0, size);

describe("interop: objects of a real MinIO", function () {
  this.timeout(60_000);
  const cleanUp = new CleanUp();
  const key = randomBytes(32);
  const keys = new StaticKeyService("my-key", key);
  let data: string;
  let minio: Minio;

  before(async function () {
    const tools = { minio: requireService(this, "minio"), mc: requireService(this, "mc") };
    const folder = await mkdtemp(join(tmpdir(), "keswick-minio-objects-"));
    cleanUp.add(() => rm(folder, { recursive: true, force: true }));
    data = join(folder, "data");
    const secret = `my-key:${key.toString("base64")}`;
    minio = await Minio.start({ folder, tools, kms: { MINIO_KMS_SECRET_KEY: secret } });
    cleanUp.add(() => minio.stop());
    await minio.mcOk("mb", "local/bucket");
  });

  after(() => cleanUp.run());

  async function put(object: string, headers: Record<string, string>, body: string): Promise<Headers> {
    const reply = await minio.s3("PUT", `/bucket/${object}`, { headers, body });
    expect(reply.status, reply.body).to.equal(200);
    return reply.headers;
  }

  /** The object's key, what MinIO shows, and a reader of its content. */
  async function opened(object: string) {
    const stored = await readMinioObject(join(data, "bucket", object));
    const encryption = readEncryption(stored.metadata);
    if (encryption === undefined) throw new Error("not encrypted");
    const path = { bucket: "bucket", object };
    const objectKey = await openEncryption(encryption, { path, keys, use: "read" });
    const parts = stored.parts.map(({ number, sealed }) =>
      contentPart(sealed.length, encryption.isMultipart ? number : undefined),
    );
    const sealed = Buffer.concat(stored.parts.map((part) => part.sealed));
    const read = async (range?: ByteRange, secret: ObjectKey = objectKey): Promise<string> => {
      const plan = planRead(parts, range);
      const bytes = sealed.subarray(plan.sealedOffset, plan.sealedOffset + plan.sealedBytes);
      const chunks: Buffer[] = [];
      for await (const chunk of openContent(chunked(bytes), secret, plan)) chunks.push(chunk);
      return Buffer.concat(chunks).toString();
    };
    return { stored, encryption, objectKey, parts, read, path };
  }

  async function* chunked(bytes: Buffer): AsyncGenerator<Buffer> {
    for (let at = 0; at < bytes.length; at += 70_001) yield bytes.subarray(at, at + 70_001);
  }

  const objects: readonly [string, Record<string, string>, number][] = [
    ["s3/small", s3, 5],
    ["s3/large", s3, 3 * MIB + 77],
    ["kms/small", kms, 1],
    ["kms/large", kms, 200_000],
  ];
  for (const [object, headers, size] of objects) {
    it(`opens ${object}, ${size} bytes, its ETag and its ranges`, async () => {
      const body = text(size);
      const shown = (await put(object, headers, body)).get("etag")?.replaceAll('"', "");
      const { stored, encryption, objectKey, read } = await opened(object);
      expect(encryption.kind).to.equal(headers === s3 ? "SSE-S3" : "SSE-KMS");
      expect(encryptionKind(stored.metadata)).to.equal(encryption.kind);
      expect(await read()).to.equal(body);
      const last = Math.min(size - 1, 150_000);
      const first = Math.min(last, 65_530);
      expect(await read({ first, last })).to.equal(body.slice(first, last + 1));
      expect(shownETag(encryption.kind, stored.etag, objectKey)).to.equal(shown);
      if (headers === s3) expect(shown).to.equal(createHash("md5").update(body).digest("hex"));
    });
  }

  it("opens an upload in parts, whose numbers have a gap", async () => {
    const bodies = new Map([
      [1, text(5 * MIB)],
      [3, text(100_000)],
    ]);
    const created = await minio.s3("POST", "/bucket/multi/part?uploads", { headers: kms });
    const id = /<UploadId>([^<]+)</.exec(created.body)?.[1] ?? "";
    const etags = await Promise.all(
      [...bodies].map(async ([number, body]) => {
        const reply = await minio.s3("PUT", `/bucket/multi/part?partNumber=${number}&uploadId=${id}`, {
          body,
        });
        expect(reply.status, reply.body).to.equal(200);
        const etag = reply.headers.get("etag") ?? "";
        return `<Part><PartNumber>${number}</PartNumber><ETag>${etag}</ETag></Part>`;
      }),
    );
    const body = `<CompleteMultipartUpload>${etags.join("")}</CompleteMultipartUpload>`;
    const done = await minio.s3("POST", `/bucket/multi/part?uploadId=${id}`, { body });
    expect(done.status, done.body).to.equal(200);

    const { encryption, parts, read, stored } = await opened("multi/part");
    expect(encryption.isMultipart).to.equal(true);
    expect(parts).to.deep.equal([...bodies].map(([number, each]) => ({ number, bytes: each.length })));
    const whole = [...bodies.values()].join("");
    expect((await read()) === whole).to.equal(true);
    const range = { first: 5 * MIB - 3, last: 5 * MIB + 70_000 };
    expect((await read(range)) === whole.slice(range.first, range.last + 1)).to.equal(true);
    expect(shownETag(encryption.kind, stored.etag)).to.match(/^[0-9a-f]{32}-2$/);
  });

  it("writes the same metadata, and answers with the same headers but for the form of the key id", async () => {
    await put("kms/compared", kms, "hello");
    const { stored, encryption } = await opened("kms/compared");
    const sse = Object.entries(stored.metadata).filter(([name]) => /Server-Side|Encrypted/.test(name));
    expect(writeEncryption(encryption)).to.deep.equal(Object.fromEntries(sse));
    const { headers } = await minio.s3("HEAD", "/bucket/kms/compared");
    for (const [name, value] of Object.entries(sseResponseHeaders(encryption))) {
      expect(headers.get(name)?.replace("arn:aws:kms:", ""), name).to.equal(value);
    }
  });

  it("opens nothing at another path, as MinIO would not", async () => {
    await put("s3/moved", s3, "hello");
    const { encryption } = await opened("s3/moved");
    const path = { bucket: "bucket", object: "s3/elsewhere" };
    await fails(() => openEncryption(encryption, { path, keys, use: "read" }), "KMS_ALTERED");
  });
});
