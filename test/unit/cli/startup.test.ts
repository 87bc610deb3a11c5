import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";

const root = fileURLToPath(new URL("../../..", import.meta.url));

/** What `kes …argv` loads from files, relative to the repository: V8's coverage names every script it ran. */
function loadedBy(...argv: string[]): { loaded: string[]; status: number | null } {
  const dir = mkdtempSync(join(tmpdir(), "keswick-startup-"));
  try {
    const args = ["--import", "tsx", "src/cli/main.ts", ...argv];
    const env = { ...process.env, NODE_V8_COVERAGE: dir };
    const { status } = spawnSync(process.execPath, args, { cwd: root, env });
    const urls = readdirSync(dir).flatMap((file) =>
      [...readFileSync(join(dir, file), "utf8").matchAll(/"url":"file:\/\/([^"?]+)/g)].map(
        ([, path = ""]) => path,
      ),
    );
    const ours = urls.filter((path) => path.startsWith(root)).map((path) => path.slice(root.length));
    // The transpiler of the tests is no part of the command.
    const loaded = ours.filter(
      (path) => !/^node_modules\/(?:tsx|esbuild|@esbuild|get-tsconfig)\//.test(path),
    );
    return { loaded: [...new Set(loaded)].sort(), status };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

describe("cli: what is loaded", () => {
  it("kes --help loads the dispatcher and nothing else, whatever is in the table", () => {
    const { loaded, status } = loadedBy("--help");
    expect(status).to.equal(2);
    expect(loaded).to.include("src/cli/main.ts");
    const heavy = loaded.filter((path) => path.startsWith("node_modules/") && !path.includes("/commander/"));
    expect(heavy).to.deep.equal([]);
    expect(loaded.filter((path) => path.startsWith("src/cli/commands/"))).to.deep.equal([]);
    expect(loaded.length).to.be.lessThan(30);
  });

  it("kes init --help loads node-forge, so the measure sees what is loaded", () => {
    const { loaded, status } = loadedBy("init", "--help");
    expect(status).to.equal(2);
    expect(loaded.some((path) => path.startsWith("node_modules/node-forge/"))).to.equal(true);
  });
});
