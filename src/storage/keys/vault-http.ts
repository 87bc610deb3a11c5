/** Calls to Vault: pooled connections, bounded answers, repeated where the network or Vault fails in passing. */
import { type Dispatcher, Pool } from "undici";
import type { Clock } from "../../client/clock.js";
import { sseError } from "../sse/errors.js";
import { withinTime } from "../time-limit.js";

/** Largest answer in bytes; those of the transit engine are below 2 KiB. */
const MAX_ANSWER_BYTES = 64 * 1024;
const CONNECT_TIMEOUT_MS = 5_000;
const ATTEMPT_TIMEOUT_MS = 10_000;
const KEEP_ALIVE_MS = 20_000;
const MAX_CONNECTIONS = 64;
const MAX_ATTEMPTS = 3;
const FIRST_PAUSE_MS = 100;

export interface VaultCall {
  readonly method: "GET" | "PUT" | "POST";
  /** Below `/v1/`; parts are encoded already. */
  readonly path: string;
  readonly body?: object;
  readonly token?: string;
  readonly signal?: AbortSignal | undefined;
  /** Default three. */
  readonly attempts?: number;
}

export interface VaultReply {
  readonly status: number;
  /** The JSON object; undefined for anything else. */
  readonly body: Readonly<Record<string, unknown>> | undefined;
  /** Vault's own words, for the error log. */
  readonly errors: readonly string[];
}

export interface VaultPlace {
  /** `https://host:port`, and a path before Vault's where a proxy wants one. */
  readonly endpoint: string;
  readonly namespace?: string;
  /** PEM; the system's when absent. */
  readonly ca?: readonly string[];
}

/** Connections to one Vault. */
export class VaultHttp {
  readonly #pool: Pool;
  readonly #base: string;
  readonly #namespace: string | undefined;
  readonly #clock: Clock;

  constructor({ endpoint, namespace, ca }: VaultPlace, clock: Clock) {
    const url = new URL(endpoint);
    this.#base = url.pathname.replace(/\/+$/, "");
    this.#namespace = namespace;
    this.#clock = clock;
    this.#pool = new Pool(url.origin, {
      connections: MAX_CONNECTIONS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      keepAliveMaxTimeout: KEEP_ALIVE_MS,
      connect: {
        timeout: CONNECT_TIMEOUT_MS,
        minVersion: "TLSv1.2",
        ...(ca === undefined ? {} : { ca: [...ca] }),
      },
    });
  }

  /**
   * Sends a call that does no harm when it is carried out twice.
   * @returns the answer, whatever its status
   * @throws S3Error `KMS_UNAVAILABLE`; the signal's reason
   */
  async send(call: VaultCall): Promise<VaultReply> {
    const { attempts = MAX_ATTEMPTS, signal } = call;
    for (let attempt = 1; ; attempt++) {
      const reply = await this.#attempt(call).catch((error: unknown) => {
        signal?.throwIfAborted();
        if (attempt >= attempts) throw sseError("KMS_UNAVAILABLE", { cause: error });
        return undefined;
      });
      if (reply !== undefined && (attempt >= attempts || !isPassing(reply))) return reply;
      await this.#pause(FIRST_PAUSE_MS * 2 ** (attempt - 1) * (0.5 + this.#clock.random()));
      signal?.throwIfAborted();
    }
  }

  /** Open calls reject. */
  close(): Promise<void> {
    return this.#pool.destroy();
  }

  #attempt({ method, path, body, token, signal }: VaultCall): Promise<VaultReply> {
    return withinTime(ATTEMPT_TIMEOUT_MS, signal, async (bounded) => {
      const response = await this.#pool.request({
        ...{ method, path: `${this.#base}/v1/${path}`, signal: bounded },
        headers: {
          "x-vault-request": "true",
          ...(body === undefined ? {} : { "content-type": "application/json" }),
          ...(this.#namespace === undefined ? {} : { "x-vault-namespace": this.#namespace }),
          ...(token === undefined ? {} : { "x-vault-token": token }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      return replyOf(response.statusCode, await readBounded(response.body));
    });
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#clock.after(ms, resolve);
    });
  }
}

/** Sealed, overloaded, without a leader: all of that may pass. 501 is "not initialised". */
function isPassing({ status }: VaultReply): boolean {
  return status === 412 || status === 429 || (status >= 500 && status !== 501);
}

async function readBounded(body: Dispatcher.ResponseData["body"]): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > MAX_ANSWER_BYTES) throw new RangeError(`the answer is longer than ${MAX_ANSWER_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function replyOf(status: number, text: string): VaultReply {
  const body = objectOf(parsed(text));
  const errors = Array.isArray(body?.errors) ? body.errors.filter((each) => typeof each === "string") : [];
  return { status, body, errors: errors.slice(0, 5).map((each) => each.slice(0, 200)) };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Not Vault's. Whoever looks for a member finds none and says so.
    return undefined;
  }
}

/** The members of a JSON object; undefined for anything else. */
export function objectOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  return Object.fromEntries(Object.entries(value));
}
