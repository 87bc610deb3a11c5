/** The rows of the table: each an operation of a client, with what must then be true on the server and on disk. */
import { createHash, randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { expect } from "chai";
import { KEY_NAME } from "../s3-server.js";
import type { ClientSite, S3Driver } from "./driver.js";
import type { Place } from "./place.js";
import type { Kind } from "./seen-object.js";

const MIB = 1024 * 1024;
/** Over the border of a package of 64 KiB. */
const SMALL_BYTES = 70_001;
const LARGE_BYTES = 12 * MIB + 7;
const PACKAGE_BYTES = 65_536;
/** What a client may get wrong about a name. */
const KEY = "folder/ä b+c%20.bin";
const LARGE_KEY = "folder/large.bin";
const COPY_KEY = "copies/of it.bin";
const TREE = ["one.bin", "sub/two.bin", "sub/deeper/ünï three.bin"];

/** One column of the table while it is filled. */
export interface Run {
  readonly place: Place;
  readonly site: ClientSite;
  readonly driver: S3Driver;
  readonly small: Buffer;
  readonly large: Buffer;
  /** Kinds whose ETag, which is no MD5, makes the client take every object for changed. */
  readonly storesAgain: readonly Kind[];
}

export function contents(): Pick<Run, "small" | "large"> {
  return { small: randomBytes(SMALL_BYTES), large: randomBytes(LARGE_BYTES) };
}

/** As the table shows it. */
export type Outcome = "ok" | "–";
/** The client has no word for it. */
const CANNOT: Outcome = "–";
const DONE: Outcome = "ok";

/** In the order in which they are run; later ones use what earlier ones stored. */
export const operations = {
  put: async (run) => {
    await run.driver.put(await fileOf(run, "put.bin", run.small), KEY);
    await expectStored(run, KEY, run.small);
    await expectGuarded(run, KEY, run.small);
    return DONE;
  },
  get: async (run) => {
    const file = join(run.site.folder, "got.bin");
    await run.driver.get(KEY, file);
    same(await readFile(file), run.small);
    return DONE;
  },
  range: async ({ driver, small }) => {
    if (driver.range === undefined) return CANNOT;
    same(
      await driver.range(KEY, PACKAGE_BYTES - 6, 17),
      small.subarray(PACKAGE_BYTES - 6, PACKAGE_BYTES + 11),
    );
    return DONE;
  },
  stat: async ({ driver, site, small }) => {
    if (driver.stat === undefined) return CANNOT;
    const { size, kind } = await driver.stat(KEY);
    expect(size).to.equal(small.length);
    if (kind !== undefined) expect(kind).to.equal(site.kind);
    return DONE;
  },
  list: async ({ driver }) => {
    expect(await driver.list("folder/")).to.deep.equal([KEY]);
    return DONE;
  },
  copy: async (run) => {
    if (run.driver.copy === undefined) return CANNOT;
    await run.driver.copy(KEY, COPY_KEY);
    await expectStored(run, COPY_KEY, run.small);
    const file = join(run.site.folder, "copied.bin");
    await run.driver.get(COPY_KEY, file);
    same(await readFile(file), run.small);
    return DONE;
  },
  multipart: async (run) => {
    if (run.driver.upload === undefined) return CANNOT;
    await run.driver.upload(await fileOf(run, "large.bin", run.large), LARGE_KEY);
    await expectStored(run, LARGE_KEY, run.large);
    const parts = run.place.server.log.filter(
      ({ operation, bucket, status }) =>
        operation === "UploadPart" && bucket === run.site.bucket && status === 200,
    );
    expect(parts, "parts").to.have.length.of.at.least(2);
    const file = join(run.site.folder, "large-got.bin");
    await run.driver.get(LARGE_KEY, file);
    same(await readFile(file), run.large);
    return DONE;
  },
  sync: async (run) => {
    const { driver, place, site } = run;
    if (driver.sync === undefined || driver.syncBack === undefined) return CANNOT;
    const tree = new Map(TREE.map((name, index) => [name, randomBytes(1_000 + index)]));
    const folder = join(site.folder, "tree");
    for (const [name, content] of tree) {
      const file = join(folder, name);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, content);
    }
    await driver.sync(folder, "tree/");
    for (const [name, content] of tree) await expectStored(run, `tree/${name}`, content);
    const stores = (): number =>
      place.server.log.filter(({ operation, bucket }) => operation === "PutObject" && bucket === site.bucket)
        .length;
    const before = stores();
    await driver.sync(folder, "tree/");
    const again = stores() - before;
    expect(again, "objects stored a second time").to.equal(
      run.storesAgain.includes(site.kind) ? TREE.length : 0,
    );
    const back = join(site.folder, "back");
    await mkdir(back);
    await driver.syncBack("tree/", back);
    const found = await filesBelow(back);
    expect(found).to.have.members(TREE);
    for (const [name, content] of tree) same(await readFile(join(back, name)), content);
    return DONE;
  },
  delete: async ({ driver, place, site }) => {
    await driver.remove(KEY);
    expect(await place.seen(site.bucket, KEY)).to.equal(undefined);
    return DONE;
  },
} as const satisfies Readonly<Record<string, (run: Run) => Promise<Outcome>>>;

export type OperationName = keyof typeof operations;

/** The object of the server's own store: of the kind, whole, and unreadable where it is encrypted. */
export async function expectStored({ place, site }: Run, key: string, content: Buffer): Promise<void> {
  const seen = await place.seen(site.bucket, key);
  if (seen === undefined) throw new Error(`the server has no ${key}`);
  expect(seen.kind, key).to.equal(site.kind);
  const isManaged = site.kind === "SSE-S3" || site.kind === "SSE-KMS";
  expect(seen.keyName, key).to.equal(isManaged ? KEY_NAME : undefined);
  if (seen.size !== undefined) expect(seen.size, key).to.equal(content.length);
  if (site.kind === "none") return same(seen.content, content);
  expect(seen.content.length, key).to.be.above(content.length);
  for (const at of [0, content.length >> 1, content.length - 32]) {
    expect(seen.content.includes(content.subarray(at, at + 32)), `plaintext of ${key} on disk`).to.equal(
      false,
    );
  }
}

/** Asked for with no client in between: readable with the client's key alone, where it has one. */
async function expectGuarded({ place, site }: Run, key: string, content: Buffer): Promise<void> {
  const target = `/${site.bucket}/${key.split("/").map(encodeURIComponent).join("/")}`;
  const bare = await place.server.ask("GET", target);
  if (site.kind !== "SSE-C") {
    expect(bare.status).to.equal(200);
    return same(bare.body, content);
  }
  expect([bare.status, bare.code]).to.deep.equal([400, "InvalidRequest"]);
}

async function fileOf({ site }: Run, name: string, content: Buffer): Promise<string> {
  const file = join(site.folder, name);
  await writeFile(file, content);
  return file;
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)));
}

/** A difference of megabytes is told by its hash. */
function same(found: Buffer, meant: Buffer): void {
  const shown = (bytes: Buffer): string =>
    `${bytes.length} bytes, SHA-256 ${createHash("sha256").update(bytes).digest("hex")}`;
  expect(shown(found)).to.equal(shown(meant));
}
