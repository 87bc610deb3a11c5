/**
 * A plain S3 client over node:http that sends exactly what it is told: paths are not normalised, every part of the
 * signature can be altered, bodies can be cut. Signature Version 4 by the published algorithm, not by the code under test.
 */
import { createHash, createHmac } from "node:crypto";
import { request as httpRequest, type IncomingHttpHeaders } from "node:http";
import { request as httpsRequest } from "node:https";

export interface S3Login {
  readonly user: string;
  readonly password: string;
}

export interface S3Endpoint {
  readonly host: string;
  readonly port: number;
  /** PEM of the authority: over TLS. */
  readonly ca?: string;
}

export interface S3Ask {
  /** Names in lower case; `host` may be given. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  readonly login?: S3Login | "anonymous";
  readonly region?: string;
  readonly timeMs?: number;
  /** Instead of the body's hash, for example `UNSIGNED-PAYLOAD`. */
  readonly payloadHash?: string;
  /** Alters what is sent after it was signed. */
  readonly tamper?: (sent: SignedHead) => void;
  /** Presign for so many seconds instead of signing by header. */
  readonly presign?: number;
  /** Sent in this many pieces with `Transfer-Encoding: chunked`. */
  readonly pieces?: readonly (string | Uint8Array)[];
}

/** What goes over the wire before the body. */
export interface SignedHead {
  method: string;
  /** Path and query. */
  target: string;
  headers: Record<string, string>;
  body: Uint8Array;
}

export interface S3Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly text: string;
  /** The text of the element `Code` of an error document. */
  readonly code: string | undefined;
  /** The answer came to its end. */
  readonly isComplete: boolean;
}

export const EMPTY_SHA256 = createHash("sha256").digest("hex");
const TIMEOUT_MS = 20_000;

/** Signs and sends. `target` is path and query as they stand on the wire. */
export function s3Ask(
  endpoint: S3Endpoint,
  login: S3Login,
  method: string,
  target: string,
  ask: S3Ask = {},
): Promise<S3Reply> {
  return send(endpoint, signedHead(endpoint, login, method, target, ask), ask.pieces);
}

/** What {@link s3Ask} sends. */
export function signedHead(
  endpoint: S3Endpoint,
  login: S3Login,
  method: string,
  target: string,
  ask: S3Ask = {},
): SignedHead {
  const body = Buffer.from(ask.body ?? "");
  const host = ask.headers?.host ?? `${endpoint.host}:${endpoint.port}`;
  const payloadHash = ask.payloadHash ?? sha256(body);
  const time = new Date(ask.timeMs ?? Date.now()).toISOString().replaceAll(/[-:]|\.\d+/g, "");
  const head: SignedHead = { method, target, headers: { ...ask.headers, host }, body };
  const signer = ask.login === "anonymous" ? undefined : (ask.login ?? login);
  if (signer !== undefined && ask.presign !== undefined) presign(head, signer, time, ask, ask.presign);
  else if (signer !== undefined) sign(head, signer, time, ask, payloadHash);
  if (body.length > 0 && head.headers["content-length"] === undefined && ask.pieces === undefined) {
    head.headers["content-length"] = String(body.length);
  }
  ask.tamper?.(head);
  return head;
}

function sign(head: SignedHead, login: S3Login, time: string, ask: S3Ask, payloadHash: string): void {
  head.headers["x-amz-content-sha256"] ??= payloadHash;
  head.headers["x-amz-date"] ??= time;
  const names = Object.keys(head.headers).sort();
  const { scope, signature } = signatureOf(head, login, time, ask, names, payloadHash);
  head.headers.authorization = `AWS4-HMAC-SHA256 Credential=${login.user}/${scope}, SignedHeaders=${names.join(";")}, Signature=${signature}`;
}

