/** Packages that are altered, cut, swapped, repeated or foreign: what is given is what was stored, up to the damage. */
import { expect } from "chai";
import fc from "fast-check";
import { SEALED_PACKAGE_BYTES } from "../../../../src/crypto/dare-sizes.js";
import { S3Error } from "../../../../src/storage/s3-error.js";
import type { MemoryStore } from "../../../support/memory-store.js";
import { pattern } from "../sse/support.js";
import { BUCKET, customerKey as brought, kinds, type LocalSite, memorySite, rejects } from "./support.js";

const PACKAGE = 65_536;
const content = pattern(5 * PACKAGE + 1000);
const encrypted = kinds.filter((kind) => kind !== "none");
type Alter = (sealed: Buffer) => Buffer;

const packages = (sealed: Buffer): Buffer[] => {
  const all: Buffer[] = [];
  for (let at = 0; at < sealed.length; at += SEALED_PACKAGE_BYTES) {
    all.push(sealed.subarray(at, at + SEALED_PACKAGE_BYTES));
  }
  return all;
};
const flip =
  (at: number): Alter =>
  (sealed) => {
    sealed[at] = (sealed[at] ?? 0) ^ 1;
    return sealed;
  };
const rearranged =
  (...order: readonly number[]): Alter =>
  (sealed) =>
    Buffer.concat(order.map((i) => packages(sealed)[i] ?? Buffer.alloc(0)));

/** Title, what is done, and how many packages may be given before it shows. Sizes stay, but where the row says it. */
const rows: readonly (readonly [string, Alter, number])[] = [
  ["a bit of the first header", flip(4), 0],
  ["the version", flip(0), 0],
  ["the cipher", flip(1), 0],
  ["the length", flip(2), 0],
  ["the final bit", flip(4), 0],
  ["a bit of the first package", flip(100), 0],
  ["a bit of the first tag", flip(SEALED_PACKAGE_BYTES - 1), 0],
  ["a bit of the third package", flip(2 * SEALED_PACKAGE_BYTES + 500), 2],
  ["the last bit", (sealed) => flip(sealed.length - 1)(sealed), 5],
  ["two packages swapped", rearranged(0, 2, 1, 3, 4, 5), 1],
  ["the first two swapped", rearranged(1, 0, 2, 3, 4, 5), 0],
  ["a package repeated", rearranged(0, 1, 1, 3, 4, 5), 2],
  ["the first in the place of the fourth", rearranged(0, 1, 2, 0, 4, 5), 3],
  ["zeros", (sealed) => sealed.fill(0), 0],
];

