/** GetObjectAttributes by AWS's own client: the parts of an object, page by page, with their checksums. */
import { createHash, randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { Agent } from "node:https";
import * as aws from "@aws-sdk/client-s3";
import { expect } from "chai";
import { CleanUp } from "../support/clean-up.js";
import { KEY_NAME, ROOT, type S3TestServer, startS3Server } from "../support/s3-server.js";

const MIB = 1024 * 1024;
const customer = randomBytes(32);
const customerFields = {
  SSECustomerAlgorithm: "AES256",
  SSECustomerKey: customer.toString("base64"),
  SSECustomerKeyMD5: createHash("md5").update(customer).digest("base64"),
};
const kinds: Readonly<Record<string, { store: object; read: object; calls: number }>> = {
  none: { store: {}, read: {}, calls: 0 },
  "SSE-S3": { store: { ServerSideEncryption: "AES256" }, read: {}, calls: 1 },
  "SSE-KMS": { store: { ServerSideEncryption: "aws:kms", SSEKMSKeyId: KEY_NAME }, read: {}, calls: 0 },
  "SSE-C": { store: customerFields, read: customerFields, calls: 0 },
};

describe("GetObjectAttributes", function () {
  this.timeout(60_000);
  const cleanUp = new CleanUp();
  let server: S3TestServer;
  let client: aws.S3Client;
  const Bucket = "bucket";
  const sizes = [5 * MIB, 5 * MIB + 1, 5 * MIB, 10];
  const bodies = sizes.map((size) => randomBytes(size));
  const sums = bodies.map((body) => createHash("sha256").update(body).digest("base64"));

  before(async () => {
    server = await startS3Server({ tls: true, store: "folder" });
    cleanUp.add(() => server.stop());
    const ca = await readFile(server.caFile ?? "", "utf8");
    client = new aws.S3Client({
      ...{ endpoint: server.url, region: "us-east-1", forcePathStyle: true },
      credentials: { accessKeyId: ROOT.user, secretAccessKey: ROOT.password },
      requestHandler: { httpsAgent: new Agent({ ca, keepAlive: true }) },
    });
    cleanUp.add(async () => client.destroy());
    await client.send(new aws.CreateBucketCommand({ Bucket }));
  });
  after(() => cleanUp.run());

  async function upload(of: { Bucket: string; Key: string }, kind: string, numbers: readonly number[]) {
    const { store, read } = kinds[kind] ?? { store: {}, read: {} };
    const ChecksumAlgorithm = "SHA256";
    const { UploadId } = await client.send(
      new aws.CreateMultipartUploadCommand({ ...of, ...store, ChecksumAlgorithm }),
    );
    const Parts: aws.CompletedPart[] = [];
    for (const [i, PartNumber] of numbers.entries()) {
      const part = {
        ...of,
        UploadId,
        PartNumber,
        Body: bodies[i] ?? "",
        ...read,
        ChecksumAlgorithm,
      } as const;
      const { ETag, ChecksumSHA256 } = await client.send(new aws.UploadPartCommand(part));
      Parts.push({ PartNumber, ETag, ChecksumSHA256 });
    }
    const whole = { ...of, UploadId, MultipartUpload: { Parts }, ...read };
    await client.send(new aws.CompleteMultipartUploadCommand(whole));
  }

  for (const [kind, { read, calls }] of Object.entries(kinds)) {
    it(`${kind}: parts in pages, with sizes and checksums`, async () => {
      const of = { Bucket, Key: `parts ${kind}` };
      const numbers = [1, 3, 4, 9];
      await upload(of, kind, numbers);
      const seen: (aws.ObjectPart | undefined)[] = [];
      let marker: string | undefined;
      for (const isTruncated of [true, false]) {
        const before = server.log.length;
        const { ObjectParts, ETag } = await client.send(
          new aws.GetObjectAttributesCommand({
            ...{ ...of, ...read, ObjectAttributes: ["ObjectParts"], MaxParts: 2 },
            ...(marker === undefined ? {} : { PartNumberMarker: marker }),
          }),
        );
        expect(ETag).to.equal(undefined);
        expect([ObjectParts?.TotalPartsCount, ObjectParts?.MaxParts, ObjectParts?.IsTruncated]).to.deep.equal(
          [4, 2, isTruncated],
        );
        expect(ObjectParts?.PartNumberMarker).to.equal(marker ?? "0");
        expect((await server.logged(before + 1)).keyService.calls).to.equal(calls);
        marker = ObjectParts?.NextPartNumberMarker;
        seen.push(...(ObjectParts?.Parts ?? []));
      }
      expect(seen).to.deep.equal(
        numbers.map((PartNumber, i) => ({
          ...{ PartNumber, Size: sizes[i] },
          // Those of SSE-KMS cannot be told without its key, which a HEAD does not ask for.
          ...(kind === "SSE-KMS" ? {} : { ChecksumSHA256: sums[i] }),
        })),
      );
    });
  }

  it("has no parts of an object in one piece, and refuses what is no number", async () => {
    const of = { Bucket, Key: "one" };
    await client.send(new aws.PutObjectCommand({ ...of, Body: "content" }));
    const { ObjectParts, ObjectSize } = await client.send(
      new aws.GetObjectAttributesCommand({ ...of, ObjectAttributes: ["ObjectParts", "ObjectSize"] }),
    );
    expect([ObjectParts, ObjectSize]).to.deep.equal([undefined, 7]);
    for (const name of ["x-amz-max-parts", "x-amz-part-number-marker"]) {
      const reply = await server.ask("GET", `/${Bucket}/one?attributes`, {
        headers: { "x-amz-object-attributes": "ObjectParts", [name]: "-1" },
      });
      expect([reply.status, reply.code]).to.deep.equal([400, "InvalidArgument"]);
    }
  });
});
