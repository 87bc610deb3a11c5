import { expect } from "chai";
import fc from "fast-check";
import {
  checksumHeaders,
  readBodyChecksum,
  readUploadChecksum,
  wantsChecksums,
} from "../../../../src/storage/s3/checksum-headers.js";
import {
  type ChecksumAlgorithm,
  checksumAlgorithms,
  checksumNames,
  createChecksum,
  decodeChecksum,
  defaultChecksumType,
  multipartChecksum,
} from "../../../../src/storage/s3/checksums.js";
import { headersOf, refused } from "./support.js";

/** S3 API reference §4.5. */
const vectors: Readonly<Record<string, Readonly<Record<ChecksumAlgorithm, string | undefined>>>> = {
  hello: {
    CRC32: "NhCmhg==",
    CRC32C: "mnG7TA==",
    CRC64NVME: "M3eFcAZSQlc=",
    SHA1: "qvTGHdzF6KLavt4PO0gs2a6pQ00=",
    SHA256: "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=",
  },
  "123456789": {
    CRC32: "y/Q5Jg==",
    CRC32C: "4waSgw==",
    CRC64NVME: "rosUhgp5mIg=",
    SHA1: undefined,
    SHA256: undefined,
  },
  // Published test values of CRC32C (RFC 3720 §B.4): 32 bytes of zeros.
  ["\0".repeat(32)]: {
    CRC32: undefined,
    CRC32C: "ipE2qg==",
    CRC64NVME: undefined,
    SHA1: undefined,
    SHA256: undefined,
  },
};

async function digest(algorithm: ChecksumAlgorithm, ...pieces: Uint8Array[]): Promise<Buffer> {
  const checksum = createChecksum(algorithm);
  for (const piece of pieces) checksum.update(piece);
  return checksum.digest();
}

const CRCS = ["CRC32", "CRC32C", "CRC64NVME"] as const;

