import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { expect } from "chai";
import { run, runOk } from "../support/child-process.js";

const root = resolve(import.meta.dirname, "../..");
const folder = join(root, "deploy/docker");

interface Step {
  readonly word: string;
  readonly rest: string;
}

/** The instructions of a Dockerfile, continued lines joined. */
function stepsOf(text: string): Step[] {
  const lines = text
    .replace(/^#.*\n/gm, "")
    .replace(/\\\n/g, " ")
    .split("\n");
  return lines.flatMap((line) => {
    const [, word = "", rest = ""] = /^([A-Z]+)\s+(.*)$/.exec(line.trim()) ?? [];
    return word === "" ? [] : [{ word, rest }];
  });
}

/** Names of the packages of a folder `node_modules`, those in folders of scopes too. */
async function packagesIn(modules: string): Promise<string[]> {
  const names = (await readdir(modules)).filter((name) => !name.startsWith("."));
  const nested = names.map(async (name) =>
    name.startsWith("@") ? (await readdir(join(modules, name))).map((one) => `${name}/${one}`) : [name],
  );
  return (await Promise.all(nested)).flat();
}

describe("deploy/docker/Dockerfile", function () {
  this.timeout(600_000);
  let steps: readonly Step[];
  let scratch: string;
  before(async () => {
    steps = stepsOf(await readFile(join(folder, "Dockerfile"), "utf8"));
    scratch = await mkdtemp(join(tmpdir(), "keswick-docker-"));
  });
  after(() => rm(scratch, { recursive: true, force: true }));

  const all = (word: string): string[] => steps.filter((step) => step.word === word).map(({ rest }) => rest);

  it("begins with pinned images and ends as nobody, without a shell", () => {
    for (const image of all("FROM")) expect(image).to.match(/^[\w./-]+:(?!latest)[\w.-]+( AS \w+)?$/);
    expect(all("FROM").at(-1)).to.match(/^gcr\.io\/distroless\/nodejs24-debian12:nonroot$/);
    expect(all("USER")).to.deep.equal(["65532:65532"]);
    expect(all("ENTRYPOINT")).to.deep.equal(['["/kes"]']);
    expect(all("EXPOSE")).to.deep.equal(["7373"]);
    // Without a shell an instruction in shell form could not run.
    expect(all("HEALTHCHECK")[0]).to.match(/CMD \[".*"\]$/);
    expect(steps.map(({ word }) => word)).to.not.include("ADD");
  });

  it("takes nothing from a checkout that is no source", async () => {
    const ignored = (await readFile(join(folder, "Dockerfile.dockerignore"), "utf8")).trim().split("\n");
    const kept = (await readFile(join(root, ".gitignore"), "utf8")).trim().split("\n");
    for (const name of kept) expect(ignored).to.include(name.replace(/\/$/, ""));
    expect(ignored).to.include(".git");
  });

  it("its commands, run one by one in a scratch folder, make a program that runs from there", async () => {
    const source = join(scratch, "src");
    const out = join(scratch, "out");
    const { stdout: files } = await promisify(execFile)(
      "git",
      ["ls-files", "-z", "--cached", "--others", "--exclude-standard"],
      {
        cwd: root,
        maxBuffer: 1 << 24,
      },
    );
    for (const name of files.split("\0").filter((one) => one !== "")) {
      // Removed in the working tree, but not yet in the index.
      if ((await stat(join(root, name)).catch(() => undefined)) === undefined) continue;
      await mkdir(dirname(join(source, name)), { recursive: true });
      await cp(join(root, name), join(source, name));
    }
    const skipped: string[] = [];
    for (const command of all("RUN")) {
      if (command.startsWith("npm ci")) {
        // The same packages as a first step has installed here. Links, since prune takes some of them away again;
        // the cache is in use by other tests.
        const modules = join(source, "node_modules");
        await mkdir(modules);
        const names = (await readdir(join(root, "node_modules"))).filter((name) => name !== ".cache");
        const from = names.map((name) => join(root, "node_modules", name));
        const linked = await run(["cp", "-al", ...from, modules], { timeoutMs: 120_000 });
        if (linked.code !== 0) {
          // Another file system.
          await rm(modules, { recursive: true, force: true });
          await mkdir(modules);
          await runOk(["cp", "-a", ...from, modules], { timeoutMs: 300_000 });
        }
        skipped.push(command);
      } else if (command.startsWith("chown") && process.getuid?.() !== 0) skipped.push(command);
      else {
        const placed = command.replaceAll(/(?<=[ >])\/out\b/g, out);
        await runOk(["sh", "-c", placed], {
          cwd: source,
          timeoutMs: 300_000,
          env: { HOME: process.env.HOME ?? "" },
        });
      }
    }
    console.log(`      not run: ${skipped.join("; ")}`);

    const kes = [process.execPath, join(out, "kes")] as const;
    expect(await runOk([...kes, "--version"])).to.match(/^Version/);
    const { code, stderr } = await run([...kes, "server", "probe", "--addr", "127.0.0.1:1"]);
    expect([code, stderr.includes("no answer from the health listener")]).to.deep.equal([1, true]);
    // As the image's entry point: Node where the first line of /kes says.
    expect(await readFile(join(out, "kes"), "utf8")).to.match(/^#!\/nodejs\/bin\/node\n/);
    expect((await stat(join(out, "kes"))).mode & 0o777).to.equal(0o755);
    expect((await stat(join(out, "keys"))).mode & 0o777).to.equal(0o700);

    const packages = await readdir(join(out, "opt/keswick/node_modules"));
    expect(packages).to.include.members(["undici", "yaml", "commander"]);
    expect(packages).to.not.include.members(["mocha"]);
    expect(packages).to.not.include.members(["typescript"]);
    const sbom: unknown = JSON.parse(await readFile(join(out, "opt/keswick/sbom.spdx.json"), "utf8"));
    expect(sbom).to.have.property("spdxVersion");
    const listed = (sbom as { readonly packages: readonly { readonly name: string }[] }).packages;
    const names = new Set(listed.map(({ name }) => name));
    const installed = await packagesIn(join(out, "opt/keswick/node_modules"));
    expect(installed.filter((name) => !names.has(name))).to.deep.equal([]);
    expect([...names].filter((name) => !installed.includes(name))).to.deep.equal(["keswick"]);

    // A whole server from the files of the image, in a folder of its own.
    const site = join(scratch, "site");
    await runOk([...kes, "init", site]);
    await symlink(site, join(scratch, "link"));
    await runOk([...kes, "server", "--config", join(site, "kes-config.yml"), "--check"]);
  });
});
