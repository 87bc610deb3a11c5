import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { expect } from "chai";
import fc from "fast-check";
import type { DareFlaw } from "../../../../src/crypto/dare.js";
import { sealedSize } from "../../../../src/crypto/dare-sizes.js";
import { secureRandom } from "../../../../src/crypto/random.js";
import { KesError } from "../../../../src/errors.js";
import { begun, ContentDamage, openContent, sealContent } from "../../../../src/storage/sse/content.js";
import {
  type ByteRange,
  type ContentPart,
  contentPart,
  planRead,
} from "../../../../src/storage/sse/content-layout.js";
import { ObjectKey } from "../../../../src/storage/sse/object-key.js";
import { fails, pattern } from "./support.js";

const PACKAGE = 65_536;
const SEALED = 65_568;
const key = ObjectKey.generate(secureRandom(32), secureRandom);

/** An object of these parts with all its plaintext and packages. */
interface Stored {
  readonly parts: readonly ContentPart[];
  readonly plaintext: Buffer;
  readonly sealed: Buffer;
}

async function* chunksOf(bytes: Buffer, steps: readonly number[] = [SEALED]): AsyncGenerator<Buffer> {
  let at = 0;
  for (let i = 0; at < bytes.length; i++) {
    const size = steps[i % steps.length] ?? 1;
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

async function collect(source: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of source) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

async function store(
  parts: readonly ContentPart[],
  steps?: readonly number[],
  secret = key,
): Promise<Stored> {
  const plaintext = pattern(parts.reduce((sum, { bytes }) => sum + bytes, 0));
  const sealed: Buffer[] = [];
  let at = 0;
  for (const { number, bytes } of parts) {
    const part = plaintext.subarray(at, at + bytes);
    sealed.push(await collect(sealContent(chunksOf(part, steps), secret, number, secureRandom)));
    at += bytes;
  }
  return { parts, plaintext, sealed: Buffer.concat(sealed) };
}

function read({ parts, sealed }: Stored, range?: ByteRange, steps?: readonly number[], secret = key) {
  const plan = planRead(parts, range);
  const bytes = sealed.subarray(plan.sealedOffset, plan.sealedOffset + plan.sealedBytes);
  return collect(openContent(chunksOf(bytes, steps), secret, plan));
}

/** What was given before the failure, and the failure. */
async function damaged(
  { parts }: Stored,
  sealed: Buffer,
  range?: ByteRange,
): Promise<{ given: Buffer; damage: ContentDamage }> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of openContent(chunksOf(sealed, [10_000]), key, planRead(parts, range))) {
      chunks.push(Buffer.from(chunk));
    }
  } catch (error) {
    if (error instanceof ContentDamage) return { given: Buffer.concat(chunks), damage: error };
    throw error;
  }
  throw new Error("no damage was found");
}

/** Around the borders of packages, where mistakes live. */
const sizes = fc.oneof(
  fc.nat(200),
  fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: -2, max: 2 })).map(([n, d]) => n * PACKAGE + d),
);
const steps = fc.array(fc.integer({ min: 500, max: 2 * SEALED }), { minLength: 1, maxLength: 4 });
const multipart = fc
  .array(fc.record({ gap: fc.integer({ min: 1, max: 300 }), bytes: sizes }), { minLength: 1, maxLength: 4 })
  .map((list) => {
    let number = 0;
    return list.map(({ gap, bytes }) => {
      number += gap;
      return { number, bytes };
    });
  });
const layouts = fc.oneof(
  sizes.map((bytes): readonly ContentPart[] => [{ bytes }]),
  multipart,
);

