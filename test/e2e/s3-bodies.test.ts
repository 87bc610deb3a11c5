/** Bodies of uploads: what they promise is kept, or nothing is stored. */
import { connect } from "node:net";
import { expect } from "chai";
import { type ChunkedAsk, chunkedPut } from "../support/s3-chunks.js";
import { type S3Reply, s3Ask, send, signedHead } from "../support/s3-client.js";
import { ROOT, type S3TestServer, startS3Server } from "../support/s3-server.js";

const KIB = 1024;
const first = "a".repeat(64 * KIB);
const second = "b".repeat(64 * KIB);
const third = "c".repeat(100);
const chunks = [first, second, third];
const content = chunks.join("");
/** CRC32 of `hello`, and of something else. */
const CRC_HELLO = "NhCmhg==";
const CRC_OTHER = "AAAAAA==";

describe("S3 bodies", () => {
  let server: S3TestServer;

  before(async () => {
    server = await startS3Server();
    await server.ask("PUT", "/bucket");
  });

  after(() => server.stop());

  const put = (target: string, ask: ChunkedAsk): Promise<S3Reply> =>
    send(server, chunkedPut(server, ROOT, target, ask));
  const stored = async (target: string): Promise<string | number> => {
    const reply = await server.ask("GET", target);
    return reply.status === 200 ? reply.text : reply.status;
  };

  describe("in chunks", () => {
    const good: readonly (readonly [string, ChunkedAsk, string])[] = [
      ["signed", { chunks }, content],
      ["signed, of one byte each", { chunks: [..."hello"] }, "hello"],
      ["signed and empty", { chunks: [] }, ""],
      [
        "signed, with a signed trailer",
        { chunks: ["hello"], trailer: ["x-amz-checksum-crc32", CRC_HELLO] },
        "hello",
      ],
      [
        "unsigned, with a trailer",
        { chunks: ["he", "llo"], isSigned: false, trailer: ["x-amz-checksum-crc32", CRC_HELLO] },
        "hello",
      ],
      [
        "unsigned and empty, with a trailer",
        { chunks: [], isSigned: false, trailer: ["x-amz-checksum-crc32", "AAAAAA=="] },
        "",
      ],
    ];
    for (const [i, [what, ask, text]] of good.entries()) {
      it(`takes what is ${what}`, async () => {
        const reply = await put(`/bucket/good-${i}`, ask);
        expect(reply.status, reply.text).to.equal(200);
        expect(await stored(`/bucket/good-${i}`)).to.equal(text);
        expect((await server.ask("HEAD", `/bucket/good-${i}`)).headers["content-encoding"]).to.equal(
          undefined,
        );
      });
    }

    const bad: readonly (readonly [string, ChunkedAsk, number, string])[] = [
      [
        "a chunk that was altered",
        { chunks, alter: ([one = "", ...rest]) => [one.replace("aaa", "aab"), ...rest] },
        403,
        "SignatureDoesNotMatch",
      ],
      [
        "a chunk that is repeated",
        { chunks, alter: ([one = "", ...rest]) => [one, one, ...rest] },
        403,
        "SignatureDoesNotMatch",
      ],
      [
        "two chunks that changed places",
        { chunks, alter: ([one = "", two = "", ...rest]) => [two, one, ...rest] },
        403,
        "SignatureDoesNotMatch",
      ],
      [
        "a chunk that is left out",
        { chunks, alter: ([one = "", , ...rest]) => [one, ...rest] },
        403,
        "SignatureDoesNotMatch",
      ],
      [
        "a chunk of another request",
        {
          chunks,
          alter: (frames) => [
            frames[0]?.replace(/signature=.{64}/, `signature=${"0".repeat(64)}`) ?? "",
            ...frames.slice(1),
          ],
        },
        403,
        "SignatureDoesNotMatch",
      ],
      [
        "an end that is not signed",
        {
          chunks,
          alter: (frames) => [...frames.slice(0, -1), `0;chunk-signature=${"0".repeat(64)}\r\n\r\n`],
        },
        403,
        "SignatureDoesNotMatch",
      ],
      ["no end", { chunks, alter: (frames) => frames.slice(0, -1) }, 400, "IncompleteBody"],
      [
        "a chunk that is cut",
        { chunks, alter: (frames) => [...frames.slice(0, -2), (frames.at(-2) ?? "").slice(0, -20)] },
        400,
        "IncompleteBody",
      ],
      ["bytes behind the end", { chunks, alter: (frames) => [...frames, "more"] }, 400, "InvalidRequest"],
      ["a size that is none", { chunks, alter: () => ["zz;chunk-signature=0\r\n"] }, 400, "InvalidRequest"],
      [
        "a chunk beyond every limit",
        { chunks, alter: () => [`fffffffff;chunk-signature=${"0".repeat(64)}\r\n`] },
        400,
        "InvalidRequest",
      ],
      ["fewer bytes than announced", { chunks: ["hello"], decodedLength: 6 }, 400, "IncompleteBody"],
      ["more bytes than announced", { chunks: ["hello"], decodedLength: 4 }, 400, "IncompleteBody"],
      [
        "a trailer that is wrong",
        { chunks: ["hello"], trailer: ["x-amz-checksum-crc32", CRC_OTHER] },
        400,
        "BadDigest",
      ],
      [
        "an unsigned trailer that is wrong",
        { chunks: ["hello"], isSigned: false, trailer: ["x-amz-checksum-crc32", CRC_OTHER] },
        400,
        "BadDigest",
      ],
      [
        "a trailer that was altered",
        {
          chunks: ["hello"],
          trailer: ["x-amz-checksum-crc32", CRC_HELLO],
          alter: (frames) => frames.map((frame) => frame.replace(CRC_HELLO, CRC_OTHER)),
        },
        403,
        "SignatureDoesNotMatch",
      ],
      [
        "a trailer that does not come",
        {
          chunks: ["hello"],
          isSigned: false,
          trailer: ["x-amz-checksum-crc32", CRC_HELLO],
          alter: ([one = ""]) => [one, "0\r\n\r\n"],
        },
        400,
        "MalformedTrailerError",
      ],
      [
        "another trailer than announced",
        {
          chunks: ["hello"],
          isSigned: false,
          trailer: ["x-amz-checksum-crc32", CRC_HELLO],
          alter: (frames) => frames.map((frame) => frame.replace("crc32:", "crc32c:")),
        },
        400,
        "MalformedTrailerError",
      ],
      [
        "a trailer that is not a checksum",
        { chunks: ["hello"], isSigned: false, trailer: ["x-amz-meta-a", "1"] },
        400,
        "InvalidRequest",
      ],
    ];
    for (const [i, [what, ask, status, code]] of bad.entries()) {
      it(`refuses ${what}`, async () => {
        const reply = await put(`/bucket/bad-${i}`, ask);
        expect([reply.status, reply.code], reply.text).to.deep.equal([status, code]);
        expect(await stored(`/bucket/bad-${i}`)).to.equal(404);
      });
    }

    it("refuses frames that were signed for another request", async () => {
      const other = chunkedPut(server, ROOT, "/bucket/other", { chunks });
      const mine = chunkedPut(server, ROOT, "/bucket/mine", { chunks });
      const reply = await send(server, { ...mine, body: other.body });
      expect([reply.status, reply.code]).to.deep.equal([403, "SignatureDoesNotMatch"]);
      expect(await stored("/bucket/mine")).to.equal(404);
    });

    it("keeps what else the encoding says", async () => {
      const head = chunkedPut(server, ROOT, "/bucket/gzip", { chunks: ["hello"] });
      const signed = signedHead(server, ROOT, "PUT", "/bucket/gzip2", {
        headers: { "content-encoding": "gzip", "content-type": "text/plain" },
        body: "hello",
      });
      expect((await send(server, head)).status).to.equal(200);
      expect((await send(server, signed)).status).to.equal(200);
      expect((await server.ask("HEAD", "/bucket/gzip2")).headers["content-encoding"]).to.equal("gzip");
    });
  });

  it("takes a body in chunks of HTTP within those of S3", async () => {
    const { headers, body, ...head } = chunkedPut(server, ROOT, "/bucket/twice", { chunks });
    const { "content-length": _, ...rest } = headers;
    const reply = await send(
      server,
      { ...head, body, headers: { ...rest, "transfer-encoding": "chunked" } },
      [body.subarray(0, 7), body.subarray(7, 70_000), body.subarray(70_000)],
    );
    expect(reply.status, reply.text).to.equal(200);
    expect(await stored("/bucket/twice")).to.equal(content);
  });

  describe("cut off", () => {
    for (const [what, send] of [
      ["a plain body", "plain"],
      ["a body in chunks", "chunked"],
    ] as const) {
      it(`stores nothing of ${what}`, async () => {
        const target = `/bucket/cut-${send}`;
        const count = server.log.length;
        const head =
          send === "plain"
            ? signedHead(server, ROOT, "PUT", target, { body: content })
            : chunkedPut(server, ROOT, target, { chunks });
        await sendHalf(server.port, head);
        await server.logged(count + 1);
        expect(await stored(target)).to.equal(404);
      });
    }
  });

  it("leaves the old object when a new one fails", async () => {
    expect((await server.ask("PUT", "/bucket/kept", { body: "old" })).status).to.equal(200);
    const reply = await server.ask("PUT", "/bucket/kept", {
      body: "new",
      headers: { "content-md5": "AAAAAAAAAAAAAAAAAAAAAA==" },
    });
    expect([reply.status, reply.code]).to.deep.equal([400, "BadDigest"]);
    expect(await stored("/bucket/kept")).to.equal("old");
  });

  it("refuses a replayed request once its time is over", async () => {
    const head = signedHead(server, ROOT, "PUT", "/bucket/replay", {
      body: "x",
      timeMs: Date.now() - 20 * 60_000,
    });
    const reply = await send(server, head);
    expect([reply.status, reply.code]).to.deep.equal([403, "RequestTimeTooSkewed"]);
  });

  it("answers with the checksum that came, and gives it to those who ask", async () => {
    const reply = await server.ask("PUT", "/bucket/sum", {
      body: "hello",
      headers: { "x-amz-checksum-crc32": CRC_HELLO },
    });
    expect(reply.headers["x-amz-checksum-crc32"]).to.equal(CRC_HELLO);
    const got = await server.ask("GET", "/bucket/sum", { headers: { "x-amz-checksum-mode": "ENABLED" } });
    expect(got.headers["x-amz-checksum-crc32"]).to.equal(CRC_HELLO);
    expect((await server.ask("GET", "/bucket/sum")).headers["x-amz-checksum-crc32"]).to.equal(undefined);
  });

  it("reads no checksum in the query of a presigned URL", async () => {
    const reply = await s3Ask(
      server,
      ROOT,
      "PUT",
      `/bucket/js?x-amz-checksum-crc32=${encodeURIComponent(CRC_OTHER)}`,
      {
        body: "hello",
        presign: 60,
      },
    );
    expect(reply.status, reply.text).to.equal(200);
  });
});

/** Sends the head and half of the body, then closes the connection. */
function sendHalf(
  port: number,
  head: { method: string; target: string; headers: Record<string, string>; body: Uint8Array },
): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => {
      const lines = Object.entries(head.headers).map(([name, value]) => `${name}: ${value}`);
      socket.write(`${head.method} ${head.target} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`);
      socket.write(head.body.subarray(0, head.body.length / 2), () => socket.destroy());
    });
    socket.once("error", reject);
    socket.once("close", () => resolve());
  });
}
