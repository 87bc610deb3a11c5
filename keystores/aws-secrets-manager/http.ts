/**
 * HTTP for the AWS SDK: pooled connections, one clock for an attempt, bounded answers, proxies.
 *
 * The SDK's own handler bounds neither the time that an answer's body takes nor its size, knows no proxies, and does
 * not say whether a request that failed had left this process; on that depends what is known of a create.
 */
import { readFileSync } from "node:fs";
import { type Dispatcher, EnvHttpProxyAgent } from "undici";
import type { AwsEnvironment } from "./environment.js";
import { isConnectFailure, reasonOf } from "./network.js";

/** A page of 100 secrets with all the tags, labels and descriptions that AWS allows stays below this. */
const MAX_ANSWER_BYTES = 8 * 1024 * 1024;
const CONNECT_TIMEOUT_MS = 5_000;
/** A connection that nobody used for so long is closed: shorter than what servers and firewalls usually wait. */
const KEEP_ALIVE_MS = 20_000;
const MAX_CONNECTIONS = 64;
/** Never by way of a proxy: as of Go's programs, and the addresses at which AWS gives out credentials. */
const DIRECT = "localhost,127.0.0.1,[::1],169.254.169.254,169.254.170.2,169.254.170.23,[fd00:ec2::254]";

/** A request as the SDK gives it. */
interface SdkRequest {
  readonly method: string;
  readonly protocol: string;
  readonly hostname: string;
  readonly port?: number | undefined;
  readonly path: string;
  readonly query?: Readonly<Record<string, string | readonly string[] | null>> | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** An answer as the SDK takes it; its body is whole. */
interface SdkAnswer {
  readonly response: {
    readonly statusCode: number;
    readonly headers: Record<string, string>;
    readonly body: Uint8Array;
  };
}

/** The network failed. `sent` false: no byte of the request can have reached AWS. */
export class AwsNetworkError extends Error {
  override readonly name = "AwsNetworkError";
  readonly sent: boolean;
  constructor(message: string, sent: boolean, cause?: unknown) {
    super(message, { cause });
    this.sent = sent;
  }
}

export class AwsHttp {
  readonly metadata = { handlerProtocol: "http/1.1" };
  readonly #agent: EnvHttpProxyAgent;
  readonly #timeoutMs: number;
  #closed = false;

  /** @throws Error when `AWS_CA_BUNDLE` cannot be read */
  constructor({ variables, attemptTimeoutMs }: Pick<AwsEnvironment, "variables" | "attemptTimeoutMs">) {
    this.#timeoutMs = attemptTimeoutMs;
    const authorities = authoritiesOf(variables.AWS_CA_BUNDLE);
    const tls = { minVersion: "TLSv1.2", ...(authorities === undefined ? {} : { ca: authorities }) } as const;
    const exempt = variables.no_proxy ?? variables.NO_PROXY ?? "";
    this.#agent = new EnvHttpProxyAgent({
      // Empty texts, and not undefined: those would be looked up in the environment of the process.
      httpProxy: variables.http_proxy ?? variables.HTTP_PROXY ?? "",
      httpsProxy: variables.https_proxy ?? variables.HTTPS_PROXY ?? "",
      noProxy: exempt === "*" ? "*" : [exempt, DIRECT].filter((part) => part !== "").join(","),
      connections: MAX_CONNECTIONS,
      pipelining: 1,
      keepAliveTimeout: KEEP_ALIVE_MS,
      keepAliveMaxTimeout: KEEP_ALIVE_MS,
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: { timeout: CONNECT_TIMEOUT_MS, keepAlive: true, keepAliveInitialDelay: 5_000, ...tls },
      requestTls: tls,
      proxyTls: tls,
    });
  }

  /** @throws AwsNetworkError; the signal's reason when it was aborted */
  async handle(request: SdkRequest, options: { readonly abortSignal?: unknown } = {}): Promise<SdkAnswer> {
    // The SDK also knows a kind of its own, which nobody here uses.
    const signal = options.abortSignal instanceof AbortSignal ? options.abortSignal : undefined;
    signal?.throwIfAborted();
    const { protocol, hostname, port, method, headers, body } = request;
    const host = `${hostname}${port === undefined ? "" : `:${port}`}`;
    if (this.#closed) throw new AwsNetworkError(`aws: ${host}: the key store was closed`, false);
    const timeout = AbortSignal.timeout(this.#timeoutMs);
    try {
      const answer = await this.#agent.request({
        origin: `${protocol}//${host}`,
        path: pathOf(request),
        method: methodOf(method),
        headers,
        body: bodyOf(body),
        signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
      });
      const bytes = await readBounded(answer.body);
      return {
        response: { statusCode: answer.statusCode, headers: flatHeaders(answer.headers), body: bytes },
      };
    } catch (cause) {
      if (signal?.aborted) throw signal.reason;
      const reason = timeout.aborted ? `no answer within ${this.#timeoutMs} ms` : reasonOf(cause);
      throw new AwsNetworkError(
        `aws: ${host}: ${reason}`,
        timeout.aborted || !isConnectFailure(cause),
        cause,
      );
    }
  }

  /** Part of what the SDK asks of a handler: it holds no settings of the SDK's. */
  updateHttpClientConfig(): void {}

  httpHandlerConfigs(): Record<string, never> {
    return {};
  }

  destroy(): void {
    if (this.#closed) return;
    this.#closed = true;
    // Whatever is under way learns of it by its own failure.
    this.#agent.destroy().catch(() => undefined);
  }
}

function authoritiesOf(path: string | undefined): string | undefined {
  if (!path) return undefined;
  const text = readFileSync(path, "utf8");
  if (!text.includes("-----BEGIN CERTIFICATE-----")) {
    throw new Error(`aws: AWS_CA_BUNDLE: '${path}' holds no PEM certificate`);
  }
  return text;
}

function pathOf({ path, query }: SdkRequest): string {
  const parameters = new URLSearchParams();
  for (const [key, value] of Object.entries(query ?? {})) {
    for (const each of Array.isArray(value) ? value : [value ?? ""]) parameters.append(key, String(each));
  }
  const text = parameters.toString();
  return text === "" ? path : `${path}?${text}`;
}

function methodOf(text: string): Dispatcher.HttpMethod {
  if (text === "POST" || text === "GET" || text === "PUT") return text;
  throw new TypeError(`the AWS SDK asked for the method ${text}`);
}

function bodyOf(body: unknown): string | Uint8Array | null {
  if (body === undefined || body === null) return null;
  if (typeof body === "string" || body instanceof Uint8Array) return body;
  throw new TypeError("the AWS SDK gave a body that is neither text nor bytes");
}

function flatHeaders(headers: Dispatcher.ResponseData["headers"]): Record<string, string> {
  const flat: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) flat[name.toLowerCase()] = Array.isArray(value) ? value.join(", ") : value;
  }
  return flat;
}

async function readBounded(body: AsyncIterable<Buffer>): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > MAX_ANSWER_BYTES) throw new RangeError(`the answer is longer than ${MAX_ANSWER_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