function presign(head: SignedHead, login: S3Login, time: string, ask: S3Ask, expires: number): void {
  const region = ask.region ?? "us-east-1";
  const names = Object.keys(head.headers).sort();
  const credential = encodeURIComponent(`${login.user}/${time.slice(0, 8)}/${region}/s3/aws4_request`);
  const query = [
    "X-Amz-Algorithm=AWS4-HMAC-SHA256",
    `X-Amz-Credential=${credential}`,
    `X-Amz-Date=${time}`,
    `X-Amz-Expires=${expires}`,
    `X-Amz-SignedHeaders=${names.join("%3B")}`,
  ].join("&");
  head.target += `${head.target.includes("?") ? "&" : "?"}${query}`;
  const hash = ask.payloadHash ?? "UNSIGNED-PAYLOAD";
  const { signature } = signatureOf(head, login, time, ask, names, hash);
  head.target += `&X-Amz-Signature=${signature}`;
}

function signatureOf(
  { method, target, headers }: SignedHead,
  login: S3Login,
  time: string,
  ask: S3Ask,
  names: readonly string[],
  payloadHash: string,
): { scope: string; signature: string } {
  const [path = "", query = ""] = splitOnce(target, "?");
  const region = ask.region ?? "us-east-1";
  const canonical = [
    method,
    encode(decodeURIComponent(path), true),
    canonicalQuery(query),
    ...names.map((name) => `${name}:${(headers[name] ?? "").trim().replaceAll(/ +/g, " ")}`),
    "",
    names.join(";"),
    payloadHash,
  ].join("\n");
  const scope = `${time.slice(0, 8)}/${region}/s3/aws4_request`;
  const key = signingKey(login.password, time.slice(0, 8), region);
  const toSign = ["AWS4-HMAC-SHA256", time, scope, sha256(Buffer.from(canonical, "latin1"))].join("\n");
  return { scope, signature: createHmac("sha256", key).update(toSign).digest("hex") };
}

/** The key that signs on one day. */
export function signingKey(secret: string, date: string, region = "us-east-1"): Buffer {
  return [date, region, "s3", "aws4_request"].reduce(
    (key: Buffer, step) => createHmac("sha256", key).update(step).digest(),
    Buffer.from(`AWS4${secret}`),
  );
}

function canonicalQuery(query: string): string {
  const pairs = query
    .split("&")
    .filter((pair) => pair !== "")
    .map((pair) => {
      const [name = "", value = ""] = splitOnce(pair, "=");
      const decode = (text: string): string => encode(decodeURIComponent(text.replaceAll("+", " ")), false);
      return [decode(name), decode(value)] as const;
    });
  pairs.sort(([a, x], [b, y]) => (a < b ? -1 : a > b ? 1 : x < y ? -1 : x > y ? 1 : 0));
  return pairs.map(([name, value]) => `${name}=${value}`).join("&");
}

function splitOnce(text: string, mark: string): [string, string] {
  const at = text.indexOf(mark);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}

function encode(text: string, keepSlash: boolean): string {
  const all = encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return keepSlash ? all.replaceAll("%2F", "/") : all;
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Sends a request as it stands. */
export function send(
  { host, port, ca }: S3Endpoint,
  { method, target, headers, body }: SignedHead,
  pieces?: readonly (string | Uint8Array)[],
): Promise<S3Reply> {
  return new Promise((resolve, reject) => {
    const options = { host, port, method, path: target, headers, agent: false, setHost: false };
    const call =
      ca === undefined ? httpRequest(options) : httpsRequest({ ...options, ca, servername: "localhost" });
    call.setTimeout(TIMEOUT_MS, () => call.destroy(new Error(`no answer to ${method} ${target}`)));
    // A server that answers early may close before the body is through; the answer counts.
    let failure: Error | undefined;
    let isAnswered = false;
    call.on("error", (error) => {
      failure = error;
      if (!isAnswered) reject(error);
    });
    call.on("response", (response) => {
      isAnswered = true;
      const chunks: Buffer[] = [];
      const done = (): void => {
        const bytes = Buffer.concat(chunks);
        const text = bytes.toString("utf8");
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: bytes,
          text,
          code: /<Error><Code>([^<]*)/.exec(text)?.[1],
          isComplete: response.complete && failure === undefined,
        });
      };
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.once("end", done);
      response.once("close", done);
      response.on("error", done);
    });
    if (pieces === undefined) call.end(body);
    else {
      for (const piece of pieces) call.write(piece);
      call.end();
    }
  });
}
