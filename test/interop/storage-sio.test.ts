/** Content and seals of the storage module, opened and made by another implementation of the format. */
import { createHash, createHmac } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { secureRandom } from "../../src/crypto/random.js";
import { openContent, sealContent } from "../../src/storage/sse/content.js";
import { type ContentPart, planRead } from "../../src/storage/sse/content-layout.js";
import { ObjectKey } from "../../src/storage/sse/object-key.js";
import { openObjectKey, sealObjectKey } from "../../src/storage/sse/seal.js";
import { CleanUp } from "../support/clean-up.js";
import { Sio, type SioResult } from "../support/sio.js";
import { bytesOf, pattern } from "../unit/storage/sse/support.js";

const PACKAGE = 65_536;
const SEALED = 65_568;
const SIZES = [1, 100, PACKAGE - 1, PACKAGE, PACKAGE + 1, 2 * PACKAGE, 3 * PACKAGE + 7];
const oek = secureRandom(32);
const key = ObjectKey.adopt(Buffer.from(oek));

/** By the format's description. */
function partKey(number: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(number);
  return createHmac("sha256", oek).update(bytes).digest();
}

async function collect(source: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of source) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function* chunksOf(bytes: Buffer, size = 50_000): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const sealed = (bytes: Buffer, part?: number) =>
  collect(sealContent(chunksOf(bytes), key, part, secureRandom));

function expectBytes(result: SioResult | undefined, bytes: Buffer): void {
  if (!Buffer.isBuffer(result)) throw new Error(`not opened: ${result?.error}`);
  expect(result.equals(bytes)).to.equal(true);
}

/** From 0 and from within, to the end and before it, over borders. */
function rangesOf(size: number): { first: number; last: number }[] {
  const ends = [0, 1, PACKAGE - 1, PACKAGE, 2 * PACKAGE - 1, 2 * PACKAGE + 3, size - 1].filter(
    (at) => at < size,
  );
  return ends.flatMap((first) => ends.filter((last) => last >= first).map((last) => ({ first, last })));
}

