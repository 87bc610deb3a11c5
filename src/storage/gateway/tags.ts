/** Tags of objects are the back end's. */
import {
  DeleteObjectTaggingCommand,
  GetObjectTaggingCommand,
  PutObjectTaggingCommand,
} from "@aws-sdk/client-s3";
import type { Tag } from "../s3/headers.js";
import type { ObjectPath } from "../sse/seal.js";
import type { GatewayBase } from "./base.js";

export async function readTags(
  { backEnd }: GatewayBase,
  { bucket, object }: ObjectPath,
  signal: AbortSignal | undefined,
): Promise<readonly Tag[]> {
  const { TagSet: tags = [] } = await backEnd.call(signal, (client, options) =>
    client.send(new GetObjectTaggingCommand({ Bucket: bucket, Key: object }), options),
  );
  return tags.map(({ Key: key = "", Value: value = "" }) => ({ key, value }));
}

export async function writeTags(
  { backEnd }: GatewayBase,
  { bucket, object }: ObjectPath,
  tags: readonly Tag[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const at = { Bucket: bucket, Key: object };
  if (tags.length === 0) {
    await backEnd.call(signal, (client, options) => client.send(new DeleteObjectTaggingCommand(at), options));
    return;
  }
  const TagSet = tags.map(({ key, value }) => ({ Key: key, Value: value }));
  await backEnd.call(signal, (client, options) =>
    client.send(new PutObjectTaggingCommand({ ...at, Tagging: { TagSet } }), options),
  );
}
