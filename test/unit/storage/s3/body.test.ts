import { createHash } from "node:crypto";
import { PassThrough } from "node:stream";
import { setImmediate } from "node:timers/promises";
import { expect } from "chai";
import {
  type BodyPlan,
  openBody,
  planBody,
  readBody,
  requireDigest,
} from "../../../../src/storage/s3/body.js";
import type { S3Failure } from "../../../../src/storage/s3/errors.js";
import { type Payload, parsePayload } from "../../../../src/storage/s3/signature/payload.js";
import type { SignatureChain } from "../../../../src/storage/s3/signature/verify.js";
import { contentOf, headersOf, refused, refusedLater, sourceOf } from "./support.js";

const chain: SignatureChain = {
  signingKey: Buffer.alloc(32),
  scope: { dateTime: "20130524T000000Z", date: "20130524", region: "r", text: "20130524/r/s3/aws4_request" },
  seed: "0".repeat(64),
};
const unsigned: Payload = { kind: "unsigned" };
const trailing: Payload = { kind: "chunked", isSigned: false, hasTrailer: true };
const storing = { maxBytes: 1000, needsLength: true };
const HELLO_MD5 = "XUFAKrxLKna5cZ2REBfFkg==";
const HELLO_SHA256 = createHash("sha256").update("hello").digest("hex");

const plan = (headers: Record<string, string>, payload: Payload = unsigned): BodyPlan =>
  planBody(headersOf(headers), { payload, chain }, storing);