describe("interop: packages and minio/sio", function () {
  this.timeout(120_000);
  const cleanUp = new CleanUp();
  let sio: Sio;

  before(async function () {
    const folder = await mkdtemp(join(tmpdir(), "keswick-sio-"));
    cleanUp.add(() => rm(folder, { recursive: true, force: true }));
    sio = await Sio.build(this, folder);
  });

  after(() => cleanUp.run());

  it("what is sealed here is opened there, in one piece and in parts", async () => {
    const tasks = await Promise.all(
      SIZES.flatMap((size) =>
        [undefined, 1, 7, 10_000].map(async (part) => ({
          operation: "open" as const,
          key: part === undefined ? oek : partKey(part),
          input: await sealed(pattern(size), part),
          size,
        })),
      ),
    );
    const results = await sio.run(tasks);
    for (const [i, { size }] of tasks.entries()) expectBytes(results[i], pattern(size));
  });

  it("ranges of what is sealed here are read there", async () => {
    const size = 3 * PACKAGE + 7;
    const input = await sealed(pattern(size));
    const ranges = rangesOf(size);
    const results = await sio.run(
      ranges.map(({ first, last }) => ({
        ...{ operation: "range" as const, key: oek, input },
        ...{ from: first, length: last - first + 1 },
      })),
    );
    for (const [i, { first, last }] of ranges.entries()) {
      expectBytes(results[i], pattern(size).subarray(first, last + 1));
    }
    const tails = await sio.run(
      [1, 2, 3].map((from) => ({
        operation: "open" as const,
        key: oek,
        from,
        input: input.subarray(from * SEALED),
      })),
    );
    for (const [i, from] of [1, 2, 3].entries())
      expectBytes(tails[i], pattern(size).subarray(from * PACKAGE));
  });

  it("what is sealed there, in both versions with both ciphers, is opened here, whole and in ranges", async () => {
    const tasks = SIZES.flatMap((size) =>
      (["seal1", "seal2"] as const).flatMap((operation) =>
        (["AES256", "ChaCha20"] as const).map((cipher) => ({
          ...{ operation, cipher, key: oek, input: pattern(size), size },
        })),
      ),
    );
    const results = await sio.run(tasks);
    for (const [i, { size }] of tasks.entries()) {
      const stream = results[i];
      if (!Buffer.isBuffer(stream)) throw new Error(`not sealed: ${stream?.error}`);
      const parts: ContentPart[] = [{ bytes: size }];
      for (const range of [undefined, ...rangesOf(size)]) {
        const plan = planRead(parts, range);
        const bytes = stream.subarray(plan.sealedOffset, plan.sealedOffset + plan.sealedBytes);
        const opened = await collect(openContent(chunksOf(bytes), key, plan));
        const wanted = pattern(size).subarray(range?.first ?? 0, (range?.last ?? size - 1) + 1);
        expect(opened.equals(wanted), `${tasks[i]?.operation} ${size}`).to.equal(true);
      }
    }
  });

  it("what is damaged is refused there as well", async () => {
    const whole = await sealed(pattern(2 * PACKAGE + 50));
    const [a, b, c] = [0, 1, 2].map((i) => whole.subarray(i * SEALED, (i + 1) * SEALED));
    const bent = Buffer.from(whole);
    bent.writeUInt8(bent.readUInt8(SEALED + 20) ^ 1, SEALED + 20);
    const damaged = [[b, a, c], [a, a, c], [a, c], [a, b], [a, b, c, c], [bent], [whole.subarray(0, -1)]].map(
      (list) => Buffer.concat(list.flatMap((each) => each ?? [])),
    );
    const results = await sio.run(damaged.map((input) => ({ operation: "open" as const, key: oek, input })));
    for (const result of results) expect(result).to.have.property("error");
  });

  it("seals of object keys, ETags and other metadata are of the same format", async () => {
    const dek = secureRandom(32);
    const path = { bucket: "my-bucket", object: "a//b/../c" };
    const made = sealObjectKey(key, dek, "SSE-KMS", path, secureRandom);
    const sealingKey = createHmac("sha256", dek)
      .update(Buffer.concat([made.iv, Buffer.from("SSE-KMSDAREv2-HMAC-SHA256my-bucket/a/c")]))
      .digest();
    const label = (text: string): Buffer => createHmac("sha256", oek).update(text).digest();
    const index = pattern(200_000);
    const opened = await sio.run([
      { operation: "open", key: sealingKey, input: made.bytes },
      { operation: "open", key: label("SSE-etag"), input: key.sealETag(pattern(16), secureRandom) },
      {
        operation: "open",
        key: label("compression-index"),
        input: key.sealMetadata("compression-index", index, secureRandom),
      },
    ]);
    expectBytes(opened[0], oek);
    expectBytes(opened[1], pattern(16));
    expectBytes(opened[2], index);

    const old = createHash("sha256").update(dek).update(made.iv).digest();
    const [theirs, theirOld, theirETag] = await sio.run([
      { operation: "seal2", key: sealingKey, input: oek },
      { operation: "seal1", key: old, input: oek },
      { operation: "seal2", key: label("SSE-etag"), cipher: "ChaCha20", input: pattern(16) },
    ]);
    if (!Buffer.isBuffer(theirs) || !Buffer.isBuffer(theirOld) || !Buffer.isBuffer(theirETag)) {
      throw new Error("not sealed");
    }
    const reopened = openObjectKey({ ...made, bytes: theirs }, dek, "SSE-KMS", path);
    expect(bytesOf(reopened)).to.equal(oek.toString("hex"));
    const older = { algorithm: "DARE-SHA256", iv: made.iv, bytes: theirOld } as const;
    expect(bytesOf(openObjectKey(older, dek, "SSE-C", path))).to.equal(oek.toString("hex"));
    expect(key.openETag(theirETag)).to.deep.equal(pattern(16));
  });
});
