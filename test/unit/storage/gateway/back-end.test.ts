/** What a gateway makes of a back end in trouble. */
import { randomBytes } from "node:crypto";
import { getEventListeners } from "node:events";
import { expect } from "chai";
import { secureRandom } from "../../../../src/crypto/random.js";
import { GatewayObjects } from "../../../../src/storage/gateway/gateway-objects.js";
import type { KeyService } from "../../../../src/storage/keys/key-service.js";
import { StaticKeyService } from "../../../../src/storage/keys/static-key.js";
import { S3Error } from "../../../../src/storage/s3-error.js";
import { FakeS3, type FakeS3Answer, type FakeS3Request, failure } from "../../../support/fake-s3.js";
import type { S3Reply } from "../../../support/s3-client.js";
import { type S3TestServer, startS3Server } from "../../../support/s3-server.js";

const MIB = 1024 * 1024;
const KMS = { "x-amz-server-side-encryption": "aws:kms" };
const S3 = { "x-amz-server-side-encryption": "AES256" };

describe("a gateway before a back end in trouble", function () {
  this.timeout(60_000);
  let fake: FakeS3;
  let server: S3TestServer;

  beforeEach(async () => {
    fake = await FakeS3.start();
    fake.buckets.add("bucket");
    server = await startS3Server({
      keys: new StaticKeyService("my-key", Buffer.alloc(32, 7)),
      service: ({ keys }) => gateway(keys),
    });
  });
  afterEach(async () => {
    fake.trouble = () => undefined;
    await server.stop();
    await fake.stop();
  });

  function gateway(keys: KeyService | undefined): GatewayObjects {
    const credentials = { accessKeyId: "id", secretAccessKey: "secret" };
    return new GatewayObjects({
      ...{ backEnd: { endpoint: fake.url, credentials }, keys, random: secureRandom, now: Date.now },
    });
  }

  const put = (key: string, body: Buffer | string, headers: Record<string, string> = {}): Promise<S3Reply> =>
    server.ask("PUT", `/bucket/${key}`, { body, headers });
  const get = (key: string, headers: Record<string, string> = {}): Promise<S3Reply> =>
    server.ask("GET", `/bucket/${key}`, { headers });
  const isObject = ({ path }: FakeS3Request): boolean => path.startsWith("/bucket/") && path.length > 8;

  /** The next `times` requests that fit get this answer. */
  function fails(
    times: number,
    answer: FakeS3Answer,
    fits: (request: FakeS3Request) => boolean = isObject,
  ): void {
    let left = times;
    fake.trouble = (request) => (fits(request) && left-- > 0 ? answer : undefined);
  }

  describe("that is busy", () => {
    for (const [name, headers] of [
      ["plain", {}],
      ["SSE-S3", S3],
      ["SSE-KMS", KMS],
    ] as const) {
      it(`${name}: small objects are sent again, whole`, async () => {
        const body = randomBytes(100_000);
        fails(2, failure(503, "SlowDown"));
        expect((await put("k", body, headers)).status).to.equal(200);
        fails(2, failure(503, "SlowDown"));
        const reply = await get("k");
        expect([reply.status, reply.body.equals(body)]).to.deep.equal([200, true]);
      });

      it(`${name}: a large one is not, and its client is told`, async () => {
        fails(1, failure(503, "SlowDown"));
        const reply = await put("k", randomBytes(9 * MIB), headers);
        expect([reply.status, reply.code]).to.deep.equal([503, "SlowDown"]);
        expect(fake.objects.size).to.equal(0);
        expect(fake.asked.filter(isObject)).to.have.length(1);
      });
    }

    it("for longer: the client is told", async () => {
      await put("k", "content");
      fails(100, failure(503, "SlowDown"));
      for (const reply of [await get("k"), await put("k", "other")]) {
        expect([reply.status, reply.code]).to.deep.equal([503, "SlowDown"]);
      }
      fails(100, failure(500, "InternalError"));
      const reply = await get("k");
      expect([reply.status, reply.code]).to.deep.equal([503, "ServiceUnavailable"]);
    });
  });

  describe("that gives other bytes than it should", () => {
    const body = randomBytes(300_000);

    for (const [name, headers] of [
      ["plain", {}],
      ["sealed", S3],
    ] as const) {
      it(`${name}: an answer cut in the middle is not taken for whole`, async () => {
        await put("k", body, headers);
        for (const cutAfter of [0, 1, 65_568, 200_000]) {
          fake.trouble = (request, usual) =>
            request.method === "GET" && isObject(request) ? { ...usual(), cutAfter } : undefined;
          const reply = await get("k").catch(() => undefined);
          const isWhole = reply?.status === 200 && reply.isComplete;
          expect([cutAfter, isWhole]).to.deep.equal([cutAfter, false]);
        }
      });

      it(`${name}: nor one that is shorter than its object`, async () => {
        await put("k", body, headers);
        fake.trouble = (request, usual) => {
          if (request.method !== "GET" || !isObject(request)) return undefined;
          const answer = usual();
          return { ...answer, body: Buffer.from(answer.body ?? "").subarray(0, 65_568) };
        };
        const reply = await get("k", { range: "bytes=10-250000" }).catch(() => undefined);
        expect(reply?.status === 206 && reply.isComplete).to.equal(false);
        if (name === "plain") return;
        const whole = await get("k").catch(() => undefined);
        expect(whole?.status === 200 && whole.isComplete && whole.body.length === body.length).to.equal(
          false,
        );
      });

      it(`${name}: a range that it leaves out of account is not taken for the one asked for`, async () => {
        await put("k", body, headers);
        for (const answer of [
          ({ headers: { "content-range": _, ...own } = {} }: FakeS3Answer): FakeS3Answer => ({
            ...{ status: 200, headers: own, body: body.subarray(0, 100) },
          }),
          (usual: FakeS3Answer): FakeS3Answer => ({
            ...usual,
            headers: { ...usual.headers, "content-range": `bytes 0-99/${body.length}` },
          }),
        ]) {
          fake.trouble = (request, usual) =>
            request.headers.range === undefined ? undefined : answer(usual());
          const reply = await get("k", { range: "bytes=100-199" });
          expect([reply.status, reply.code]).to.deep.equal([503, "ServiceUnavailable"]);
        }
      });
    }

    it("no length, no ETag: an error", async () => {
      await put("k", body);
      const shown = { "last-modified": new Date(0).toUTCString() };
      fails(1, { status: 200, headers: shown, body });
      const reply = await get("k");
      expect([reply.status, reply.code]).to.deep.equal([500, "InternalError"]);
    });

    it("a failure behind status 200, and what is no XML", async () => {
      await put("k", "content", S3);
      const copy = { "x-amz-copy-source": "/bucket/k", "x-amz-metadata-directive": "REPLACE" };
      const isCopy = ({ headers }: FakeS3Request): boolean => headers["x-amz-copy-source"] !== undefined;
      for (const [answer, code] of [
        [failure(200, "SlowDown"), "SlowDown"],
        [failure(200, "InternalError"), "ServiceUnavailable"],
        [{ status: 200, body: "<Copy" }, "ServiceUnavailable"],
      ] as const) {
        await put("plain", "content");
        fails(100, answer, isCopy);
        const reply = await server.ask("PUT", "/bucket/copy", {
          headers: { ...copy, "x-amz-copy-source": "/bucket/plain" },
        });
        expect([reply.status, reply.code]).to.deep.equal([503, code]);
        fake.trouble = () => undefined;
      }
    });
  });

  describe("that sends the gateway away", () => {
    for (const [status, code] of [
      [301, "PermanentRedirect"],
      [307, "TemporaryRedirect"],
      [403, "RequestTimeTooSkewed"],
      [403, "InvalidAccessKeyId"],
      [403, "SignatureDoesNotMatch"],
      [400, "ExpiredToken"],
      [400, "TokenRefreshRequired"],
      [400, "AuthorizationHeaderMalformed"],
    ] as const) {
      it(`${status} ${code}: the gateway's affair, whatever is asked`, async () => {
        await put("k", "content", S3);
        const elsewhere = { location: "http://elsewhere.example/k", "x-amz-bucket-region": "eu-west-1" };
        fails(1_000, failure(status, code, status < 400 ? elsewhere : {}), () => true);
        const replies = {
          get: await get("k"),
          range: await get("k", { range: "bytes=1-2" }),
          put: await put("k", "other", KMS),
          list: await server.ask("GET", "/bucket?list-type=2"),
          delete: await server.ask("DELETE", "/bucket/k"),
        };
        for (const [name, reply] of Object.entries(replies)) {
          expect([name, reply.status, reply.code]).to.deep.equal([name, 500, "InternalError"]);
          expect(reply.headers.location).to.equal(undefined);
        }
        // No body, and so no code, in the answers to these.
        for (const target of ["/bucket/k", "/bucket"]) {
          const { status: told } = await server.ask("HEAD", target);
          expect([target, told]).to.deep.equal([target, 500]);
        }
        const all = await server.service.status();
        expect(all.isStorageOnline).to.equal(false);
        expect(server.failures.length).to.be.greaterThan(0);
      });
    }

    it("a refusal of rights is the client's to know", async () => {
      await put("k", "content");
      fails(1_000, failure(403, "AccessDenied"), () => true);
      for (const reply of [await get("k"), await get("k", { range: "bytes=0-1" }), await put("k", "x")]) {
        expect([reply.status, reply.code]).to.deep.equal([403, "AccessDenied"]);
      }
      // It answers, and that is what is asked.
      expect((await server.service.status()).isStorageOnline).to.equal(true);
    });

    it("a bucket that is gone", async () => {
      await put("k", "content");
      fake.buckets.clear();
      const replies = [
        ...[await get("k"), await get("k", { range: "bytes=0-1" }), await put("k", "x")],
        await server.ask("GET", "/bucket?list-type=2"),
      ];
      for (const reply of replies) expect([reply.status, reply.code]).to.deep.equal([404, "NoSuchBucket"]);
      expect((await server.ask("HEAD", "/bucket")).status).to.equal(404);
    });
  });

  describe("listings", () => {
    const page = (contents: string, more: string): FakeS3Answer => ({
      status: 200,
      body: `<ListBucketResult>${contents}${more}</ListBucketResult>`,
    });
    const isList = ({ query }: FakeS3Request): boolean => query.has("list-type");
    const keysOf = ({ text }: S3Reply): string[] =>
      [...text.matchAll(/<Key>([^<]*)<\/Key>/g)].map((match) => match[1] ?? "");

    it("names are read as the answer says that they are written", async () => {
      for (const key of ["a+b", "100%25", "c%2Bd"]) await put(encodeURIComponent(key), "content");
      expect(keysOf(await server.ask("GET", "/bucket?list-type=2"))).to.deep.equal([
        "100%25",
        "a+b",
        "c%2Bd",
      ]);
      const entry = "<Contents><Key>a%2Bb+c</Key><ETag>e</ETag><Size>1</Size></Contents>";
      const passing = gateway(undefined);
      try {
        const all = { prefix: "", delimiter: "", after: "", maxKeys: 10 };
        fails(1, page(entry, "<EncodingType>url</EncodingType>"), isList);
        expect((await passing.list("bucket", all)).contents.map(({ key }) => key)).to.deep.equal(["a+b c"]);
        fails(1, page(entry.replace("%2B", "%E9"), "<EncodingType>url</EncodingType>"), isList);
        const failed = await passing.list("bucket", all).catch((error: unknown) => error);
        expect(failed).to.be.instanceOf(S3Error).with.property("reason", "UNAVAILABLE");
      } finally {
        await passing.close();
      }
    });

    it("goes through pages without an entry", async () => {
      await put("k", "content");
      fake.trouble = ({ query }) => {
        const token = query.get("continuation-token");
        if (!query.has("list-type") || token === "3") return undefined;
        const next = Number(token ?? 0) + 1;
        return page(
          "",
          `<IsTruncated>true</IsTruncated><NextContinuationToken>${next}</NextContinuationToken>`,
        );
      };
      expect(keysOf(await server.ask("GET", "/bucket?list-type=2"))).to.deep.equal(["k"]);
    });

    it("ends where the back end does not go on", async () => {
      await put("k", "content");
      const truncated = "<IsTruncated>true</IsTruncated>";
      for (const more of [truncated, `${truncated}<NextContinuationToken>t</NextContinuationToken>`]) {
        fails(1_000, page("", more), isList);
        const reply = await server.ask("GET", "/bucket?list-type=2");
        expect([reply.status, reply.code]).to.deep.equal([503, "ServiceUnavailable"]);
      }
      const same = page("<Contents><Key>k</Key><ETag>e</ETag><Size>1</Size></Contents>", truncated);
      fails(1_000, same, isList);
      const reply = await server.ask("GET", "/bucket?list-type=2&start-after=k");
      expect(reply.status).to.equal(503);
    });
  });

  it("leaves nothing at a signal that lives longer than its probes", async () => {
    const { signal } = new AbortController();
    for (let probe = 0; probe < 20; probe++) await server.service.status({ signal });
    expect(getEventListeners(signal, "abort")).to.have.length(0);
  });
});
