/** Who may do what over S3: access keys with fewer rights, forms, probes, metrics, proxies. */
import { createHash, createHmac } from "node:crypto";
import { BlockList } from "node:net";
import { expect } from "chai";
import { secureRandom } from "../../src/crypto/random.js";
import { StaticKeyService } from "../../src/storage/keys/static-key.js";
import { LocalObjects } from "../../src/storage/local/local-objects.js";
import { sseError } from "../../src/storage/sse/errors.js";
import { MemoryStore } from "../support/memory-store.js";
import { type S3Ask, type S3Login, type S3Reply, signingKey } from "../support/s3-client.js";
import { KEY_NAME, ROOT, type S3TestServer, startS3Server } from "../support/s3-server.js";

const reader: S3Login = { user: "reader", password: "reader-secret" };
const writer: S3Login = { user: "writer/with/slashes", password: "writer-secret" };
const guest: S3Login = { user: "guest", password: "guest-secret" };

describe("S3 access", () => {
  let server: S3TestServer;
  let service: LocalObjects;

  before(async () => {
    server = await startS3Server({
      service: ({ keys }) => {
        service = new LocalObjects({ store: new MemoryStore(), keys, random: secureRandom, now: Date.now });
        return service;
      },
      accessKeys: [
        { accessKey: reader.user, secret: reader.password, rights: { canWrite: false } },
        {
          accessKey: writer.user,
          secret: writer.password,
          rights: {
            canWrite: true,
            scopes: [
              { bucket: "mine", prefix: "" },
              { bucket: "shared", prefix: "w/" },
            ],
          },
        },
        { accessKey: guest.user, secret: guest.password, rights: { canWrite: true, scopes: [] } },
      ],
    });
    for (const bucket of ["mine", "shared", "others"]) {
      await server.ask("PUT", `/${bucket}`);
      await server.ask("PUT", `/${bucket}/a`, { body: "a" });
      await server.ask("PUT", `/${bucket}/w/b`, { body: "b" });
    }
  });

  after(() => server.stop());

  describe("of keys with fewer rights", () => {
    const xml = (keys: readonly string[]): S3Ask => {
      const body = `<Delete>${keys.map((key) => `<Object><Key>${key}</Key></Object>`).join("")}</Delete>`;
      return { body, headers: { "x-amz-checksum-sha256": sha256(body) } };
    };
    const copy = (source: string): S3Ask => ({ headers: { "x-amz-copy-source": source } });
    const rows: readonly (readonly [
      who: S3Login,
      method: string,
      target: string,
      status: number,
      ask?: S3Ask,
    ])[] = [
      [reader, "GET", "/", 200],
      [reader, "GET", "/others/a", 200],
      [reader, "HEAD", "/others/a", 200],
      [reader, "GET", "/others?list-type=2", 200],
      [reader, "GET", "/others?location", 200],
      [reader, "PUT", "/others/a", 403, { body: "x" }],
      [reader, "DELETE", "/others/a", 403],
      [reader, "POST", "/others/a?uploads", 403],
      [reader, "PUT", "/others/a?tagging", 403, { body: "<Tagging><TagSet/></Tagging>" }],
      [reader, "PUT", "/others?encryption", 403, { body: "<x/>" }],
      [reader, "PUT", "/new-bucket", 403],
      [reader, "DELETE", "/others", 403],
      [reader, "POST", "/others?delete", 403, xml(["a"])],
      [reader, "PUT", "/others/c", 403, copy("others/a")],
      [writer, "GET", "/mine/a", 200],
      [writer, "PUT", "/mine/c", 200, { body: "c" }],
      [writer, "GET", "/mine?list-type=2", 200],
      [writer, "GET", "/shared/w/b", 200],
      [writer, "PUT", "/shared/w/c", 200, { body: "c" }],
      [writer, "GET", "/shared/a", 403],
      [writer, "GET", "/shared/missing", 403],
      [writer, "GET", "/shared?list-type=2", 403],
      [writer, "GET", "/shared?list-type=2&prefix=w", 403],
      [writer, "GET", "/shared?list-type=2&prefix=w/", 200],
      [writer, "GET", "/shared?uploads", 403],
      [writer, "GET", "/shared?versions&prefix=w/", 200],
      [writer, "GET", "/shared?location", 200],
      [writer, "HEAD", "/shared", 200],
      [writer, "DELETE", "/shared", 403],
      [writer, "PUT", "/shared?encryption", 403, { body: "<x/>" }],
      [writer, "GET", "/others/a", 403],
      [writer, "GET", "/nowhere/a", 403],
      [writer, "HEAD", "/others", 403],
      [writer, "PUT", "/new-bucket", 403],
      [writer, "PUT", "/mine/d", 403, copy("others/a")],
      [writer, "PUT", "/mine/d", 200, copy("shared/w/b")],
      [writer, "PUT", "/shared/d", 403, copy("mine/a")],
      [guest, "GET", "/", 200],
      [guest, "GET", "/mine/a", 403],
      [guest, "PUT", "/mine/a", 403, { body: "x" }],
      [guest, "GET", "/mine?location", 403],
    ];
    for (const [login, method, target, status, ask] of rows) {
      it(`${login.user} ${method} ${target}: ${status}`, async () => {
        const reply = await server.ask(method, target, { ...ask, login });
        expect(reply.status, reply.text).to.equal(status);
        if (status === 403 && method !== "HEAD") expect(reply.code).to.equal("AccessDenied");
      });
    }

    it("show only the buckets they may see", async () => {
      const names = async (login: S3Login): Promise<string[]> => {
        const { text } = await server.ask("GET", "/", { login });
        return [...text.matchAll(/<Name>([^<]+)/g)].map((match) => match[1] ?? "");
      };
      expect(await names(reader)).to.deep.equal(["mine", "others", "shared"]);
      expect(await names(writer)).to.deep.equal(["mine", "shared"]);
      expect(await names(guest)).to.deep.equal([]);
    });

    it("delete of many what they may, and are told of the rest", async () => {
      await server.ask("PUT", "/shared/w/x", { body: "x" });
      const { status, text } = await server.ask("POST", "/shared?delete", {
        ...xml(["a", "w/x"]),
        login: writer,
      });
      expect(status).to.equal(200);
      expect(text).to.contain("<Deleted><Key>w/x</Key></Deleted>");
      expect(text).to.contain("<Error><Key>a</Key><Code>AccessDenied</Code>");
      expect((await server.ask("GET", "/shared/a")).status).to.equal(200);
      expect((await server.ask("GET", "/shared/w/x")).status).to.equal(404);
    });

    it("end at once when they are taken away, and the root stays", async () => {
      const own = await startS3Server({
        accessKeys: [{ accessKey: "gone", secret: "gone-secret", rights: { canWrite: true } }],
      });
      const login = { user: "gone", password: "gone-secret" };
      expect((await own.ask("PUT", "/bucket", { login })).status).to.equal(200);
      own.credentials.replace([]);
      expect((await own.ask("HEAD", "/bucket", { login })).status).to.equal(403);
      expect((await own.ask("HEAD", "/bucket")).status).to.equal(200);
      await own.stop();
    });
  });

  describe("by forms", () => {
    const post = (
      fields: Readonly<Record<string, string>>,
      file = "content",
      bucket = "mine",
    ): Promise<S3Reply> => {
      const boundary = "form-boundary";
      const parts = Object.entries(fields).map(
        ([name, value]) =>
          `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
      );
      const body = `${parts.join("")}--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="photo.jpg"\r\nContent-Type: image/jpeg\r\n\r\n${file}\r\n--${boundary}--\r\n`;
      return server.ask("POST", `/${bucket}`, {
        login: "anonymous",
        body,
        headers: { "content-type": `multipart/form-data; boundary=${boundary}` },
      });
    };
    const form = (
      fields: Readonly<Record<string, string>>,
      options: {
        readonly login?: S3Login;
        readonly conditions?: readonly unknown[];
        readonly expiresMs?: number;
      } = {},
    ): Record<string, string> => {
      const { login = writer, conditions = [], expiresMs = 60_000 } = options;
      const time = new Date().toISOString().replaceAll(/[-:]|\.\d+/g, "");
      const date = time.slice(0, 8);
      const signed = {
        ...fields,
        "x-amz-algorithm": "AWS4-HMAC-SHA256",
        "x-amz-credential": `${login.user}/${date}/us-east-1/s3/aws4_request`,
        "x-amz-date": time,
      };
      const policy = Buffer.from(
        JSON.stringify({
          expiration: new Date(Date.now() + expiresMs).toISOString(),
          conditions: [
            ...Object.entries(signed).map(([name, value]) =>
              name === "key" ? ["starts-with", "$key", ""] : { [name]: value },
            ),
            ...conditions,
          ],
        }),
      ).toString("base64");
      const signature = createHmac("sha256", signingKey(login.password, date)).update(policy).digest("hex");
      return { ...signed, policy, "x-amz-signature": signature };
    };

    it("store a file under the name that the form gives", async () => {
      const reply = await post(
        form({ key: "forms/$" + "{filename}", "content-type": "image/jpeg", "x-amz-meta-a": "grün" }),
      );
      expect([reply.status, reply.text]).to.deep.equal([204, ""]);
      expect(reply.headers.location).to.equal(`${server.url}/mine/forms/photo.jpg`);
      const got = await server.ask("GET", "/mine/forms/photo.jpg");
      expect([got.text, got.headers["content-type"]]).to.deep.equal(["content", "image/jpeg"]);
      expect(Buffer.from(String(got.headers["x-amz-meta-a"]), "latin1").toString()).to.equal("grün");
    });

    it("encrypt where the form says so, and tell", async () => {
      const reply = await post(
        form({ key: "forms/kms", "x-amz-server-side-encryption": "aws:kms", success_action_status: "201" }),
      );
      expect(reply.status, reply.text).to.equal(201);
      expect(reply.headers["x-amz-server-side-encryption"]).to.equal("aws:kms");
      expect(reply.headers["x-amz-server-side-encryption-aws-kms-key-id"]).to.equal(KEY_NAME);
      expect(reply.text).to.contain("<Bucket>mine</Bucket><Key>forms/kms</Key><ETag>");
    });

    it("send the browser on", async () => {
      const reply = await post(
        form({ key: "forms/r", success_action_redirect: "https://example.net/done?x=1" }),
      );
      expect(reply.status).to.equal(303);
      expect(reply.headers.location).to.match(
        /^https:\/\/example\.net\/done\?x=1&bucket=mine&key=forms%2Fr&etag=%22[0-9a-f]{32}%22$/,
      );
    });

    for (const [what, fields, status, code, file] of [
      ["no policy", { key: "k" }, 403, "AccessDenied"],
      [
        "a wrong signature",
        { ...form({ key: "k" }), "x-amz-signature": "0".repeat(64) },
        403,
        "SignatureDoesNotMatch",
      ],
      [
        "a field that the policy does not know",
        { ...form({ key: "k" }), "x-amz-meta-b": "1" },
        403,
        "AccessDenied",
      ],
      ["a policy that has expired", form({ key: "k" }, { expiresMs: -60_000 }), 403, "AccessDenied"],
      [
        "a condition that does not hold",
        form({ key: "k" }, { conditions: [["starts-with", "$key", "other/"]] }),
        403,
        "AccessDenied",
      ],
      [
        "too short a file",
        form({ key: "k" }, { conditions: [["content-length-range", 100, 200]] }),
        400,
        "EntityTooSmall",
      ],
      [
        "too long a file",
        form({ key: "k" }, { conditions: [["content-length-range", 0, 3]] }),
        400,
        "EntityTooLarge",
      ],
      ["a key of the reader's", form({ key: "k" }, { login: reader }), 403, "AccessDenied"],
      [
        "an unknown key",
        form({ key: "k" }, { login: { user: "nobody", password: "nobody-secret" } }),
        403,
        "InvalidAccessKeyId",
      ],
      ["no name", form({ "x-amz-meta-a": "1" }), 400, "InvalidArgument"],
      [
        "a header that would split the answer",
        form({ key: "k", "content-type": "a\r\nx: y" }),
        400,
        "InvalidArgument",
      ],
      [
        "a page that is none",
        form({ key: "k", success_action_redirect: "javascript:alert(1)" }),
        400,
        "InvalidArgument",
      ],
      [
        "a checksum of something else",
        form({ key: "k", "x-amz-checksum-crc32": "AAAAAA==" }),
        400,
        "BadDigest",
      ],
      [
        "a client's key in the clear",
        form({ key: "k", "x-amz-server-side-encryption-customer-algorithm": "AES256" }),
        400,
        "InvalidRequest",
      ],
    ] as readonly (readonly [string, Record<string, string>, number, string, string?])[]) {
      it(`refuse ${what}`, async () => {
        const reply = await post(fields, file);
        expect([reply.status, reply.code], reply.text).to.deep.equal([status, code]);
        expect((await server.ask("GET", "/mine/k")).status).to.equal(404);
      });
    }

    for (const [when, waitMs] of [
      ["at once", 0],
      ["when the service is slow to read it", 50],
    ] as const)
      it(`refuse a form that ends too soon, ${when}`, async () => {
        service.put = async (request) => {
          await new Promise((resolve) => setTimeout(resolve, waitMs));
          return LocalObjects.prototype.put.call(service, request);
        };
        const fields = form({ key: "k" });
        const parts = Object.entries(fields).map(
          ([name, value]) => `--b\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
        );
        const body = `${parts.join("")}--b\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\ncontent`;
        const reply = await server.ask("POST", "/mine", {
          login: "anonymous",
          body,
          headers: { "content-type": "multipart/form-data; boundary=b" },
        });
        expect([reply.status, reply.code], reply.text).to.deep.equal([400, "MalformedPOSTRequest"]);
        expect((await server.ask("GET", "/mine/k")).status).to.equal(404);
      });
  });

  describe("to what is not S3", () => {
    it("is free for probes", async () => {
      for (const path of [
        "/minio/health/live",
        "/minio/health/ready",
        "/minio/health/cluster",
        "/minio/health/cluster/read",
      ]) {
        for (const method of ["GET", "HEAD"]) {
          expect((await server.ask(method, path, { login: "anonymous" })).status, path).to.equal(200);
        }
      }
    });

    it("is S3's for whatever looks like a probe and is none", async () => {
      for (const path of [
        "/minio/health/live/",
        "/MINIO/health/live",
        "/minio/health",
        "/minio/health/%6cive",
      ]) {
        expect((await server.ask("GET", path, { login: "anonymous" })).status, path).to.equal(403);
      }
      expect(
        (await server.ask("PUT", "/minio/health/live", { login: "anonymous", body: "x" })).status,
      ).to.equal(403);
    });

    it("says not ready without the key service", async () => {
      const keys = new StaticKeyService("k", Buffer.alloc(32));
      let isOnline = false;
      keys.status = async () => ({
        name: "KES",
        defaultKey: "k",
        endpoints: [{ endpoint: "https://kes", isOnline }],
      });
      const own = await startS3Server({ keys });
      expect((await own.ask("GET", "/minio/health/ready", { login: "anonymous" })).status).to.equal(503);
      expect((await own.ask("GET", "/minio/health/live", { login: "anonymous" })).status).to.equal(200);
      isOnline = true;
      await own.stop();
    });

    it("shows metrics to the root alone", async () => {
      await server.ask("GET", "/mine/a");
      const reply = await server.ask("GET", "/minio/v2/metrics/cluster");
      expect(reply.status).to.equal(200);
      expect(reply.headers["content-type"]).to.match(/^text\/plain; version=0\.0\.4/);
      expect(reply.text).to.match(/^minio_s3_requests_total\{api="GetObject"\} [1-9]/m);
      expect(reply.text).to.match(/^minio_cluster_kms_request_success [0-9]/m);
      expect((await server.ask("GET", "/_keswick/metrics", { login: reader })).code).to.equal("AccessDenied");
      expect((await server.ask("GET", "/_keswick/metrics", { login: "anonymous" })).code).to.equal(
        "AccessDenied",
      );
    });

    it("shows them to whoever has the token that mc makes", async () => {
      const token = (over: Record<string, unknown> = {}, secret = ROOT.password): string => {
        const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
        const claims = {
          exp: Math.floor(Date.now() / 1000) + 60,
          sub: ROOT.user,
          iss: "prometheus",
          ...over,
        };
        const text = `${encode({ alg: "HS512", typ: "JWT" })}.${encode(claims)}`;
        return `${text}.${createHmac("sha512", secret).update(text).digest("base64url")}`;
      };
      const ask = async (bearer: string): Promise<number> =>
        (
          await server.ask("GET", "/minio/v2/metrics/cluster", {
            login: "anonymous",
            headers: { authorization: `Bearer ${bearer}` },
          })
        ).status;
      expect(await ask(token())).to.equal(200);
      expect(await ask(token({ exp: 1 }))).to.equal(403);
      expect(await ask(token({ iss: "somebody" }))).to.equal(403);
      expect(await ask(token({ sub: "reader" }))).to.equal(403);
      expect(await ask(token({}, "other-secret"))).to.equal(403);
    });

    it("shows them to everybody where that is wished", async () => {
      const own = await startS3Server({ publicMetrics: true });
      expect((await own.ask("GET", "/_keswick/metrics", { login: "anonymous" })).status).to.equal(200);
      await own.stop();
    });
  });

  describe("through a proxy that ends TLS", () => {
    const trusted = new BlockList();
    trusted.addAddress("127.0.0.1");
    const customer = {
      "x-amz-server-side-encryption-customer-algorithm": "AES256",
      "x-amz-server-side-encryption-customer-key": Buffer.alloc(32, 1).toString("base64"),
      "x-amz-server-side-encryption-customer-key-md5": createHash("md5")
        .update(Buffer.alloc(32, 1))
        .digest("base64"),
    };

    it("may bring keys of clients when the proxy says https, and is logged as the client", async () => {
      const own = await startS3Server({ trustedProxies: trusted });
      await own.ask("PUT", "/bucket");
      const forwarded = { "x-forwarded-proto": "https", "x-forwarded-for": "203.0.113.9, 198.51.100.7" };
      const headers = customer;
      expect(
        (await own.ask("PUT", "/bucket/k", { body: "x", headers: { ...headers, ...forwarded } })).status,
      ).to.equal(200);
      expect(own.log.at(-1)?.remote).to.equal("198.51.100.7");
      for (const proto of ["http", "https, http", ""]) {
        const reply = await own.ask("PUT", "/bucket/k", {
          body: "x",
          headers: { ...headers, "x-forwarded-proto": proto },
        });
        expect([reply.status, reply.code], proto).to.deep.equal([400, "InvalidRequest"]);
      }
      await own.stop();
    });

    it("may not when nobody trusts it", async () => {
      const elsewhere = new BlockList();
      elsewhere.addAddress("192.0.2.1");
      const own = await startS3Server({ trustedProxies: elsewhere });
      await own.ask("PUT", "/bucket");
      const reply = await own.ask("PUT", "/bucket/k", {
        body: "x",
        headers: { ...customer, "x-forwarded-proto": "https", "x-forwarded-for": "203.0.113.9" },
      });
      expect([reply.status, reply.code]).to.deep.equal([400, "InvalidRequest"]);
      expect(own.log.at(-1)?.remote).to.equal("127.0.0.1");
      await own.stop();
    });
  });

  describe("by the name of a bucket in the host", () => {
    it("reaches the bucket, and every path is a key", async () => {
      const own = await startS3Server({ domains: ["s3.example.net"], region: "eu-north-1" });
      const ask = (method: string, target: string, host: string, more: S3Ask = {}): Promise<S3Reply> =>
        own.ask(method, target, { ...more, region: "eu-north-1", headers: { host } });
      expect((await ask("PUT", "/", "photos.s3.example.net")).status).to.equal(200);
      expect(
        (await ask("PUT", "/minio/health/live", "photos.s3.example.net:9000", { body: "key" })).status,
      ).to.equal(200);
      expect((await ask("GET", "/minio/health/live", "photos.s3.example.net")).text).to.equal("key");
      expect((await ask("GET", "/photos/minio/health/live", "s3.example.net")).text).to.equal("key");
      expect(
        (await ask("GET", "/minio/health/live", "s3.example.net", { login: "anonymous" })).text,
      ).to.equal("");
      expect((await ask("GET", "/?location", "photos.s3.example.net")).text).to.contain(
        ">eu-north-1</LocationConstraint>",
      );
      await own.stop();
    });

    it("takes requests for its own region alone, and tells which it is", async () => {
      const own = await startS3Server({ region: "eu-north-1" });
      const reply = await own.ask("GET", "/");
      expect([reply.status, reply.code]).to.deep.equal([400, "AuthorizationHeaderMalformed"]);
      expect(reply.text).to.contain("<Region>eu-north-1</Region>");
      const bucket = await own.ask("PUT", "/bucket", {
        region: "eu-north-1",
        body: "<CreateBucketConfiguration><LocationConstraint>us-west-2</LocationConstraint></CreateBucketConfiguration>",
      });
      expect(bucket.code).to.equal("InvalidLocationConstraint");
      await own.stop();
    });
  });

  describe("to keys", () => {
    it("is refused step by step as the key service refuses it", async () => {
      const keys = new StaticKeyService(KEY_NAME, Buffer.alloc(32, 7));
      const own = await startS3Server({ keys });
      const kms = { "x-amz-server-side-encryption": "aws:kms" };
      await own.ask("PUT", "/bucket");
      await own.ask("PUT", "/bucket/k", { body: "secret", headers: kms });
      const created = await own.ask("POST", "/bucket/up?uploads", { headers: kms });
      const id = /<UploadId>([^<]+)/.exec(created.text)?.[1] ?? "";
      const { generate, decrypt } = keys;
      for (const [failure, status, code] of [
        ["KMS_UNAVAILABLE", 503, "ServiceUnavailable"],
        ["KMS_DENIED", 403, "AccessDenied"],
        ["KMS_KEY_NOT_FOUND", 400, "KMS.NotFoundException"],
      ] as const) {
        keys.generate = async () => {
          throw sseError(failure);
        };
        keys.decrypt = keys.generate as unknown as typeof decrypt;
        for (const [method, target, ask] of [
          ["PUT", "/bucket/new", { body: "x", headers: kms }],
          ["GET", "/bucket/k", {}],
          ["GET", "/bucket/k", { headers: { range: "bytes=0-1" } }],
          ["POST", "/bucket/up2?uploads", { headers: kms }],
          ["PUT", `/bucket/up?partNumber=1&uploadId=${id}`, { body: "x" }],
          ["PUT", "/bucket/copy", { headers: { "x-amz-copy-source": "bucket/k" } }],
          ["PUT", "/bucket/plain-copy", { headers: { "x-amz-copy-source": "bucket/k" } }],
          [
            "PUT",
            "/bucket/k?encryption",
            {
              body: `<ObjectEncryption><SSE-KMS><KMSKeyArn>${KEY_NAME}</KMSKeyArn></SSE-KMS></ObjectEncryption>`,
            },
          ],
          [
            "PUT",
            "/bucket?encryption",
            {
              body: "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>aws:kms</SSEAlgorithm></ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>",
            },
          ],
        ] as const) {
          const reply = await own.ask(method, target, ask);
          expect([reply.status, reply.code], `${failure} ${method} ${target}`).to.deep.equal([status, code]);
          expect(reply.headers["retry-after"]).to.equal(status === 503 ? "1" : undefined);
        }
        expect((await own.ask("HEAD", "/bucket/k")).status, "HEAD needs no key").to.equal(200);
        expect((await own.ask("GET", "/bucket?list-type=2")).status, "nor does a listing").to.equal(200);
        expect(
          (await own.ask("PUT", "/bucket/plain", { body: "x" })).status,
          "nor what is not encrypted",
        ).to.equal(200);
      }
      keys.generate = generate;
      keys.decrypt = decrypt;
      expect((await own.ask("GET", "/bucket/k")).text).to.equal("secret");
      expect((await own.ask("GET", "/bucket/new")).status).to.equal(404);
      expect((await own.ask("GET", "/bucket/copy")).status).to.equal(404);
      await own.stop();
    });

    it("is told apart from the rest of a request's time", async () => {
      const own = await startS3Server();
      await own.ask("PUT", "/bucket");
      await own.ask("PUT", "/bucket/k", { body: "x", headers: { "x-amz-server-side-encryption": "AES256" } });
      // The first one makes the key of the index as well.
      await own.ask("PUT", "/bucket/k", { body: "x", headers: { "x-amz-server-side-encryption": "AES256" } });
      const { operation, accessKey, keyService, bytesIn, bytesOut, totalMs } = await own.logged(3);
      expect([operation, accessKey, bytesIn, bytesOut, keyService.calls]).to.deep.equal([
        "PutObject",
        ROOT.user,
        1,
        0,
        1,
      ]);
      expect(keyService.ms).to.be.greaterThan(0).and.lessThan(totalMs);
      await own.ask("HEAD", "/bucket/k");
      expect((await own.logged(4)).keyService.calls).to.equal(0);
      await own.stop();
    });
  });
});

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("base64");
}
