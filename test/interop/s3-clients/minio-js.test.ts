/** MinIO's client for JavaScript at our server. */
import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { Agent } from "node:https";
import { buffer } from "node:stream/consumers";
import { Client, CopyDestinationOptions, CopySourceOptions } from "minio";
import type { ClientSite, S3Driver, ToldObject } from "../../support/s3-clients/driver.js";
import type { Kind } from "../../support/s3-clients/seen-object.js";
import { describeClient } from "../../support/s3-clients/table.js";

const PART_BYTES = 5 * 1024 * 1024;
const SSE = "X-Amz-Server-Side-Encryption";

/** Headers of a request that stores, of a copy's source, and the options of one that reads. */
function fieldsOf({ kind, keyName, customerKey }: ClientSite) {
  const none: Readonly<Record<string, string>> = {};
  if (kind === "none") return { store: none, from: none, read: {} };
  if (kind === "SSE-S3") return { store: { [SSE]: "AES256" }, from: none, read: {} };
  if (kind === "SSE-KMS") {
    return { store: { [SSE]: "aws:kms", [`${SSE}-Aws-Kms-Key-Id`]: keyName }, from: none, read: {} };
  }
  const key = customerKey.toString("base64");
  const md5 = createHash("md5").update(customerKey).digest("base64");
  const own = (name: string): Record<string, string> => ({
    [`${name}-Customer-Algorithm`]: "AES256",
    [`${name}-Customer-Key`]: key,
    [`${name}-Customer-Key-MD5`]: md5,
  });
  const read = { SSECustomerAlgorithm: "AES256", SSECustomerKey: key, SSECustomerKeyMD5: md5 };
  return { store: own(SSE), from: own("X-Amz-Copy-Source-Server-Side-Encryption"), read };
}

async function open(site: ClientSite): Promise<S3Driver> {
  const { hostname, port, protocol } = new URL(site.url);
  const ca = site.caFile === undefined ? undefined : await readFile(site.caFile, "utf8");
  const agent = ca === undefined ? undefined : new Agent({ ca, keepAlive: true });
  const client = new Client({
    ...{ endPoint: hostname, port: Number(port), useSSL: protocol === "https:", pathStyle: true },
    ...{ accessKey: site.user, secretKey: site.password, region: "us-east-1", partSize: PART_BYTES },
    ...(agent === undefined ? {} : { transportAgent: agent }),
  });
  const { bucket } = site;
  const { store, from: sourceFields, read } = fieldsOf(site);
  async function stat(key: string): Promise<ToldObject> {
    const { size, metaData } = await client.statObject(bucket, key);
    return { size, kind: kindOf(metaData[SSE.toLowerCase()]) };
  }
  async function upload(file: string, key: string): Promise<void> {
    await client.fPutObject(bucket, key, file, store);
  }
  return {
    put: async (file, key) => void (await client.fPutObject(bucket, key, file, store)),
    async get(key, file) {
      if (site.kind !== "SSE-C") return client.fGetObject(bucket, key, file);
      return writeFile(file, await buffer(await client.getObject(bucket, key, read)));
    },
    range: async (key, offset, length) =>
      buffer(await client.getPartialObject(bucket, key, offset, length, read)),
    async list(prefix) {
      const keys: string[] = [];
      for await (const { name } of client.listObjectsV2(bucket, prefix, true)) keys.push(name);
      return keys;
    },
    async copy(from, to) {
      const source = new CopySourceOptions({ Bucket: bucket, Object: from });
      const Headers = { ...store, ...sourceFields };
      await client.copyObject(source, new CopyDestinationOptions({ Bucket: bucket, Object: to, Headers }));
    },
    async remove(key) {
      const failures = await client.removeObjects(bucket, [key]);
      if (failures.some((each) => each !== null && each !== undefined))
        throw new Error(JSON.stringify(failures));
    },
    close: async () => agent?.destroy(),
    // With these it sends no key of the client's.
    ...(site.kind === "SSE-C" ? {} : { stat, upload }),
  };
}

function kindOf(header: unknown): Kind {
  if (header === undefined) return "none";
  if (header === "AES256") return "SSE-S3";
  if (header === "aws:kms") return "SSE-KMS";
  throw new Error(`nobody knows the encryption '${header}'`);
}

describeClient({
  client: "minio-js",
  places: { TLS: "all", plain: "all" },
  prepare: async () => open,
});
