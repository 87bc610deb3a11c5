/** A plain S3 client: one request signed with AWS Signature Version 4, by the published algorithm. */
import { createHash, createHmac } from "node:crypto";

const REGION = "us-east-1";
const SERVICE = "s3";
const TIMEOUT_MS = 15_000;

export interface S3Login {
  readonly user: string;
  readonly password: string;
}

export interface S3Request {
  /** Names in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface S3Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

/** Sends one signed request. The path and query of `url` are signed as they stand, so they come percent-encoded. */
export async function s3Request(
  login: S3Login,
  method: string,
  url: URL,
  { headers = {}, body = "" }: S3Request = {},
): Promise<S3Reply> {
  const time = new Date().toISOString().replaceAll(/[-:]|\.\d+/g, "");
  const signed = {
    ...headers,
    host: url.host,
    "x-amz-content-sha256": sha256(body),
    "x-amz-date": time,
  };
  const authorization = sign(login, time, { method, url, headers: signed, bodyHash: sha256(body) });
  const { host: _, ...sent } = signed;
  const reply = await fetch(url, {
    method,
    headers: { ...sent, authorization },
    signal: AbortSignal.timeout(TIMEOUT_MS),
    ...(body === "" ? {} : { body }),
  });
  return { status: reply.status, headers: reply.headers, body: await reply.text() };
}

interface Signable {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly bodyHash: string;
}

function sign(
  { user, password }: S3Login,
  time: string,
  { method, url, headers, bodyHash }: Signable,
): string {
  const names = Object.keys(headers).sort();
  const query = [...url.searchParams].map(([k, v]) => `${encode(k)}=${encode(v)}`).sort();
  const canonical = [
    ...[method, url.pathname, query.join("&")],
    ...names.map((name) => `${name}:${headers[name]?.trim()}`),
    ...["", names.join(";"), bodyHash],
  ].join("\n");
  const date = time.slice(0, 8);
  const scope = `${date}/${REGION}/${SERVICE}/aws4_request`;
  const steps = [date, REGION, SERVICE, "aws4_request"];
  const key = steps.reduce((secret: string | Buffer, step) => hmac(secret, step), `AWS4${password}`);
  const signature = hmac(key, ["AWS4-HMAC-SHA256", time, scope, sha256(canonical)].join("\n")).toString(
    "hex",
  );
  return `AWS4-HMAC-SHA256 Credential=${user}/${scope}, SignedHeaders=${names.join(";")}, Signature=${signature}`;
}

function encode(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}
