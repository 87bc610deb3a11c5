import { mkdir, mkdtemp, readdir, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { draftName, removeStaleDrafts } from "../../../../src/cli/file/drafts.js";

const HOUR_MS = 3_600_000;
/** Above what Linux gives out. */
const NOBODY = 2_000_000_000;

describe("drafts of killed runs", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "keswick-drafts-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  async function put(name: string, ageMs: number): Promise<string> {
    await writeFile(join(folder, name), "plaintext");
    const time = new Date(Date.now() - ageMs);
    await utimes(join(folder, name), time, time);
    return name;
  }

  it("are removed once their process is gone", async () => {
    await put(draftName(NOBODY), HOUR_MS);
    await put(draftName(NOBODY), HOUR_MS);
    expect(await removeStaleDrafts(folder, Date.now())).to.equal(2);
    expect(await readdir(folder)).to.deep.equal([]);
  });

  it("are left alone while their process runs, or when it is somebody else's", async () => {
    const ours = await put(draftName(process.pid), HOUR_MS);
    const init = await put(draftName(1), HOUR_MS);
    expect(await removeStaleDrafts(folder, Date.now())).to.equal(0);
    expect(await readdir(folder)).to.have.members([ours, init]);
  });

  it("are left alone while they are young, on another host, or not of our name", async () => {
    const kept = [
      await put(draftName(NOBODY), 1_000),
      await put(draftName(NOBODY).replace(/^(\.kes-file-)[0-9a-f]{8}/, "$1ffffffff"), HOUR_MS),
      await put(`${draftName(NOBODY)}.txt`, HOUR_MS),
      await put(draftName(NOBODY).slice(1), HOUR_MS),
      await put(".kes-file-", HOUR_MS),
    ];
    expect(await removeStaleDrafts(folder, Date.now())).to.equal(0);
    expect(await readdir(folder)).to.have.members(kept);
  });

  it("are files: nothing else of that name is touched", async () => {
    await put("target", HOUR_MS);
    const dir = draftName(NOBODY);
    await mkdir(join(folder, dir));
    const link = draftName(NOBODY);
    await symlink("target", join(folder, link));
    expect(await removeStaleDrafts(folder, Date.now() + 2 * HOUR_MS)).to.equal(0);
    expect(await readdir(folder)).to.have.members(["target", dir, link]);
  });

  it("are not looked for in the whole of a huge folder", async () => {
    for (let i = 0; i < 20; i++) await put(draftName(NOBODY + i), HOUR_MS);
    expect(await removeStaleDrafts(folder, Date.now(), 15)).to.equal(15);
    expect(await removeStaleDrafts(folder, Date.now())).to.equal(5);
  });
});
