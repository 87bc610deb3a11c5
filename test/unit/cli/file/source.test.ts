import { execFileSync } from "node:child_process";
import { mkdtemp, open, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { expect } from "chai";
import { CommandError } from "../../../../src/cli/command.js";
import { openSource, type Source } from "../../../../src/cli/file/source.js";
import { failureOf, never } from "./support.js";

describe("the input of a file command", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "keswick-in-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const from = (path: string, stdin: Readable = Readable.from([]), signal = never): Promise<Source> =>
    openSource(path, { cwd: folder, stdin, signal });

  async function all(source: Source, step: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    const target = Buffer.alloc(step);
    for (;;) {
      const bytes = await source.read(target);
      parts.push(Buffer.from(target.subarray(0, bytes)));
      if (bytes < step) break;
    }
    await source.close();
    return Buffer.concat(parts);
  }

  it("may be a file", async () => {
    await writeFile(join(folder, "in"), "0123456789");
    const source = await from("in");
    expect([source.name, source.size]).to.deep.equal(["'in'", 10]);
    expect(source.file).to.have.keys("dev", "ino");
    expect((await all(source, 4)).toString()).to.equal("0123456789");
    expect((await all(await from("in"), 5)).toString()).to.equal("0123456789");
  });

  it("may be a symbolic link, which counts as its target", async () => {
    await writeFile(join(folder, "in"), "text");
    await symlink("in", join(folder, "link"));
    const [file, link] = [await from("in"), await from("link")];
    expect(link.file).to.deep.equal(file.file);
    expect((await all(link, 100)).toString()).to.equal("text");
    await file.close();
  });

  for (const name of ["-", "/dev/stdin"]) {
    it(`may be standard input as ${name}, in chunks of any size`, async () => {
      const chunks = ["a", "", "bcdefghij", "k", "lm"].map((text) => Buffer.from(text));
      const source = await from(name, Readable.from(chunks));
      expect([source.name, source.size, source.file]).to.deep.equal(["standard input", undefined, undefined]);
      expect((await all(source, 4)).toString()).to.equal("abcdefghijklm");
    });
  }

  it("fills what it was given before it goes on", async () => {
    const stdin = new PassThrough();
    const source = await from("-", stdin);
    const target = Buffer.alloc(5);
    const reading = source.read(target);
    for (const text of ["ab", "cd", "efg"]) stdin.write(text);
    expect(await reading).to.equal(5);
    expect(target.toString()).to.equal("abcde");
    stdin.end();
    expect(await source.read(target)).to.equal(2);
    expect(await source.read(target)).to.equal(0);
    await source.close();
  });

  it("may be a named pipe whose writer comes later", async () => {
    execFileSync("mkfifo", [join(folder, "pipe")]);
    const source = await from("pipe");
    expect([source.size, source.file]).to.deep.equal([undefined, undefined]);
    const reading = all(source, 100_000);
    const writer = await open(join(folder, "pipe"), "w");
    await writer.write(Buffer.alloc(150_000, 7));
    await writer.close();
    expect((await reading).equals(Buffer.alloc(150_000, 7))).to.equal(true);
  });

  it("does not wait for a pipe longer than the command lives", async () => {
    execFileSync("mkfifo", [join(folder, "pipe")]);
    const writer = open(join(folder, "pipe"), "w");
    for (const [path, stdin] of [
      ["-", new PassThrough()],
      ["pipe", new PassThrough()],
    ] as const) {
      const controller = new AbortController();
      const source = await from(path, stdin, controller.signal);
      const reading = failureOf(source.read(Buffer.alloc(10)));
      controller.abort(new Error("interrupted"));
      expect(await reading).to.be.instanceOf(Error);
      await source.close();
    }
    await (await writer).close();
  });

  it("can be given up while a pipe is waited for", async () => {
    const source = await from("-", new PassThrough());
    const reading = failureOf(source.read(Buffer.alloc(10)));
    await source.close();
    expect(await reading).to.be.instanceOf(Error);
  });

  it("must be something that can be read", async () => {
    const server = createServer().listen(join(folder, "socket"));
    await new Promise((resolve) => server.once("listening", resolve));
    try {
      for (const [path, message] of [
        ["nothing", /^cannot read 'nothing': no such file or folder$/],
        [".", /^'\.' is a folder$/],
        ["socket", /^cannot read 'socket': it is a socket/],
        ["", /is a folder/],
        ["/proc/self/mem", /^cannot read '\/proc\/self\/mem'/],
      ] as const) {
        const failure = await failureOf(from(path).then((source) => all(source, 10)));
        expect(failure, path).to.be.instanceOf(CommandError);
        expect(failure.message).to.match(message);
      }
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  });

  it("tells when it breaks", async () => {
    const stdin = new PassThrough();
    const source = await from("-", stdin);
    const reading = failureOf(source.read(Buffer.alloc(10)));
    stdin.destroy(Object.assign(new Error("EIO: i/o error, read"), { code: "EIO", syscall: "read" }));
    expect((await reading).message).to.equal(
      "cannot read standard input: input or output error of the device",
    );
  });
});
