/** AWS's SDK for JavaScript, version 3, at our server. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { Agent } from "node:https";
import * as aws from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import type { ClientSite, S3Driver } from "../../support/s3-clients/driver.js";
import { toldKind } from "../../support/s3-clients/seen-object.js";
import { describeClient } from "../../support/s3-clients/table.js";

const PART_BYTES = 5 * 1024 * 1024;

/** Fields of a request that stores, that reads, and that copies. */
function fieldsOf({ kind, keyName, customerKey }: ClientSite) {
  if (kind === "SSE-S3") return { store: { ServerSideEncryption: "AES256" }, read: {}, from: {} } as const;
  if (kind === "none") return { store: {}, read: {}, from: {} };
  if (kind === "SSE-KMS") {
    return { store: { ServerSideEncryption: "aws:kms", SSEKMSKeyId: keyName }, read: {}, from: {} } as const;
  }
  const SSECustomerKey = customerKey.toString("base64");
  const SSECustomerKeyMD5 = createHash("md5").update(customerKey).digest("base64");
  const own = { SSECustomerAlgorithm: "AES256", SSECustomerKey, SSECustomerKeyMD5 };
  const from = {
    CopySourceSSECustomerAlgorithm: "AES256",
    CopySourceSSECustomerKey: SSECustomerKey,
    CopySourceSSECustomerKeyMD5: SSECustomerKeyMD5,
  };
  return { store: own, read: own, from };
}

async function open(site: ClientSite): Promise<S3Driver> {
  const ca = site.caFile === undefined ? undefined : await readFile(site.caFile, "utf8");
  const client = new aws.S3Client({
    ...{ endpoint: site.url, region: "us-east-1", forcePathStyle: true },
    credentials: { accessKeyId: site.user, secretAccessKey: site.password },
    ...(ca === undefined ? {} : { requestHandler: { httpsAgent: new Agent({ ca, keepAlive: true }) } }),
  });
  const { store, read, from } = fieldsOf(site);
  const of = (Key: string) => ({ Bucket: site.bucket, Key });
  const content = async (input: aws.GetObjectCommandInput): Promise<Uint8Array> => {
    const { Body } = await client.send(new aws.GetObjectCommand(input));
    return (await Body?.transformToByteArray()) ?? new Uint8Array();
  };
  return {
    put: async (file, key) =>
      void (await client.send(
        new aws.PutObjectCommand({ ...of(key), ...store, Body: await readFile(file) }),
      )),
    get: async (key, file) => writeFile(file, await content({ ...of(key), ...read })),
    range: async (key, offset, length) =>
      Buffer.from(await content({ ...of(key), ...read, Range: `bytes=${offset}-${offset + length - 1}` })),
    async stat(key) {
      const told = await client.send(new aws.HeadObjectCommand({ ...of(key), ...read }));
      return { size: told.ContentLength ?? 0, kind: toldKind(told) };
    },
    async list(Prefix) {
      const keys: string[] = [];
      const asked = { Bucket: site.bucket, Prefix };
      for await (const page of aws.paginateListObjectsV2({ client, pageSize: 2 }, asked)) {
        for (const { Key } of page.Contents ?? []) keys.push(Key ?? "");
      }
      return keys;
    },
    async copy(source, to) {
      const CopySource = `${site.bucket}/${source.split("/").map(encodeURIComponent).join("/")}`;
      await client.send(new aws.CopyObjectCommand({ ...of(to), CopySource, ...store, ...from }));
    },
    async upload(file, key) {
      const params = { ...of(key), ...store, Body: createReadStream(file) };
      await new Upload({ client, params, partSize: PART_BYTES, queueSize: 3 }).done();
    },
    async remove(key) {
      const Delete = { Objects: [{ Key: key }] };
      const { Errors } = await client.send(new aws.DeleteObjectsCommand({ Bucket: site.bucket, Delete }));
      if (Errors !== undefined) throw new Error(JSON.stringify(Errors));
    },
    close: async () => client.destroy(),
  };
}

describeClient({
  client: "aws-sdk-js",
  places: { TLS: "all", plain: "all" },
  prepare: async () => open,
});
