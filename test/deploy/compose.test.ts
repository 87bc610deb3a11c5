import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect } from "chai";
import { parse } from "yaml";
import { run, runOk } from "../support/child-process.js";
import { requireService } from "../support/services/index.js";
import { kesProgram } from "../support/started-site.js";

const root = resolve(import.meta.dirname, "../..");
const folder = join(root, "deploy/compose");
const read = (name: string): Promise<string> => readFile(join(folder, name), "utf8");

interface Service {
  readonly image: string;
  readonly command?: readonly string[];
  readonly volumes: readonly string[];
  readonly read_only: boolean;
  readonly cap_drop: readonly string[];
  readonly networks: readonly string[];
  readonly healthcheck?: { readonly test: readonly string[] };
}

describe("deploy/compose", function () {
  this.timeout(60_000);
  let services: Readonly<Record<string, Service>>;
  let scratch: string;
  before(async () => {
    const file: unknown = parse(await read("compose.yml"), { merge: true, strict: true });
    services = (file as { readonly services: Readonly<Record<string, Service>> }).services;
    scratch = await mkdtemp(join(tmpdir(), "keswick-compose-"));
  });
  after(() => rm(scratch, { recursive: true, force: true }));

  it("has three key servers and HAProxy, with no rights and nothing to write to", () => {
    expect(Object.keys(services)).to.deep.equal(["kes1", "kes2", "kes3", "haproxy"]);
    for (const service of Object.values(services)) {
      expect(service.read_only).to.equal(true);
      expect(service.cap_drop).to.deep.equal(["ALL"]);
      expect(service.networks).to.deep.equal(["kes"]);
    }
  });

  it("mounts files that are there, and asks the health listener that is configured", async () => {
    for (const { volumes } of Object.values(services)) {
      for (const volume of volumes) {
        const [from = ""] = volume.split(":");
        // Made by 'kes init'.
        if (from !== "./site") await read(from);
      }
    }
    const config: unknown = parse(await read("kes-config.yml"));
    expect(config).to.have.nested.property("server.health.address", "0.0.0.0:7374");
    expect(services.kes1?.healthcheck?.test).to.deep.equal([
      ...["CMD", "/kes", "server", "probe", "--addr", "127.0.0.1:7374", "--ready"],
    ]);
  });

  it("its servers' configuration works with what 'kes init' makes", async () => {
    const site = join(scratch, "site");
    await runOk([...kesProgram, "init", "--dns", "localhost", site], { cwd: scratch });
    const text = (await read("kes-config.yml"))
      .replaceAll("/site/", `${site}/`)
      .replaceAll("/opt/keswick/", `${root}/`)
      .replace("0.0.0.0:7374", "127.0.0.1:0");
    const file = join(scratch, "kes-config.yml");
    await writeFile(file, text);
    const { code, stdout, stderr } = await run([...kesProgram, "server", "--config", file, "--check"]);
    expect(code, stdout + stderr).to.equal(0);
    expect(stderr).to.not.include("warning");
  });

  it("HAProxy takes its configuration", async function () {
    const program = requireService(this, "haproxy");
    const { code, stdout, stderr } = await run([program, "-c", "-f", join(folder, "haproxy.cfg")]);
    expect(code, stdout + stderr).to.equal(0);
  });

  it("HAProxy's configuration is that of deploy/haproxy but for names", async () => {
    const rules = (text: string): string[] =>
      text
        .replaceAll(/10\.0\.0\.1([123]):7373/g, "kes$1:7373")
        .replaceAll(" init-addr last,libc,none resolvers docker", "")
        .split("\n")
        .filter((line) => /^\s/.test(line) && !line.trim().startsWith("#"));
    const own = rules((await read("haproxy.cfg")).replace(/^resolvers[\s\S]*?\n\n/m, ""));
    expect(own).to.deep.equal(rules(await readFile(join(root, "deploy/haproxy/passthrough.cfg"), "utf8")));
  });
});
