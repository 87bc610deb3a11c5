import {
  chmod,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  readlink,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { CommandError } from "../../../../src/cli/command.js";
import { publish, replace } from "../../../../src/cli/init/publish.js";

describe("cli/init/publish", () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), "keswick-publish-"));
  });
  afterEach(() => rm(dir, { recursive: true, force: true }));

  const modeOf = async (file: string): Promise<number> => (await stat(file)).mode & 0o777;
  const failure = (work: Promise<void>): Promise<unknown> =>
    work.then(
      () => undefined,
      (error: unknown) => error,
    );

  it("creates with exactly the mode, whatever the umask", async () => {
    const before = process.umask(0o077);
    try {
      await publish(join(dir, "a"), "x", 0o644);
    } finally {
      process.umask(before);
    }
    expect(await modeOf(join(dir, "a"))).to.equal(0o644);
    expect(await failure(publish(join(dir, "a"), "y", 0o644))).to.be.instanceOf(CommandError);
    expect(await readFile(join(dir, "a"), "utf8")).to.equal("x");
    expect(await readdir(dir)).to.deep.equal(["a"]);
  });

  it("replaces as a whole: who has the old file open reads the old one to its end", async () => {
    const file = join(dir, "a");
    await writeFile(file, "old");
    await chmod(file, 0o640);
    const reader = await open(file);
    try {
      await replace(file, "new content");
      expect(await reader.readFile("utf8")).to.equal("old");
    } finally {
      await reader.close();
    }
    expect([await readFile(file, "utf8"), await modeOf(file)]).to.deep.equal(["new content", 0o640]);
    await replace(file, "secret", 0o600);
    expect([await readFile(file, "utf8"), await modeOf(file)]).to.deep.equal(["secret", 0o600]);
    expect(await readdir(dir)).to.deep.equal(["a"]);
  });

  it("replaces the file behind a link, and neither folders nor what is not there", async () => {
    await mkdir(join(dir, "real"));
    await writeFile(join(dir, "real/a"), "old");
    await symlink("real/a", join(dir, "a"));
    await replace(join(dir, "a"), "new");
    expect(await readlink(join(dir, "a"))).to.equal("real/a");
    expect(await readFile(join(dir, "real/a"), "utf8")).to.equal("new");
    expect(await failure(replace(join(dir, "real"), "x"))).to.be.instanceOf(CommandError);
    expect(await failure(replace(join(dir, "none"), "x"))).to.have.property("code", "ENOENT");
    expect(await readdir(join(dir, "real"))).to.deep.equal(["a"]);
  });
});
