/** Objects of a folder, opened from its files and a key by a script that knows the formats alone; and the reverse. */
import { createHash, randomBytes } from "node:crypto";
import { realpathSync } from "node:fs";
import { mkdtemp, open, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect } from "chai";
import { secureRandom } from "../../src/crypto/random.js";
import { StaticKeyService } from "../../src/storage/keys/static-key.js";
import { openContent } from "../../src/storage/sse/content.js";
import { type ContentPart, planRead } from "../../src/storage/sse/content-layout.js";
import { openEncryption } from "../../src/storage/sse/encryption.js";
import { readEncryption } from "../../src/storage/sse/metadata.js";
import type { RequestedEncryption } from "../../src/storage/sse/request.js";
import { DirectoryStore } from "../../src/storage/store/directory-store.js";
import { runOk } from "../support/child-process.js";
import { CleanUp } from "../support/clean-up.js";
import { requireService } from "../support/services/index.js";
import { at, BUCKET, customerKey, LocalSite, md5, PART_BYTES } from "../unit/storage/local/support.js";

const PACKAGE = 65_536;
const KEY_NAME = "my-minio-key";
const kek = randomBytes(32);
const key = `${KEY_NAME}:${kek.toString("base64")}`;
const customer = customerKey.use((bytes) => Buffer.from(bytes).toString("base64"));
/** What JSON is written in several ways of. */
const context = { z: "1", "<a>&\u2028": 'b\\c"d', "😀": "\u0008\t\u007f", "￮": "é", [`${BUCKET}x`]: "" };

type Named = "none" | "SSE-S3" | "SSE-KMS" | "SSE-KMS with context" | "SSE-KMS bound by its client" | "SSE-C";
const requests: Readonly<Record<Named, RequestedEncryption | undefined>> = {
  none: undefined,
  "SSE-S3": { kind: "SSE-S3" },
  "SSE-KMS": { kind: "SSE-KMS" },
  "SSE-KMS with context": { kind: "SSE-KMS", keyId: `arn:aws:kms:${KEY_NAME}`, context },
  "SSE-KMS bound by its client": { kind: "SSE-KMS", context: { [BUCKET]: "its own", a: "b" } },
  "SSE-C": { kind: "SSE-C", key: customerKey },
};
const names = Object.keys(requests).filter((name): name is Named => name in requests);

interface Found {
  readonly kind: string | null;
  readonly size: number;
  readonly sha256: string;
  readonly etag: string;
  readonly checksum?: string;
  readonly ranges: readonly string[];
  readonly error?: string;
}

interface Answer {
  readonly objects: Readonly<Record<string, Found>>;
  readonly sealed: readonly Readonly<Record<string, string>>[];
}

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** At borders of packages and parts, one to either side; and some anywhere. */
function rangesOf(sizes: readonly number[]): [number, number][] {
  const total = sizes.reduce((sum, size) => sum + size, 0);
  if (total === 0) return [];
  const borders = sizes.map((_, i) => sizes.slice(0, i + 1).reduce((sum, size) => sum + size, 0));
  const ends = [0, PACKAGE, 2 * PACKAGE, ...borders]
    .flatMap((border) => [border - 1, border, border + 1])
    .concat(Array.from({ length: 4 }, () => randomBytes(4).readUInt32LE() % total))
    .filter((end) => end >= 0 && end < total);
  const pairs = ends.flatMap((first): [number, number][] => ends.map((last) => [first, last]));
  return pairs.filter(([first, last]) => first <= last && last - first < 400_000).slice(0, 60);
}

