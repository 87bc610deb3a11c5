/** HTTP to Vault: pooled connections, bounded answers, one redirect, no retries of its own. */
import { type Dispatcher, Pool } from "undici";
import { answerOf, type VaultAnswer } from "./answer.js";

/** Most that is read of an answer, as of KES; a listing is the only long one. */
const MAX_ANSWER_BYTES = 32 * 1024 * 1024;
const CONNECT_TIMEOUT_MS = 5_000;
/** A connection that nobody used for so long is closed: shorter than what servers and firewalls usually wait. */
const KEEP_ALIVE_MS = 20_000;
const MAX_CONNECTIONS = 64;

export interface VaultRequest {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** Below `/v1/`, without a slash in front; parts are encoded already. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: object;
  readonly namespace?: string;
  readonly token?: string;
  readonly signal?: AbortSignal;
  /** Of this one attempt, in milliseconds. */
  readonly timeoutMs: number;
}

/** TLS as `node:tls` takes it. */
export interface VaultTls {
  readonly ca?: readonly string[];
  readonly cert?: string;
  readonly key?: string;
  readonly servername?: string;
  readonly rejectUnauthorized?: boolean;
}

/** The network failed. `sent` false: no byte of the request can have reached Vault. */
export class VaultNetworkError extends Error {
  override readonly name = "VaultNetworkError";
  readonly sent: boolean;
  constructor(message: string, sent: boolean, cause: unknown) {
    super(message, { cause });
    this.sent = sent;
  }
}

/** Connections to one Vault, and to the node that it redirects to. */
export class VaultHttp {
  readonly #origin: URL;
  readonly #base: string;
  readonly #tls: VaultTls;
  readonly #pools = new Map<string, Pool>();

  /** @throws TypeError for an endpoint that is no `http:` or `https:` URL */
  constructor(endpoint: string, tls: VaultTls) {
    const url = new URL(endpoint);
    if (url.protocol !== "https:" && url.protocol !== "http:") {
      throw new TypeError(`endpoint must begin with https://, not ${url.protocol}`);
    }
    this.#origin = url;
    this.#base = url.pathname.replace(/\/+$/, "");
    this.#tls = tls;
  }

