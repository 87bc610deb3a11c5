/** Who may see what is not S3: whoever signs with the root's access key. */
import type { IncomingMessage } from "node:http";
import { s3Error } from "../s3/errors.js";
import { RequestHeaders } from "../s3/request-headers.js";
import { verifyRequest } from "../s3/signature/verify.js";
import { parseTarget, type S3Target } from "../s3/target.js";
import type { FrontEndOptions } from "./front-end.js";

export interface RootRequest {
  readonly accessKey: string;
  readonly target: S3Target;
}

/**
 * The target of a request that the root has signed.
 * @throws S3Error those of `parseTarget` and `verifyRequest`; `ACCESS_DENIED` for other keys than the root's
 */
export function rootRequest(
  request: IncomingMessage,
  {
    credentials,
    region,
    nowMs,
    domains,
  }: Pick<FrontEndOptions, "credentials" | "region" | "nowMs" | "domains">,
): RootRequest {
  const headers = new RequestHeaders(request.rawHeaders);
  const target = parseTarget(request.url ?? "", headers.get("host"), domains);
  const { credential } = verifyRequest(
    { method: request.method ?? "", target, headers },
    { credentials, region, nowMs: nowMs() },
  );
  if (!credentials.isRoot(credential)) throw s3Error("ACCESS_DENIED");
  return { accessKey: credential.accessKey, target };
}
