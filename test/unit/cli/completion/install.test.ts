import { execFileSync } from "node:child_process";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { CommandError } from "../../../../src/cli/command.js";
import { installCompletion, type Program } from "../../../../src/cli/completion/install.js";
import { captured } from "../../../support/captured-output.js";

describe("cli/completion/install", () => {
  let home: string;
  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), "keswick it's home "));
  });
  afterEach(() => rm(home, { recursive: true, force: true }));

  const installed: Program = { platform: "linux", node: "/usr/bin/node", script: "/bin/sh" };
  async function install(shell: string | undefined, program: Program = installed): Promise<string> {
    const env = { HOME: home, ...(shell === undefined ? {} : { SHELL: shell }) };
    const { context, stdout, stderr } = captured({ env });
    await installCompletion(context, program);
    expect(stdout()).to.equal("");
    return stderr();
  }
  const file = (name: string): Promise<string> => readFile(join(home, name), "utf8");

  it("appends KES's line to .bashrc once", async () => {
    await writeFile(join(home, ".bashrc"), "alias a=b");
    expect(await install("/bin/bash")).to.include(join(home, ".bashrc"));
    const text = "alias a=b\ncomplete -o default -C /bin/sh kes\n";
    expect(await file(".bashrc")).to.equal(text);
    expect(await install("/bin/bash")).to.equal("kes: Completion is already installed.\n");
    expect(await file(".bashrc")).to.equal(text);
  });

  it("appends to .zshrc what zsh needs, and not twice", async () => {
    await install("/usr/local/bin/zsh");
    const prepare = "autoload -U +X bashcompinit && bashcompinit\n";
    expect(await file(".zshrc")).to.equal(`${prepare}complete -o default -C /bin/sh kes\n`);
    await writeFile(join(home, ".zshrc"), prepare);
    await install("zsh");
    expect(await file(".zshrc")).to.equal(`${prepare}complete -o default -C /bin/sh kes\n`);
  });

  it("writes a line that bash runs, wherever the program is", async () => {
    const script = join(home, "main.js");
    await writeFile(script, 'console.log("ran " + process.argv.slice(2).join(" "));\n');
    await install("bash", { platform: "linux", node: process.execPath, script });
    const ask = `complete() { eval "$4 kes word kes"; }\n${await file(".bashrc")}`;
    expect(execFileSync("bash", ["-c", ask]).toString()).to.equal("ran kes word kes\n");
    await chmod(script, 0o755);
    await writeFile(script, `#!/bin/sh\necho "ran itself $*"\n`);
    await rm(join(home, ".bashrc"));
    await install("bash", { platform: "linux", node: process.execPath, script });
    const again = `complete() { eval "$4 a"; }\n${await file(".bashrc")}`;
    expect(execFileSync("bash", ["-c", again]).toString()).to.equal("ran itself a\n");
  });

  it("refuses Windows and other shells, and changes nothing", async () => {
    for (const [shell, program] of [
      ["/usr/bin/fish", installed],
      ["", installed],
      [undefined, installed],
      ["/bin/bash", { ...installed, platform: "win32" }],
    ] as const) {
      const error = await install(shell, program).catch((error: unknown) => error);
      expect(error, shell).to.be.instanceOf(CommandError);
    }
    expect(await file(".bashrc").catch(() => "none")).to.equal("none");
  });

  it("does not write over a file that it cannot read", async () => {
    await writeFile(join(home, "file"), "");
    const env = { HOME: join(home, "file"), SHELL: "bash" };
    const error = await installCompletion(captured({ env }).context, installed).catch((error) => error);
    expect(error).to.have.property("code", "ENOTDIR");
  });
});
