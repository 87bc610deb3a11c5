import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { giveName } from "../../../../src/cli/file/give-name.js";

describe("a file's name", () => {
  let folder: string;
  let draft: string;
  let target: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "keswick-name-"));
    [draft, target] = [join(folder, ".draft"), join(folder, "a")];
    await writeFile(draft, "new");
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  /** A file system without second names: FAT, some that are mounted over a network. */
  const refuse = (code: string) => async () => {
    throw Object.assign(new Error(code), { code, syscall: "link" });
  };

  for (const setLink of [undefined, refuse("EPERM"), refuse("ENOTSUP")]) {
    const where = setLink === undefined ? "" : " where there are no links";
    it(`is given when it is free${where}`, async () => {
      expect(await giveName(draft, target, setLink)).to.equal(true);
      expect(await readFile(target, "utf8")).to.equal("new");
    });

    it(`is not taken away from a file${where}`, async () => {
      await writeFile(target, "old");
      expect(await giveName(draft, target, setLink)).to.equal(false);
      expect(await readFile(target, "utf8")).to.equal("old");
      expect(await readFile(draft, "utf8")).to.equal("new");
    });

    it(`is not taken away from a link to nothing${where}`, async () => {
      await symlink("nowhere", target);
      expect(await giveName(draft, target, setLink)).to.equal(false);
      expect((await readdir(folder)).sort()).to.deep.equal([".draft", "a"]);
    });
  }

  it("is not given when the system cannot", async () => {
    const error = await giveName(draft, target, refuse("EIO")).catch((cause: unknown) => cause);
    expect(error).to.have.property("code", "EIO");
    expect(await readdir(folder)).to.deep.equal([".draft"]);
  });
});
