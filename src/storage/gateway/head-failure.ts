/**
 * Why a HEAD failed. Its answer has no body and so no code: 404 is the bucket's or the object's, 400 speaks of a client's
 * key or of an expired token, 403 of rights or of the gateway's own credentials.
 */
import { GetObjectCommand, HeadBucketCommand, ListObjectsV2Command } from "@aws-sdk/client-s3";
import { isS3Error, s3Error } from "../s3/errors.js";
import { S3Error } from "../s3-error.js";
import type { SseUse } from "../sse/access.js";
import type { CustomerKey } from "../sse/customer-key.js";
import { sseError } from "../sse/errors.js";
import type { ObjectPath } from "../sse/seal.js";
import type { GatewayBase } from "./base.js";
import type { CustomerFields } from "./twice.js";

export interface FailedHead {
  readonly path: ObjectPath;
  readonly customer: CustomerFields;
  readonly customerKey: CustomerKey | undefined;
  readonly use: SseUse;
  readonly signal: AbortSignal | undefined;
}

/** @returns what to throw in the place of `error` */
export async function headFailure(
  base: GatewayBase,
  error: unknown,
  { path, customer, customerKey, use, signal }: FailedHead,
): Promise<unknown> {
  if (isS3Error(error, "KEY_NOT_FOUND")) return absenceOf(base, path.bucket, error, signal);
  if (!hidesItsCode(error)) return error;
  const told = (await toldByGet(base, path, customer, signal)) ?? error;
  if (!(told instanceof S3Error) || told.status !== 400) return told;
  const isMissing = customerKey === undefined;
  if (use === "copy-source") {
    return sseError(isMissing ? "SSE_C_SOURCE_KEY_NEEDED" : "SSE_C_SOURCE_KEY_STRAY");
  }
  return sseError(isMissing ? "SSE_C_KEY_NEEDED" : "SSE_C_KEY_STRAY");
}

/** The same for a HEAD of a bucket. */
export async function headBucketFailure(
  { backEnd }: GatewayBase,
  error: unknown,
  bucket: string,
  signal: AbortSignal | undefined,
): Promise<unknown> {
  if (isS3Error(error, "KEY_NOT_FOUND")) return s3Error("BUCKET_NOT_FOUND");
  if (!hidesItsCode(error)) return error;
  try {
    await backEnd.call(signal, (client, options) =>
      client.send(new ListObjectsV2Command({ Bucket: bucket, MaxKeys: 1 }), options),
    );
    return error;
  } catch (told) {
    return told;
  }
}

function hidesItsCode(error: unknown): boolean {
  return error instanceof S3Error && (error.status === 400 || error.status === 403);
}

async function absenceOf(
  { backEnd }: GatewayBase,
  bucket: string,
  error: unknown,
  signal: AbortSignal | undefined,
): Promise<unknown> {
  try {
    await backEnd.call(signal, (client, options) =>
      client.send(new HeadBucketCommand({ Bucket: bucket }), options),
    );
    return error;
  } catch (cause) {
    return isS3Error(cause, "KEY_NOT_FOUND", "BUCKET_NOT_FOUND") ? s3Error("BUCKET_NOT_FOUND") : cause;
  }
}

/** Undefined when it does not fail. */
async function toldByGet(
  { backEnd }: GatewayBase,
  { bucket, object }: ObjectPath,
  customer: CustomerFields,
  signal: AbortSignal | undefined,
): Promise<unknown> {
  try {
    const { Body: body } = await backEnd.call(signal, (client, options) =>
      client.send(
        new GetObjectCommand({ Bucket: bucket, Key: object, Range: "bytes=0-0", ...customer }),
        options,
      ),
    );
    const destroy: unknown = body && Reflect.get(body, "destroy");
    if (typeof destroy === "function") Reflect.apply(destroy, body, []);
    return undefined;
  } catch (told) {
    // An empty object has no first byte.
    return isS3Error(told, "RANGE_UNSATISFIABLE") ? undefined : told;
  }
}
