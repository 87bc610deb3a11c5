/** `kes server --dev`: nothing on disk, a fresh admin in the banner, on loopback. */
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { ApiKey } from "../../src/identity/api-key.js";
import { ApiClient } from "../support/api-client.js";
import { selfSigned, type TestCertificate } from "../support/certificates.js";
import { freePort, RunningProcess, run, until } from "../support/child-process.js";
import { kesProgram } from "../support/started-site.js";

const UP = "=> Server is up and running...";

describe("kes server --dev", function () {
  this.timeout(60_000);
  let folder: string;
  let port: number;
  let server: RunningProcess | undefined;

  const start = (...flags: string[]): Promise<RunningProcess> =>
    RunningProcess.start(
      [...kesProgram, "server", "--dev", ...flags],
      async (running) => running.output.includes(UP),
      { cwd: folder },
    );

  /** The certificate that a client makes from the API key in the banner. */
  const adminOf = ({ output }: RunningProcess): TestCertificate => {
    const text = /^API Key +(kes:v1:\S+)$/m.exec(output)?.[1] ?? "";
    return selfSigned({ cn: "admin", key: ApiKey.parse(text).privateKey });
  };

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "keswick-dev-"));
    port = await freePort();
  });
  afterEach(async () => {
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it("lets the API key of the banner in, and nobody else", async () => {
    server = await start("--addr", `127.0.0.1:${port}`);
    const admin = new ApiClient("h1", port, adminOf(server));
    await admin.ok("PUT", "/v1/key/create/one");
    expect(await admin.ok("GET", "/v1/key/list/")).to.deep.equal({ names: ["one"] });
    const stranger = new ApiClient("h1", port, selfSigned({ cn: "stranger" }));
    expect((await stranger.send({ method: "GET", path: "/v1/status" })).status).to.equal(403);
    // Without a certificate the handshake fails, so there is no answer at all.
    const nobody = await new ApiClient("h1", port).send({ method: "GET", path: "/version" });
    expect(nobody.status).to.equal(0);
  });

  it("keeps nothing: neither files nor keys nor the admin", async () => {
    server = await start("--addr", `127.0.0.1:${port}`);
    const before = adminOf(server);
    await new ApiClient("h1", port, before).ok("PUT", "/v1/key/create/one");
    expect(await server.stop()).to.equal(0);
    expect(await readdir(folder)).to.deep.equal([]);

    server = await start("--addr", `127.0.0.1:${port}`);
    expect(
      (await new ApiClient("h1", port, before).send({ method: "GET", path: "/v1/status" })).status,
    ).to.equal(403);
    const admin = new ApiClient("h1", port, adminOf(server));
    expect(await admin.ok("GET", "/v1/key/list/")).to.deep.equal({ names: [] });
  });

  it("S16 #19: lives on after SIGHUP", async () => {
    const running = await start("--addr", `127.0.0.1:${port}`);
    server = running;
    running.signal("SIGHUP");
    await until("the note on SIGHUP", async () => running.output.includes("SIGHUP signal ignored"));
    await new ApiClient("h1", port, adminOf(running)).ok("GET", "/v1/ready");
  });

  it("listens on loopback unless told otherwise", async () => {
    // The port may be taken on this machine; the refusal names the address as well as the banner does.
    const said = await start().then(
      async (running) => {
        server = running;
        return running.output;
      },
      (error: Error) => error.message,
    );
    expect(said).to.match(/· https:\/\/127\.0\.0\.1:7373\n|cannot listen on 127\.0\.0\.1:7373/);
  });

  it("takes no configuration", async () => {
    const { code, stderr } = await run([...kesProgram, "server", "--dev", "--config", "kes.yml"], {
      cwd: folder,
    });
    expect([code, stderr]).to.deep.equal([
      1,
      "Error: '--config' flag is not supported in development mode\n",
    ]);
  });
});
