import { spawn } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { readFolder } from "../../src/cli/init/folder.js";
import { layoutOf } from "../../src/cli/init/layout.js";
import { certificatesOfPem, identityOfCertificate } from "../../src/identity/certificate.js";
import { isDnsName } from "../../src/identity/issue.js";
import { type RunResult, run } from "../support/child-process.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const program = ["--import", import.meta.resolve("tsx"), join(root, "src/cli/main.ts")];

describe("kes init, as a process", () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), "keswick-e2e-init-"));
  });
  afterEach(() => rm(dir, { recursive: true, force: true }));

  const kes = (...argv: string[]): Promise<RunResult> =>
    run([process.execPath, ...program, ...argv], { cwd: dir });

  const identityIn = async (name: string): Promise<string> => {
    const [der] = certificatesOfPem(await readFile(join(dir, "kes", name), "utf8"));
    return identityOfCertificate(der);
  };

  it("makes a folder with the names that were asked for, and refuses to do it twice", async () => {
    const flags = ["--ip", "10.1.2.3,2001:db8::1", "--dns=kes.example", "--expiry", "48h"];
    const { code, stdout, stderr } = await kes("init", "kes", ...flags);
    expect([code, stderr]).to.deep.equal([0, ""]);
    expect(stdout)
      .to.include(await identityIn("admin.crt"))
      .and.include(await identityIn("client.crt"));
    expect(stdout).to.include("kes server --config kes/kes-config.yml\n");
    expect(await readdir(join(dir, "kes"))).to.have.members([
      ...["server.key", "server.crt", "admin.key", "admin.crt", "client.key", "client.crt"],
      ...["audit.key", "audit.pub", "keys", "policies", "kes-config.yml"],
    ]);
    const shipped = await readFile(join(root, "policies", "minio.yml"), "utf8");
    expect(await readFile(join(dir, "kes", "policies", "minio.yml"), "utf8")).to.equal(shipped);

    const server = new X509Certificate(await readFile(join(dir, "kes", "server.crt")));
    const host = isDnsName(hostname()) && hostname() !== "localhost" ? [`DNS:${hostname()}`] : [];
    expect(server.subjectAltName?.split(", ")).to.deep.equal([
      ...["DNS:localhost", ...host, "DNS:kes.example", "IP Address:127.0.0.1", "IP Address:0:0:0:0:0:0:0:1"],
      ...["IP Address:10.1.2.3", "IP Address:2001:DB8:0:0:0:0:0:1"],
    ]);
    const hoursLeft = (Date.parse(server.validTo) - Date.now()) / 3_600_000;
    expect(hoursLeft).to.be.within(47.9, 48);

    const again = await kes("init", "kes");
    expect([again.code, again.stdout]).to.deep.equal([1, ""]);
    expect(again.stderr).to.match(
      /^Error: '.*\/kes' is complete already, nothing was changed: .*server\.key/,
    );
  });

  it("names .keswick when no folder is named", async () => {
    expect((await kes("init")).code).to.equal(0);
    expect(await readdir(dir)).to.deep.equal([".keswick"]);
  });

  it("leaves nothing half when killed after any file, and a further run completes it", async () => {
    const folder = join(dir, "kes");
    const layout = await layoutOf(folder);
    const order = ["server", "admin", "client"].flatMap((name) => [`${name}.key`, `${name}.crt`]);
    order.push("audit.key", "audit.pub");
    let kills = 0;
    for (const name of order) {
      const before = await listing(folder);
      const child = spawn(process.execPath, [...program, "init", "kes"], {
        cwd: dir,
        stdio: "ignore",
        env: {},
      });
      const exit = once(child, "exit");
      const deadline = Date.now() + 15_000;
      while (child.exitCode === null && !(await listing(folder)).includes(name)) {
        if (Date.now() > deadline) break;
        await nextTurn();
      }
      child.kill("SIGKILL");
      const [, signal] = await exit;
      if (signal === "SIGKILL") kills++;
      expect(await listing(folder)).to.include.members([...before, name]);
    }
    expect(kills).to.be.greaterThan(0);

    const { code, stderr } = await kes("init", "kes");
    if (code !== 0) expect(stderr).to.include("is complete already");
    await readFolder(layout);
    expect((await stat(layout.keyFile.server)).mode & 0o777).to.equal(0o600);
    expect((await kes("init", "kes")).stderr).to.include("is complete already");
  });
});

/** The finished files: what a killed run was still writing has a name of its own. */
async function listing(path: string): Promise<string[]> {
  const names = await readdir(path).catch(() => []);
  return names.filter((name) => !name.startsWith("."));
}
