/** Answers in the words and the form of AWS, for the proxy that fails. */
import type { IncomingHttpHeaders } from "node:http";
import type { Fault } from "./fault-proxy.js";

/** A refusal as Secrets Manager gives it. */
export function awsError(status: number, type: string, message: string): Exclude<Fault, string> {
  return {
    status,
    body: JSON.stringify({ __type: type, message }),
    headers: {
      "content-type": "application/x-amz-json-1.1",
      "x-amzn-requestid": "e2f5a1c0-0000-4000-8000-000000000000",
    },
  };
}

/** The operation that a request to Secrets Manager asks for; undefined for one to another service. */
export function awsTarget(headers: IncomingHttpHeaders): string | undefined {
  const target = headers["x-amz-target"];
  return typeof target === "string" ? /^secretsmanager\.(\w+)$/.exec(target)?.[1] : undefined;
}
