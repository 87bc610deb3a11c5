/** Requests that are right in every single part and mean harm, or would do harm if a part of them were passed over. */
import { Sha256 } from "@aws-sdk/checksums/sha";
import { SignatureV4 } from "@smithy/signature-v4";
import { expect } from "chai";
import { operationRows } from "../../src/storage/s3/operations.js";
import { RawConnection } from "../support/raw-connection.js";
import type { S3Ask, S3Login } from "../support/s3-client.js";
import { KEY_NAME, ROOT, type S3TestServer, startS3Server } from "../support/s3-server.js";

const reader: S3Login = { user: "reader", password: "reader-secret" };
const confined: S3Login = { user: "confined", password: "confined-secret" };

describe("S3 attacks", () => {
  let server: S3TestServer;

  before(async () => {
    server = await startS3Server({
      domains: ["s3.example"],
      limits: { formTimeoutMs: 300 },
      accessKeys: [
        { accessKey: reader.user, secret: reader.password, rights: { canWrite: false } },
        {
          accessKey: confined.user,
          secret: confined.password,
          rights: { canWrite: true, scopes: [{ bucket: "bucket", prefix: "a/" }] },
        },
      ],
    });
    expect((await server.ask("PUT", "/bucket")).status).to.equal(200);
    expect((await server.ask("PUT", "/bucket/b/x", { body: "of others" })).status).to.equal(200);
  });

  beforeEach(async () => {
    expect((await server.ask("PUT", "/bucket/a/x", { body: "whole" })).status).to.equal(200);
  });

  after(async () => {
    expect(server.failures).to.deep.equal([]);
    await server.stop();
  });

  const text = async (key: string): Promise<string> => (await server.ask("GET", `/bucket/${key}`)).text;

  describe("in the query of a presigned URL", () => {
    const presigned = (method: string, target: string, ask: S3Ask = {}) =>
      server.ask(method, target, { presign: 60, ...ask });

    it("headers count as such: metadata, encryption, tags", async () => {
      const query = `x-amz-meta-name=%C3%A4+b&X-Amz-Meta-Other=1&x-amz-server-side-encryption=aws%3Akms&x-amz-server-side-encryption-aws-kms-key-id=${KEY_NAME}&x-amz-tagging=t%3Dv`;
      const stored = await presigned("PUT", `/bucket/a/query?${query}`, { body: "x" });
      expect([stored.status, stored.headers["x-amz-server-side-encryption"]]).to.deep.equal([200, "aws:kms"]);
      const { headers } = await server.ask("HEAD", "/bucket/a/query");
      expect(Buffer.from(String(headers["x-amz-meta-name"]), "latin1").toString()).to.equal("ä b");
      expect(headers["x-amz-meta-other"]).to.equal("1");
      expect(headers["x-amz-server-side-encryption"]).to.equal("aws:kms");
      expect(headers["x-amz-tagging-count"]).to.equal("1");
    });

    it("they are there by the doing of AWS's own signer", async () => {
      const credentials = { accessKeyId: ROOT.user, secretAccessKey: ROOT.password };
      const signer = new SignatureV4({
        ...{ credentials, region: "us-east-1", service: "s3", sha256: Sha256, uriEscapePath: false },
      });
      const host = `${server.host}:${server.port}`;
      const hashes = { "X-Amz-Content-Sha256": "UNSIGNED-PAYLOAD", "x-amz-sdk-checksum-algorithm": "CRC32" };
      const meant = { "x-amz-meta-by": "the SDK, once", "x-amz-storage-class": "STANDARD_IA" };
      const { path, query = {} } = await signer.presign({
        ...{
          method: "PUT",
          protocol: "http:",
          hostname: server.host,
          port: server.port,
          path: "/bucket/a/sdk",
        },
        query: { "x-id": "PutObject" },
        headers: { host, ...hashes, "x-amz-checksum-crc32": "AAAAAA==", ...meant },
      });
      expect(query["x-amz-meta-by"]).to.equal(meant["x-amz-meta-by"]);
      const pairs = new URLSearchParams();
      for (const [name, value] of Object.entries(query)) pairs.set(name, String(value));
      const target = `${path}?${pairs}`;
      const stored = await server.ask("PUT", target, { login: "anonymous", body: "x" });
      expect(stored.status, stored.text).to.equal(200);
      expect((await server.ask("HEAD", "/bucket/a/sdk")).headers).to.include(meant);
    });

    it("a copy is a copy, and its source is for those who may read it", async () => {
      const target = "/bucket/a/x?x-amz-copy-source=bucket%2Fb%2Fx";
      const refused = await presigned("PUT", target, { login: confined });
      expect([refused.status, await text("a/x")]).to.deep.equal([403, "whole"]);
      const copied = await presigned("PUT", target);
      expect([copied.status, await text("a/x")]).to.deep.equal([200, "of others"]);
    });

    for (const [what, query, ask] of [
      ["a line end in metadata", "x-amz-meta-a=1%0D%0Ax-amz-meta-b:2"],
      ["a key of the client", "x-amz-server-side-encryption-customer-key=AAAA"],
      ["another value than the header has", "x-amz-meta-a=1", { headers: { "x-amz-meta-a": "2" } }],
      ["a name that is none", "x-amz-meta-a%20b=1"],
    ] as const) {
      it(`nothing is accepted that no header may say: ${what}`, async () => {
        const reply = await presigned("PUT", `/bucket/a/x?${query}`, { ...ask, body: "x" });
        expect([reply.status, reply.code]).to.deep.equal([400, "InvalidArgument"]);
        expect(await text("a/x")).to.equal("whole");
      });
    }

    it("what a header-signed request has there means nothing", async () => {
      const reply = await server.ask("PUT", "/bucket/a/plain?x-amz-meta-a=1", { body: "x" });
      expect(reply.status).to.equal(200);
      expect((await server.ask("HEAD", "/bucket/a/plain")).headers["x-amz-meta-a"]).to.equal(undefined);
    });
  });

  describe("that are not understood as a whole change nothing", () => {
    const past = "Mon, 01 Jan 2001 00:00:00 GMT";
    for (const [method, headers] of [
      ["PUT", { "x-amz-write-offset-bytes": "5" }],
      ["PUT", { "content-range": "bytes 5-8/9" }],
      ["PUT", { "if-unmodified-since": past }],
      ["PUT", { "if-modified-since": past }],
      ["DELETE", { "if-unmodified-since": past }],
      ["DELETE", { "if-none-match": "*" }],
      ["DELETE", { "x-amz-if-match-size": "77" }],
      ["DELETE", { "x-amz-if-match-last-modified-time": past }],
    ] as const) {
      it(`${method} with ${Object.keys(headers)[0]}`, async () => {
        const reply = await server.ask(method, "/bucket/a/x", {
          headers,
          ...(method === "PUT" ? { body: "tail" } : {}),
        });
        expect([reply.status, reply.code]).to.deep.equal([501, "NotImplemented"]);
        expect(await text("a/x")).to.equal("whole");
      });
    }
  });

  it("reach no upload of another key by its id", async () => {
    const created = await server.ask("POST", "/bucket/b/upload?uploads");
    const id = /<UploadId>([^<]+)/.exec(created.text)?.[1] ?? "";
    for (const [method, query, body] of [
      ["PUT", "partNumber=1&", "part"],
      ["GET", "", ""],
      [
        "POST",
        "",
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>x</ETag></Part></CompleteMultipartUpload>",
      ],
      ["DELETE", "", ""],
    ] as const) {
      const ask = { login: confined, body };
      const reply = await server.ask(method, `/bucket/a/upload?${query}uploadId=${id}`, ask);
      expect([reply.status, reply.code], method).to.deep.equal([404, "NoSuchUpload"]);
      const other = await server.ask(method, `/bucket/b/upload?${query}uploadId=${id}`, ask);
      expect([other.status, other.code], method).to.deep.equal([403, "AccessDenied"]);
    }
    expect((await server.ask("GET", `/bucket/b/upload?uploadId=${id}`)).status).to.equal(200);
  });

  it("by a confined key get nothing of others, whatever the operation", async () => {
    for (const [method, target, ask] of [
      ["GET", "/bucket/b/x?tagging"],
      ["GET", "/bucket/b/x?acl"],
      ["GET", "/bucket/b/x?retention"],
      ["GET", "/bucket/b/x?attributes", { headers: { "x-amz-object-attributes": "ETag" } }],
      ["PUT", "/bucket/b/x?acl", { headers: { "x-amz-acl": "private" } }],
      ["PUT", "/bucket/b/x?encryption", { body: "<x/>" }],
      ["DELETE", "/bucket/b/x?tagging"],
      ["POST", "/bucket/b/x?uploads"],
      ["PUT", "/bucket/a/y", { headers: { "x-amz-copy-source": "/bucket/b/x" } }],
      ["PUT", "/bucket/a/y", { headers: { "x-amz-copy-source": "bucket%2Fb%2Fx" } }],
      ["PUT", "/bucket/a/y", { headers: { "x-amz-copy-source": "/bucket/%62/x" } }],
      ["GET", "/bucket?prefix="],
      ["GET", "/bucket?prefix=a"],
      ["GET", "/bucket?marker=a/&prefix=b/"],
      ["GET", "/bucket?list-type=2&start-after=a/"],
      ["GET", "/bucket?uploads&prefix=a"],
      ["GET", "/bucket?versions&key-marker=a/"],
    ] as const) {
      const reply = await server.ask(method, target, { ...ask, login: confined });
      expect([reply.status, reply.code], `${method} ${target}`).to.deep.equal([403, "AccessDenied"]);
    }
    const listed = await server.ask("GET", "/bucket?prefix=a/&delimiter=/", { login: confined });
    expect(listed.text).to.contain("<Key>a/x</Key>").and.not.contain("b/");
  });

  describe("on the wire", () => {
    const raw = async (head: string): Promise<string> => {
      const connection = await RawConnection.open(server.port);
      connection.write(head);
      return connection.closed();
    };

    it("with two hosts or none are refused, at the server's own pages too", async () => {
      for (const path of ["/minio/health/live", "/_keswick/", "/bucket/a/x"]) {
        for (const hosts of [
          "Host: x\r\nHost: bucket.s3.example",
          "Host: bucket.s3.example\r\nHost: x",
          "X: x",
        ]) {
          const answer = await raw(`GET ${path} HTTP/1.1\r\n${hosts}\r\nConnection: close\r\n\r\n`);
          expect(answer).to.match(/^HTTP\/1\.1 400 /);
          expect(answer).to.contain("<Code>BadRequest</Code>");
        }
      }
    });

    it("with a target that nobody can read are told so in S3's words, and logged", async () => {
      for (const target of [
        "http://[x",
        "http://a:b:c/minio/health/live",
        "http://x/minio/health/live",
        "*",
      ]) {
        const before = server.log.length;
        const answer = await raw(`GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
        expect(answer, target).to.match(/^HTTP\/1\.1 400 /);
        expect(answer, target).to.contain("<Code>InvalidURI</Code>");
        expect((await server.logged(before + 1)).code).to.equal("InvalidURI");
      }
    });

    it("reach the probes without any host, as load balancers ask", async () => {
      expect(await raw("GET /minio/health/live HTTP/1.0\r\n\r\n")).to.match(/^HTTP\/1\.1 200 /);
    });

    it("that are none get an id all the same", async () => {
      const answer = await raw("nonsense\r\n\r\n");
      const id = /^x-amz-request-id: ([0-9A-F]{16})\r$/im.exec(answer)?.[1];
      expect(answer).to.contain(`<RequestId>${id}</RequestId>`);
      expect(answer).to.match(/^date: .* GMT\r$/im);
    });

    it("hold no place by a form whose fields drip", async () => {
      const connection = await RawConnection.open(server.port);
      const type = "Content-Type: multipart/form-data; boundary=b";
      connection.write(`POST /bucket HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n${type}\r\n\r\n`);
      connection.write('--b\r\nContent-Disposition: form-data; name="key"\r\n\r\n');
      const timer = setInterval(() => connection.write("k"), 50);
      try {
        const answer = await connection.closed();
        expect(answer).to.match(/^HTTP\/1\.1 400 /);
        expect(answer).to.contain("<Code>RequestTimeout</Code>");
      } finally {
        clearInterval(timer);
      }
    }).timeout(20_000);
  });

  describe("of every operation there is", () => {
    const requests = operationRows
      .filter(([name]) => name !== "PostObject" && name !== "ListBuckets")
      .map(([name, { method, level, query, ...row }]) => {
        const values = query.map((each) => `${each}=${each === "list-type" ? "2" : "1"}`).join("&");
        const target = (bucket: string, key: string): string =>
          `/${bucket}${level === "object" ? `/${key}` : ""}?${values}`;
        const isCopy = "copySource" in row && row.copySource === true;
        const headers: Record<string, string> = isCopy ? { "x-amz-copy-source": "/bucket/a/x" } : {};
        return { name, method, target, headers, access: row.access };
      });

    for (const { name, method, target, headers, access } of requests) {
      const refusedTo = async (login: S3Login | "anonymous", bucket: string, key: string): Promise<void> => {
        const reply = await server.ask(method, target(bucket, key), { login, headers });
        const code = method === "HEAD" ? undefined : "AccessDenied";
        expect([reply.status, reply.code], `${method} ${target(bucket, key)}`).to.deep.equal([403, code]);
      };

      it(`${name} is not for ${access === "write" ? "those who may read alone, nor " : ""}others`, async () => {
        await refusedTo("anonymous", "bucket", "a/x");
        await refusedTo(confined, "other-bucket", "a/x");
        await refusedTo(confined, "bucket-two", "a/x");
        if (target("", "k").startsWith("//k")) {
          await refusedTo(confined, "bucket", "b/x");
          await refusedTo(confined, "bucket", "a");
          await refusedTo(confined, "bucket", "A/x");
        }
        if (access === "write") {
          await refusedTo(reader, "bucket", "a/x");
          await refusedTo(reader, "new-bucket", "a/x");
        }
        expect(await text("a/x")).to.equal("whole");
      });
    }
  });

  describe("HEAD tells what GET does", () => {
    for (const [what, query, more, kind] of [
      ["plain", "", {}, undefined],
      ["SSE-S3", "", {}, "AES256"],
      ["SSE-KMS", "", {}, "aws:kms"],
      ["a range", "", { range: "bytes=1-2" }, "AES256"],
      ["checksums", "", { "x-amz-checksum-mode": "ENABLED" }, "AES256"],
      ["other headers", "?response-content-type=text%2Fhtml&response-expires=never", {}, undefined],
      ["a part", "?partNumber=1", {}, undefined],
    ] as const) {
      it(`of ${what}`, async () => {
        const store = {
          ...{ "cache-control": "no-cache", "content-language": "de", "x-amz-meta-a": "1" },
          ...{ "x-amz-tagging": "a=b", "x-amz-storage-class": "STANDARD_IA" },
          ...(kind === undefined ? {} : { "x-amz-server-side-encryption": kind }),
        };
        await server.ask("PUT", "/bucket/a/both", { body: "whole", headers: store });
        const shown = async (method: string): Promise<unknown> => {
          const { status, headers } = await server.ask(method, `/bucket/a/both${query}`, { headers: more });
          const { date: _, "x-amz-request-id": __, ...rest } = headers;
          return { status, ...rest };
        };
        expect(await shown("HEAD")).to.deep.equal(await shown("GET"));
      });
    }
  });

  describe("with If-Range", () => {
    const range = (ifRange: string, more: Record<string, string> = {}) => ({
      headers: { range: "bytes=1-2", "if-range": ifRange, ...more },
    });

    it("get a part of the object that they know alone", async () => {
      const { headers: now } = await server.ask("HEAD", "/bucket/a/x");
      const etag = now.etag ?? "";
      const date = now["last-modified"] ?? "";
      const long = "Mon, 01 Jan 2001 00:00:00 GMT";
      for (const [ifRange, more, status] of [
        [etag, {}, 206],
        [etag.slice(1, -1), {}, 206],
        [date, {}, 206],
        [etag, { "if-match": etag }, 206],
        ['"other"', {}, 200],
        [`W/${etag}`, {}, 200],
        [long, {}, 200],
        ["", {}, 200],
        ['"other"', { "if-match": etag }, 200],
        [etag, { "if-match": '"other"' }, 412],
        [etag, { "if-match": `"other", ${etag}` }, 200],
        [etag, { "if-unmodified-since": long }, 412],
        [date, { "if-unmodified-since": long }, 412],
        ['"other"', { "if-none-match": etag }, 304],
        [etag, { "if-none-match": etag }, 304],
      ] as const) {
        const what = `${ifRange} ${JSON.stringify(more)}`;
        const got = await server.ask("GET", "/bucket/a/x", range(ifRange, more));
        expect(got.status, what).to.equal(status);
        if (status < 300) expect(got.text, what).to.equal(status === 206 ? "ho" : "whole");
        const head = await server.ask("HEAD", "/bucket/a/x", range(ifRange, more));
        expect([head.status, head.headers["content-length"]], what).to.deep.equal([
          status,
          status === 412 ? "0" : got.headers["content-length"],
        ]);
      }
    });

    it("are told when there is no such part of it", async () => {
      const { headers: now } = await server.ask("HEAD", "/bucket/a/x");
      const ask = { headers: { range: "bytes=9-", "if-range": now.etag ?? "" } };
      for (const method of ["GET", "HEAD"]) {
        const { status, headers } = await server.ask(method, "/bucket/a/x", ask);
        expect([status, headers["content-range"]], method).to.deep.equal([416, "bytes */5"]);
      }
    });
  });

  it("tell an object's place as its client knows it", async () => {
    const complete = async (target: string, host: string): Promise<string> => {
      const headers = { host };
      const created = await server.ask("POST", `${target}?uploads`, { headers });
      const id = /<UploadId>([^<]+)/.exec(created.text)?.[1] ?? "";
      const part = await server.ask("PUT", `${target}?partNumber=1&uploadId=${id}`, { headers, body: "x" });
      const body = `<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>${part.headers.etag}</ETag></Part></CompleteMultipartUpload>`;
      const done = await server.ask("POST", `${target}?uploadId=${id}`, { headers, body });
      return /<Location>([^<]*)/.exec(done.text)?.[1] ?? done.text;
    };
    expect(await complete("/a/of%20it", "bucket.s3.example")).to.equal("http://bucket.s3.example/a/of%20it");
    expect(await complete("/bucket/a/of%20it", "s3.example")).to.equal("http://s3.example/bucket/a/of%20it");
  });
});