  /** @throws VaultNetworkError; the signal's reason when it was aborted */
  async send(request: VaultRequest): Promise<VaultAnswer> {
    const { path, query } = request;
    const url = new URL(this.#origin);
    url.pathname = `${this.#base}/v1/${path}`;
    url.search = query === undefined ? "" : new URLSearchParams(query).toString();
    const first = await this.#attempt(url, request);
    if (first.location === undefined) return first.answer;
    const target = redirectTarget(first.location, url);
    if (target === undefined) return first.answer;
    return (await this.#attempt(target, request)).answer;
  }

  async close(): Promise<void> {
    const pools = [...this.#pools.values()];
    this.#pools.clear();
    await Promise.all(pools.map((pool) => pool.destroy()));
  }

  async #attempt(url: URL, request: VaultRequest): Promise<{ answer: VaultAnswer; location?: string }> {
    const { method, body, namespace, token, signal, timeoutMs } = request;
    const what = `${method} ${url.pathname}`;
    const headers = {
      "x-vault-request": "true",
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...(namespace === undefined ? {} : { "x-vault-namespace": namespace }),
      ...(token === undefined ? {} : { "x-vault-token": token }),
    };
    // One clock for the attempt: undici's own are for headers and for pauses within a body.
    const timeout = AbortSignal.timeout(timeoutMs);
    const ends = signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
    let response: Dispatcher.ResponseData;
    let text: string;
    try {
      response = await this.#poolOf(url).request({
        method,
        path: `${url.pathname}${url.search}`,
        headers,
        signal: ends,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      text = await readBounded(response.body);
    } catch (cause) {
      if (signal?.aborted) throw signal.reason;
      if (timeout.aborted) {
        throw new VaultNetworkError(`vault: ${what}: no answer within ${timeoutMs} ms`, true, cause);
      }
      throw new VaultNetworkError(`vault: ${what}: ${reasonOf(cause)}`, !isConnectFailure(cause), cause);
    }
    const { location } = response.headers;
    const isRedirect = [301, 302, 307, 308].includes(response.statusCode);
    return {
      answer: answerOf(response.statusCode, text, what),
      ...(isRedirect && typeof location === "string" ? { location } : {}),
    };
  }

  #poolOf(url: URL): Pool {
    const known = this.#pools.get(url.origin);
    if (known !== undefined) return known;
    const { ca, ...tls } = this.#tls;
    const pool = new Pool(url.origin, {
      connections: MAX_CONNECTIONS,
      pipelining: 1,
      keepAliveTimeout: KEEP_ALIVE_MS,
      keepAliveMaxTimeout: KEEP_ALIVE_MS,
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: {
        timeout: CONNECT_TIMEOUT_MS,
        keepAlive: true,
        keepAliveInitialDelay: 5_000,
        minVersion: "TLSv1.2",
        ...tls,
        ...(ca === undefined ? {} : { ca: [...ca] }),
      },
    });
    this.#pools.set(url.origin, pool);
    return pool;
  }
}

/** Where a standby node sends its callers, unless that would give the token away: never from https to http. */
function redirectTarget(location: string, from: URL): URL | undefined {
  if (!URL.canParse(location, from.href)) return undefined;
  const target = new URL(location, from);
  if (target.protocol !== from.protocol && target.protocol !== "https:") return undefined;
  return target;
}

async function readBounded(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > MAX_ANSWER_BYTES) throw new RangeError(`the answer is longer than ${MAX_ANSWER_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** Failures of the connection's making: no request has left this process. */
const CONNECT_FAILURES = new Set([
  ...["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH", "UND_ERR_CONNECT_TIMEOUT"],
  ...["DEPTH_ZERO_SELF_SIGNED_CERT", "SELF_SIGNED_CERT_IN_CHAIN", "UNABLE_TO_VERIFY_LEAF_SIGNATURE"],
  ...[
    "UNABLE_TO_GET_ISSUER_CERT",
    "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
    "CERT_HAS_EXPIRED",
    "CERT_NOT_YET_VALID",
  ],
  ...["ERR_TLS_CERT_ALTNAME_INVALID", "ERR_SSL_WRONG_VERSION_NUMBER", "CERT_UNTRUSTED", "EPROTO"],
]);

function isConnectFailure(cause: unknown): boolean {
  const code = codeOf(cause);
  return code !== undefined && CONNECT_FAILURES.has(code);
}

function codeOf(cause: unknown): string | undefined {
  if (typeof cause !== "object" || cause === null) return undefined;
  if ("code" in cause && typeof cause.code === "string") return cause.code;
  if (cause instanceof AggregateError) return codeOf(cause.errors[0]);
  return "cause" in cause ? codeOf(cause.cause) : undefined;
}

const ADVICE: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens there: check the endpoint",
  ENOTFOUND: "the host name is unknown: check the endpoint and DNS",
  UND_ERR_CONNECT_TIMEOUT: "no connection in time: check the network and firewalls",
  ERR_TLS_CERT_ALTNAME_INVALID: "Vault's certificate is for another name: check the endpoint",
  CERT_HAS_EXPIRED: "Vault's certificate has expired",
  ERR_SSL_WRONG_VERSION_NUMBER: "Vault does not speak TLS there: the endpoint may be http://",
};

function reasonOf(cause: unknown): string {
  const code = codeOf(cause);
  const text = cause instanceof Error ? cause.message : String(cause);
  if (code === undefined) return text;
  const advice =
    ADVICE[code] ??
    (/SELF_SIGNED|VERIFY|ISSUER/.test(code) ? "its certificate is not trusted: see tls.ca" : text);
  return `${advice} (${code})`;
}
