/** The S3 service behind a gateway, reached by AWS's own client. */
import { S3Client, type S3ClientConfig } from "@aws-sdk/client-s3";
import { GuardedHttpAgent, GuardedHttpsAgent } from "./agents.js";
import { backEndError } from "./back-end-errors.js";

export interface BackEndOptions {
  /** For example `https://s3.example.com`. */
  readonly endpoint: string;
  /** Usual: `us-east-1`. */
  readonly region?: string;
  /** Without: the whole chain of the SDK (environment, profiles, roles). */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
  /** PEM. */
  readonly ca?: string;
}

const CONNECT_TIMEOUT_MS = 5_000;
/** Without a byte in either direction. */
const IDLE_TIMEOUT_MS = 60_000;
const MAX_SOCKETS = 256;
const ATTEMPTS = 3;

export class BackEnd {
  readonly client: S3Client;

  constructor({ endpoint, region = "us-east-1", credentials, ca }: BackEndOptions) {
    const agent = { keepAlive: true, maxSockets: MAX_SOCKETS };
    const config: S3ClientConfig = {
      endpoint,
      region,
      // Works with an address as with a name.
      forcePathStyle: true,
      maxAttempts: ATTEMPTS,
      // What is sent is ciphertext, which its packages protect; older services know nothing of these checksums.
      requestChecksumCalculation: "WHEN_REQUIRED",
      responseChecksumValidation: "WHEN_REQUIRED",
      requestHandler: {
        connectionTimeout: CONNECT_TIMEOUT_MS,
        requestTimeout: IDLE_TIMEOUT_MS,
        httpAgent: new GuardedHttpAgent(agent),
        httpsAgent: new GuardedHttpsAgent({ ...agent, ...(ca === undefined ? {} : { ca }) }),
      },
      // Failures are told by what is thrown; the library would write to standard error as well.
      logger: { trace: ignore, debug: ignore, info: ignore, warn: ignore, error: ignore },
      ...(credentials === undefined ? {} : { credentials }),
    };
    this.client = new S3Client(config);
  }

  /** Runs one call. @throws S3Error as `backEndError`; the signal's reason when it was aborted */
  async call<T>(
    signal: AbortSignal | undefined,
    work: (client: S3Client, options: { abortSignal?: AbortSignal }) => Promise<T>,
  ): Promise<T> {
    try {
      return await work(this.client, signal === undefined ? {} : { abortSignal: signal });
    } catch (error) {
      signal?.throwIfAborted();
      throw backEndError(error);
    }
  }

  close(): void {
    this.client.destroy();
  }
}

function ignore(): void {}