describe("local objects: damaged content", () => {
  let site: LocalSite<MemoryStore>;
  beforeEach(async () => {
    site = await memorySite();
  });

  /** What came before the failure, which must be one; and whether the call itself failed. */
  async function readDamaged(
    kind: (typeof kinds)[number],
  ): Promise<{ given: Buffer; error: S3Error; early: boolean }> {
    const pieces: Buffer[] = [];
    let early = true;
    try {
      const { content: stream } = await site.objects.get(site.reading("k", kind));
      early = false;
      for await (const piece of stream) pieces.push(Buffer.from(piece));
    } catch (error) {
      if (!(error instanceof S3Error)) throw error;
      return { given: Buffer.concat(pieces), error, early };
    }
    throw new Error("was read as if it were whole");
  }

  for (const kind of encrypted) {
    for (const [title, alter, before] of rows) {
      it(`${kind}: ${title}`, async () => {
        await site.put("k", content, kind);
        site.store.damage(BUCKET, "k", alter);
        const { given, error, early } = await readDamaged(kind);
        expect(error.reason).to.equal("SSE_CONTENT_DAMAGED");
        expect(given.length).to.be.at.most(before * PACKAGE);
        expect(given.equals(content.subarray(0, given.length))).to.equal(true);
        expect(early).to.equal(before === 0);
        expect(site.store.heldCount).to.equal(0);
        await rejects(
          () => site.copy("k", "copy", { target: undefined, source: undefined, ...sourceKey(kind) }),
          "SSE_CONTENT_DAMAGED",
        );
        expect(site.store.draftCount).to.equal(0);
        await rejects(() => site.head("copy"), "KEY_NOT_FOUND");
      });
    }

    it(`${kind}: a content that is cut or longer than its record is refused whole`, async () => {
      await site.put("k", content, kind);
      const cuts: Alter[] = [
        (sealed) => sealed.subarray(0, -1),
        (sealed) => sealed.subarray(0, SEALED_PACKAGE_BYTES),
        (sealed) => Buffer.concat([sealed, Buffer.alloc(1)]),
        (sealed) => Buffer.concat([sealed, sealed.subarray(0, SEALED_PACKAGE_BYTES)]),
        () => Buffer.alloc(0),
      ];
      for (const cut of cuts) {
        await site.put("k", content, kind);
        site.store.damage(BUCKET, "k", cut);
        const { given, error } = await readDamaged(kind);
        expect(error.reason).to.equal("SSE_CONTENT_DAMAGED");
        expect(given.length).to.equal(0);
      }
    });

    it(`${kind}: a record that is cut to fit a content that is cut`, async () => {
      await site.put("k", content, kind);
      site.store.damage(BUCKET, "k", (sealed) => sealed.subarray(0, 2 * SEALED_PACKAGE_BYTES));
      site.store.replace(BUCKET, "k", (record) => ({ ...record, size: 2 * PACKAGE }));
      const { error, given } = await readDamaged(kind);
      expect(error.reason).to.equal("SSE_CONTENT_DAMAGED");
      expect(given.length).to.be.at.most(2 * PACKAGE);
    });

    it(`${kind}: the content of another object, in one piece and as a part`, async () => {
      await site.put("other", content, kind);
      await site.put("k", content, kind);
      const foreign = await contentOf(site, "other");
      site.store.damage(BUCKET, "k", () => foreign);
      expect((await readDamaged(kind)).early).to.equal(true);
      await site.multipart("k", kind, content);
      site.store.damage(BUCKET, "k", () => foreign);
      expect((await readDamaged(kind)).early).to.equal(true);
    });

    it(`${kind}: parts that are swapped`, async () => {
      const part = pattern(5 * 1024 * 1024);
      await site.multipart("k", kind, part, part);
      site.store.damage(BUCKET, "k", (sealed) =>
        Buffer.concat([sealed.subarray(sealed.length / 2), sealed.subarray(0, sealed.length / 2)]),
      );
      expect((await readDamaged(kind)).early).to.equal(true);
      site.store.damage(BUCKET, "k", (sealed) =>
        Buffer.concat([sealed.subarray(sealed.length / 2), sealed.subarray(sealed.length / 2)]),
      );
      const { given, error } = await readDamaged(kind);
      expect(error.reason).to.equal("SSE_CONTENT_DAMAGED");
      expect(given.length).to.equal(part.length);
    });

    it(`${kind}: entries of encryption that are altered, gone or of another object`, async () => {
      await site.put("other", content, kind);
      await site.put("k", content, kind);
      const original = site.store.object(BUCKET, "k");
      const other = site.store.object(BUCKET, "other");
      if (original === undefined || other === undefined) throw new Error("not stored");
      for (const name of Object.keys(original.encryption)) {
        if (name.endsWith("-Context") || name.endsWith("Key-Id")) continue;
        for (const value of [undefined, "", "AAAA", other.encryption[name] ?? ""]) {
          if (value === original.encryption[name]) continue;
          const { [name]: _, ...rest } = original.encryption;
          const encryption = value === undefined ? rest : { ...rest, [name]: value };
          site.store.replace(BUCKET, "k", () => ({ ...original, encryption }));
          const { error, given } = await readDamaged(kind);
          const reasons = ["SSE_ALTERED", "KMS_ALTERED", "SSE_C_KEY_WRONG"];
          expect(reasons, `${name}: ${error.reason}`).to.include(error.reason);
          expect(given.length).to.equal(0);
        }
      }
      site.store.replace(BUCKET, "k", () => ({ ...original, encryption: other.encryption }));
      expect((await readDamaged(kind)).given.length).to.equal(0);
      site.store.replace(BUCKET, "k", () => ({ ...original, encryption: {} }));
      // Taken for a plain object, the sizes give it away.
      const asPlain = kind === "SSE-C" ? "SSE_C_KEY_STRAY" : "SSE_CONTENT_DAMAGED";
      expect((await readDamaged(kind)).error.reason).to.equal(asPlain);
    });

    it(`${kind}: one bit anywhere, and ranges give nothing of the package it is in`, async () => {
      await site.put("k", content, kind);
      const sealed = await contentOf(site, "k");
      await fc.assert(
        fc.asyncProperty(
          fc.nat({ max: sealed.length * 8 - 1 }),
          fc.nat({ max: content.length - 1 }),
          fc.nat({ max: 100_000 }),
          async (bit, first, length) => {
            const altered = Buffer.from(sealed);
            const at = Math.floor(bit / 8);
            altered[at] = (altered[at] ?? 0) ^ (1 << (bit % 8));
            site.store.damage(BUCKET, "k", () => altered);
            const last = Math.min(first + length, content.length - 1);
            const hit = Math.floor(at / SEALED_PACKAGE_BYTES);
            const isHit = hit >= Math.floor(first / PACKAGE) && hit <= Math.floor(last / PACKAGE);
            const range = { asked: { first, last }, header: "" };
            const read = site.get("k", kind, { range });
            if (isHit) await rejects(() => read, "SSE_CONTENT_DAMAGED");
            else expect((await read).bytes.equals(content.subarray(first, last + 1))).to.equal(true);
          },
        ),
        { numRuns: 60 },
      );
    });
  }

  it("none: content that ends too early does not look whole", async () => {
    await site.put("k", content);
    site.store.damage(BUCKET, "k", (bytes) => bytes.subarray(0, -1));
    expect((await readDamaged("none")).given.length).to.equal(0);
  });
});

function sourceKey(kind: (typeof kinds)[number]) {
  return kind === "SSE-C" ? { source: brought } : {};
}

async function contentOf(site: LocalSite<MemoryStore>, key: string): Promise<Buffer> {
  const held = await site.store.hold(BUCKET, key);
  if (held === undefined) throw new Error("not stored");
  const pieces: Buffer[] = [];
  for await (const piece of held.read(0, held.storedSize)) pieces.push(Buffer.from(piece));
  held.release();
  return Buffer.concat(pieces);
}
