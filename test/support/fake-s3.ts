/** An S3 service of few words whose troubles a test plays: enough of S3 for a gateway, over HTTP, signatures not looked at. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";

export interface FakeS3Request {
  readonly method: string;
  /** As it came, without query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

interface FakeS3Object {
  readonly body: Buffer;
  /** Those that are given back. */
  readonly headers: Readonly<Record<string, string>>;
  readonly etag: string;
}

/** An answer in the place of the usual one; `body` is sent as it is. */
export interface FakeS3Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string | number>>;
  readonly body?: string | Buffer;
  /** The connection is broken when so many bytes of the body were sent. */
  readonly cutAfter?: number;
}

const KEPT = /^(?:x-amz-meta-.*|content-type|cache-control|content-encoding)$/;

/** An error document; a HEAD gets none. */
export function failure(status: number, code: string, headers: Record<string, string> = {}): FakeS3Answer {
  const body = `<?xml version="1.0"?><Error><Code>${code}</Code><Message>of the back end</Message></Error>`;
  return { status, headers: { "content-type": "application/xml", ...headers }, body };
}

export class FakeS3 {
  readonly objects = new Map<string, FakeS3Object>();
  readonly buckets = new Set<string>();
  /** What was asked so far. */
  readonly asked: FakeS3Request[] = [];
  /** Looks at each request first. */
  trouble: (request: FakeS3Request, usual: () => FakeS3Answer) => FakeS3Answer | undefined = () => undefined;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<FakeS3> {
    const server = createServer();
    const fake = new FakeS3(server);
    server.on("request", (request, response) => {
      fake.#serve(request, response).catch(() => response.destroy());
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return fake;
  }

  get url(): string {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    return `http://127.0.0.1:${address.port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  async #serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const pieces: Buffer[] = [];
    for await (const piece of incoming) pieces.push(Buffer.from(piece));
    const url = new URL(incoming.url ?? "/", "http://fake");
    const request: FakeS3Request = {
      ...{ method: incoming.method ?? "", path: url.pathname, query: url.searchParams },
      ...{ headers: incoming.headers, body: Buffer.concat(pieces) },
    };
    this.asked.push(request);
    const usual = (): FakeS3Answer => this.#answer(request);
    const { status, headers = {}, body = "", cutAfter } = this.trouble(request, usual) ?? usual();
    const bytes = Buffer.from(body);
    response.writeHead(status, { "content-length": bytes.length, ...headers });
    if (request.method === "HEAD") response.end();
    else if (cutAfter === undefined) response.end(bytes);
    else response.write(bytes.subarray(0, cutAfter), () => response.destroy());
  }

  #answer(request: FakeS3Request): FakeS3Answer {
    const { method, path, query, headers } = request;
    const [bucket = "", ...rest] = decodeURIComponent(path.slice(1)).split("/");
    const key = rest.join("/");
    if (bucket === "")
      return { status: 200, body: "<ListAllMyBucketsResult><Buckets/></ListAllMyBucketsResult>" };
    if (key === "") {
      if (method === "PUT") this.buckets.add(bucket);
      if (!this.buckets.has(bucket)) return failure(404, "NoSuchBucket");
      return { status: 200, body: query.get("list-type") === "2" ? this.#list(bucket, query) : "" };
    }
    if (!this.buckets.has(bucket)) return failure(404, "NoSuchBucket");
    const at = `${bucket}/${key}`;
    const found = this.objects.get(at);
    if (method === "PUT") return this.#put(at, request);
    if (method === "DELETE") {
      this.objects.delete(at);
      return { status: 204 };
    }
    if (found === undefined) return failure(404, "NoSuchKey");
    const { "if-match": match, range } = headers;
    if (match !== undefined && match !== found.etag) return failure(412, "PreconditionFailed");
    const shown = { ...found.headers, etag: found.etag, "last-modified": new Date(0).toUTCString() };
    const asked = /^bytes=(\d+)-(\d+)$/.exec(range ?? "");
    if (asked === null) return { status: 200, headers: shown, body: found.body };
    const [first, last] = [Number(asked[1]), Number(asked[2])];
    const part = found.body.subarray(first, last + 1);
    const contentRange = `bytes ${first}-${first + part.length - 1}/${found.body.length}`;
    return { status: 206, headers: { ...shown, "content-range": contentRange }, body: part };
  }

  #put(at: string, { headers, body }: FakeS3Request): FakeS3Answer {
    const source = headers["x-amz-copy-source"];
    const from = typeof source === "string" ? this.objects.get(decodeURIComponent(source)) : undefined;
    if (source !== undefined && from === undefined) return failure(404, "NoSuchKey");
    const match = headers["x-amz-copy-source-if-match"];
    if (match !== undefined && match !== from?.etag) return failure(412, "PreconditionFailed");
    const content = from?.body ?? body;
    const etag = `"${createHash("md5").update(content).digest("hex")}"`;
    const kept: [string, string][] = [];
    for (const [name, value] of Object.entries(headers)) {
      if (KEPT.test(name) && typeof value === "string") kept.push([name, value]);
    }
    this.objects.set(at, { body: content, headers: Object.fromEntries(kept), etag });
    const copied = `<CopyObjectResult><ETag>${etag}</ETag></CopyObjectResult>`;
    return { status: 200, headers: { etag }, body: from === undefined ? "" : copied };
  }

  /** One page of all keys, as they are: `encoding-type` is left out of account. */
  #list(bucket: string, query: URLSearchParams): string {
    const after = query.get("start-after") ?? "";
    const keys = [...this.objects.keys()]
      .filter((at) => at.startsWith(`${bucket}/`))
      .map((at) => at.slice(bucket.length + 1))
      .filter((key) => key > after)
      .sort();
    const contents = keys.map((key) => {
      const { etag = "", body = Buffer.alloc(0) } = this.objects.get(`${bucket}/${key}`) ?? {};
      return `<Contents><Key>${key}</Key><ETag>${etag}</ETag><Size>${body.length}</Size></Contents>`;
    });
    return `<ListBucketResult>${contents.join("")}<IsTruncated>false</IsTruncated></ListBucketResult>`;
  }
}
