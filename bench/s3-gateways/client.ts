/** One S3 client that knows what it has stored, and says when it is told something else. */
import * as aws from "@aws-sdk/client-s3";
import { GuardedHttpsAgent } from "../../src/storage/gateway/agents.js";
import { contentOf, partsOf } from "./content.js";
import { KEY_NAME, ROOT } from "./site.js";
import type { Operation, OperationTally, Tally } from "./tally.js";

/** AWS's own number of attempts and delays between them; `requestTimeout`: without any answer. */
export const CLIENT_SETTINGS = {
  maxAttempts: 3,
  retryMode: "standard",
  connectionTimeoutMs: 5_000,
  requestTimeoutMs: 60_000,
} as const;
/** Of a body that breaks off after its answer has begun. */
const READS = 3;
const KEYS = 12;

/** What stands under a key: an object by the seed of its content, nothing, or nobody knows since a call failed. */
type Stored = { readonly seed: string; readonly isMultipart: boolean } | "nothing" | "unknown";

const kinds = [
  { ServerSideEncryption: "AES256" },
  { ServerSideEncryption: "aws:kms", SSEKMSKeyId: KEY_NAME },
] as const;

/** Out of a hundred; the rest deletes. Most of what is stored is read. */
const SHARES: readonly (readonly [Operation, number])[] = [
  ...([
    ["put", 30],
    ["get", 25],
  ] as const),
  ...([
    ["range", 18],
    ["list", 10],
    ["multipart", 4],
    ["delete", 13],
  ] as const),
];

export interface ClientParts {
  readonly url: string;
  readonly ca: string;
  readonly bucket: string;
  readonly tally: Tally;
  /** From 0 to below 1. */
  readonly random: () => number;
}

export function s3Client({ url, ca }: Pick<ClientParts, "url" | "ca">): aws.S3Client {
  return new aws.S3Client({
    ...{ endpoint: url, region: "us-east-1", forcePathStyle: true, credentials: ROOT },
    ...{ maxAttempts: CLIENT_SETTINGS.maxAttempts, retryMode: CLIENT_SETTINGS.retryMode },
    requestHandler: {
      connectionTimeout: CLIENT_SETTINGS.connectionTimeoutMs,
      requestTimeout: CLIENT_SETTINGS.requestTimeoutMs,
      throwOnRequestTimeout: true,
      httpsAgent: new GuardedHttpsAgent({ ca, keepAlive: true }),
    },
  });
}

/** An answer that is not what is stored. */
class Wrong extends Error {}

export class LoadClient {
  readonly #name: string;
  readonly #parts: ClientParts;
  readonly #s3: aws.S3Client;
  readonly #stored = new Map<string, Stored>();
  #count = 0;

  constructor(name: string, parts: ClientParts) {
    this.#name = name;
    this.#parts = parts;
    this.#s3 = s3Client(parts);
  }

  /** One operation of the mix, one after another: what a key holds is never in doubt but for a failure. */
  async step(): Promise<void> {
    const operation = this.#chosen();
    const known = [...this.#stored].filter(([, what]) => typeof what === "object").map(([key]) => key);
    const existing = known[Math.floor(this.#parts.random() * known.length)];
    if (existing === undefined && (operation === "get" || operation === "range")) return this.#run("put");
    return this.#run(operation, existing);
  }

  /**
   * Reads all that is known to be there, and looks for what must not be.
   * @returns the number of acknowledged objects, and of those that are gone or altered, or there though deleted
   */
  async readBack(): Promise<{ readonly objects: number; readonly lost: number }> {
    let [objects, lost] = [0, 0];
    for (const [key, what] of this.#stored) {
      if (what === "unknown") continue;
      if (what !== "nothing") objects++;
      try {
        await this.#compare(key, what, new Set());
      } catch (error) {
        lost++;
        this.#parts.tally.note(`at the end, ${key}: ${wordsOf(error)}`);
      }
    }
    return { objects, lost };
  }

  close(): void {
    this.#s3.destroy();
  }

  #chosen(): Operation {
    let left = this.#parts.random() * 100;
    for (const [operation, share] of SHARES) {
      left -= share;
      if (left < 0) return operation;
    }
    return "put";
  }

  async #run(operation: Operation, existing?: string): Promise<void> {
    const { tally } = this.#parts;
    const counts = tally.of[operation];
    const marks = new Set<"retried">();
    const begun = performance.now();
    try {
      await this.#perform(operation, existing, counts, marks);
      counts.done++;
      if (marks.has("retried")) counts.retried++;
    } catch (error) {
      if (error instanceof Wrong) counts.wrong++;
      else counts.failed++;
      tally.note(`${operation} of ${this.#name}: ${wordsOf(error)}`);
    } finally {
      counts.longestMs = Math.max(counts.longestMs, performance.now() - begun);
    }
  }

  #perform(
    operation: Operation,
    existing: string | undefined,
    counts: OperationTally,
    marks: Set<"retried">,
  ): Promise<void> {
    const key = `${this.#name}/${Math.floor(this.#parts.random() * KEYS)}`;
    switch (operation) {
      case "put":
        return this.#put(key, marks);
      case "multipart":
        return this.#multipart(key, marks);
      case "delete":
        return this.#delete(existing ?? key, marks);
      case "list":
        return this.#list(marks);
      case "get":
      case "range":
        return this.#read(operation, existing ?? key, counts, marks);
    }
  }