describe("the layout of content", () => {
  const big = 297_435_132;
  /** S3 reference §7. */
  const rows: readonly [
    parts: readonly number[],
    first: number,
    last: number,
    firstPart: number,
    sealedOffset: number,
    sealedBytes: number,
    skip: number,
    sequence: number,
  ][] = [
    [[200_000], 0, 0, 1, 0, 65_568, 0, 0],
    [[200_000], 65_535, 65_536, 1, 0, 131_136, 65_535, 0],
    [[200_000], 65_536, 131_071, 1, 65_568, 65_568, 0, 1],
    [[200_000], 199_999, 199_999, 1, 196_704, 3_424, 3_391, 3],
    [[100_000, 70_000], 99_999, 100_000, 1, 65_568, 100_064, 34_463, 1],
    [[big, big], 594_870_256, 594_870_263, 2, 595_127_964, 32_796, 32_756, 4538],
  ];
  for (const [parts, first, last, firstPart, sealedOffset, sealedBytes, skip, sequence] of rows) {
    it(`of ${parts.join(" + ")} bytes, ${first} to ${last}`, () => {
      const plan = planRead(
        parts.map((bytes, i) => ({ number: i + 1, bytes })),
        { first, last },
      );
      expect({ ...plan, segments: undefined }).to.deep.equal({
        ...{ sealedOffset, sealedBytes, skip, bytes: last - first + 1, segments: undefined },
      });
      expect(plan.segments[0]?.part.number).to.equal(firstPart);
      expect(plan.segments[0]?.sequence).to.equal(sequence);
    });
  }

  it("has the totals of the reference", () => {
    for (const [parts, total] of [
      [[200_000], 200_128],
      [[100_000, 70_000], 100_064 + 70_064],
      [[big, big], 595_160_760],
    ] as const) {
      expect(planRead(parts.map((bytes, i) => ({ number: i + 1, bytes }))).sealedBytes).to.equal(total);
    }
  });

  it("of the largest object does not lose a byte", () => {
    const fiveTiB = 5 * 1024 ** 4;
    const plan = planRead([{ bytes: fiveTiB }], { first: fiveTiB - 1, last: fiveTiB - 1 });
    expect(plan.sealedOffset + plan.sealedBytes).to.equal(sealedSize(fiveTiB));
    expect(plan.skip).to.equal(PACKAGE - 1);
    expect(plan.segments[0]?.sequence).to.equal(fiveTiB / PACKAGE - 1);
  });

  it("of ten thousand parts finds the last byte", () => {
    const parts = Array.from({ length: 10_000 }, (_, i) => ({ number: i + 1, bytes: 5_000_000 }));
    const plan = planRead(parts, { first: 49_999_999_999, last: 49_999_999_999 });
    expect(plan.segments.map(({ part }) => part.number)).to.deep.equal([10_000]);
    expect(plan.sealedOffset + plan.sealedBytes).to.equal(10_000 * sealedSize(5_000_000));
  });

  it("of nothing is nothing, and passes over empty parts", () => {
    expect(planRead([{ bytes: 0 }]).segments).to.deep.equal([]);
    expect(planRead([]).sealedBytes).to.equal(0);
    const plan = planRead([
      { number: 1, bytes: 10 },
      { number: 2, bytes: 0 },
      { number: 3, bytes: 5 },
    ]);
    expect(plan.segments.map(({ part }) => part.number)).to.deep.equal([1, 3]);
  });

  it("is refused for ranges outside and parts out of order", () => {
    const two = [
      { number: 1, bytes: 10 },
      { number: 2, bytes: 10 },
    ];
    for (const range of [
      { first: 0, last: 20 },
      { first: -1, last: 5 },
      { first: 6, last: 5 },
      { first: 0.5, last: 5 },
    ]) {
      expect(() => planRead(two, range)).to.throw(KesError);
    }
    expect(() => planRead([{ bytes: 0 }], { first: 0, last: 0 })).to.throw(KesError);
    for (const parts of [[...two].reverse(), [two[0], two[0]], [{ bytes: 1 }, { bytes: 1 }]]) {
      expect(() => planRead(parts.flatMap((part) => part ?? []))).to.throw(KesError);
    }
    expect(() => planRead([{ bytes: -1 }])).to.throw(KesError);
  });

  it("knows a part by the size of its packages", async () => {
    expect(contentPart(65_601, 7)).to.deep.equal({ number: 7, bytes: 65_537 });
    expect(contentPart(0)).to.deep.equal({ bytes: 0 });
    await fails(() => contentPart(65_600), "SSE_CONTENT_DAMAGED");
  });
});