describe("interop: objects recovered from files and a key alone", function () {
  this.timeout(180_000);
  const cleanUp = new CleanUp();
  let python: string;
  let folder: string;
  let site: LocalSite<DirectoryStore>;

  before(function () {
    // Its environment has the package `cryptography`.
    python = join(dirname(realpathSync(requireService(this, "moto"))), "python3");
  });
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "keswick-recovery-"));
    cleanUp.add(() => rm(folder, { recursive: true, force: true }));
    const store = await DirectoryStore.open(folder);
    site = new LocalSite({ store, keys: new StaticKeyService(KEY_NAME, kek) });
    await site.objects.createBucket(BUCKET);
  });
  afterEach(async () => {
    await site.objects.close();
    await cleanUp.run();
  });

  async function recovered(more: {
    readonly ranges?: Readonly<Record<string, readonly [number, number][]>>;
    readonly customer_keys?: Readonly<Record<string, string>>;
    readonly seal?: readonly object[];
  }): Promise<Answer> {
    const script = join(import.meta.dirname, "../support/recover_objects.py");
    const input = JSON.stringify({ folder, key, ranges: {}, ...more });
    return JSON.parse(await runOk([python, script], { input, timeoutMs: 120_000 }));
  }

  it("every kind, in one piece and in parts, whole and in ranges over all borders", async () => {
    const written = new Map<string, { bytes: Buffer; sizes: readonly number[]; etag: string; kind: Named }>();
    const customerKeys: Record<string, string> = {};
    for (const kind of names) {
      const sse = { target: requests[kind], source: undefined };
      for (const size of [0, 1, 4_000, PACKAGE, PACKAGE + 1, 3 * PACKAGE + 7]) {
        const name = `${kind}//a/../${size}/é`;
        const bytes = randomBytes(size);
        const { etag } = await site.put(name, bytes, "none", { sse });
        written.set(`${BUCKET}/${name}`, { bytes, sizes: [size], etag, kind });
      }
      const name = `${kind}/parts`;
      const contents = new Map([
        [2, randomBytes(PART_BYTES + 5)],
        [3, randomBytes(PART_BYTES + 70_000)],
        [10_000, randomBytes(65_537)],
      ]);
      const { uploadId } = await site.upload(name, "none", { sse });
      const etags: Record<number, string> = {};
      for (const [number, content] of contents) {
        etags[number] = (await site.part(name, uploadId, number, content, "none", { sse })).etag;
      }
      const { etag } = await site.complete(name, uploadId, etags, "none", { sse });
      const sizes = [...contents.values()].map(({ length }) => length);
      written.set(`${BUCKET}/${name}`, { bytes: Buffer.concat([...contents.values()]), sizes, etag, kind });
    }
    const ranges: Record<string, [number, number][]> = {};
    for (const [path, { kind, sizes }] of written) {
      ranges[path] = rangesOf(sizes);
      if (kind === "SSE-C") customerKeys[path] = customer;
    }
    await site.objects.close();
    const { objects } = await recovered({ ranges, customer_keys: customerKeys });
    expect(Object.keys(objects).sort()).to.deep.equal([...written.keys()].sort());
    for (const [path, { bytes, etag, kind }] of written) {
      const found = objects[path];
      expect(found?.error, path).to.equal(undefined);
      expect([found?.size, found?.sha256], path).to.deep.equal([bytes.length, sha256(bytes)]);
      expect(found?.kind).to.equal(requests[kind]?.kind ?? null);
      if (kind === "none" || kind === "SSE-S3") expect(found?.etag).to.equal(etag);
      for (const [i, [first, last]] of (ranges[path] ?? []).entries()) {
        expect(found?.ranges[i], `${path} ${first}-${last}`).to.equal(
          sha256(bytes.subarray(first, last + 1)),
        );
      }
    }
  });

  it("what was overwritten, copied, given other tags and sealed anew; and nothing with another key", async () => {
    const bytes = randomBytes(100_000);
    await site.put("k", randomBytes(70_000), "SSE-S3");
    const checksum = { "x-amz-checksum-crc32": "NhCmhg==" };
    await site.put("sum", Buffer.from("hello"), "SSE-S3", { bodyHeaders: checksum });
    await site.put("k", bytes, "SSE-S3");
    await site.objects.setTags(at("k"), [{ key: "a", value: "b" }]);
    await site.copy("k", "copy", { target: requests["SSE-KMS with context"], source: undefined });
    await site.copy("k", "customer", { target: requests["SSE-C"], source: undefined });
    await site.objects.reseal(at("k"), { kind: "SSE-S3" });
    await site.objects.reseal(at("copy"), { kind: "SSE-KMS", context: { other: "context" } });
    await site.put("gone", bytes, "SSE-S3");
    await site.objects.delete(at("gone"), {});
    await site.objects.close();
    const path = (name: string): string => `${BUCKET}/${name}`;
    const { objects } = await recovered({ customer_keys: { [path("customer")]: customer } });
    expect(Object.keys(objects).sort()).to.deep.equal(["copy", "customer", "k", "sum"].map(path));
    for (const name of ["copy", "customer", "k"]) expect(objects[path(name)]?.sha256).to.equal(sha256(bytes));
    expect(objects[path("k")]?.etag).to.equal(md5(bytes));
    expect(objects[path("sum")]?.checksum).to.equal("NhCmhg==");
    const wrong = await recovered({
      customer_keys: { [path("customer")]: randomBytes(32).toString("base64") },
    });
    expect(wrong.objects[path("customer")]).to.have.property("error");

    const file = (await readdir(folder, { recursive: true })).find((name) => name.endsWith(".content"));
    const handle = await open(join(folder, file ?? ""), "r+");
    await handle.write(Buffer.from([0]), 0, 1, 20);
    await handle.write(Buffer.from([1]), 0, 1, 21);
    await handle.close();
    const damaged = await recovered({ customer_keys: { [path("customer")]: customer } });
    expect(Object.values(damaged.objects).filter(({ error }) => error !== undefined).length).to.equal(1);
  });

  it("what the script sealed, with either cipher, is opened here, whole and in ranges", async () => {
    const wanted = names
      .filter((kind) => kind !== "none")
      .flatMap((kind) =>
        [[0], [1], [200_000], [65_536, 1, 70_000], [0, 100_000]].map((sizes) => ({
          ...{
            kind,
            sizes,
            parts: sizes.map((size) => randomBytes(size)),
            key: `a//b/./${sizes.join("+")}/`,
          },
        })),
      );
    const contextOf = (kind: Named) => {
      const request = requests[kind];
      return request?.kind === "SSE-KMS" && request.context ? { context: request.context } : {};
    };
    const { sealed } = await recovered({
      customer_keys: Object.fromEntries(wanted.map((each) => [`${BUCKET}/${each.key}`, customer])),
      seal: wanted.map(({ kind, key: object, parts }, i) => ({
        ...{ bucket: BUCKET, key: object, kind: requests[kind]?.kind, ...contextOf(kind) },
        parts: parts.map((part) => part.toString("base64")),
        file: join(folder, `sealed-${i}`),
      })),
    });
    const keys = new StaticKeyService(KEY_NAME, kek, secureRandom);
    for (const [i, { kind, key: object, parts, sizes }] of wanted.entries()) {
      const encryption = readEncryption(sealed[i] ?? {});
      if (encryption === undefined) throw new Error("not encrypted");
      const path = { bucket: BUCKET, object };
      const oek = await openEncryption(encryption, {
        ...{ path, keys, use: "read" },
        ...(kind === "SSE-C" ? { customerKey } : {}),
      });
      const layout: ContentPart[] = sizes.map((bytes, j) =>
        sizes.length === 1 ? { bytes } : { number: j + 1, bytes },
      );
      const stored = await readFile(join(folder, `sealed-${i}`));
      const plaintext = Buffer.concat(parts);
      const whole: [number, number][] = plaintext.length === 0 ? [] : [[0, plaintext.length - 1]];
      for (const [first, last] of [...whole, ...rangesOf(sizes)]) {
        const plan = planRead(layout, { first, last });
        const part = stored.subarray(plan.sealedOffset, plan.sealedOffset + plan.sealedBytes);
        const pieces: Buffer[] = [];
        for await (const piece of openContent(chunksOf(part), oek, plan)) pieces.push(piece);
        expect(Buffer.concat(pieces).equals(plaintext.subarray(first, last + 1))).to.equal(true);
      }
    }
  });
});

async function* chunksOf(bytes: Buffer): AsyncGenerator<Buffer, void, undefined> {
  for (let from = 0; from < bytes.length; from += 50_000) yield bytes.subarray(from, from + 50_000);
}
