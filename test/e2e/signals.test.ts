import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { ApiClient } from "../support/api-client.js";
import { selfSigned } from "../support/certificates.js";
import { freePort, RunningProcess, until } from "../support/child-process.js";
import { LogFollower } from "../support/log-follower.js";
import { connectTls } from "../support/raw-http1.js";
import { kesProgram } from "../support/started-site.js";

const UP = "=> Server is up and running...";

describe("signals", function () {
  this.timeout(30_000);
  const certificate = selfSigned({ algorithm: "p256", sans: ["localhost", "127.0.0.1"] });
  const admin = selfSigned({ cn: "admin" });
  const app = selfSigned({ cn: "app" });
  let folder: string;
  let port: number;
  let server: RunningProcess;

  const configure = (policy: string): Promise<void> =>
    writeFile(
      join(folder, "kes.yml"),
      `address: 127.0.0.1:${port}\nadmin: { identity: ${admin.identity} }\n` +
        `tls: { key: server.key, cert: server.crt }\nkeystore: { fs: { path: keys } }\n${policy}\n`,
    );
  const statusOf = async (who: typeof admin): Promise<number> => {
    const client = new ApiClient("h1", port, who);
    return (await client.send({ method: "GET", path: "/v1/status" })).status;
  };

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "keswick-signals-"));
    port = await freePort();
    await writeFile(join(folder, "server.key"), certificate.keyPem, { mode: 0o600 });
    await writeFile(join(folder, "server.crt"), certificate.certPem);
    await configure("");
    const isReady = async ({ output }: RunningProcess): Promise<boolean> => output.includes(UP);
    server = await RunningProcess.start([...kesProgram, "server", "--config", "kes.yml"], isReady, {
      cwd: folder,
    });
  });
  after(async () => {
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it("S16 #19: the banner comes when the port answers, and not before", async () => {
    // No retry: the line was there, so the port must be.
    expect(await statusOf(admin)).to.equal(200);
    expect(server.output).to.match(/^Version {5}\S+ +commit=/m);
    expect(server.output).to.include(`· https://127.0.0.1:${port}\n`);
    expect(server.output).to.include("KMS         Filesystem: ");
  });

  it("SIGHUP brings a new policy into force, for connections that are open as well", async () => {
    expect(await statusOf(app)).to.equal(403);
    await configure(`policy: { app: { allow: [/v1/status], identities: [${app.identity}] } }`);
    server.signal("SIGHUP");
    await until("the reload to be announced", async () =>
      server.output.includes("=> Reloading configuration after SIGHUP signal completed."),
    );
    expect(await statusOf(app)).to.equal(200);
  });

  it("SIGHUP with a broken configuration changes nothing and says where it is broken", async () => {
    await configure("polcy: {}");
    server.signal("SIGHUP");
    await until("the failure to be told", async () =>
      server.output.includes("Failed to reload server config: "),
    );
    expect(server.output).to.match(/kes\.yml:5:1: polcy: .*policy/);
    expect(await statusOf(app)).to.equal(200);
  });

  it("SIGTERM ends log streams and idle connections, within the grace, with code 0", async () => {
    const follower = await LogFollower.open("h2", port, admin, "/v1/log/error");
    const idle = await connectTls(port, admin, { ALPNProtocols: ["http/1.1"] });
    const closed = new Promise((resolve) => idle.once("close", resolve));
    const started = performance.now();
    server.signal("SIGTERM");
    await Promise.all([follower.ended(), closed]);
    await until("the server to end", async () => server.hasEnded);
    // One second for active requests, and something for the process itself.
    expect(performance.now() - started).to.be.below(3_000);
    expect(await server.stop()).to.equal(0);
    expect(server.output).to.match(/\n=> Stopping server\.\.\. Goodbye\.\n/);
    follower.close();
  });
});
