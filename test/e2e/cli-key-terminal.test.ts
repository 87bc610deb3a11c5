/** The key commands as a person sees them: on a terminal. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { type CliRemote, startCliRemote, type Who } from "../support/cli-remote.js";
import { Terminal, type TerminalOptions, type TerminalResult } from "../support/terminal.js";

describe("cli: key commands on a terminal", function () {
  this.timeout(60_000);
  let terminal: Terminal;
  let remote: CliRemote;
  before(async function () {
    terminal = Terminal.start(this);
    remote = await startCliRemote();
    const passphrase = "pässwörd";
    const pem = remote.server.admin.key.export({
      ...{ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase },
    });
    await writeFile(join(remote.folder, "encrypted.key"), pem, { mode: 0o600 });
    expect((await kes(["key", "create", "my-key", "my-other-key"])).code).to.equal(0);
  });
  after(async () => {
    terminal?.stop();
    await remote?.close();
  });

  type More = Pick<TerminalOptions, "answers" | "env"> & { readonly as?: Who };

  function kes(args: readonly string[], { as = "admin", env = {}, answers = [] }: More = {}) {
    const command = [process.execPath, remote.cli.main, ...args] as const;
    return terminal.run(command, { cwd: remote.folder, env: remote.env(as, env), answers });
  }

  /** A line for the shell on the terminal. */
  function shell(line: string): Promise<TerminalResult> {
    const env = { ...remote.env("admin"), PATH: `${remote.cli.bin}:${process.env.PATH ?? ""}` };
    return terminal.run(["sh", "-c", line], { cwd: remote.folder, env });
  }

  it("encrypt, decrypt, dek and hmac print labelled lines", async () => {
    const { code, output } = await kes(["key", "encrypt", "my-key", "hello"]);
    expect(code).to.equal(0);
    const [, ciphertext = ""] = /^\nciphertext: ([A-Za-z0-9+/]+=*)\n$/.exec(output) ?? [];
    expect((await kes(["key", "decrypt", "my-key", ciphertext])).output).to.equal("\nplaintext: aGVsbG8=\n");
    expect((await kes(["key", "dek", "my-key"])).output).to.match(
      /^\nplaintext: {2}[A-Za-z0-9+/]{43}=\nciphertext: [A-Za-z0-9+/]+=*\n$/,
    );
    expect((await kes(["key", "hmac", "my-key", "x"])).output).to.match(/^\nhmac: [A-Za-z0-9+/]{43}=\n$/);
  });

  it("prints JSON into a pipe, also when stderr is a terminal", async () => {
    expect((await shell("kes key dek my-key | cat")).output).to.match(
      /^\{"plaintext":"[^"]+","ciphertext":"[^"]+"\}$/,
    );
    expect((await shell('echo "$(kes key info my-key)|"')).output).to.match(
      /^Name {8}my-key\nAlgorithm {3}AES256\nDate {8}[-0-9: ]+\nOwner {7}[0-9a-f]{64}\|\n$/,
    );
  });

  it("info ends its last line; --json is indented", async () => {
    const { output } = await kes(["key", "info", "my-key"]);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the codes of bold
    expect(output.replace(/\x1b\[\d+m/g, "")).to.match(
      /^Name {8}my-key\nAlgorithm {3}AES256\nDate {8}[-0-9: ]+\nOwner {7}[0-9a-f]{64}\n$/,
    );
    expect(output).to.include("\x1b[1mName");
    expect((await kes(["key", "info", "my-key", "--json"])).output).to.match(/^\{\n {2}"name": "my-key",\n/);
  });

  it("ls underlines its header unless NO_COLOR or --color says otherwise", async () => {
    expect((await kes(["key", "ls"])).output).to.equal("\x1b[4mKey\x1b[24m\nmy-key\nmy-other-key\n");
    expect((await kes(["key", "ls"], { env: { NO_COLOR: "1" } })).output).to.match(/^Key\n/);
    expect((await kes(["key", "ls", "--color", "never"])).output).to.match(/^Key\n/);
    expect((await kes(["key", "ls", "--json"])).output).to.equal('["my-key","my-other-key"]\n');
  });

  describe("rm", () => {
    const question = "[y/N] ";

    it("says who created the key and asks; no deletes nothing", async () => {
      const { code, output } = await kes(["key", "rm", "my-key"], {
        answers: [{ to: question, type: "n\r" }],
      });
      expect(code).to.equal(1);
      expect(output).to.match(/^kes: my-key: created \d{4}-\d\d-\d\d \d\d:\d\d:\d\d by [0-9a-f]{64}\n/);
      expect(output).to.include(remote.identities.admin);
      expect(output).to.match(
        /\nDelete key "my-key"\? What was encrypted with it is lost for good\. \[y\/N\] n\nkes: nothing was deleted\n$/,
      );
      expect((await kes(["key", "info", "my-key"])).code).to.equal(0);
    });

    it("Ctrl-C and Ctrl-D delete nothing", async () => {
      for (const type of ["\u0003", "\u0004", "y\u0003"]) {
        const { code, output } = await kes(["key", "rm", "my-key"], { answers: [{ to: question, type }] });
        expect(code).to.equal(1);
        expect(output).not.to.include("Error");
      }
      expect((await kes(["key", "info", "my-key"])).code).to.equal(0);
    });

    it("deletes nothing when one of the keys does not exist", async () => {
      const { code, output } = await kes(["key", "rm", "my-key", "nope"]);
      expect([code, output.split("\n")[0]]).to.deep.equal([
        1,
        '\x1b[38;2;172;0;0mError:\x1b[0m failed to remove key "nope": key does not exist',
      ]);
      expect((await kes(["key", "info", "my-key"])).code).to.equal(0);
    });

    it("asks once for several keys; yes deletes them", async () => {
      await kes(["key", "create", "rm-1", "rm-2"]);
      const answers = [{ to: question, type: "yes\r" }];
      const { code, output } = await kes(["key", "rm", "rm-1", "rm-2"], { answers });
      expect(code, output).to.equal(0);
      expect(output).to.include("kes: rm-1: created").and.include("kes: rm-2: created");
      expect(output).to.include(
        "Delete these 2 keys? What was encrypted with them is lost for good. [y/N] yes\n",
      );
      expect((await kes(["key", "ls", "rm-"])).output).to.equal("");
    });

    it("asks also whom the server does not tell about the key", async () => {
      const answers = [{ to: question, type: "y\r" }];
      const { code, output } = await kes(["key", "rm", "my-key"], { as: "app", answers });
      expect(code).to.equal(1);
      expect(output).to.include("kes: my-key: you may not see who created it\n");
      expect(output).to.include("not authorized").and.include("'/v1/key/delete/my-key'");
    });

    it("does not ask with --force, nor from or into a pipe", async () => {
      for (const [name, line] of [
        ["f-1", "kes key rm --force f-1"],
        ["f-2", "kes key rm -f f-2"],
        ["f-3", "kes key rm f-3 < /dev/null"],
        ["f-4", "kes key rm f-4 2> /dev/null"],
      ] as const) {
        await kes(["key", "create", name]);
        expect(await shell(line), line).to.deep.equal({ code: 0, output: "" });
      }
      expect((await kes(["key", "ls", "f-"])).output).to.equal("");
    });
  });

  describe("an encrypted private key", () => {
    const question = "Enter password for private key: ";
    const env = { MINIO_KES_KEY_FILE: "encrypted.key" };

    it("is opened by the password, which is not shown", async () => {
      const answers = [{ to: question, type: "pässwörd\r" }];
      const { code, output } = await kes(["key", "ls", "--json"], { env, answers });
      expect([code, output]).to.deep.equal([0, `${question}\n["my-key","my-other-key"]\n`]);
    });

    it("is not opened by another", async () => {
      const answers = [{ to: question, type: "password\r" }];
      const { code, output } = await kes(["key", "ls"], { env, answers });
      expect(code).to.equal(1);
      expect(output).to.match(/^Enter password for private key: \n.*Error:.* incorrect password\n/);
    });

    it("Ctrl-C at the question ends with 1 and leaves the terminal as it was", async () => {
      const node = `'${process.execPath}' '${remote.cli.main}'`;
      const command = ["sh", "-c", `${node} key ls; echo "$?"; stty -a | grep -o -e '-\\?echo '`] as const;
      const answers = [{ to: question, type: "pä\u0003" }];
      const result = await terminal.run(command, {
        ...{ cwd: remote.folder, answers },
        env: remote.env("admin", env),
      });
      expect(result.output).to.equal(`${question}\n1\necho \n`);
    });

    it("asks on the terminal while standard output is a pipe", async () => {
      const command = ["sh", "-c", `'${process.execPath}' '${remote.cli.main}' key ls --json | cat`] as const;
      const answers = [{ to: question, type: "pässwörd\r" }];
      const result = await terminal.run(command, {
        ...{ cwd: remote.folder, answers },
        env: remote.env("admin", env),
      });
      expect(result.output).to.equal(`${question}\n["my-key","my-other-key"]\n`);
    });
  });
});