  async #put(key: string, marks: Set<"retried">): Promise<void> {
    const seed = this.#newSeed(key);
    this.#stored.set(key, "unknown");
    const call = { ...this.#at(key), Body: contentOf(seed), ...this.#kind() };
    noteAttempts(await this.#s3.send(new aws.PutObjectCommand(call)), marks);
    this.#stored.set(key, { seed, isMultipart: false });
  }

  async #multipart(key: string, marks: Set<"retried">): Promise<void> {
    const seed = this.#newSeed(key);
    const at = this.#at(key);
    this.#stored.set(key, "unknown");
    const begun = await this.#s3.send(new aws.CreateMultipartUploadCommand({ ...at, ...this.#kind() }));
    noteAttempts(begun, marks);
    const { UploadId } = begun;
    const sent: aws.CompletedPart[] = [];
    for (const [i, Body] of partsOf(seed).entries()) {
      const part = await this.#s3.send(
        new aws.UploadPartCommand({ ...at, UploadId, PartNumber: i + 1, Body }),
      );
      noteAttempts(part, marks);
      sent.push({ PartNumber: i + 1, ETag: part.ETag });
    }
    const whole = { ...at, UploadId, MultipartUpload: { Parts: sent } };
    noteAttempts(await this.#s3.send(new aws.CompleteMultipartUploadCommand(whole)), marks);
    this.#stored.set(key, { seed, isMultipart: true });
  }

  async #delete(key: string, marks: Set<"retried">): Promise<void> {
    this.#stored.set(key, "unknown");
    noteAttempts(await this.#s3.send(new aws.DeleteObjectCommand(this.#at(key))), marks);
    this.#stored.set(key, "nothing");
  }

  /** The client's own keys, each with its size. */
  async #list(marks: Set<"retried">): Promise<void> {
    const page = await this.#s3.send(
      new aws.ListObjectsV2Command({ Bucket: this.#parts.bucket, Prefix: `${this.#name}/` }),
    );
    noteAttempts(page, marks);
    const listed = new Map(page.Contents?.map(({ Key = "", Size }) => [Key, Size]));
    for (const [key, what] of this.#stored) {
      const size = listed.get(key);
      if (what === "unknown") continue;
      const expected = what === "nothing" ? undefined : bytesOf(what).length;
      if (size !== expected) throw new Wrong(`${key} is listed with ${size} bytes, not ${expected}`);
    }
    for (const key of listed.keys()) if (!this.#stored.has(key)) throw new Wrong(`${key} is listed`);
  }

  async #read(
    operation: "get" | "range",
    key: string,
    counts: OperationTally,
    marks: Set<"retried">,
  ): Promise<void> {
    const what = this.#stored.get(key) ?? "unknown";
    if (what === "unknown") return;
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#compare(key, what, marks, operation === "range" ? this.#range(what) : undefined);
      } catch (error) {
        if (!(error instanceof BodyCut) || attempt === READS) throw error;
        counts.cut++;
      }
    }
  }

  /** Undefined for an empty object, which has no range. */
  #range(what: Stored): { readonly first: number; readonly last: number } | undefined {
    const size = typeof what === "object" ? bytesOf(what).length : 0;
    if (size === 0) return undefined;
    const first = Math.floor(this.#parts.random() * size);
    return { first, last: Math.min(size - 1, first + Math.floor(this.#parts.random() * 100_000)) };
  }

  /** @throws Wrong, {@link BodyCut}, or what AWS's client throws */
  async #compare(
    key: string,
    what: Exclude<Stored, "unknown">,
    marks: Set<"retried">,
    range?: { readonly first: number; readonly last: number },
  ): Promise<void> {
    const Range = range === undefined ? {} : { Range: `bytes=${range.first}-${range.last}` };
    const found = await this.#s3
      .send(new aws.GetObjectCommand({ ...this.#at(key), ...Range }))
      .catch((error: unknown) => {
        if (error instanceof aws.NoSuchKey) return "nothing" as const;
        throw error;
      });
    if (found === "nothing" || what === "nothing") {
      if (found === what) return;
      if (found !== "nothing") await bodyOf(found);
      throw new Wrong(found === "nothing" ? `${key} is gone` : `${key} is there though it was deleted`);
    }
    noteAttempts(found, marks);
    const whole = bytesOf(what);
    const expected = range === undefined ? whole : whole.subarray(range.first, range.last + 1);
    const body = await bodyOf(found);
    if (!body.equals(expected)) throw new Wrong(`${key} has other content (${body.length} bytes)`);
  }

  #newSeed(key: string): string {
    return `${key} ${this.#count++}`;
  }

  #at(key: string): { readonly Bucket: string; readonly Key: string } {
    return { Bucket: this.#parts.bucket, Key: key };
  }

  #kind(): (typeof kinds)[number] {
    return this.#parts.random() < 0.5 ? kinds[0] : kinds[1];
  }
}

/** A body that ended before its length. */
class BodyCut extends Error {}

async function bodyOf({ Body, ContentLength }: aws.GetObjectCommandOutput): Promise<Buffer> {
  let bytes: Uint8Array;
  try {
    bytes = (await Body?.transformToByteArray()) ?? new Uint8Array();
  } catch (cause) {
    throw new BodyCut("the body broke off", { cause });
  }
  if (bytes.length !== ContentLength)
    throw new Wrong(`a body of ${bytes.length} bytes, not ${ContentLength}`);
  return Buffer.from(bytes);
}

function bytesOf({ seed, isMultipart }: Exclude<Stored, string>): Buffer {
  return isMultipart ? Buffer.concat(partsOf(seed)) : contentOf(seed);
}

function noteAttempts({ $metadata }: aws.ServiceOutputTypes, marks: Set<"retried">): void {
  if (($metadata.attempts ?? 1) > 1) marks.add("retried");
}

function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const metadata: unknown = Reflect.get(error, "$metadata");
  const about = typeof metadata === "object" && metadata !== null ? ` ${JSON.stringify(metadata)}` : "";
  return `${error.name}: ${error.message}${about}`;
}
