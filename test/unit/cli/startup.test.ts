import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect } from "chai";
import { commands } from "../../../src/cli/commands.js";
import { type BuiltCli, builtCli } from "../../support/built-cli.js";

const root = resolve(import.meta.dirname, "../../..");

describe("cli: what is loaded", function () {
  this.timeout(60_000);
  let cli: BuiltCli;
  before(async () => {
    cli = await builtCli();
  });

  /** What `kes …argv` loads from files: V8's coverage names every script it ran. */
  function loadedBy(
    argv: readonly string[],
    env: Record<string, string> = {},
  ): { ours: string[]; packages: string[]; status: number | null } {
    const dir = mkdtempSync(join(tmpdir(), "keswick-startup-"));
    try {
      const { status } = spawnSync(process.execPath, [cli.main, ...argv], {
        env: { ...env, NODE_V8_COVERAGE: dir },
      });
      const paths = readdirSync(dir).flatMap((file) =>
        [...readFileSync(join(dir, file), "utf8").matchAll(/"url":"file:\/\/([^"?]+)/g)].map(
          ([, path = ""]) => decodeURIComponent(path),
        ),
      );
      const below = (folder: string): string[] =>
        [...new Set(paths)]
          .filter((path) => path.startsWith(`${folder}/`))
          .map((path) => path.slice(folder.length + 1))
          .sort();
      const packages = below(join(root, "node_modules")).filter((path) => !path.startsWith(".cache/"));
      return { ours: below(cli.folder), packages, status };
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  }

  it("kes --help loads the dispatcher and nothing else, whatever is in the table", () => {
    const { ours, packages, status } = loadedBy(["--help"]);
    expect(status).to.equal(2);
    expect(ours).to.include("src/cli/main.js");
    expect(packages).to.deep.equal([]);
    expect(ours.filter((path) => path.startsWith("src/cli/commands/"))).to.deep.equal([]);
    expect(ours.length).to.be.lessThan(12);
  });

  for (const name of Object.keys(commands)) {
    it(`the help of kes ${name} loads no package but commander, completion none`, () => {
      const help = loadedBy([...name.split(" "), "--help"]);
      expect(help.status).to.equal(2);
      expect(help.packages.filter((path) => !path.startsWith("commander/"))).to.deep.equal([]);
      const completion = loadedBy([], { COMP_LINE: `kes ${name} --`, SHELL: "/bin/bash" });
      expect(completion.status).to.equal(0);
      expect(completion.packages).to.deep.equal([]);
    });
  }

  it("kes init loads node-forge, so the measure sees what is loaded", () => {
    const { packages, status } = loadedBy(["init", "--expiry", "nonsense"]);
    expect(status).to.equal(1);
    expect(packages.some((path) => path.startsWith("node-forge/"))).to.equal(true);
  });
});