describe("content", () => {
  it("comes back whole, whatever its parts and chunks", async () => {
    await fc.assert(
      fc.asyncProperty(layouts, steps, steps, async (parts, sealSteps, openSteps) => {
        const stored = await store(parts, sealSteps);
        expect(stored.sealed.length).to.equal(planRead(parts).sealedBytes);
        expect((await read(stored, undefined, openSteps)).equals(stored.plaintext)).to.equal(true);
      }),
      { numRuns: 40 },
    );
  });

  it("comes back in any range", async () => {
    await fc.assert(
      fc.asyncProperty(layouts, fc.nat(), fc.nat(), steps, async (parts, from, length, openSteps) => {
        const stored = await store(parts);
        const total = stored.plaintext.length;
        if (total === 0) return;
        const first = from % total;
        const last = first + (length % (total - first));
        const given = await read(stored, { first, last }, openSteps);
        expect(given.equals(stored.plaintext.subarray(first, last + 1))).to.equal(true);
      }),
      { numRuns: 80 },
    );
  });

  it("seals the same bytes of two parts to different packages", async () => {
    const part = async (number: number | undefined) =>
      collect(sealContent(chunksOf(pattern(100)), key, number, () => Buffer.alloc(12, 7)));
    const [whole, one, two] = [await part(undefined), await part(1), await part(2)];
    expect(new Set([whole, one, two].map((each) => each.subarray(16).toString("hex"))).size).to.equal(3);
  });

  it("of a source that fails has no end, and the failure is the source's", async () => {
    async function* failing(): AsyncGenerator<Buffer> {
      yield pattern(200_000);
      throw new Error("the client went away");
    }
    const sealed: Buffer[] = [];
    let failure: unknown;
    try {
      for await (const chunk of sealContent(failing(), key, undefined, secureRandom)) sealed.push(chunk);
    } catch (error) {
      failure = error;
    }
    expect(failure).to.be.instanceOf(Error).with.property("message", "the client went away");
    const bytes = Buffer.concat(sealed);
    expect(bytes.length).to.equal(3 * SEALED);
    const { damage } = await damaged(
      { parts: [{ bytes: 3 * PACKAGE }], plaintext: bytes, sealed: bytes },
      bytes,
    );
    expect(damage.flaw).to.equal("truncated");
  });

  describe("that is damaged is never taken for whole", () => {
    const size = 3 * PACKAGE + 1000;
    let stored: Stored;
    let parts: Stored;
    let packages: Buffer[];
    before(async () => {
      stored = await store([{ bytes: size }]);
      parts = await store([
        { number: 2, bytes: 2 * PACKAGE },
        { number: 5, bytes: PACKAGE + 10 },
      ]);
      packages = [0, 1, 2, 3].map((i) => stored.sealed.subarray(i * SEALED, (i + 1) * SEALED));
    });
    const at = (i: number): Buffer => packages[i] ?? Buffer.alloc(0);

    const rows: readonly [string, () => Buffer, DareFlaw, offset: number][] = [
      ["first two packages swapped", () => Buffer.concat([at(1), at(0), at(2), at(3)]), "altered", 0],
      [
        "last two packages swapped",
        () => Buffer.concat([at(0), at(1), at(3), at(2)]),
        "trailing",
        2 * PACKAGE,
      ],
      ["a package repeated", () => Buffer.concat([at(0), at(1), at(1), at(3)]), "altered", 2 * PACKAGE],
      [
        "a package repeated and all others there",
        () => Buffer.concat([at(0), at(0), at(1), at(2), at(3)]),
        "altered",
        PACKAGE,
      ],
      ["a package left out", () => Buffer.concat([at(0), at(2), at(3)]), "altered", PACKAGE],
      ["the last package left out", () => Buffer.concat([at(0), at(1), at(2)]), "truncated", 3 * PACKAGE],
      ["nothing at all", () => Buffer.alloc(0), "truncated", 0],
      ["one byte missing", () => stored.sealed.subarray(0, -1), "truncated", 3 * PACKAGE],
      ["one byte too many", () => Buffer.concat([stored.sealed, Buffer.of(0)]), "trailing", size],
      ["the end of another read behind it", () => Buffer.concat([stored.sealed, at(3)]), "trailing", size],
    ];
    for (const [what, bytes, flaw, offset] of rows) {
      it(what, async () => {
        const { given, damage } = await damaged(stored, bytes());
        expect(damage.reason).to.equal("SSE_CONTENT_DAMAGED");
        expect(damage.status).to.equal(500);
        expect(damage.flaw).to.equal(flaw);
        expect(damage.offset).to.equal(offset);
        expect(given.length).to.be.at.most(offset);
        expect(given.equals(stored.plaintext.subarray(0, given.length))).to.equal(true);
      });
    }

    it("a bit flipped anywhere, and nothing of that package is given", async () => {
      await fc.assert(
        fc.asyncProperty(fc.nat(stored.sealed.length * 8 - 1), async (bit) => {
          const bent = Buffer.from(stored.sealed);
          bent.writeUInt8(bent.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
          const { given, damage } = await damaged(stored, bent);
          const offset = Math.floor((bit >> 3) / SEALED) * PACKAGE;
          expect(damage.offset).to.equal(offset);
          expect(given.equals(stored.plaintext.subarray(0, given.length))).to.equal(true);
          expect(given.length).to.be.at.most(offset);
        }),
        { numRuns: 60 },
      );
    });

    it("a package of another object", async () => {
      const other = await store(
        [{ bytes: size }],
        undefined,
        ObjectKey.generate(secureRandom(32), secureRandom),
      );
      const bytes = Buffer.concat([at(0), at(1), other.sealed.subarray(2 * SEALED)]);
      const { damage } = await damaged(stored, bytes);
      expect([damage.flaw, damage.offset]).to.deep.equal(["altered", 2 * PACKAGE]);
    });

    it("a package of the same object written before under the same key", async () => {
      const before = await store([{ bytes: size }]);
      const bytes = Buffer.concat([at(0), before.sealed.subarray(SEALED)]);
      const { damage } = await damaged(stored, bytes);
      expect([damage.flaw, damage.offset]).to.deep.equal(["altered", PACKAGE]);
    });

    it("parts in each other's place, named by the part", async () => {
      const two = await store([
        { number: 2, bytes: PACKAGE },
        { number: 5, bytes: PACKAGE },
      ]);
      const swapped = Buffer.concat([two.sealed.subarray(SEALED), two.sealed.subarray(0, SEALED)]);
      const { damage, given } = await damaged(two, swapped);
      expect([damage.flaw, damage.part, damage.offset, given.length]).to.deep.equal(["altered", 2, 0, 0]);
    });

    it("a part that ends early although the whole has its length", async () => {
      // The first part's last package left out, the gap filled from the second part.
      const bytes = Buffer.concat([
        parts.sealed.subarray(0, SEALED),
        parts.sealed.subarray(2 * SEALED, 3 * SEALED),
        parts.sealed.subarray(2 * SEALED),
      ]);
      const { damage } = await damaged(parts, bytes);
      expect([damage.flaw, damage.part, damage.offset]).to.deep.equal(["altered", 2, PACKAGE]);
    });

    it("a part of the right size without its end", async () => {
      // Two full packages of a longer stream of the same part: valid, but not the last.
      const longer = await store([{ number: 2, bytes: 3 * PACKAGE }]);
      const bytes = Buffer.concat([longer.sealed.subarray(0, 2 * SEALED), parts.sealed.subarray(2 * SEALED)]);
      const { damage, given } = await damaged(parts, bytes);
      expect([damage.flaw, damage.part]).to.deep.equal(["truncated", 2]);
      expect(given.length).to.be.at.most(2 * PACKAGE);
    });

    it("the same in the range that reaches a part's end", async () => {
      const longer = await store([{ number: 2, bytes: 3 * PACKAGE }]);
      const range = { first: 2 * PACKAGE - 1, last: 2 * PACKAGE - 1 };
      const { damage, given } = await damaged(parts, longer.sealed.subarray(SEALED, 2 * SEALED), range);
      expect([damage.flaw, damage.part]).to.deep.equal(["truncated", 2]);
      expect(given.length).to.be.at.most(1);
    });

    it("a range of another place", async () => {
      const { damage, given } = await damaged(stored, at(1), { first: 0, last: 10 });
      expect([damage.flaw, damage.offset, given.length]).to.deep.equal(["altered", 0, 0]);
    });

    it("a range that is cut at a package", async () => {
      const range = { first: 10, last: 2 * PACKAGE + 10 };
      const { damage, given } = await damaged(stored, Buffer.concat([at(0), at(1)]), range);
      expect([damage.flaw, damage.offset]).to.deep.equal(["truncated", 2 * PACKAGE]);
      expect(given.equals(stored.plaintext.subarray(10, 10 + given.length))).to.equal(true);
    });

    it("an empty object with something in it", async () => {
      const empty = await store([{ bytes: 0 }]);
      const { damage } = await damaged(empty, at(3));
      expect([damage.flaw, damage.offset]).to.deep.equal(["trailing", 0]);
    });
  });

  describe("in streams", () => {
    it("fits into a pipeline", async () => {
      const plaintext = pattern(500_000);
      const plan = planRead([{ bytes: plaintext.length }]);
      const opened: Buffer[] = [];
      await pipeline(
        Readable.from(chunksOf(plaintext, [16_000])),
        (source: AsyncIterable<Buffer>) => sealContent(source, key, undefined, secureRandom),
        (source: AsyncIterable<Buffer>) => openContent(source, key, plan),
        async (source: AsyncIterable<Buffer>) => {
          for await (const chunk of source) opened.push(chunk);
        },
      );
      expect(Buffer.concat(opened).equals(plaintext)).to.equal(true);
    });

    it("takes no more from its source than is taken from it", async () => {
      let taken = 0;
      async function* endless(): AsyncGenerator<Buffer> {
        for (;;) {
          taken++;
          yield Buffer.alloc(PACKAGE);
        }
      }
      const sealed = sealContent(endless(), key, undefined, secureRandom);
      for (let i = 0; i < 10; i++) await sealed.next();
      expect(taken).to.be.at.most(12);
      await sealed.return();
    });

    it("ends its source when it is left", async () => {
      const { sealed, parts } = await store([{ bytes: 300_000 }]);
      for (const takes of [0, 1, 2]) {
        const source = Readable.from(chunksOf(sealed));
        const content = await begun(openContent(source, key, planRead(parts)));
        for (let i = 0; i < takes; i++) await content.next();
        await content.return?.();
        expect(source.destroyed, String(takes)).to.equal(true);
      }
    });

    it("begins before anything is promised: damage in the first package rejects there", async () => {
      const stored = await store([{ bytes: 100_000 }]);
      const bent = Buffer.from(stored.sealed);
      bent.writeUInt8(bent.readUInt8(100) ^ 1, 100);
      const source = Readable.from(chunksOf(bent));
      await fails(() => begun(openContent(source, key, planRead(stored.parts))), "SSE_CONTENT_DAMAGED");
      expect(source.destroyed).to.equal(true);
      const whole = await begun(openContent(chunksOf(stored.sealed), key, planRead(stored.parts)));
      expect((await collect(whole)).equals(stored.plaintext)).to.equal(true);
      const empty = await begun(openContent(chunksOf(Buffer.alloc(0)), key, planRead([{ bytes: 0 }])));
      expect((await collect(empty)).length).to.equal(0);
    });
  });
});
