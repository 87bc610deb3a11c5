/** DeleteObject. */
import { DeleteObjectCommand } from "@aws-sdk/client-s3";
import type { WriteConditions } from "../s3/conditions.js";
import type { ObjectPath } from "../sse/seal.js";
import type { GatewayBase } from "./base.js";
import { writeConditions } from "./write-conditions.js";

/** Nothing there is no failure, but with `match`. @throws S3Error `PRECONDITION_FAILED` */
export async function deleteObject(
  base: GatewayBase,
  path: ObjectPath,
  { match }: WriteConditions,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { IfMatch } =
    match === undefined ? {} : await writeConditions(base, path, { match }, undefined, signal);
  await base.backEnd.call(signal, (client, options) =>
    client.send(
      new DeleteObjectCommand({
        ...{ Bucket: path.bucket, Key: path.object },
        ...(IfMatch === undefined ? {} : { IfMatch }),
      }),
      options,
    ),
  );
}
