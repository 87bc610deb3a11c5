/** A gateway in front of real S3 services, driven by AWS's own client. */
import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { Agent } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as aws from "@aws-sdk/client-s3";
import { expect } from "chai";
import { secureRandom } from "../../src/crypto/random.js";
import { GatewayObjects } from "../../src/storage/gateway/gateway-objects.js";
import { StaticKeyService } from "../../src/storage/keys/static-key.js";
import { CleanUp } from "../support/clean-up.js";
import { Minio } from "../support/minio.js";
import { Moto } from "../support/moto.js";
import { KEY_NAME, ROOT, type S3TestServer, startS3Server } from "../support/s3-server.js";
import { requireService } from "../support/services/index.js";

const MIB = 1024 * 1024;
const KEK = Buffer.alloc(32, 7);

interface BackEndPlace {
  readonly endpoint: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  readonly ca?: string;
}

const customer = randomBytes(32);
const customerFields = {
  SSECustomerAlgorithm: "AES256",
  SSECustomerKey: customer.toString("base64"),
  SSECustomerKeyMD5: createHash("md5").update(customer).digest("base64"),
};
const sourceFields = {
  CopySourceSSECustomerAlgorithm: "AES256",
  CopySourceSSECustomerKey: customerFields.SSECustomerKey,
  CopySourceSSECustomerKeyMD5: customerFields.SSECustomerKeyMD5,
};

/** What a request says to store, to read, and to copy from. */
const kinds = {
  none: { store: {}, read: {}, from: {} },
  "SSE-S3": { store: { ServerSideEncryption: "AES256" }, read: {}, from: {} },
  "SSE-KMS": { store: { ServerSideEncryption: "aws:kms", SSEKMSKeyId: KEY_NAME }, read: {}, from: {} },
  "SSE-C": { store: customerFields, read: customerFields, from: sourceFields },
} as const;
type Kind = keyof typeof kinds;
const allKinds: readonly Kind[] = ["none", "SSE-S3", "SSE-KMS", "SSE-C"];
const isKept = (kind: Kind): boolean => kind === "SSE-S3" || kind === "SSE-KMS";

