/** Objects of a running server, by signed requests: ListObjectsV2 and UpdateObjectEncryption. */
import { readFile } from "node:fs/promises";
import {
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  S3Client,
  S3ServiceException,
  UpdateObjectEncryptionCommand,
} from "@aws-sdk/client-s3";
import { CommandError } from "../../command.js";
import { MOST_UPLOADS, type Outcome, type RotatedObjects } from "./objects.js";

export interface RemoteServer {
  readonly url: string;
  readonly bucket: string;
  readonly accessKey: string;
  readonly secret: string;
  readonly region: string;
  /** File of an authority that the server's certificate is checked against. */
  readonly caFile?: string;
}

/** With the pauses between, about half a minute: a key server that is restarted comes back within it. */
const MAX_ATTEMPTS = 8;
const TIMEOUT_MS = 60_000;

export async function remoteObjects(server: RemoteServer, parallel: number): Promise<RotatedObjects> {
  const { url, bucket, accessKey, secret, region, caFile } = server;
  const client = new S3Client({
    endpoint: url,
    region,
    forcePathStyle: true,
    credentials: { accessKeyId: accessKey, secretAccessKey: secret },
    maxAttempts: MAX_ATTEMPTS,
    requestHandler: {
      requestTimeout: TIMEOUT_MS,
      httpAgent: { maxSockets: parallel + 1, keepAlive: true },
      httpsAgent: {
        maxSockets: parallel + 1,
        keepAlive: true,
        ...(caFile === undefined ? {} : { ca: await readFile(caFile, "utf8") }),
      },
    },
  });
  return new RemoteObjects(client, url, bucket);
}

class RemoteObjects implements RotatedObjects {
  readonly place: string;
  readonly #client: S3Client;
  readonly #bucket: string;

  constructor(client: S3Client, url: string, bucket: string) {
    this.#client = client;
    this.place = url;
    this.#bucket = bucket;
  }

  async *keys(prefix: string, after: string, signal: AbortSignal): AsyncGenerator<string> {
    let token: string | undefined;
    do {
      const page = await this.#told(() =>
        this.#client.send(
          new ListObjectsV2Command({
            Bucket: this.#bucket,
            Prefix: prefix,
            // Keys may hold what XML cannot.
            EncodingType: "url",
            ...(after === "" ? {} : { StartAfter: after }),
            ...(token === undefined ? {} : { ContinuationToken: token }),
          }),
          { abortSignal: signal },
        ),
      );
      for (const { Key } of page.Contents ?? []) if (Key !== undefined) yield decodeURIComponent(Key);
      token = page.IsTruncated === true ? page.NextContinuationToken : undefined;
    } while (token !== undefined);
  }

  async reseal(key: string, keyId: string, signal: AbortSignal): Promise<Outcome> {
    try {
      await this.#client.send(
        new UpdateObjectEncryptionCommand({
          Bucket: this.#bucket,
          Key: key,
          ObjectEncryption: { SSEKMS: { KMSKeyArn: keyId } },
        }),
        { abortSignal: signal },
      );
      return "resealed";
    } catch (error) {
      if (error instanceof S3ServiceException) {
        const outcome = outcomeOf(error);
        if (outcome !== undefined) return outcome;
      }
      throw error;
    }
  }

  async uploads(prefix: string, signal: AbortSignal): Promise<number> {
    const request = { Bucket: this.#bucket, Prefix: prefix, MaxUploads: MOST_UPLOADS };
    const page = await this.#told(() =>
      this.#client.send(new ListMultipartUploadsCommand(request), { abortSignal: signal }),
    );
    return page.Uploads?.length ?? 0;
  }

  async close(): Promise<void> {
    this.#client.destroy();
  }

  async #told<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (cause) {
      if (!(cause instanceof S3ServiceException)) throw cause;
      throw new CommandError(`${this.place}: ${cause.message} (${cause.name})`, { cause });
    }
  }
}

function outcomeOf(error: S3ServiceException): Outcome | undefined {
  if (error.name === "NoSuchKey") return "gone";
  // Members of the document that the SDK has no name for are left on the error.
  const outcome: unknown = Reflect.get(error, "Outcome");
  return outcome === "plain" || outcome === "refused" || outcome === "customer-key" ? outcome : undefined;
}
