/** PutObject and PostObject. */
import { bodyContent } from "../objects/measured.js";
import { checkNames } from "../objects/metadata-names.js";
import type { PutRequest, WrittenObject } from "../objects/object-service.js";
import { s3Error } from "../s3/errors.js";
import { decideEncryption } from "../sse/precedence.js";
import type { RequestedEncryption, SseRequest } from "../sse/request.js";
import { customerKeyOf } from "../sse/request.js";
import { isKeptName } from "./back-end-names.js";
import type { GatewayBase } from "./base.js";
import { storeContent } from "./store-content.js";
import { passesThrough } from "./twice.js";
import { writeConditions } from "./write-conditions.js";

/** Buckets of a gateway have no default of their own: request, then auto-encryption. */
export function decide(base: GatewayBase, sse: SseRequest): RequestedEncryption | undefined {
  return decideEncryption(sse.target, { autoEncryption: base.autoEncryption && !passesThrough(base) });
}

export async function putObject(base: GatewayBase, request: PutRequest): Promise<WrittenObject> {
  const { path, stored, sse, body, signal } = request;
  checkNames(stored.headers, isKeptName);
  const { length, md5 } = body.plan;
  // The back end has to be told a length.
  if (length === undefined) throw s3Error("LENGTH_MISSING");
  const conditions = await writeConditions(base, path, request.conditions, customerKeyOf(sse), signal);
  return storeContent(base, {
    ...{ path, stored, length, md5, conditions, signal },
    wanted: decide(base, sse),
    open: () => bodyContent(body.open({ md5: true })),
  });
}
