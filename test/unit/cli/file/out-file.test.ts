import { execFileSync } from "node:child_process";
import { link, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { CommandError } from "../../../../src/cli/command.js";
import { createOutFile } from "../../../../src/cli/file/out-file.js";
import { failureOf, never } from "./support.js";

describe("the file that a command writes", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "keswick-out-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const create = (
    path = "out",
    options: Partial<Parameters<typeof createOutFile>[1]> = {},
  ): ReturnType<typeof createOutFile> =>
    createOutFile(path, { cwd: folder, force: false, mode: 0o600, source: undefined, ...options });

  async function refused(path: string, message: RegExp, force = false): Promise<void> {
    const before = await readdir(folder);
    const failure = await failureOf(create(path, { force }));
    expect(failure).to.be.instanceOf(CommandError);
    expect(failure.message).to.match(message);
    expect(await readdir(folder)).to.deep.equal(before);
  }

  it("has its name only once it is published", async () => {
    const sink = await create();
    await sink.write(Buffer.from("one "));
    await sink.write(Buffer.from("two"));
    const [draft, ...others] = await readdir(folder);
    expect(draft).to.match(/^\.kes-file-[0-9a-f]{8}-[0-9]+-[0-9a-f]{16}$/);
    expect(others).to.deep.equal([]);
    await sink.publish(never);
    await sink.close();
    expect(await readdir(folder)).to.deep.equal(["out"]);
    expect(await readFile(join(folder, "out"), "utf8")).to.equal("one two");
  });

  it("is gone when it is closed without", async () => {
    const sink = await create();
    await sink.write(Buffer.from("half of"));
    await sink.close();
    expect(await readdir(folder)).to.deep.equal([]);
  });

  it("is not published once the command was ended", async () => {
    const sink = await create();
    const reason = new Error("interrupted");
    expect(await failureOf(sink.publish(AbortSignal.abort(reason)))).to.equal(reason);
    await sink.close();
    expect(await readdir(folder)).to.deep.equal([]);
  });

  for (const [mode, umask, expected] of [
    [0o600, 0o022, 0o600],
    [0o666, 0o022, 0o644],
    [0o666, 0o077, 0o600],
    [0o600, 0o000, 0o600],
  ] as const) {
    it(`of mode ${mode.toString(8)} under umask ${umask.toString(8)} is ${expected.toString(8)} from the start`, async () => {
      const before = process.umask(umask);
      try {
        const sink = await create("out", { mode });
        const [draft = ""] = await readdir(folder);
        expect((await stat(join(folder, draft))).mode & 0o777).to.equal(expected);
        await sink.publish(never);
        await sink.close();
        expect((await stat(join(folder, "out"))).mode & 0o777).to.equal(expected);
      } finally {
        process.umask(before);
      }
    });
  }

  it("does not replace a file", async () => {
    await writeFile(join(folder, "out"), "old");
    await refused("out", /^'out' exists$/);
    expect(await readFile(join(folder, "out"), "utf8")).to.equal("old");
  });

  it("does not replace a file that came meanwhile", async () => {
    const sink = await create();
    await sink.write(Buffer.from("new"));
    await writeFile(join(folder, "out"), "old");
    expect((await failureOf(sink.publish(never))).message).to.match(/made by somebody else meanwhile/);
    await sink.close();
    expect(await readdir(folder)).to.deep.equal(["out"]);
    expect(await readFile(join(folder, "out"), "utf8")).to.equal("old");
  });

  it("replaces a file by force, and only when it is complete", async () => {
    await writeFile(join(folder, "out"), "old");
    const half = await create("out", { force: true });
    await half.write(Buffer.from("ne"));
    expect(await readFile(join(folder, "out"), "utf8")).to.equal("old");
    await half.close();
    expect(await readFile(join(folder, "out"), "utf8")).to.equal("old");
    const whole = await create("out", { force: true });
    await whole.write(Buffer.from("new"));
    await whole.publish(never);
    await whole.close();
    expect(await readFile(join(folder, "out"), "utf8")).to.equal("new");
    expect(await readdir(folder)).to.deep.equal(["out"]);
  });

  it("is not the file that is read, by any name, not by force either", async () => {
    await writeFile(join(folder, "in"), "text");
    await link(join(folder, "in"), join(folder, "same"));
    const { dev, ino } = await stat(join(folder, "in"));
    for (const name of ["in", "same", join(folder, "in")]) {
      for (const force of [false, true]) {
        const failure = await failureOf(create(name, { force, source: { dev, ino } }));
        expect(failure.message).to.match(/is also the input/);
      }
    }
    expect(await readFile(join(folder, "in"), "utf8")).to.equal("text");
  });

  it("does not follow symbolic links, not by force either", async () => {
    await writeFile(join(folder, "target"), "old");
    await symlink("target", join(folder, "link"));
    await symlink("nowhere", join(folder, "dangling"));
    for (const force of [false, true]) {
      await refused("link", /is a symbolic link/, force);
      await refused("dangling", /is a symbolic link/, force);
    }
    expect(await readFile(join(folder, "target"), "utf8")).to.equal("old");
  });

  it("is no folder, pipe, socket or device", async () => {
    await mkdir(join(folder, "dir"));
    execFileSync("mkfifo", [join(folder, "pipe")]);
    const server = createServer().listen(join(folder, "socket"));
    await new Promise((resolve) => server.once("listening", resolve));
    try {
      for (const force of [false, true]) {
        await refused("dir", /is a folder/, force);
        await refused(".", /is a folder|names no file/, force);
        await refused("new/", /names no file/, force);
        await refused("", /names no file/, force);
        await refused("pipe", /not a regular file/, force);
        await refused("socket", /not a regular file/, force);
        await refused("/dev/null", /not a regular file/, force);
      }
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  });

  it("tells why it cannot be written", async () => {
    await writeFile(join(folder, "file"), "");
    await refused("nowhere/out", /cannot write into the folder of 'nowhere\/out': no such file or folder/);
    await refused("file/out", /not a folder/);
    await refused("x".repeat(256), /its name is too long/);
    await refused(`${"x/".repeat(2500)}out`, /too long/);
    await refused("/proc/out", /cannot write/);
  });

  it("leaves names of greatest length to the caller", async () => {
    const sink = await create("x".repeat(255));
    await sink.publish(never);
    await sink.close();
    expect(await readdir(folder)).to.deep.equal(["x".repeat(255)]);
  });
});