describe("storage/s3 bodies", () => {
  describe("what headers promise", () => {
    const rows: readonly (readonly [string, Record<string, string>, Payload, S3Failure | undefined])[] = [
      ["a length", { "content-length": "5" }, unsigned, undefined],
      ["no length", {}, unsigned, "LENGTH_MISSING"],
      ["no length but HTTP's chunks", { "transfer-encoding": "chunked" }, unsigned, "LENGTH_MISSING"],
      ["S3's chunks in HTTP's, without length", { "transfer-encoding": "chunked" }, trailing, undefined],
      ["S3's chunks and no length at all", {}, trailing, "LENGTH_MISSING"],
      ["a length that is none", { "content-length": "5, 5" }, unsigned, "LENGTH_INVALID"],
      [
        "a decoded length that is none",
        { "content-length": "5", "x-amz-decoded-content-length": "-1" },
        trailing,
        "LENGTH_INVALID",
      ],
      ["a length at the limit", { "content-length": "1000" }, unsigned, undefined],
      ["a length beyond the limit", { "content-length": "1001" }, unsigned, "ENTITY_TOO_LARGE"],
      [
        "a framed length beyond the limit, its content below",
        { "content-length": "1100", "x-amz-decoded-content-length": "900" },
        trailing,
        undefined,
      ],
      ["an MD5", { "content-length": "5", "content-md5": HELLO_MD5 }, unsigned, undefined],
      ["an MD5 that is no base64", { "content-length": "5", "content-md5": "?" }, unsigned, "DIGEST_INVALID"],
      [
        "an MD5 of 15 bytes",
        { "content-length": "5", "content-md5": "AAAAAAAAAAAAAAAAAAAA" },
        unsigned,
        "DIGEST_INVALID",
      ],
      ["an empty MD5", { "content-length": "5", "content-md5": "" }, unsigned, "DIGEST_INVALID"],
      ["a checksum", { "content-length": "5", "x-amz-checksum-crc32": "NhCmhg==" }, unsigned, undefined],
      [
        "a checksum too short",
        { "content-length": "5", "x-amz-checksum-crc32": "NhCm" },
        unsigned,
        "CHECKSUM_INVALID",
      ],
      [
        "an unknown checksum",
        { "content-length": "5", "x-amz-checksum-xxhash64": "AA==" },
        unsigned,
        "NOT_IMPLEMENTED",
      ],
      [
        "two checksums",
        { "content-length": "5", "x-amz-checksum-crc32": "NhCmhg==", "x-amz-checksum-crc32c": "mnG7TA==" },
        unsigned,
        "CHECKSUM_SEVERAL",
      ],
      [
        "a checksum in the header and one in the trailer",
        {
          "content-length": "5",
          "x-amz-checksum-crc32": "NhCmhg==",
          "x-amz-trailer": "x-amz-checksum-crc32",
        },
        trailing,
        "CHECKSUM_SEVERAL",
      ],
      [
        "another algorithm than announced",
        {
          "content-length": "5",
          "x-amz-checksum-crc32": "NhCmhg==",
          "x-amz-sdk-checksum-algorithm": "SHA256",
        },
        unsigned,
        "CHECKSUM_INVALID",
      ],
      [
        "an algorithm alone",
        { "content-length": "5", "x-amz-sdk-checksum-algorithm": "CRC32" },
        unsigned,
        undefined,
      ],
      [
        "an unknown algorithm alone",
        { "content-length": "5", "x-amz-sdk-checksum-algorithm": "XXHASH3" },
        unsigned,
        "NOT_IMPLEMENTED",
      ],
      [
        "a trailer where none can be",
        { "content-length": "5", "x-amz-trailer": "x-amz-checksum-crc32" },
        unsigned,
        "TRAILER_UNSUPPORTED",
      ],
      [
        "a trailer that is no checksum",
        { "content-length": "5", "x-amz-trailer": "x-amz-meta-a" },
        trailing,
        "TRAILER_UNSUPPORTED",
      ],
      [
        "an unknown checksum in the trailer",
        { "content-length": "5", "x-amz-trailer": "x-amz-checksum-md5" },
        trailing,
        "NOT_IMPLEMENTED",
      ],
      [
        "types and modes, which are no checksums",
        { "content-length": "5", "x-amz-checksum-mode": "ENABLED", "x-amz-checksum-algorithm": "CRC32" },
        unsigned,
        undefined,
      ],
    ];
    for (const [what, headers, payload, failure] of rows) {
      it(`${failure === undefined ? "takes" : "refuses"} ${what}`, () => {
        if (failure === undefined) plan(headers, payload);
        else refused(() => plan(headers, payload), failure);
      });
    }

    it("knows every form of payload, and no other", () => {
      expect(parsePayload("STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER")).to.include({
        isSigned: true,
        hasTrailer: true,
      });
      expect(parsePayload("STREAMING-AWS4-HMAC-SHA256-PAYLOAD")).to.include({
        isSigned: true,
        hasTrailer: false,
      });
      expect(parsePayload("STREAMING-UNSIGNED-PAYLOAD-TRAILER")).to.include({
        isSigned: false,
        hasTrailer: true,
      });
      for (const bad of [
        "",
        "toString",
        "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD",
        "a".repeat(63),
        "unsigned-payload",
      ]) {
        refused(() => parsePayload(bad), "CONTENT_SHA256_INVALID");
      }
    });

    it("demands a digest where the call does", () => {
      refused(() => requireDigest(plan({ "content-length": "5" })), "DIGEST_MISSING");
      requireDigest(plan({ "content-length": "5", "content-md5": HELLO_MD5 }));
      requireDigest(plan({ "content-length": "5", "x-amz-checksum-crc32": "NhCmhg==" }));
    });
  });

  describe("holding the body to it", () => {
    const length = { "content-length": "5" };
    const rows: readonly (readonly [
      string,
      Record<string, string>,
      Payload,
      string,
      S3Failure | undefined,
    ])[] = [
      [
        "all of it right",
        { ...length, "content-md5": HELLO_MD5, "x-amz-checksum-sha1": "qvTGHdzF6KLavt4PO0gs2a6pQ00=" },
        { kind: "hash", sha256: HELLO_SHA256 },
        "hello",
        undefined,
      ],
      ["too short", length, unsigned, "hell", "BODY_INCOMPLETE"],
      ["too long", length, unsigned, "hello!", "BODY_INCOMPLETE"],
      ["another SHA-256", length, { kind: "hash", sha256: HELLO_SHA256 }, "hallo", "CONTENT_SHA256_MISMATCH"],
      ["another MD5", { ...length, "content-md5": HELLO_MD5 }, unsigned, "hallo", "DIGEST_MISMATCH"],
      [
        "another CRC32",
        { ...length, "x-amz-checksum-crc32": "NhCmhg==" },
        unsigned,
        "hallo",
        "CHECKSUM_MISMATCH",
      ],
      [
        "another CRC32C",
        { ...length, "x-amz-checksum-crc32c": "mnG7TA==" },
        unsigned,
        "hallo",
        "CHECKSUM_MISMATCH",
      ],
      [
        "another CRC64NVME",
        { ...length, "x-amz-checksum-crc64nvme": "M3eFcAZSQlc=" },
        unsigned,
        "hallo",
        "CHECKSUM_MISMATCH",
      ],
      [
        "the right trailer",
        { ...length, "x-amz-trailer": "x-amz-checksum-crc32" },
        trailing,
        "5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n",
        undefined,
      ],
      [
        "a wrong trailer",
        { ...length, "x-amz-trailer": "x-amz-checksum-crc32" },
        trailing,
        "5\r\nhallo\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n",
        "CHECKSUM_MISMATCH",
      ],
      [
        "a trailer that is no checksum",
        { ...length, "x-amz-trailer": "x-amz-checksum-crc32" },
        trailing,
        "5\r\nhello\r\n0\r\nx-amz-checksum-crc32:abc\r\n\r\n",
        "CHECKSUM_INVALID",
      ],
      [
        "a decoded length that is wrong",
        { ...length, "x-amz-decoded-content-length": "6" },
        trailing,
        "5\r\nhello\r\n0\r\n\r\n",
        "BODY_INCOMPLETE",
      ],
      [
        "an MD5 of what was framed",
        { ...length, "content-md5": HELLO_MD5 },
        trailing,
        "5\r\nhello\r\n0\r\n\r\n",
        undefined,
      ],
      ["framing that is broken", length, trailing, "hello\r\n", "CHUNK_MALFORMED"],
      ["framing without end", length, trailing, "5\r\nhello\r\n", "BODY_INCOMPLETE"],
    ];
    for (const [what, headers, payload, text, failure] of rows) {
      it(`${failure === undefined ? "takes" : "refuses"} ${what}`, async () => {
        const body = openBody(sourceOf(text), plan(headers, payload), 1000);
        if (failure !== undefined) await refusedLater(() => contentOf(body), failure);
        else expect((await contentOf(body)).toString()).to.equal("hello");
      });
    }

    it("tells size, MD5 and the checksum that somebody wishes for", async () => {
      const body = openBody(sourceOf("he", "llo"), plan({ "content-length": "5" }), 1000, {
        md5: true,
        checksum: "CRC32",
      });
      expect(() => body.results)
        .to.throw()
        .with.property("reason", "INTERNAL");
      await contentOf(body);
      expect(body.results.size).to.equal(5);
      expect(body.results.md5?.toString("base64")).to.equal(HELLO_MD5);
      expect(body.results.checksum?.value.toString("base64")).to.equal("NhCmhg==");
    });

    it("refuses content beyond the limit where no length was told", async () => {
      const endless = plan({ "transfer-encoding": "chunked" }, trailing);
      await refusedLater(
        () => contentOf(openBody(sourceOf("A\r\n0123456789\r\n0\r\n\r\n"), endless, 9)),
        "ENTITY_TOO_LARGE",
      );
    });

    it("leaves the source alive after a failure, for the answer is still to be sent", async () => {
      const source = new PassThrough();
      const body = openBody(source, plan({ "content-length": "10" }, trailing), 1000);
      source.write("broken");
      source.write("\r\n more that nobody reads");
      await refusedLater(() => contentOf(body), "CHUNK_MALFORMED");
      await setImmediate();
      expect(source.destroyed).to.equal(false);
      expect(source.readableFlowing).to.equal(false);
    });

    it("fails when the client goes away", async () => {
      for (const go of [
        (source: PassThrough) => source.destroy(),
        (source: PassThrough) => source.destroy(new Error("reset")),
      ]) {
        const source = new PassThrough();
        const body = openBody(source, plan({ "content-length": "10" }), 1000);
        source.write("hello");
        setImmediate().then(() => go(source));
        await refusedLater(() => contentOf(body), "BODY_INCOMPLETE");
      }
      const gone = new PassThrough();
      gone.destroy();
      await refusedLater(
        () => contentOf(openBody(gone, plan({ "content-length": "0" }), 1000)),
        "BODY_INCOMPLETE",
      );
    });

    it("reads small bodies whole, and not more than allowed", async () => {
      const open = planBody(
        headersOf({ "transfer-encoding": "chunked" }),
        { payload: unsigned, chain },
        { maxBytes: 5, needsLength: false },
      );
      expect((await readBody(sourceOf("hel", "lo"), open, 5)).toString()).to.equal("hello");
      await refusedLater(() => readBody(sourceOf("hello!"), open, 5), "BODY_TOO_LARGE");
      const empty = planBody(
        headersOf({}),
        { payload: unsigned, chain },
        { maxBytes: 5, needsLength: false },
      );
      expect(await readBody(sourceOf(), empty, 5)).to.have.length(0);
    });
  });
});
