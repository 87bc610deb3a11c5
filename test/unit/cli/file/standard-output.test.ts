import { closeSync, openSync, statSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { expect } from "chai";
import { CommandError } from "../../../../src/cli/command.js";
import { type OutputPipe, standardOutput } from "../../../../src/cli/file/standard-output.js";
import { failureOf, never } from "./support.js";

describe("standard output of a file command", () => {
  let folder: string;
  let fd: number | undefined;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "keswick-stdout-"));
  });
  afterEach(async () => {
    if (fd !== undefined) closeSync(fd);
    fd = undefined;
    await rm(folder, { recursive: true, force: true });
  });

  /** As `process.stdout` with its descriptor. The stream must not be used: it would end the process on an error. */
  function direct(path: string): OutputPipe {
    fd = openSync(path, "w");
    return {
      fd,
      write: () => {
        throw new Error("the stream was used");
      },
    };
  }

  it("may be a file", async () => {
    const sink = standardOutput(direct(join(folder, "out")), undefined);
    await sink.write(Buffer.from("one "));
    await sink.write(Buffer.from("two"));
    await sink.publish(never);
    await sink.close();
    expect(await readFile(join(folder, "out"), "utf8")).to.equal("one two");
  });

  it("may be a full disk, and says so", async () => {
    const sink = standardOutput(direct("/dev/full"), undefined);
    const failure = await failureOf(sink.write(Buffer.from("text")));
    expect(failure).to.be.instanceOf(CommandError);
    expect(failure.message).to.equal("cannot write to standard output: no space left on the device");
  });

  it("is not the file that is read", () => {
    const stdout = direct(join(folder, "out"));
    const { dev, ino } = statSync(join(folder, "out"));
    expect(() => standardOutput(stdout, { dev, ino })).to.throw(CommandError, /is also the input/);
  });

  it("waits for a slow reader of a pipe", async () => {
    const [pipe] = [new PassThrough({ highWaterMark: 4 })];
    // Any descriptor of a pipe makes it a pipe; its stream is the one above.
    const { spawn } = await import("node:child_process");
    const child = spawn("cat", { stdio: ["pipe", "ignore", "ignore"] });
    try {
      const handle = Reflect.get(child.stdin, "_handle") as { fd: number };
      const stdout: OutputPipe = { fd: handle.fd, write: (bytes, done) => pipe.write(bytes, done) };
      const sink = standardOutput(stdout, undefined);
      let isDone = false;
      const writing = (async () => {
        await sink.write(Buffer.from("0123456789"));
        await sink.write(Buffer.from("abc"));
        isDone = true;
      })();
      await new Promise((resolve) => setImmediate(resolve));
      expect(isDone).to.equal(false);
      const read: Buffer[] = [];
      pipe.on("data", (chunk: Buffer) => read.push(chunk));
      await writing;
      expect(Buffer.concat(read).toString()).to.equal("0123456789abc");
    } finally {
      child.kill("SIGKILL");
    }
  });

  it("tells when its reader is gone", async () => {
    const broken = Object.assign(new Error("EPIPE: broken pipe, write"), { code: "EPIPE", syscall: "write" });
    const { spawn } = await import("node:child_process");
    const child = spawn("cat", { stdio: ["pipe", "ignore", "ignore"] });
    try {
      const handle = Reflect.get(child.stdin, "_handle") as { fd: number };
      const sink = standardOutput({ fd: handle.fd, write: (_bytes, done) => done(broken) }, undefined);
      expect((await failureOf(sink.write(Buffer.from("x")))).message).to.equal(
        "cannot write to standard output: nobody reads it any more",
      );
    } finally {
      child.kill("SIGKILL");
    }
  });
});
