/** `kes key encrypt-file` and `decrypt-file` as processes, against a real server. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmod,
  copyFile,
  mkdir,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  truncate,
  utimes,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { builtCli } from "../support/built-cli.js";
import { type Command, type RunResult, run, until } from "../support/child-process.js";
import { CleanUp } from "../support/clean-up.js";
import { type CliSite, makeCliSite, startCliServer } from "../support/cli-site.js";

const MIB = 1024 * 1024;
const content = (size: number): Buffer => Buffer.from(Uint8Array.from({ length: size }, (_, i) => i % 251));
const plaintext = content(3 * MIB + 17);

describe("encrypting files", function () {
  this.timeout(60_000);
  const cleanUp = new CleanUp();
  let site: CliSite;
  let env: Record<string, string>;
  let kes: Command;
  let folder: string;
  let next = 0;

  before(async () => {
    site = await makeCliSite();
    cleanUp.add(site.remove);
    await site.configure({
      policy: `policy:\n  writer:\n    allow: ["/v1/key/generate/files"]\n    identities: ["${site.client.identity}"]\n`,
    });
    for (const name of ["admin", "client"] as const) {
      await writeFile(join(site.folder, `${name}.key`), site[name].keyPem, { mode: 0o600 });
      await writeFile(join(site.folder, `${name}.crt`), site[name].certPem);
    }
    const server = await startCliServer(site);
    cleanUp.add(() => server.process.stop());
    const { bin } = await builtCli();
    kes = [join(bin, "kes")];
    env = {
      MINIO_KES_SERVER: server.url,
      MINIO_KES_CAPATH: join(site.folder, "server.crt"),
      ...as("admin"),
    };
    await succeeds(["key", "create", "files", "lost"]);
  });
  after(() => cleanUp.run());

  beforeEach(async () => {
    folder = join(site.folder, `run-${next++}`);
    await mkdir(folder);
    await writeFile(join(folder, "in"), plaintext);
  });

  function as(name: "admin" | "client"): Record<string, string> {
    return {
      MINIO_KES_KEY_FILE: join(site.folder, `${name}.key`),
      MINIO_KES_CERT_FILE: join(site.folder, `${name}.crt`),
    };
  }

  const kesWith = (args: readonly string[], more: Record<string, string> = {}): Promise<RunResult> =>
    run([...kes, ...args], { cwd: folder, env: { ...env, ...more } });

  async function succeeds(args: readonly string[]): Promise<RunResult> {
    const result = await run([...kes, ...args], { cwd: folder ?? site.folder, env });
    expect(result.stderr).to.equal("");
    expect(result.code).to.equal(0);
    return result;
  }

  /** Runs a line of bash in the folder, where `kes` is on the path. */
  const bash = (line: string): Promise<RunResult> =>
    run(["bash", "--norc", "-c", `set -o pipefail; ${line}`], {
      cwd: folder,
      env: { ...env, PATH: `${join(kes[0], "..")}:${process.env.PATH}` },
    });

  async function fails(
    args: readonly string[],
    message: RegExp,
    files: readonly string[] = ["in"],
    more: Record<string, string> = {},
  ): Promise<void> {
    const result = await kesWith(args, more);
    expect(result.stderr).to.match(message);
    expect(result.stderr).to.match(/^Error: /);
    expect([result.code, result.stdout]).to.deep.equal([1, ""]);
    expect(await readdir(folder)).to.have.members(files);
  }

  describe("from file to file", () => {
    it("gives back what was there, and says nothing", async () => {
      const encrypted = await succeeds(["key", "encrypt-file", "files", "in", "out.kes"]);
      expect(encrypted.stdout).to.equal("");
      const file = await readFile(join(folder, "out.kes"));
      expect(file.length).to.equal(plaintext.length + 122 + "files".length + 49 * 32);
      expect(file.subarray(0, 8).toString("latin1")).to.equal("KESWICK\0");
      const decrypted = await succeeds(["key", "decrypt-file", "out.kes", "back"]);
      expect(decrypted.stdout).to.equal("");
      expect((await readFile(join(folder, "back"))).equals(plaintext)).to.equal(true);
      expect(await readdir(folder)).to.have.members(["in", "out.kes", "back"]);
    });

    it("does so for an empty file", async () => {
      await writeFile(join(folder, "in"), "");
      await succeeds(["key", "encrypt-file", "files", "in", "out.kes"]);
      await succeeds(["key", "decrypt-file", "out.kes", "back"]);
      expect((await stat(join(folder, "back"))).size).to.equal(0);
    });

    it("gives an encrypted file the permissions of new files, a decrypted one only to its owner", async () => {
      const result = await bash(
        "umask 022; kes key encrypt-file files in out && kes key decrypt-file out back",
      );
      expect(result.code).to.equal(0);
      expect((await stat(join(folder, "out"))).mode & 0o777).to.equal(0o644);
      expect((await stat(join(folder, "back"))).mode & 0o777).to.equal(0o600);
    });

    it("replaces a file only by force", async () => {
      await writeFile(join(folder, "out"), "old");
      await fails(["key", "encrypt-file", "files", "in", "out"], /'out' exists\nkes: --force/, ["in", "out"]);
      expect(await readFile(join(folder, "out"), "utf8")).to.equal("old");
      await succeeds(["key", "encrypt-file", "--force", "files", "in", "out"]);
      await writeFile(join(folder, "back"), "old");
      await fails(["key", "decrypt-file", "out", "back"], /'back' exists/, ["in", "out", "back"]);
      await succeeds(["key", "decrypt-file", "-f", "out", "back"]);
      expect((await readFile(join(folder, "back"))).equals(plaintext)).to.equal(true);
    });

    it("binds the data key to files", async () => {
      await succeeds(["key", "encrypt-file", "files", "in", "out"]);
      const file = await readFile(join(folder, "out"));
      const sealedDek = file.subarray(14 + 5, 14 + 5 + 76).toString("base64");
      const bound = Buffer.from('{"keswick":"file"}').toString("base64");
      const opened = await succeeds(["key", "decrypt", "files", sealedDek, bound]);
      expect(Buffer.from(JSON.parse(opened.stdout).plaintext, "base64").length).to.equal(32);
      await fails(["key", "decrypt", "files", sealedDek], /not authentic/, ["in", "out"]);
    });
  });

  describe("through pipes", () => {
    it("reads standard input and writes standard output", async () => {
      const result = await bash(
        "cat in | kes key encrypt-file files - - | kes key decrypt-file - - | cmp - in && " +
          "kes key encrypt-file files /dev/stdin /dev/stdout < in > out && kes key decrypt-file - - < out | cmp - in",
      );
      expect(result).to.deep.equal({ code: 0, stdout: "", stderr: "" });
    });

    it("reads what a shell substitutes", async () => {
      const result = await bash(
        "kes key encrypt-file files <(cat in) out && kes key decrypt-file out - | cmp - in",
      );
      expect(result).to.deep.equal({ code: 0, stdout: "", stderr: "" });
    });

    it("says when what it wrote to a pipe was not all", async () => {
      await succeeds(["key", "encrypt-file", "files", "in", "out"]);
      await truncate(join(folder, "out"), 2 * MIB);
      const result = await bash("kes key decrypt-file out - > part");
      expect(result.code).to.equal(1);
      expect(result.stderr).to.match(/^Error: 'out' is truncated: its end is missing/);
      const part = await readFile(join(folder, "part"));
      expect(part.length).to.be.greaterThan(MIB);
      expect(part.equals(plaintext.subarray(0, part.length))).to.equal(true);
    });

    it("fails when its reader leaves or its disk is full", async () => {
      await succeeds(["key", "encrypt-file", "files", "in", "out"]);
      const left = await bash("kes key decrypt-file out - | head -c 10 > part");
      expect(left.code).to.equal(1);
      expect(left.stderr).to.match(/^Error: cannot write to standard output: nobody reads it any more\n$/);
      const full = await bash("kes key decrypt-file out - > /dev/full");
      expect(full.code).to.equal(1);
      expect(full.stderr).to.equal("Error: cannot write to standard output: no space left on the device\n");
    });

    it("does not write over what it reads", async () => {
      const result = await bash("kes key encrypt-file files in - >> in");
      expect(result.code).to.equal(1);
      expect(result.stderr).to.match(/standard output is also the input/);
      expect((await readFile(join(folder, "in"))).equals(plaintext)).to.equal(true);
    });
  });

  describe("leaves nothing under the final name", () => {
    it("when the file is altered or cut short", async () => {
      await succeeds(["key", "encrypt-file", "files", "in", "good"]);
      const file = await readFile(join(folder, "good"));
      const bent = async (name: string, change: (bytes: Buffer) => Buffer): Promise<void> =>
        writeFile(join(folder, name), change(Buffer.from(file)));
      const flipped = (at: number) => (bytes: Buffer) => {
        bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
        return bytes;
      };
      const cases: readonly [change: (bytes: Buffer) => Buffer, message: RegExp][] = [
        [flipped(2 * MIB), /'bad' is altered or damaged \(from byte \d+ on\)/],
        [flipped(file.length - 1), /'bad' is altered or damaged/],
        [flipped(file.length - 1000), /'bad' is altered or damaged/],
        [flipped(120), /the header of 'bad' was altered/],
        // In the sealed data key: it is the server that refuses.
        [flipped(30), /failed to decrypt the data key of 'bad' with key "files": .*not authentic/],
        [flipped(8), /'bad' is of a format that this version of kes does not know/],
        [flipped(0), /'bad' was not made by 'kes key encrypt-file'/],
        [(bytes) => bytes.subarray(0, -1), /'bad' is truncated/],
        [(bytes) => bytes.subarray(0, 127 + 10 * 65_568), /'bad' is truncated/],
        [(bytes) => bytes.subarray(0, 127), /'bad' is truncated/],
        [(bytes) => bytes.subarray(0, 100), /'bad' is truncated: its header/],
        [(bytes) => bytes.subarray(0, 0), /'bad' was not made by/],
        [(bytes) => Buffer.concat([bytes, Buffer.alloc(1)]), /'bad' has bytes behind its end/],
        [(bytes) => Buffer.concat([bytes, bytes]), /'bad' has bytes behind its end/],
        [() => plaintext, /'bad' was not made by/],
      ];
      for (const [change, message] of cases) {
        await bent("bad", change);
        await fails(["key", "decrypt-file", "bad", "back"], message, ["in", "good", "bad"]);
      }
    });

    it("when the key server refuses", async () => {
      const encrypt = (name: string) => ["key", "encrypt-file", name, "in", "out"];
      await fails(
        encrypt("fiels"),
        /failed to generate a data key with key "fiels": key does not exist\n.*files/,
      );
      await fails(encrypt("lost"), /not authorized(?:.|\n)*\/v1\/key\/generate\/lost/, ["in"], as("client"));
      await fails(encrypt("a/b"), /key name 'a\/b' is empty, too long or contains invalid characters/);
      await fails(encrypt("files"), /cannot reach key server/, ["in"], { MINIO_KES_SERVER: "127.0.0.1:1" });
      await succeeds(encrypt("lost"));
      await fails(
        ["key", "decrypt-file", "out", "back"],
        /failed to decrypt the data key of 'out' with key "lost": .*not authorized/,
        ["in", "out"],
        as("client"),
      );
      await succeeds(["key", "rm", "lost"]);
      await fails(
        ["key", "decrypt-file", "out", "back"],
        /failed to decrypt the data key of 'out' with key "lost": key does not exist/,
        ["in", "out"],
      );
    });

    it("when the disk is full", async () => {
      await succeeds(["key", "encrypt-file", "files", "in", "out"]);
      // 1 MiB for each file, in blocks of 1024 bytes; the signal that comes with it is left aside.
      for (const args of ["encrypt-file files in", "decrypt-file out"]) {
        const result = await bash(`trap '' XFSZ; ulimit -f 1024; exec kes key ${args} new`);
        expect(result.code).to.equal(1);
        expect(result.stderr).to.equal(
          "Error: cannot write 'new': the file would be larger than is allowed\n",
        );
        expect(await readdir(folder)).to.have.members(["in", "out"]);
      }
    });

    it("when IN or OUT cannot be used", async () => {
      await mkdir(join(folder, "dir"));
      await symlink("in", join(folder, "link"));
      const files = ["in", "dir", "link"];
      const encrypt = (input: string, output: string, ...more: string[]) => [
        ...["key", "encrypt-file", ...more],
        ...["files", input, output],
      ];
      await fails(encrypt("nothing", "out"), /cannot read 'nothing': no such file/, files);
      await fails(encrypt("dir", "out"), /'dir' is a folder\nkes: .*tar -c dir/, files);
      await fails(encrypt("in", "dir"), /'dir' is a folder/, files);
      await fails(encrypt("in", "link", "--force"), /'link' is a symbolic link/, files);
      await fails(encrypt("in", "in", "--force"), /'in' is also the input/, files);
      await fails(encrypt("link", "in", "--force"), /'in' is also the input/, files);
      await fails(encrypt("in", "/dev/null"), /not a regular file/, files);
      await fails(
        encrypt("in", "no/where"),
        /cannot write into the folder of 'no\/where': no such file/,
        files,
      );
      await fails(["key", "encrypt-file", "files", "in"], /not enough arguments/, files);
      await fails(["key", "decrypt-file", "in", "out", "more"], /too many arguments/, files);
      await fails(["key", "decrypt-file", "in", "out"], /'in' was not made by 'kes key encrypt-file'/, files);
      if (process.getuid?.() !== 0) {
        await chmod(join(folder, "dir"), 0o500);
        await fails(encrypt("in", "dir/out"), /permission denied/, files);
      }
    });
  });

  describe("ended in the middle", () => {
    /** A command that has begun to write its result and waits for more to read. */
    async function underWay(args: readonly string[], input: Buffer): Promise<ChildProcess> {
      const [program, ...words] = [...kes, "key", ...args];
      const child = spawn(program ?? "", words, {
        cwd: folder,
        env: { PATH: process.env.PATH ?? "", ...env },
        stdio: ["pipe", "ignore", "pipe"],
      });
      cleanUp.add(async () => child.kill("SIGKILL"));
      child.stdin?.on("error", () => undefined).write(input);
      await until("a draft with something in it", async () => {
        if (child.exitCode !== null) throw new Error(`ended with ${child.exitCode}`);
        const draft = (await readdir(folder)).find((name) => name.startsWith(".kes-file-"));
        return draft !== undefined && (await stat(join(folder, draft))).size > MIB;
      });
      return child;
    }

    async function commands(): Promise<readonly (readonly [args: readonly string[], input: Buffer])[]> {
      await succeeds(["key", "encrypt-file", "files", "in", "good"]);
      const file = await readFile(join(folder, "good"));
      await rm(join(folder, "good"));
      return [
        [["encrypt-file", "files", "-", "out"], plaintext],
        [["decrypt-file", "-", "out"], file.subarray(0, -1)],
      ];
    }

    it("by kill -9 leaves a hidden draft at most, which the next run removes", async () => {
      for (const [args, input] of await commands()) {
        const child = await underWay(args, input);
        child.kill("SIGKILL");
        await once(child, "exit");
        const [draft = "", ...others] = (await readdir(folder)).filter((name) => name !== "in");
        expect(draft).to.match(/^\.kes-file-/);
        expect(others).to.deep.equal([]);

        const minutesAgo = new Date(Date.now() - 120_000);
        await utimes(join(folder, draft), minutesAgo, minutesAgo);
        const again = await kesWith(["key", "encrypt-file", "files", "in", "out"]);
        expect(again.stderr).to.equal("kes: removed 1 unfinished file of killed runs next to 'out'\n");
        expect(again.code).to.equal(0);
        expect(await readdir(folder)).to.have.members(["in", "out"]);
        await rm(join(folder, "out"));
      }
    });

    for (const [signal, code] of [
      ["SIGINT", 1],
      ["SIGTERM", 143],
      ["SIGHUP", 129],
    ] as const) {
      it(`by ${signal} leaves nothing`, async () => {
        for (const [args, input] of await commands()) {
          const child = await underWay(args, input);
          child.kill(signal);
          expect((await once(child, "exit"))[0]).to.equal(code);
          expect(await readdir(folder)).to.deep.equal(["in"]);
        }
      });
    }

    it("by force leaves the old file as it was", async () => {
      await writeFile(join(folder, "out"), "old");
      const child = await underWay(["encrypt-file", "--force", "files", "-", "out"], plaintext);
      child.kill("SIGKILL");
      await once(child, "exit");
      expect(await readFile(join(folder, "out"), "utf8")).to.equal("old");
    });

    it("uses little memory, however much there is", async () => {
      const child = await underWay(["encrypt-file", "files", "-", "out"], plaintext);
      const block = Buffer.alloc(MIB);
      for (let i = 0; i < 256; i++) {
        if (child.stdin?.write(block) === false) await once(child.stdin, "drain");
      }
      const status = await readFile(`/proc/${child.pid}/status`, "utf8");
      const peakKib = Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]);
      expect(peakKib / 1024).to.be.within(20, 180);
      child.stdin?.end();
      expect((await once(child, "exit"))[0]).to.equal(0);
      expect((await stat(join(folder, "out"))).size).to.be.greaterThan(256 * MIB);
    });
  });

  it("reads the same file a second time under another name", async () => {
    await succeeds(["key", "encrypt-file", "files", "in", "out"]);
    await copyFile(join(folder, "out"), join(folder, "copy"));
    await succeeds(["key", "decrypt-file", "copy", "back"]);
    expect((await readFile(join(folder, "back"))).equals(plaintext)).to.equal(true);
  });
});
