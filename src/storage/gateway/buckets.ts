/** Buckets are the back end's. */
import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteBucketEncryptionCommand,
  GetBucketEncryptionCommand,
  HeadBucketCommand,
  ListBucketsCommand,
  PutBucketEncryptionCommand,
} from "@aws-sdk/client-s3";
import type { BucketInfo } from "../objects/object-service.js";
import type { EncryptionDocument } from "../s3/documents.js";
import { isS3Error, s3Error } from "../s3/errors.js";
import type { GatewayBase } from "./base.js";
import { headBucketFailure } from "./head-failure.js";
import { passesThrough } from "./twice.js";

export async function listBuckets(
  { backEnd }: GatewayBase,
  signal: AbortSignal | undefined,
): Promise<readonly BucketInfo[]> {
  const { Buckets: found = [] } = await backEnd.call(signal, (client, options) =>
    client.send(new ListBucketsCommand({}), options),
  );
  return found
    .map(({ Name = "", CreationDate }) => ({ name: Name, createdMs: CreationDate?.getTime() ?? 0 }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

export async function findBucket(
  base: GatewayBase,
  name: string,
  signal: AbortSignal | undefined,
): Promise<BucketInfo> {
  try {
    await base.backEnd.call(signal, (client, options) =>
      client.send(new HeadBucketCommand({ Bucket: name }), options),
    );
  } catch (error) {
    throw await headBucketFailure(base, error, name, signal);
  }
  const encryption = passesThrough(base) ? await readDefault(base, name, signal) : undefined;
  return { name, createdMs: 0, ...(encryption && { encryption }) };
}

export async function createBucket(
  { backEnd }: GatewayBase,
  name: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  await backEnd.call(signal, (client, options) =>
    client.send(new CreateBucketCommand({ Bucket: name }), options),
  );
}

export async function deleteBucket(
  { backEnd }: GatewayBase,
  name: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  await backEnd.call(signal, (client, options) =>
    client.send(new DeleteBucketCommand({ Bucket: name }), options),
  );
}

async function readDefault(
  { backEnd }: GatewayBase,
  name: string,
  signal: AbortSignal | undefined,
): Promise<EncryptionDocument | undefined> {
  try {
    const { ServerSideEncryptionConfiguration: found } = await backEnd.call(signal, (client, options) =>
      client.send(new GetBucketEncryptionCommand({ Bucket: name }), options),
    );
    const [rule] = found?.Rules ?? [];
    const { SSEAlgorithm: algorithm, KMSMasterKeyID: keyId } = rule?.ApplyServerSideEncryptionByDefault ?? {};
    if (algorithm !== "AES256" && algorithm !== "aws:kms") return undefined;
    return { algorithm, ...(keyId === undefined ? {} : { keyId }) };
  } catch (error) {
    if (isS3Error(error, "ENCRYPTION_NOT_FOUND", "NOT_IMPLEMENTED")) return undefined;
    throw error;
  }
}

/**
 * The back end's, in pass-through. A gateway with keys has no place that all gateways share and that is read without a
 * call for each upload: `MINIO_KMS_AUTO_ENCRYPTION` does it for all buckets.
 * @throws S3Error `NOT_IMPLEMENTED` with keys
 */
export async function setBucketEncryption(
  base: GatewayBase,
  name: string,
  encryption: EncryptionDocument | undefined,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { backEnd } = base;
  await findBucket(base, name, signal);
  if (encryption === undefined) {
    if (!passesThrough(base)) return;
    await backEnd.call(signal, (client, options) =>
      client.send(new DeleteBucketEncryptionCommand({ Bucket: name }), options),
    );
    return;
  }
  if (!passesThrough(base)) {
    throw s3Error("NOT_IMPLEMENTED", { members: { Hint: "Set MINIO_KMS_AUTO_ENCRYPTION at the gateway." } });
  }
  const { algorithm, keyId } = encryption;
  const rule = {
    ApplyServerSideEncryptionByDefault: {
      SSEAlgorithm: algorithm,
      ...(keyId === undefined ? {} : { KMSMasterKeyID: keyId }),
    },
  };
  await backEnd.call(signal, (client, options) =>
    client.send(
      new PutBucketEncryptionCommand({
        Bucket: name,
        ServerSideEncryptionConfiguration: { Rules: [rule] },
      }),
      options,
    ),
  );
}