describe("storage/s3 checksums", () => {
  for (const [text, sums] of Object.entries(vectors)) {
    for (const algorithm of checksumNames) {
      const sum = sums[algorithm];
      if (sum === undefined) continue;
      it(`${algorithm} of ${JSON.stringify(text)} is ${sum}`, async () => {
        const bytes = Buffer.from(text);
        expect((await digest(algorithm, bytes)).toString("base64")).to.equal(sum);
        expect(
          (await digest(algorithm, bytes.subarray(0, 3), bytes.subarray(3))).toString("base64"),
        ).to.equal(sum);
        expect(decodeChecksum(algorithm, sum)?.length).to.equal(checksumAlgorithms[algorithm].bytes);
      });
    }
  }

  it("is the same however the bytes are cut", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 300 }),
        fc.nat(300),
        fc.constantFrom(...checksumNames),
        async (bytes, cut, name) => {
          expect(await digest(name, bytes)).to.deep.equal(
            await digest(name, bytes.subarray(0, cut), bytes.subarray(cut)),
          );
        },
      ),
    );
  });

  describe("of parts", () => {
    const partsOf = (algorithm: ChecksumAlgorithm, ...texts: string[]) =>
      Promise.all(
        texts.map(async (text) => ({
          checksum: await digest(algorithm, Buffer.from(text)),
          size: text.length,
        })),
      );

    it("is the reference's, composite and full", async () => {
      const parts = await partsOf("CRC32", "hello", "world");
      expect(await multipartChecksum("CRC32", "COMPOSITE", parts)).to.equal("wpn7tg==-2");
      expect(await multipartChecksum("CRC32", "FULL_OBJECT", parts)).to.equal("+esgrQ==");
    });

    it("joins CRCs to the one of the whole, empty parts and leading zeros included", async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.string({ maxLength: 40 }), { minLength: 1, maxLength: 6 }),
          fc.constantFrom(...CRCS),
          async (texts, name) => {
            const ascii = texts.map((text) => Buffer.from(text).toString("hex"));
            const whole = await digest(name, Buffer.from(ascii.join("")));
            const joined = await multipartChecksum(name, "FULL_OBJECT", await partsOf(name, ...ascii));
            expect(joined).to.equal(whole.toString("base64"));
          },
        ),
      );
    });

    it("joins ten thousand parts, each of another size, and lets others work meanwhile", async () => {
      const checksum = await digest("CRC64NVME", Buffer.from("x"));
      const parts = Array.from({ length: 10_000 }, (_, i) => ({ checksum, size: 5 * 1024 ** 3 - i }));
      let turns = 0;
      const timer = setInterval(() => turns++, 1);
      await multipartChecksum("CRC64NVME", "FULL_OBJECT", parts);
      clearInterval(timer);
      expect(turns).to.be.greaterThan(3);
    }).timeout(120_000);

    it("has only the types that S3 has", async () => {
      const rows: readonly (readonly [ChecksumAlgorithm, "COMPOSITE" | "FULL_OBJECT"])[] = [
        ["CRC64NVME", "COMPOSITE"],
        ["SHA1", "FULL_OBJECT"],
        ["SHA256", "FULL_OBJECT"],
      ];
      for (const [algorithm, type] of rows) {
        const failure = await multipartChecksum(algorithm, type, []).catch((error: unknown) => error);
        expect(failure).to.be.instanceOf(RangeError);
        const headers = headersOf({ "x-amz-checksum-algorithm": algorithm, "x-amz-checksum-type": type });
        refused(() => readUploadChecksum(headers), "CHECKSUM_ALGORITHM_INVALID");
      }
      expect(checksumNames.map(defaultChecksumType)).to.deep.equal([
        "COMPOSITE",
        "COMPOSITE",
        "FULL_OBJECT",
        "COMPOSITE",
        "COMPOSITE",
      ]);
    });
  });

  it("reads what an upload asks for", () => {
    const read = (algorithm?: string, type?: string) =>
      readUploadChecksum(
        headersOf({
          ...(algorithm === undefined ? {} : { "x-amz-checksum-algorithm": algorithm }),
          ...(type === undefined ? {} : { "x-amz-checksum-type": type }),
        }),
      );
    expect(read()).to.equal(undefined);
    expect(read("crc32")).to.deep.equal({ algorithm: "CRC32", type: "COMPOSITE" });
    expect(read("CRC32", "full_object")).to.deep.equal({ algorithm: "CRC32", type: "FULL_OBJECT" });
    expect(read("CRC64NVME")).to.deep.equal({ algorithm: "CRC64NVME", type: "FULL_OBJECT" });
    refused(() => read(undefined, "COMPOSITE"), "CHECKSUM_ALGORITHM_INVALID");
    refused(() => read("CRC32", "x"), "CHECKSUM_ALGORITHM_INVALID");
    refused(() => read("MD5"), "NOT_IMPLEMENTED");
  });

  it("reads headers and trailers in any case of their names", () => {
    expect(
      readBodyChecksum(headersOf({ "X-Amz-Checksum-SHA256": vectors.hello?.SHA256 ?? "" }), undefined)
        ?.algorithm,
    ).to.equal("SHA256");
    expect(readBodyChecksum(headersOf({}), " X-Amz-Checksum-CRC32 ")).to.deep.equal({
      algorithm: "CRC32",
      inTrailer: true,
    });
    expect(readBodyChecksum(headersOf({}), "")).to.equal(undefined);
    expect(wantsChecksums(headersOf({ "x-amz-checksum-mode": "enabled" }))).to.equal(true);
    expect(wantsChecksums(headersOf({}))).to.equal(false);
    expect(checksumHeaders("CRC32", "COMPOSITE", "a-2")).to.deep.equal({
      "x-amz-checksum-crc32": "a-2",
      "x-amz-checksum-type": "COMPOSITE",
    });
  });
});