describe("interop: a gateway before real S3 services", function () {
  this.timeout(180_000);
  const cleanUp = new CleanUp();
  let minio: BackEndPlace;
  let moto: BackEndPlace;
  let own: BackEndPlace;

  before(async function () {
    const tools = { minio: requireService(this, "minio"), mc: requireService(this, "mc") };
    const motoProgram = requireService(this, "moto");
    const folder = await mkdtemp(join(tmpdir(), "keswick-gateway-"));
    cleanUp.add(() => rm(folder, { recursive: true, force: true }));
    const kms = { MINIO_KMS_SECRET_KEY: `${KEY_NAME}:${randomBytes(32).toString("base64")}` };
    const server = await Minio.start({ folder, tools, kms });
    cleanUp.add(() => server.stop());
    const { url, user, password } = server.endpoint;
    minio = { endpoint: url, credentials: { accessKeyId: user, secretAccessKey: password } };
    const fake = await Moto.start(motoProgram, folder);
    cleanUp.add(() => fake.stop());
    moto = { endpoint: fake.url, credentials: { accessKeyId: "test", secretAccessKey: "test-secret" } };
  });
  before(async () => {
    const server = await startS3Server({ tls: true, store: "folder" });
    cleanUp.add(() => server.stop());
    const credentials = { accessKeyId: ROOT.user, secretAccessKey: ROOT.password };
    own = { endpoint: server.url, credentials, ca: await readFile(server.caFile ?? "", "utf8") };
  });
  after(() => cleanUp.run());

  /** The gateway, and a client of it. */
  async function gateway(
    backEnd: BackEndPlace,
    mode: "encrypts" | "twice" | "passes through",
    kek = KEK,
  ): Promise<{ server: S3TestServer; client: aws.S3Client; bucket: string }> {
    const keys = mode === "passes through" ? undefined : new StaticKeyService(KEY_NAME, kek);
    const server = await startS3Server({
      tls: true,
      keys: keys ?? "none",
      service: (parts) =>
        new GatewayObjects({
          ...{ backEnd, keys: parts.keys, random: secureRandom, now: Date.now },
          ...(mode === "twice"
            ? {
                twice: new Set<"SSE-S3" | "SSE-C">(
                  backEnd.ca === undefined ? ["SSE-S3"] : ["SSE-S3", "SSE-C"],
                ),
              }
            : {}),
        }),
    });
    cleanUp.add(() => server.stop());
    const ca = await readFile(server.caFile ?? "", "utf8");
    const client = new aws.S3Client({
      ...{ endpoint: server.url, region: "us-east-1", forcePathStyle: true },
      credentials: { accessKeyId: ROOT.user, secretAccessKey: ROOT.password },
      requestHandler: { httpsAgent: new Agent({ ca, keepAlive: true }) },
    });
    cleanUp.add(async () => client.destroy());
    const bucket = `bucket-${randomBytes(4).toString("hex")}`;
    await client.send(new aws.CreateBucketCommand({ Bucket: bucket }));
    return { server, client, bucket };
  }

  /** The same objects as the back end itself has them. */
  function behind({ endpoint, credentials, ca }: BackEndPlace): aws.S3Client {
    const client = new aws.S3Client({
      ...{ endpoint, credentials, region: "us-east-1", forcePathStyle: true },
      ...(ca === undefined ? {} : { requestHandler: { httpsAgent: new Agent({ ca, keepAlive: true }) } }),
    });
    cleanUp.add(async () => client.destroy());
    return client;
  }

  /** The same client, which sends checksums only where it must. */
  function withoutSums({ config }: aws.S3Client): aws.S3Client {
    const { endpoint, credentials, requestHandler } = config;
    const client = new aws.S3Client({
      ...{ credentials, requestHandler, region: "us-east-1", forcePathStyle: true },
      ...(endpoint === undefined ? {} : { endpoint }),
      requestChecksumCalculation: "WHEN_REQUIRED",
    });
    return client;
  }

  const bytesOf = async (output: aws.GetObjectCommandOutput): Promise<Buffer> =>
    Buffer.from((await output.Body?.transformToByteArray()) ?? []);

  async function multipart(
    client: aws.S3Client,
    at: { Bucket: string; Key: string },
    kind: Kind,
    parts: readonly Buffer[],
  ): Promise<string | undefined> {
    const { UploadId } = await client.send(
      new aws.CreateMultipartUploadCommand({ ...at, ...kinds[kind].store, Metadata: { from: "upload" } }),
    );
    const sent = await Promise.all(
      parts.map(async (Body, i) => {
        const part = { ...at, UploadId, PartNumber: i + 1, Body, ...kinds[kind].read };
        const { ETag } = await client.send(new aws.UploadPartCommand(part));
        return { PartNumber: i + 1, ETag };
      }),
    );
    const listed = await client.send(new aws.ListPartsCommand({ ...at, UploadId }));
    expect(listed.Parts?.map(({ Size }) => Size)).to.deep.equal(parts.map(({ length }) => length));
    const done = await client.send(
      new aws.CompleteMultipartUploadCommand({
        ...{ ...at, UploadId, MultipartUpload: { Parts: sent } },
        ...kinds[kind].read,
      }),
    );
    return done.ETag;
  }

  const md5 = (body: Buffer): string => `"${createHash("md5").update(body).digest("hex")}"`;

  for (const [name, mode, place] of [
    ["encrypts, MinIO behind", "encrypts", () => minio],
    ["encrypts, moto behind", "encrypts", () => moto],
    ["encrypts, kes-s3 behind", "encrypts", () => own],
    ["lets MinIO encrypt once more", "twice", () => minio],
    ["lets kes-s3 encrypt once more", "twice", () => own],
  ] as const) {
    describe(name, () => {
      let at: Awaited<ReturnType<typeof gateway>>;
      before(async () => {
        at = await gateway(place(), mode);
      });

      for (const kind of allKinds) {
        for (const size of [0, 5, 70_000, 9 * MIB]) {
          it(`${kind}, ${size} bytes: put, head, get, range`, async () => {
            const { client, bucket } = at;
            const body = randomBytes(size);
            const Key = `${kind}/${size} ü+ %`;
            const put = await client.send(
              new aws.PutObjectCommand({
                ...{ Bucket: bucket, Key, Body: body, ContentType: "text/x" },
                ...{ CacheControl: "no-cache", Metadata: { name: "value" } },
                ...kinds[kind].store,
              }),
            );
            const head = await client.send(
              new aws.HeadObjectCommand({ Bucket: bucket, Key, ...kinds[kind].read }),
            );
            const get = await client.send(
              new aws.GetObjectCommand({ Bucket: bucket, Key, ...kinds[kind].read, ChecksumMode: "ENABLED" }),
            );
            expect((await bytesOf(get)).equals(body)).to.equal(true);
            expect([head.ContentLength, head.ETag, get.ETag]).to.deep.equal([size, put.ETag, put.ETag]);
            expect([head.ContentType, head.CacheControl, head.Metadata]).to.deep.equal([
              ...["text/x", "no-cache"],
              { name: "value" },
            ]);
            const { ServerSideEncryption, SSEKMSKeyId, SSECustomerAlgorithm } = head;
            expect([ServerSideEncryption, SSEKMSKeyId, SSECustomerAlgorithm]).to.deep.equal(
              {
                none: [undefined, undefined, undefined],
                "SSE-S3": ["AES256", undefined, undefined],
                "SSE-KMS": ["aws:kms", KEY_NAME, undefined],
                "SSE-C": [undefined, undefined, "AES256"],
              }[kind],
            );
            // Of a large one the MD5 is known only when all of it is on its way.
            const isMd5 = kind === "none" || (kind === "SSE-S3" && size < 8 * MIB);
            expect(put.ETag === md5(body)).to.equal(isMd5);
            if (size < 70_000) return;
            const range = await client.send(
              new aws.GetObjectCommand({
                ...{ Bucket: bucket, Key, Range: "bytes=65530-65545" },
                ...kinds[kind].read,
              }),
            );
            expect(range.ContentRange).to.equal(`bytes 65530-65545/${size}`);
            expect((await bytesOf(range)).equals(body.subarray(65_530, 65_546))).to.equal(true);
          });
        }

        it(`${kind}: what the back end has is ${kind === "none" ? "the content" : "not the content"}`, async () => {
          const { client, bucket } = at;
          const body = Buffer.from(`secret of the client ${randomBytes(8).toString("hex")}`);
          const of = { Bucket: bucket, Key: `${kind}/seen` };
          await client.send(new aws.PutObjectCommand({ ...of, Body: body, ...kinds[kind].store }));
          const raw = behind(place()).send(new aws.GetObjectCommand(of));
          if (kind === "SSE-C" && mode === "twice" && place().ca !== undefined) {
            // The back end encrypts it as well, under a key that it does not keep.
            expect(await raw.catch((error: unknown) => error)).to.have.property("name", "InvalidRequest");
            return;
          }
          const theirs = await bytesOf(await raw);
          expect(theirs.includes(body)).to.equal(kind === "none");
          expect(theirs.length).to.equal(kind === "none" ? body.length : body.length + 32);
        });

        it(`${kind}: parts, ranges across them, one part`, async () => {
          const { client, bucket } = at;
          const parts = [randomBytes(5 * MIB + 7), randomBytes(5 * MIB + 7), randomBytes(70_001)];
          const whole = Buffer.concat(parts);
          const of = { Bucket: bucket, Key: `${kind}/parts` };
          const etag = await multipart(client, of, kind, parts);
          const read = { ...of, ...kinds[kind].read };
          const get = await client.send(new aws.GetObjectCommand(read));
          expect([get.ETag, get.Metadata]).to.deep.equal([etag, { from: "upload" }]);
          expect((await bytesOf(get)).equals(whole)).to.equal(true);
          const border = parts[0]?.length ?? 0;
          const range = `bytes=${border - 10}-${border + 9}`;
          const across = await client.send(new aws.GetObjectCommand({ ...read, Range: range }));
          expect((await bytesOf(across)).equals(whole.subarray(border - 10, border + 10))).to.equal(true);
          const third = await client.send(new aws.GetObjectCommand({ ...read, PartNumber: 3 }));
          expect((await bytesOf(third)).equals(whole.subarray(border * 2))).to.equal(true);
        });

        for (const to of allKinds) {
          it(`copies ${kind} to ${to}`, async () => {
            const { client, bucket } = at;
            const body = randomBytes(200_000);
            const source = { Bucket: bucket, Key: `${kind}/source` };
            await client.send(
              new aws.PutObjectCommand({
                ...source,
                Body: body,
                ...kinds[kind].store,
                Metadata: { of: kind },
              }),
            );
            const of = { Bucket: bucket, Key: `copies/${kind} ${to}` };
            await client.send(
              new aws.CopyObjectCommand({
                ...of,
                CopySource: `${bucket}/${source.Key}`,
                ...kinds[kind].from,
                ...kinds[to].store,
              }),
            );
            const get = await client.send(new aws.GetObjectCommand({ ...of, ...kinds[to].read }));
            expect((await bytesOf(get)).equals(body)).to.equal(true);
            expect(get.Metadata).to.deep.equal({ of: kind });
          });
        }

        if (isKept(kind)) {
          it(`${kind}: other metadata and another seal, the content as it is`, async () => {
            const { client, server, bucket } = at;
            const parts = [randomBytes(5 * MIB), randomBytes(10)];
            const of = { Bucket: bucket, Key: `${kind}/kept` };
            await multipart(client, of, kind, parts);
            const path = { bucket, object: of.Key };
            const to = kind === "SSE-S3" ? "SSE-S3" : "SSE-KMS";
            const outcome = await server.service.reseal(path, { kind: to }).catch((error: unknown) => error);
            // moto makes a copy whatever its condition: a new object could get an old one's key.
            if (place() === moto) expect(outcome).to.have.property("reason", "NOT_IMPLEMENTED");
            else expect(outcome).to.equal("resealed");
            const get = await client.send(
              new aws.GetObjectCommand({ ...of, Range: `bytes=${5 * MIB - 5}-` }),
            );
            const end = Buffer.concat(parts).subarray(5 * MIB - 5);
            expect((await bytesOf(get)).equals(end)).to.equal(true);
          });
        }
      }

      it("lists with the sizes and ETags of the plaintext, page by page", async () => {
        const { client, bucket } = at;
        const names = ["list/a/1", "list/a/2", "list/b", "list/c/1"];
        for (const Key of names) {
          await client.send(
            new aws.PutObjectCommand({ Bucket: bucket, Key, Body: Key, ...kinds["SSE-S3"].store }),
          );
        }
        const seen: string[] = [];
        let token: string | undefined;
        do {
          const page = await client.send(
            new aws.ListObjectsV2Command({
              ...{ Bucket: bucket, Prefix: "list/", Delimiter: "/", MaxKeys: 1 },
              ...(token === undefined ? {} : { ContinuationToken: token }),
            }),
          );
          for (const { Key = "", Size, ETag } of page.Contents ?? []) {
            expect([Size, ETag]).to.deep.equal([Key.length, md5(Buffer.from(Key))]);
            seen.push(Key);
          }
          for (const { Prefix = "" } of page.CommonPrefixes ?? []) seen.push(Prefix);
          token = page.NextContinuationToken;
        } while (token !== undefined);
        expect(seen).to.deep.equal(["list/a/", "list/b", "list/c/"]);
      });

      it("tells a client's key that is missing, wrong or stray, and what is not there", async () => {
        const { client, bucket } = at;
        const of = { Bucket: bucket, Key: "keys" };
        await client.send(new aws.PutObjectCommand({ ...of, Body: "x", ...customerFields }));
        const status = async (read: object): Promise<unknown> => {
          try {
            const found = await client.send(new aws.GetObjectCommand({ ...of, ...read }));
            return found.$metadata.httpStatusCode;
          } catch (error) {
            return error instanceof aws.S3ServiceException ? error.name : error;
          }
        };
        const other = randomBytes(32);
        const wrong = {
          SSECustomerAlgorithm: "AES256",
          SSECustomerKey: other.toString("base64"),
          SSECustomerKeyMD5: createHash("md5").update(other).digest("base64"),
        };
        expect([await status({}), await status(wrong)]).to.deep.equal(["InvalidRequest", "AccessDenied"]);
        expect(await status({ Key: "absent" })).to.equal("NoSuchKey");
        expect(await status({ Bucket: "no-such-bucket-here" })).to.equal("NoSuchBucket");
      });

      it("stores nothing of a body that is wrong at its end", async () => {
        const { client, bucket } = at;
        const Key = "wrong-sum";
        for (const store of [{}, kinds["SSE-S3"].store]) {
          const put = new aws.PutObjectCommand({
            ...{ Bucket: bucket, Key, Body: randomBytes(9 * MIB), ...store },
            ContentMD5: createHash("md5").update("another").digest("base64"),
          });
          let failure: unknown;
          await client.send(put).catch((error) => {
            failure = error;
          });
          expect(failure).to.have.property("name", "BadDigest");
          const theirs = await behind(place()).send(
            new aws.ListObjectsV2Command({ Bucket: bucket, Prefix: Key }),
          );
          expect(theirs.KeyCount).to.equal(0);
        }
      });
    });
  }

  for (const [name, place, taken] of [
    ["MinIO", () => minio, ["none", "SSE-S3", "SSE-KMS"]],
    // Reached over TLS, it takes keys of clients, too.
    ["kes-s3", () => own, allKinds],
  ] as const) {
    it(`passes through, ${name} behind: all that the back end does, its encryption included`, async () => {
      const { client, bucket } = await gateway(place(), "passes through");
      for (const kind of taken) {
        const body = randomBytes(100_000);
        const of = { Bucket: bucket, Key: `${kind}/object` };
        const { store, read, from } = kinds[kind];
        const put = await client.send(
          new aws.PutObjectCommand({ ...of, Body: body, ...store, Metadata: { of: kind } }),
        );
        const direct = await behind(place()).send(new aws.HeadObjectCommand({ ...of, ...read }));
        const { ServerSideEncryption, SSECustomerAlgorithm } = direct;
        expect([direct.ETag, ServerSideEncryption, SSECustomerAlgorithm]).to.deep.equal(
          {
            none: [put.ETag, undefined, undefined],
            "SSE-S3": [put.ETag, "AES256", undefined],
            "SSE-KMS": [put.ETag, "aws:kms", undefined],
            "SSE-C": [put.ETag, undefined, "AES256"],
          }[kind],
        );
        const get = await client.send(
          new aws.GetObjectCommand({ ...of, ...read, Range: "bytes=50000-50009" }),
        );
        expect((await bytesOf(get)).equals(body.subarray(50_000, 50_010))).to.equal(true);
        expect([get.ServerSideEncryption, get.Metadata]).to.deep.equal([ServerSideEncryption, { of: kind }]);
        const copy = { Bucket: bucket, Key: `${kind}/copy` };
        const CopySource = `${bucket}/${of.Key}`;
        await client.send(new aws.CopyObjectCommand({ ...copy, CopySource, ...from, ...store }));
        const copied = await client.send(new aws.GetObjectCommand({ ...copy, ...read }));
        expect((await bytesOf(copied)).equals(body)).to.equal(true);
        const parts = [randomBytes(5 * MIB), randomBytes(10)];
        await multipart(client, { Bucket: bucket, Key: `${kind}/parts` }, kind, parts);
        const second = await client.send(
          new aws.GetObjectCommand({ Bucket: bucket, Key: `${kind}/parts`, PartNumber: 2, ...read }),
        );
        expect((await bytesOf(second)).equals(Buffer.concat(parts).subarray(5 * MIB))).to.equal(true);
      }
      const listed = await client.send(new aws.ListObjectsV2Command({ Bucket: bucket }));
      expect(listed.Contents).to.have.length(taken.length * 3);
      await client.send(
        new aws.DeleteObjectsCommand({
          Bucket: bucket,
          Delete: { Objects: listed.Contents?.map(({ Key }) => ({ Key })) ?? [] },
        }),
      );
      await client.send(new aws.DeleteBucketCommand({ Bucket: bucket }));
    });
  }

  for (const kind of allKinds) {
    it(`${kind}: reads what gateways stored under the names of MinIO's metadata`, async () => {
      const { client, bucket } = await gateway(moto, "encrypts");
      const of = { Bucket: bucket, Key: "earlier" };
      const body = randomBytes(1_000);
      await client.send(
        new aws.PutObjectCommand({
          ...of,
          Body: body,
          ...kinds[kind].store,
          Expires: new Date(1_900_000_000_000),
        }),
      );
      const before = await client.send(new aws.HeadObjectCommand({ ...of, ...kinds[kind].read }));
      const theirs = behind(moto);
      const { Metadata = {} } = await theirs.send(new aws.HeadObjectCommand(of));
      const earlier = Object.entries(Metadata).map(([name, value]) => [
        name
          .replace("keswick-sealed-sse-", "x-minio-internal-server-side-encryption-")
          .replace("keswick-sealed-minio-", "x-minio-internal-")
          .replace("keswick-sealed-", "x-keswick-internal-"),
        value,
      ]);
      expect(earlier.length).to.be.greaterThan(0);
      expect(Object.keys(Metadata)).to.satisfy((names: string[]) =>
        names.every((each) => each.startsWith("keswick-sealed-")),
      );
      await theirs.send(
        new aws.CopyObjectCommand({
          ...{ ...of, CopySource: `${bucket}/earlier`, MetadataDirective: "REPLACE" },
          Metadata: Object.fromEntries(earlier),
        }),
      );
      const get = await client.send(new aws.GetObjectCommand({ ...of, ...kinds[kind].read }));
      expect((await bytesOf(get)).equals(body)).to.equal(true);
      expect([get.ETag, get.ExpiresString, get.ServerSideEncryption]).to.deep.equal([
        ...[before.ETag, before.ExpiresString, before.ServerSideEncryption],
      ]);
      expect(get.ExpiresString).to.equal("Sun, 17 Mar 2030 17:46:40 GMT");
    });
  }

  describe("copies onto the same name", () => {
    let place: S3TestServer;
    before(async () => {
      place = await startS3Server({ tls: true, store: "folder" });
      cleanUp.add(() => place.stop());
    });
    const customerOf = (key: Buffer) => ({
      SSECustomerAlgorithm: "AES256",
      SSECustomerKey: key.toString("base64"),
      SSECustomerKeyMD5: createHash("md5").update(key).digest("base64"),
    });
    const otherFields = customerOf(randomBytes(32));
    const context = Buffer.from('{"project":"x"}').toString("base64");
    const other = {
      "SSE-S3": { store: kinds["SSE-S3"].store, read: {}, from: {} },
      "SSE-KMS": {
        store: { ...kinds["SSE-KMS"].store, SSEKMSEncryptionContext: context },
        read: {},
        from: {},
      },
      "SSE-C": { store: otherFields, read: otherFields, from: sourceFields },
    } as const;

    for (const mode of ["encrypts", "twice"] as const) {
      for (const kind of ["SSE-S3", "SSE-KMS", "SSE-C"] as const) {
        for (const sizes of [[100_000], [5 * MIB + 3, 5 * MIB + 3, 10]]) {
          it(`${mode}, ${kind}, ${sizes.length} parts: another seal, the content as it is`, async () => {
            const credentials = { accessKeyId: ROOT.user, secretAccessKey: ROOT.password };
            const ca = await readFile(place.caFile ?? "", "utf8");
            const { client, bucket } = await gateway({ endpoint: place.url, credentials, ca }, mode);
            const of = { Bucket: bucket, Key: "itself" };
            const parts = sizes.map((size) => randomBytes(size));
            const [body = Buffer.alloc(0)] = parts;
            if (parts.length > 1) await multipart(client, of, kind, parts);
            else await client.send(new aws.PutObjectCommand({ ...of, Body: body, ...kinds[kind].store }));
            const before = await client.send(new aws.HeadObjectCommand({ ...of, ...kinds[kind].read }));
            const from = place.log.length;
            const copied = await client.send(
              new aws.CopyObjectCommand({
                ...{ ...of, CopySource: `${bucket}/itself`, ...other[kind].from, ...other[kind].store },
                ...{ MetadataDirective: "REPLACE", Metadata: { seal: "new" } },
              }),
            );
            expect(copied.CopyObjectResult?.ETag).to.equal(before.ETag);
            // Refused is the one that asks whether copies are held to conditions.
            const taken = place.log.slice(from).filter(({ status }) => status !== 412);
            const asked = taken.map(({ operation }) => operation);
            expect(asked.filter((each) => each !== "HeadObject")).to.deep.equal(["CopyObject"]);
            const get = await client.send(new aws.GetObjectCommand({ ...of, ...other[kind].read }));
            expect((await bytesOf(get)).equals(Buffer.concat(parts))).to.equal(true);
            expect([get.ETag, get.Metadata]).to.deep.equal([before.ETag, { seal: "new" }]);
            if (kind !== "SSE-C") return;
            const old = client.send(new aws.GetObjectCommand({ ...of, ...kinds[kind].read }));
            expect(await old.catch((error: unknown) => error)).to.have.property("name", "AccessDenied");
          });
        }
      }
    }

    it("writes the content anew for another kind, another checksum, or parts of unequal sizes", async () => {
      const { client, bucket } = await gateway(minio, "encrypts");
      const of = { Bucket: bucket, Key: "itself" };
      const CopySource = `${bucket}/itself`;
      const parts = [randomBytes(5 * MIB), randomBytes(5 * MIB + 1), randomBytes(10)];
      const body = Buffer.concat(parts);
      await multipart(client, of, "SSE-S3", parts);
      const steps: { ask: Partial<aws.CopyObjectCommandInput>; read: object }[] = [
        { ask: { MetadataDirective: "REPLACE", ...kinds["SSE-S3"].store }, read: {} },
        { ask: kinds["SSE-KMS"].store, read: {} },
        { ask: { ChecksumAlgorithm: "SHA256", ...kinds["SSE-KMS"].store }, read: {} },
        { ask: customerFields, read: customerFields },
        { ask: { ...sourceFields, ...kinds["SSE-S3"].store }, read: {} },
      ];
      for (const { ask, read } of steps) {
        await client.send(new aws.CopyObjectCommand({ ...of, CopySource, ...ask }));
        const get = await client.send(new aws.GetObjectCommand({ ...of, ...read, ChecksumMode: "ENABLED" }));
        expect((await bytesOf(get)).equals(body)).to.equal(true);
        expect(get.ServerSideEncryption).to.equal(ask.ServerSideEncryption);
      }
      const nothing = client.send(new aws.CopyObjectCommand({ ...of, CopySource }));
      expect(await nothing.catch((error: unknown) => error)).to.have.property("name", "InvalidRequest");
    });

    it("a gateway without keys takes no seal away", async () => {
      const { client, bucket } = await gateway(minio, "encrypts");
      const { client: without } = await gateway(minio, "passes through");
      for (const kind of ["SSE-S3", "SSE-KMS"] as const) {
        const of = { Bucket: bucket, Key: kind };
        const body = randomBytes(1_000);
        await client.send(new aws.PutObjectCommand({ ...of, Body: body, ...kinds[kind].store }));
        for (const Key of [kind, "elsewhere"]) {
          for (const ask of [{}, kinds["SSE-S3"].store]) {
            const copy = without.send(
              new aws.CopyObjectCommand({
                ...{ Bucket: bucket, Key, CopySource: `${bucket}/${kind}`, ...ask },
                ...{ MetadataDirective: "REPLACE", Metadata: { name: "other" } },
              }),
            );
            expect(await copy.catch((error: unknown) => error)).to.have.property("name", "NotImplemented");
          }
        }
        const get = await client.send(new aws.GetObjectCommand(of));
        expect((await bytesOf(get)).equals(body)).to.equal(true);
      }
    });
  });

  it("no client sets a name of the gateway's own", async () => {
    const { client, bucket } = await gateway(moto, "encrypts");
    for (const name of ["keswick-sealed-etag", "Keswick-Sealed-x", "x-minio-internal-x"]) {
      const put = new aws.PutObjectCommand({
        Bucket: bucket,
        Key: "k",
        Body: "x",
        Metadata: { [name]: "1" },
      });
      const failure = await client.send(put).catch((error: unknown) => error);
      expect(failure).to.have.nested.property("$metadata.httpStatusCode", 400);
    }
  });

  it("a plain upload begun with a checksum takes parts that name it or not, and copies", async () => {
    const { client, bucket } = await gateway(minio, "encrypts");
    const of = { Bucket: bucket, Key: "summed" };
    const [one, two, three] = [randomBytes(5 * MIB), randomBytes(5 * MIB), randomBytes(1_000)];
    await client.send(new aws.PutObjectCommand({ Bucket: bucket, Key: "part", Body: two }));
    const ChecksumAlgorithm = "CRC32";
    const { UploadId } = await client.send(
      new aws.CreateMultipartUploadCommand({ ...of, ChecksumAlgorithm }),
    );
    const upload = { ...of, UploadId };
    const first = await client.send(
      new aws.UploadPartCommand({ ...upload, PartNumber: 1, Body: one, ChecksumAlgorithm }),
    );
    const second = await client.send(
      new aws.UploadPartCopyCommand({ ...upload, PartNumber: 2, CopySource: `${bucket}/part` }),
    );
    const third = await withoutSums(client).send(
      new aws.UploadPartCommand({ ...upload, PartNumber: 3, Body: three }),
    );
    const Parts = [first, second.CopyPartResult, third].map((part, index) => ({
      ...{ PartNumber: index + 1, ETag: part?.ETag, ChecksumCRC32: part?.ChecksumCRC32 },
    }));
    expect(Parts.every(({ ChecksumCRC32 }) => ChecksumCRC32 !== undefined)).to.equal(true);
    await client.send(new aws.CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts } }));
    const get = await client.send(new aws.GetObjectCommand(of));
    expect((await bytesOf(get)).equals(Buffer.concat([one, two, three]))).to.equal(true);
  });

  it("two gateways side by side: what one begins the other ends", async () => {
    const one = await gateway(minio, "encrypts");
    const two = await gateway(minio, "encrypts");
    const of = { Bucket: one.bucket, Key: "shared" };
    const parts = [randomBytes(5 * MIB), randomBytes(1_000)];
    const { UploadId } = await one.client.send(
      new aws.CreateMultipartUploadCommand({ ...of, ...kinds["SSE-KMS"].store }),
    );
    const sent = [];
    for (const [i, Body] of parts.entries()) {
      const { client } = i === 0 ? one : two;
      const part = await client.send(new aws.UploadPartCommand({ ...of, UploadId, PartNumber: i + 1, Body }));
      sent.push({ PartNumber: i + 1, ETag: part.ETag });
    }
    await two.client.send(
      new aws.CompleteMultipartUploadCommand({ ...of, UploadId, MultipartUpload: { Parts: sent } }),
    );
    const get = await one.client.send(new aws.GetObjectCommand(of));
    expect((await bytesOf(get)).equals(Buffer.concat(parts))).to.equal(true);
  });

  for (const [name, place] of [
    ["MinIO", () => minio],
    ["kes-s3", () => own],
  ] as const) {
    it(`two gateways, ${name} behind, put one name at once: metadata and content are always of one put`, async () => {
      const gateways = [await gateway(place(), "encrypts"), await gateway(place(), "encrypts")];
      const [{ bucket, client: first } = { bucket: "", client: new aws.S3Client() }] = gateways;
      const of = { Bucket: bucket, Key: "contested" };
      const written = new Map<string, Buffer>();
      let running = gateways.length * 2;
      let reads = 0;
      const put = async (client: aws.S3Client, kind: Kind, mark: string): Promise<void> => {
        const body = randomBytes(1_000 + Math.floor(Math.random() * 200_000));
        written.set(mark, body);
        const { store } = kinds[kind];
        await client.send(new aws.PutObjectCommand({ ...of, Body: body, ...store, Metadata: { mark } }));
      };
      const check = async (client: aws.S3Client): Promise<void> => {
        const get = await client.send(new aws.GetObjectCommand(of));
        const body = written.get(get.Metadata?.mark ?? "");
        expect(body !== undefined && (await bytesOf(get)).equals(body)).to.equal(true);
        expect(get.ServerSideEncryption).to.equal(
          { n: undefined, s: "AES256", k: "aws:kms" }[get.Metadata?.mark?.charAt(0) ?? ""],
        );
        reads++;
      };
      await put(first, "none", "n-start");
      await Promise.all(
        gateways.flatMap(({ client }, gate) => [
          ...[0, 1].map(async (writer) => {
            for (let turn = 0; turn < 12; turn++) {
              const kind = (["none", "SSE-S3", "SSE-KMS"] as const)[(turn + writer + gate) % 3] ?? "none";
              const letter = { none: "n", "SSE-S3": "s", "SSE-KMS": "k" }[kind];
              await put(client, kind, `${letter}-${gate}-${writer}-${turn}`);
            }
            running--;
          }),
          (async () => {
            while (running > 0) await check(client);
          })(),
        ]),
      );
      for (const { client } of gateways) await check(client);
      expect(reads).to.be.greaterThan(4);
    });
  }

  it("a bucket of the back end that keeps versions", async () => {
    const { client, bucket, server } = await gateway(minio, "encrypts");
    const theirs = behind(minio);
    const VersioningConfiguration = { Status: "Enabled" } as const;
    await theirs.send(new aws.PutBucketVersioningCommand({ Bucket: bucket, VersioningConfiguration }));
    const of = { Bucket: bucket, Key: "versions" };
    const codeOf = (asked: Promise<unknown>): Promise<unknown> =>
      asked.then(
        () => "done",
        (error: unknown) => (error instanceof Error ? error.name : error),
      );
    for (const text of ["one", "another"]) {
      await client.send(new aws.PutObjectCommand({ ...of, Body: text, ...kinds["SSE-KMS"].store }));
      const get = await client.send(new aws.GetObjectCommand(of));
      expect((await bytesOf(get)).toString()).to.equal(text);
    }
    expect(await server.service.reseal({ bucket, object: of.Key }, { kind: "SSE-KMS" })).to.equal("resealed");
    const get = await client.send(new aws.GetObjectCommand(of));
    expect((await bytesOf(get)).toString()).to.equal("another");
    await client.send(new aws.DeleteObjectCommand(of));
    expect(await codeOf(client.send(new aws.GetObjectCommand(of)))).to.equal("NoSuchKey");
    expect(await codeOf(client.send(new aws.HeadObjectCommand(of)))).to.equal("NotFound");
    const listed = await client.send(new aws.ListObjectsV2Command({ Bucket: bucket }));
    expect(listed.KeyCount).to.equal(0);
    // What was there is still there, sealed as it was: for whoever erases keys to know.
    const versions = await theirs.send(new aws.ListObjectVersionsCommand({ Bucket: bucket }));
    expect(versions.Versions).to.have.length(3);
    expect(await codeOf(client.send(new aws.DeleteBucketCommand({ Bucket: bucket })))).to.equal(
      "BucketNotEmpty",
    );
    await client.send(new aws.PutObjectCommand({ ...of, Body: "again", IfNoneMatch: "*" }));
    expect(await codeOf(client.send(new aws.HeadObjectCommand(of)))).to.equal("done");
  });

  for (const kind of allKinds) {
    it(`${kind}: a completion that is repeated, its answer lost, is answered again`, async () => {
      const { client, bucket } = await gateway(minio, "encrypts");
      const of = { Bucket: bucket, Key: "completed" };
      const begin = async () => {
        const { UploadId } = await client.send(
          new aws.CreateMultipartUploadCommand({ ...of, ...kinds[kind].store }),
        );
        const part = { ...of, UploadId, PartNumber: 1, Body: "content", ...kinds[kind].read };
        const { ETag } = await client.send(new aws.UploadPartCommand(part));
        const MultipartUpload = { Parts: [{ PartNumber: 1, ETag }] };
        return new aws.CompleteMultipartUploadCommand({
          ...{ ...of, UploadId, MultipartUpload, IfNoneMatch: "*" },
          ...kinds[kind].read,
        });
      };
      const [won, late] = [await begin(), await begin()];
      const first = await client.send(won);
      const codeOf = (command: aws.CompleteMultipartUploadCommand): Promise<string> =>
        client.send(command).then(
          ({ ETag }) => ETag ?? "",
          (error: unknown) => (error instanceof Error ? error.name : String(error)),
        );
      const isSealed = kind !== "none";
      // Of a plain one nobody can tell whose it is.
      expect(await codeOf(won)).to.equal(isSealed ? first.ETag : "PreconditionFailed");
      expect(await codeOf(late)).to.equal("PreconditionFailed");
      const { IfNoneMatch: _, ...input } = won.input;
      expect(await codeOf(new aws.CompleteMultipartUploadCommand(input))).to.equal(first.ETag);
      await client.send(new aws.PutObjectCommand({ ...of, Body: "something else" }));
      expect(await codeOf(new aws.CompleteMultipartUploadCommand(input))).to.equal("NoSuchUpload");
    });
  }

  it("lists objects whose key is gone beside all others", async () => {
    const one = await gateway(minio, "encrypts");
    const other = await gateway(minio, "encrypts", Buffer.alloc(32, 8));
    for (const [Key, store] of [
      ["locked", kinds["SSE-S3"].store],
      ["plain", {}],
    ] as const) {
      await one.client.send(new aws.PutObjectCommand({ Bucket: one.bucket, Key, Body: "12345", ...store }));
    }
    const etags = async ({ client }: typeof one) => {
      const page = await client.send(new aws.ListObjectsV2Command({ Bucket: one.bucket }));
      return page.Contents?.map(({ Key, Size, ETag }) => [Key, Size, ETag === md5(Buffer.from("12345"))]);
    };
    expect(await etags(other)).to.deep.equal([
      ["locked", 5, false],
      ["plain", 5, true],
    ]);
    expect(await etags(one)).to.deep.equal([
      ["locked", 5, true],
      ["plain", 5, true],
    ]);
  });

  it("exactly one of many that create the same object at once", async () => {
    const { client, bucket } = await gateway(minio, "encrypts");
    const results = await Promise.allSettled(
      Array.from({ length: 8 }, (_, i) =>
        client.send(
          new aws.PutObjectCommand({ Bucket: bucket, Key: "once", Body: String(i), IfNoneMatch: "*" }),
        ),
      ),
    );
    expect(results.filter(({ status }) => status === "fulfilled")).to.have.length(1);
  });
});
