/** Connections of S3 clients: kept, bounded, cut when an answer cannot be finished, and never left hanging. */
import { Agent, request } from "node:http";
import { expect } from "chai";
import { secureRandom } from "../../src/crypto/random.js";
import type { KeyService } from "../../src/storage/keys/key-service.js";
import { LocalObjects } from "../../src/storage/local/local-objects.js";
import type { ObjectService, OpenedObject } from "../../src/storage/objects/object-service.js";
import { s3Error } from "../../src/storage/s3/errors.js";
import { MemoryStore } from "../support/memory-store.js";
import { headText, RawConnection } from "../support/raw-connection.js";
import { type S3Ask, type SignedHead, signedHead } from "../support/s3-client.js";
import { ROOT, type S3ServerOptions, type S3TestServer, startS3Server } from "../support/s3-server.js";

const MIB = 1024 * 1024;

describe("S3 connections", () => {
  const servers: S3TestServer[] = [];
  const start = async (options: S3ServerOptions = {}): Promise<S3TestServer> => {
    const server = await startS3Server(options);
    servers.push(server);
    await server.ask("PUT", "/bucket");
    return server;
  };

  afterEach(async () => {
    for (const server of servers.splice(0)) await server.stop();
  });

  const head = (server: S3TestServer, method: string, target: string, ask?: S3Ask): SignedHead =>
    signedHead(server, ROOT, method, target, ask);

  describe("that are kept", () => {
    it("serve one request after the other, refused ones too", async () => {
      const server = await start();
      await server.ask("PUT", "/bucket/k", { body: "hello" });
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      const ports = new Set<number | undefined>();
      const ask = (method: string, target: string, ask?: S3Ask): Promise<number | undefined> =>
        new Promise((resolve, reject) => {
          const { body, ...rest } = head(server, method, target, ask);
          const options = {
            ...rest,
            path: rest.target,
            host: "127.0.0.1",
            port: server.port,
            agent,
            setHost: false,
          };
          const call = request(options, (response) => {
            response.resume().once("end", () => resolve(response.statusCode));
          });
          call.once("socket", (socket) => {
            const note = (): void => void ports.add(socket.localPort);
            if (socket.connecting) socket.once("connect", note);
            else note();
          });
          call.once("error", reject);
          call.end(body);
        });
      expect(await ask("GET", "/bucket/k")).to.equal(200);
      expect(await ask("GET", "/bucket/missing")).to.equal(404);
      expect(await ask("PUT", "/bucket/x", { body: "hello", headers: { "content-md5": "x" } })).to.equal(400);
      expect(await ask("PUT", "/nowhere/x", { body: "x".repeat(100_000) })).to.equal(404);
      expect(await ask("HEAD", "/bucket/missing")).to.equal(404);
      expect(await ask("DELETE", "/bucket/k")).to.equal(204);
      expect(await ask("GET", "/bucket/k", { login: "anonymous" })).to.equal(403);
      agent.destroy();
      expect(ports.size).to.equal(1);
    });

    it("take requests that are sent without waiting for answers", async () => {
      const server = await start();
      await server.ask("PUT", "/bucket/k", { body: "hello" });
      const connection = await RawConnection.open(server.port);
      const one = head(server, "GET", "/bucket/k");
      const two = head(server, "GET", "/bucket/missing");
      const three = head(server, "GET", "/bucket/k", { headers: { connection: "close" } });
      connection.write(headText(one) + headText(two) + headText(three));
      const answers = await connection.closed();
      expect([...answers.matchAll(/HTTP\/1\.1 (\d+)/g)].map((match) => match[1])).to.deep.equal([
        "200",
        "404",
        "200",
      ]);
    });

    it("are closed when nothing comes", async () => {
      const server = await start({ limits: { keepAliveTimeoutMs: 200 } });
      const connection = await RawConnection.open(server.port);
      connection.write(headText(head(server, "HEAD", "/bucket")));
      expect(await connection.closed()).to.match(/^HTTP\/1\.1 200 /);
    });
  });

  describe("whose client waits for leave", () => {
    const expecting = (server: S3TestServer, target: string, body: string): SignedHead => {
      const signed = head(server, "PUT", target, { body });
      return { ...signed, headers: { ...signed.headers, expect: "100-continue" } };
    };

    it("get it once the head is right", async () => {
      const server = await start();
      const connection = await RawConnection.open(server.port);
      const signed = expecting(server, "/bucket/k", "hello");
      connection.write(headText(signed));
      expect(await connection.until(/\r\n\r\n/)).to.equal("HTTP/1.1 100 Continue\r\n\r\n");
      connection.write(signed.body);
      await connection.until(/HTTP\/1\.1 200 /);
      connection.destroy();
      expect((await server.ask("GET", "/bucket/k")).text).to.equal("hello");
    });

    it("are told at once what is wrong, and are closed", async () => {
      const server = await start();
      for (const [target, alter, code] of [
        ["/nowhere/k", {}, "NoSuchBucket"],
        ["/bucket/k", { "content-md5": "x" }, "InvalidDigest"],
        ["/bucket/k", { "x-amz-date": "20000101T000000Z" }, "AuthorizationHeaderMalformed"],
      ] as const) {
        const connection = await RawConnection.open(server.port);
        const { headers, ...signed } = expecting(server, target, "hello");
        const sent =
          code === "InvalidDigest"
            ? head(server, "PUT", target, { body: "hello", headers: alter }).headers
            : { ...headers, ...alter };
        connection.write(headText({ ...signed, headers: { ...sent, expect: "100-continue" } }));
        const answer = await connection.closed();
        expect(answer, target).to.contain(`<Code>${code}</Code>`);
        expect(answer).not.to.contain("100 Continue");
        expect(answer.toLowerCase()).to.contain("connection: close");
      }
    });

    it("are refused what nobody knows", async () => {
      const server = await start();
      const connection = await RawConnection.open(server.port);
      const signed = head(server, "PUT", "/bucket/k", { body: "hello" });
      connection.write(headText({ ...signed, headers: { ...signed.headers, expect: "a miracle" } }));
      const answer = await connection.closed();
      expect(answer).to.match(/^HTTP\/1\.1 417 /);
      expect(answer).to.contain("<Code>ExpectationFailed</Code>");
    });
  });

  it("bring an early answer to a client that goes on sending", async () => {
    const server = await start();
    const body = Buffer.alloc(8 * MIB, 1);
    const reply = await server.ask("PUT", "/nowhere/k", { body });
    expect([reply.status, reply.code]).to.deep.equal([404, "NoSuchBucket"]);
    expect(reply.headers.connection).to.equal("close");
  });

  it("are given up when a body does not come", async () => {
    const server = await start({ limits: { idleTimeoutMs: 200 } });
    const connection = await RawConnection.open(server.port);
    const signed = head(server, "PUT", "/bucket/k", { body: "hello" });
    connection.write(headText(signed));
    connection.write("he");
    const answer = await connection.closed();
    expect(answer).to.match(/^HTTP\/1\.1 400 /);
    expect(answer).to.contain("<Code>RequestTimeout</Code>");
    expect((await server.ask("GET", "/bucket/k")).status).to.equal(404);
  });

  it("are given up when a head does not come", async () => {
    const server = await start({ limits: { headersTimeoutMs: 200 } });
    const connection = await RawConnection.open(server.port);
    connection.write("GET / HTTP/1.1\r\nHost: x\r\n");
    const answer = await connection.closed();
    expect(answer).to.contain("<Code>RequestTimeout</Code>");
  });

  it("are given up when nobody reads the answer", async () => {
    const server = await start({ limits: { idleTimeoutMs: 300 } });
    await server.ask("PUT", "/bucket/large", { body: Buffer.alloc(32 * MIB) });
    const before = server.log.length;
    const connection = await RawConnection.open(server.port);
    connection.pause();
    connection.write(headText(head(server, "GET", "/bucket/large")));
    const record = await server.logged(before + 1);
    expect(record.bytesOut).to.be.lessThan(32 * MIB);
    connection.destroy();
  });

  describe("that are no HTTP", () => {
    for (const [what, text, status, code] of [
      ["nonsense", "nonsense\r\n\r\n", 400, "BadRequest"],
      [
        "a head beyond every limit",
        `GET / HTTP/1.1\r\nHost: x\r\nX-Long: ${"x".repeat(40_000)}\r\n\r\n`,
        400,
        "RequestHeaderSectionTooLarge",
      ],
      [
        "two lengths",
        "PUT /b/k HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        400,
        "BadRequest",
      ],
      [
        "a length and chunks",
        "PUT /b/k HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        400,
        "BadRequest",
      ],
    ] as const) {
      it(`are told so: ${what}`, async () => {
        const server = await start();
        const connection = await RawConnection.open(server.port);
        connection.write(text);
        const answer = await connection.closed();
        expect(answer).to.match(new RegExp(`^HTTP/1\\.1 ${status} `));
        expect(answer).to.contain(`<Code>${code}</Code>`);
      });
    }
  });

  it("beyond what can be served are told to slow down", async () => {
    let go: () => void = () => undefined;
    const wait = new Promise<void>((resolve) => {
      go = resolve;
    });
    const server = await start({
      limits: { maxRequests: 1 },
      service: ({ keys }) => {
        const service = localObjects(keys);
        return over(service, {
          async list(bucket, page) {
            await wait;
            return service.list(bucket, page);
          },
        });
      },
    });
    const first = server.ask("GET", "/bucket");
    let second = await server.ask("HEAD", "/bucket");
    for (let i = 0; i < 100 && second.status === 200; i++) second = await server.ask("HEAD", "/bucket");
    expect([second.status, second.headers["retry-after"]]).to.deep.equal([503, "1"]);
    go();
    expect((await first).status).to.equal(200);
  });

  it("whose client has gone abort what was asked for", async () => {
    let aborted: () => void = () => undefined;
    const gone = new Promise<void>((resolve) => {
      aborted = resolve;
    });
    const server = await start({
      service: ({ keys }) => {
        const service = localObjects(keys);
        return over(service, {
          list: (_bucket, _page, options) =>
            new Promise<never>((_resolve, reject) => {
              options?.signal?.addEventListener("abort", () => {
                aborted();
                reject(options.signal?.reason);
              });
            }),
        });
      },
    });
    const before = server.log.length;
    const connection = await RawConnection.open(server.port);
    connection.write(headText(head(server, "GET", "/bucket")));
    await until(() => server.log.length === before);
    connection.destroy();
    await gone;
    expect((await server.logged(before + 1)).status).to.equal(499);
    expect(server.failures).to.deep.equal([]);
  });

  describe("whose content fails in the middle", () => {
    it("are cut, so that nobody takes a part for the whole", async () => {
      const server = await start({
        service: ({ keys }) => {
          const service = localObjects(keys);
          return over(service, {
            async get(request): Promise<OpenedObject> {
              const opened = await service.get(request);
              return { ...opened, content: failing(opened.content) };
            },
          });
        },
      });
      await server.ask("PUT", "/bucket/k", { body: Buffer.alloc(MIB, 1) });
      const before = server.log.length;
      const connection = await RawConnection.open(server.port);
      connection.write(headText(head(server, "GET", "/bucket/k")));
      expect((await connection.closed()).length).to.be.lessThan(2000);
      const record = await server.logged(before + 1);
      expect([record.status, record.code]).to.deep.equal([200, "InternalError"]);
      expect(server.failures).to.have.lengthOf(1);
    });
  });

  it("get a sign of life while a long completion goes on, and an error in the document", async () => {
    const server = await start({
      limits: { patienceMs: 50 },
      service: ({ keys }) => {
        const service = localObjects(keys);
        return over(service, {
          async completeUpload(request) {
            await new Promise((resolve) => setTimeout(resolve, 400));
            return service.completeUpload(request);
          },
        });
      },
    });
    const created = await server.ask("POST", "/bucket/k?uploads");
    const id = /<UploadId>([^<]+)/.exec(created.text)?.[1] ?? "";
    const part = await server.ask("PUT", `/bucket/k?partNumber=1&uploadId=${id}`, { body: "hello" });
    const document = (etag: string): string =>
      `<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>${etag}</ETag></Part></CompleteMultipartUpload>`;
    const wrong = await server.ask("POST", `/bucket/k?uploadId=${id}`, { body: document("x") });
    expect(wrong.status).to.equal(200);
    expect(wrong.text).to.match(/^<\?xml [^>]*\?>\n? +<Error><Code>InvalidPart</);
    const right = await server.ask("POST", `/bucket/k?uploadId=${id}`, {
      body: document(part.headers.etag ?? ""),
    });
    expect(right.status).to.equal(200);
    expect(right.text).to.match(/^<\?xml [^>]*\?>\n? +<CompleteMultipartUploadResult /);
    expect((await server.ask("GET", "/bucket/k")).text).to.equal("hello");
  });

  it("under way get their answers when the server ends, idle ones are closed", async () => {
    const server = await startS3Server();
    await server.ask("PUT", "/bucket");
    const idle = await RawConnection.open(server.port);
    const busy = await RawConnection.open(server.port);
    const signed = head(server, "PUT", "/bucket/k", { body: "hello" });
    busy.write(headText(signed));
    const before = server.log.length;
    await until(() => server.log.length === before);
    const stopped = server.stop();
    await idle.closed();
    busy.write(signed.body);
    expect(await busy.closed()).to.match(/^HTTP\/1\.1 200 /);
    await stopped;
  });
});

function localObjects(keys: KeyService | undefined): LocalObjects {
  return new LocalObjects({ store: new MemoryStore(), keys, random: secureRandom, now: Date.now });
}

/** `service` with some calls in another way. */
function over(service: ObjectService, calls: Partial<ObjectService>): ObjectService {
  return new Proxy(service, {
    get(target, name) {
      const own: unknown = Reflect.get(calls, name);
      if (own !== undefined) return own;
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

async function* failing(content: AsyncIterableIterator<Buffer>): AsyncGenerator<Buffer> {
  for await (const piece of content) {
    yield piece.subarray(0, 1000);
    throw s3Error("INTERNAL");
  }
}

/** Lets what was sent arrive, as far as anybody can tell from outside. */
async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 20 && condition(); i++) await new Promise((resolve) => setTimeout(resolve, 10));
}
