import { createHash, createHmac } from "node:crypto";
import { once } from "node:events";
import { Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { expect } from "chai";
import fc from "fast-check";
import type { S3Failure } from "../../../../../src/storage/s3/errors.js";
import {
  ChunkDecoder,
  type ChunkDecoderOptions,
} from "../../../../../src/storage/s3/signature/chunk-decoder.js";
import { ChunkMemory } from "../../../../../src/storage/s3/signature/chunk-memory.js";
import { type SignatureChain, verifyRequest } from "../../../../../src/storage/s3/signature/verify.js";
import {
  contentOf,
  credentials,
  cutAt,
  EXAMPLE_MS,
  refusedLater,
  type SignatureCase,
  signatureVectors,
  signedRequest,
  sourceOf,
} from "../support.js";

const { cases } = signatureVectors();
const CONTENT = Buffer.alloc(66_560, "a");
const EMPTY = createHash("sha256").digest("hex");

function caseOf(id: string): SignatureCase & { readonly chunks: readonly string[] } {
  const found = cases.find((candidate) => candidate.id === id);
  if (found?.chunks === undefined) throw new Error(`no vector '${id}'`);
  return { ...found, chunks: found.chunks };
}

const plain = caseOf("chunked PUT");
const withTrailer = caseOf("chunked PUT with trailer");
const chainOf = ({ method, target, headers }: SignatureCase): SignatureChain =>
  verifyRequest(signedRequest(method, target, headers), { credentials, nowMs: EXAMPLE_MS }).chain;

/** The body of a published example. */
function published({ chunks, trailer }: typeof plain): Buffer {
  const [first, second, last] = chunks;
  const end = trailer === undefined ? "" : `${trailer[0]}\r\nx-amz-trailer-signature:${trailer[1]}\r\n`;
  return Buffer.from(
    `10000;chunk-signature=${first}\r\n${CONTENT.subarray(0, 65_536)}\r\n` +
      `400;chunk-signature=${second}\r\n${CONTENT.subarray(65_536)}\r\n` +
      `0;chunk-signature=${last}\r\n${end}\r\n`,
  );
}

/** Signs chunks by the formula of the reference, with nothing of the code under test. */
function signed(chain: SignatureChain, pieces: readonly Buffer[], trailer = ""): Buffer {
  let previous = chain.seed;
  const sign = (kind: string, ...hashes: string[]): string => {
    const text = [
      `AWS4-HMAC-SHA256-${kind}`,
      chain.scope.dateTime,
      chain.scope.text,
      previous,
      ...hashes,
    ].join("\n");
    previous = createHmac("sha256", chain.signingKey).update(text).digest("hex");
    return previous;
  };
  const sha = (bytes: Buffer | string): string => createHash("sha256").update(bytes).digest("hex");
  const frames = [...pieces, Buffer.alloc(0)].map((piece) => {
    const head = `${piece.length.toString(16)};chunk-signature=${sign("PAYLOAD", EMPTY, sha(piece))}\r\n`;
    return Buffer.concat([Buffer.from(head), piece, Buffer.from(piece.length > 0 ? "\r\n" : "")]);
  });
  const end =
    trailer === "" ? "" : `${trailer}\r\nx-amz-trailer-signature:${sign("TRAILER", sha(`${trailer}\n`))}\r\n`;
  return Buffer.concat([...frames, Buffer.from(`${end}\r\n`)]);
}

async function decode(
  body: Buffer,
  options: ChunkDecoderOptions,
  pieces: Buffer[] = [body],
): Promise<Buffer> {
  return contentOf(sourceOf(...pieces).pipe(new ChunkDecoder(options), { end: true }));
}

/** What came out before the failure. */
async function decodeBadly(
  body: Buffer,
  options: ChunkDecoderOptions,
  ...failures: S3Failure[]
): Promise<Buffer> {
  const given: Buffer[] = [];
  const sink = new Writable({
    write(piece: Buffer, _encoding, done) {
      given.push(piece);
      done();
    },
  });
  await refusedLater(() => pipeline(sourceOf(body), new ChunkDecoder(options), sink), ...failures);
  return Buffer.concat(given);
}

const chain = chainOf(plain);
const trailer = ["x-amz-checksum-crc32c"];
const frame = (text: string): Buffer => Buffer.from(text);

describe("storage/s3 chunked bodies", () => {
  describe("memory of large chunks", () => {
    const MIB = 1024 * 1024;
    const large = Buffer.alloc(3 * MIB, 7);

    it("is refused when others have it, and theirs again when they are done", async () => {
      const memory = new ChunkMemory(4 * MIB);
      const other = memory.take(3 * MIB);
      expect(other).to.equal(3 * MIB);
      expect(await decodeBadly(signed(chain, [large]), { chain, memory }, "SLOW_DOWN")).to.have.length(0);
      memory.giveBack(other ?? 0);
      // One chunk after the other in the room of one.
      expect(await decode(signed(chain, [large, large, large]), { chain, memory })).to.have.length(9 * MIB);
      expect(memory.take(4 * MIB)).to.equal(4 * MIB);
    });

    it("is given back when a body breaks off", async () => {
      const memory = new ChunkMemory(4 * MIB);
      const body = signed(chain, [large]).subarray(0, 2 * MIB);
      await decodeBadly(body, { chain, memory }, "BODY_INCOMPLETE");
      expect(memory.take(4 * MIB)).to.equal(4 * MIB);
    });

    it("is held while nobody reads what was checked", async () => {
      const memory = new ChunkMemory(4 * MIB);
      const decoder = new ChunkDecoder({ chain, memory });
      const body = signed(chain, [large]);
      await new Promise<void>((written) => {
        decoder.write(body.subarray(0, -7));
        setImmediate(written);
      });
      expect(memory.take(3 * MIB)).to.equal(undefined);
      decoder.destroy();
      await once(decoder, "close");
      expect(memory.take(4 * MIB)).to.equal(4 * MIB);
    });

    it("is not needed by the chunks of ordinary clients", async () => {
      const body = signed(chain, [Buffer.alloc(MIB), Buffer.alloc(65_536)]);
      expect(await decode(body, { chain, memory: new ChunkMemory(0) })).to.have.length(MIB + 65_536);
    });
  });

  it("opens the published example, however it is cut", async () => {
    const body = published(plain);
    expect(body.length).to.equal(66_824);
    expect(await decode(body, { chain })).to.deep.equal(CONTENT);
    const edges = [1, 5, 22, 85, 86, 87, 88, 65_623, 65_624, 65_625, 65_626, 66_820, 66_823];
    expect(await decode(body, { chain }, cutAt(body, edges))).to.deep.equal(CONTENT);
  });

  it("opens the published example with a trailer", async () => {
    const decoder = new ChunkDecoder({ chain: chainOf(withTrailer), trailer });
    expect(await contentOf(sourceOf(published(withTrailer)).pipe(decoder))).to.deep.equal(CONTENT);
    expect([...decoder.trailers]).to.deep.equal([["x-amz-checksum-crc32c", "sOO8/Q=="]]);
  });

  it("opens whatever was signed, however it is cut", async () => {
    const bytes = fc.uint8Array({ minLength: 1, maxLength: 40_000 }).map((array) => Buffer.from(array));
    await fc.assert(
      fc.asyncProperty(
        fc.array(bytes, { maxLength: 5 }),
        fc.array(fc.nat(200_000), { maxLength: 12 }),
        fc.boolean(),
        async (pieces, cuts, hasTrailer) => {
          const body = signed(chain, pieces, hasTrailer ? "x-amz-checksum-crc32c:AAAAAA==" : "");
          const options = { chain, ...(hasTrailer ? { trailer } : {}) };
          expect(await decode(body, options, cutAt(body, cuts))).to.deep.equal(Buffer.concat(pieces));
        },
      ),
      { numRuns: 60 },
    );
  });

  it("opens a body that comes byte by byte", async () => {
    const body = signed(chain, [Buffer.from("hello"), Buffer.from("world")]);
    expect(
      await decode(
        body,
        { chain },
        [...body].map((byte) => Buffer.of(byte)),
      ),
    ).to.deep.equal(frame("helloworld"));
  });

  it("opens unsigned chunks with a trailer, line feeds alone and white space included", async () => {
    for (const end of ["x-amz-checksum-crc32c:AAAAAA==\r\n\r\n", "X-Amz-Checksum-CRC32C : AAAAAA== \n\n"]) {
      const decoder = new ChunkDecoder({ trailer });
      const content = await contentOf(sourceOf(`5\r\nhello\r\nA\r\n0123456789\r\n0\r\n${end}`).pipe(decoder));
      expect(content.toString()).to.equal("hello0123456789");
      expect(decoder.trailers.get("x-amz-checksum-crc32c")).to.equal("AAAAAA==");
    }
  });

  it("opens an empty object", async () => {
    expect(await decode(signed(chain, []), { chain })).to.have.length(0);
    expect(await decode(frame("0\r\n\r\n"), { trailer: [] })).to.have.length(0);
  });

  it("refuses every flipped bit, and gives nothing of the chunk in which it is, nor behind", async () => {
    const pieces = [Buffer.from("first chunk"), Buffer.from("second chunk"), Buffer.from("third")];
    const body = signed(chain, pieces, "x-amz-checksum-crc32c:AAAAAA==");
    const ends = cutFrames(signed(chain, pieces)).map(
      (_, index, frames) => Buffer.concat(frames.slice(0, index + 1)).length - 2,
    );
    const hexDigits = /[0-9a-f]/i;
    for (let place = 0; place < body.length; place++) {
      const altered = Buffer.from(body);
      altered[place] = (altered[place] ?? 0) ^ 1;
      const [before, after] = [body, altered].map((bytes) => String.fromCharCode(bytes[place] ?? 0));
      // The size may be written in capitals, and the names of trailers as well.
      if (before?.toLowerCase() === after?.toLowerCase() && hexDigits.test(before ?? "")) continue;
      const given = await decodeBadly(
        altered,
        { chain, trailer },
        "CHUNK_SIGNATURE_MISMATCH",
        "CHUNK_MALFORMED",
        "CHUNK_TOO_LARGE",
        "TRAILER_MALFORMED",
        "TRAILER_SIGNATURE_MISMATCH",
        "BODY_INCOMPLETE",
      );
      const whole = Buffer.concat(pieces.filter((_, index) => (ends[index] ?? 0) <= place));
      expect(whole.subarray(0, given.length), `bit at ${place}`).to.deep.equal(given);
    }
  });

  it("gives nothing of a chunk before its signature was found right", async () => {
    const body = signed(chain, [Buffer.alloc(100_000, "x"), Buffer.alloc(100_000, "y")]);
    const place = body.indexOf("y") + 99_999;
    body[place] = 0x7a;
    const given = await decodeBadly(body, { chain }, "CHUNK_SIGNATURE_MISMATCH");
    expect(given).to.deep.equal(Buffer.alloc(100_000, "x"));
  });

  it("refuses chunks swapped, repeated, left out, or of another request", async () => {
    const parts = cutFrames(signed(chain, [Buffer.from("aa"), Buffer.from("bb")]));
    const [a = frame(""), b = frame(""), end = frame("")] = parts;
    const bad = [[b, a, end], [a, a, b, end], [b, end], [a, end], [end]];
    for (const frames of bad) await decodeBadly(Buffer.concat(frames), { chain }, "CHUNK_SIGNATURE_MISMATCH");
    const other = { ...chain, seed: "0".repeat(64) };
    await decodeBadly(Buffer.concat(parts), { chain: other }, "CHUNK_SIGNATURE_MISMATCH");
  });

  it("refuses a body that ends anywhere before its end", async () => {
    const body = signed(chain, [Buffer.from("hello")], "x-amz-checksum-crc32c:AAAAAA==");
    for (let size = 0; size < body.length; size++) {
      await decodeBadly(body.subarray(0, size), { chain, trailer }, "BODY_INCOMPLETE");
    }
  });

  const malformed: readonly (readonly [string, string, ChunkDecoderOptions, S3Failure])[] = [
    ["bytes behind the end", "0\r\n\r\nx", { trailer: [] }, "CHUNK_MALFORMED"],
    ["another body behind the end", "0\r\n\r\n1\r\na\r\n0\r\n\r\n", { trailer: [] }, "CHUNK_MALFORMED"],
    ["no size", "\r\nabc", { trailer: [] }, "CHUNK_MALFORMED"],
    ["a size that is no number", "xyz\r\n", { trailer: [] }, "CHUNK_MALFORMED"],
    ["a negative size", "-5\r\nhello\r\n", { trailer: [] }, "CHUNK_MALFORMED"],
    ["a size with 0x", "0x5\r\nhello\r\n", { trailer: [] }, "CHUNK_MALFORMED"],
    ["a size beyond all numbers", "ffffffffffff\r\n", { trailer: [] }, "CHUNK_MALFORMED"],
    ["a chunk that is too large", "1000001\r\n", { trailer: [] }, "CHUNK_TOO_LARGE"],
    ["an extension on an unsigned chunk", "5;a=b\r\nhello\r\n", { trailer: [] }, "CHUNK_MALFORMED"],
    ["a signed chunk without signature", "5\r\nhello\r\n", { chain }, "CHUNK_MALFORMED"],
    ["a line feed alone behind the size", "5\nhello\r\n", { trailer: [] }, "CHUNK_MALFORMED"],
    ["data longer than its size", "4\r\nhello\r\n0\r\n\r\n", { trailer: [] }, "CHUNK_MALFORMED"],
    ["data shorter than its size", "6\r\nhello\r\n0\r\n\r\n", { trailer: [] }, "CHUNK_MALFORMED"],
    ["a line feed alone behind the data", "5\r\nhello\n0\r\n\r\n", { trailer: [] }, "CHUNK_MALFORMED"],
    ["a line that does not end", "1".repeat(9000), { trailer: [] }, "CHUNK_MALFORMED"],
    ["a trailer where there is none", "0\r\na:b\r\n\r\n", {}, "CHUNK_MALFORMED"],
    ["a trailer that was not announced", "0\r\na:b\r\n\r\n", { trailer: [] }, "TRAILER_MALFORMED"],
    [
      "another trailer than announced",
      "0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n",
      { trailer },
      "TRAILER_MALFORMED",
    ],
    ["no trailer though announced", "0\r\n\r\n", { trailer }, "TRAILER_MALFORMED"],
    [
      "a trailer twice",
      "0\r\nx-amz-checksum-crc32c:AAAAAA==\r\nx-amz-checksum-crc32c:AAAAAA==\r\n\r\n",
      { trailer },
      "TRAILER_MALFORMED",
    ],
    ["a trailer line without colon", "0\r\nabc\r\n\r\n", { trailer }, "TRAILER_MALFORMED"],
    ["trailers without end", `0\r\n${"x-amz-checksum-crc32c".repeat(500)}`, { trailer }, "CHUNK_MALFORMED"],
    [
      "a signature where none was announced",
      `0\r\nx-amz-trailer-signature:${"0".repeat(64)}\r\n\r\n`,
      { trailer: [] },
      "TRAILER_MALFORMED",
    ],
  ];
  for (const [what, text, options, failure] of malformed) {
    it(`refuses ${what}`, () => decodeBadly(frame(text), options, failure));
  }

  it("refuses a signed trailer without its signature, with a wrong one, or with lines behind it", async () => {
    const body = signed(chain, [], "x-amz-checksum-crc32c:AAAAAA==").toString();
    const bare = body.replace(/x-amz-trailer-signature.*\r\n/, "");
    await decodeBadly(frame(bare), { chain, trailer }, "TRAILER_SIGNATURE_MISMATCH");
    await decodeBadly(
      frame(body.replace("AAAAAA", "AAAAAQ")),
      { chain, trailer },
      "TRAILER_SIGNATURE_MISMATCH",
    );
    const late = body.replace(/(x-amz-checksum.*\r\n)(x-amz-trailer-signature.*\r\n)/, "$2$1");
    await decodeBadly(frame(late), { chain, trailer }, "TRAILER_MALFORMED");
  });

  it("fails with an S3Error, or gives what it should, for any bytes", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), fc.boolean(), async (bytes, isSigned) => {
        const options = isSigned ? { chain } : { trailer: [] };
        await decodeBadly(
          Buffer.from(bytes),
          options,
          "CHUNK_MALFORMED",
          "CHUNK_TOO_LARGE",
          "TRAILER_MALFORMED",
          "BODY_INCOMPLETE",
        );
      }),
      { numRuns: 150 },
    );
  });

  it("takes no more than one chunk while nobody reads", async () => {
    const piece = Buffer.alloc(100_000, "x");
    const body = signed(
      chain,
      Array.from({ length: 40 }, () => piece),
    );
    const source = sourceOf(
      ...cutAt(
        body,
        Array.from({ length: 400 }, (_, i) => i * 10_000),
      ),
    );
    const decoder = source.pipe(new ChunkDecoder({ chain }));
    let most = 0;
    let total = 0;
    for await (const read of decoder) {
      total += read.length;
      most = Math.max(most, decoder.readableLength + decoder.writableLength);
    }
    expect(total).to.equal(4_000_000);
    expect(most).to.be.lessThan(3 * 100_000);
  });
});

/** The frames of a signed body without trailer, each with its end. */
function cutFrames(body: Buffer): Buffer[] {
  const frames: Buffer[] = [];
  for (let place = 0; place < body.length; ) {
    const end = body.indexOf("\r\n", place) + 2;
    const size = Number.parseInt(body.subarray(place, body.indexOf(";", place)).toString(), 16);
    frames.push(body.subarray(place, end + size + 2));
    place = end + size + 2;
  }
  return frames;
}
