import { createServer, type Server } from "node:net";
import { expect } from "chai";
import { MemoryKeystore } from "../../keystores/memory/store.js";
import { serverProbeCommand } from "../../src/cli/commands/server-probe.js";
import { run as runCommand } from "../../src/cli/run.js";
import { KesError } from "../../src/errors.js";
import { captured } from "../support/captured-output.js";
import { freePort } from "../support/child-process.js";
import { testHttp } from "../support/http-engine.js";
import { startTestServer, type TestServer } from "../support/test-server.js";

class SwitchedKeystore extends MemoryKeystore {
  isOut = false;
  override async status(): Promise<void> {
    if (this.isOut) throw new KesError("KEYSTORE_UNREACHABLE");
  }
}

/** What `kes server probe` with `args` says and ends with. */
async function probe(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const { context, stdout, stderr } = captured();
  const table = { "server probe": { summary: "", load: async () => serverProbeCommand } };
  const code = await runCommand(["server", "probe", ...args], table, context);
  return { code, stdout: stdout(), stderr: stderr() };
}

describe("health checks", function () {
  this.timeout(20_000);
  const keystore = new SwitchedKeystore();
  let server: TestServer;
  let addr: string;
  before(async () => {
    const port = await freePort();
    addr = `127.0.0.1:${port}`;
    server = await startTestServer({
      keystore,
      config: {
        server: {
          watch: "off",
          http: testHttp,
          graceMs: 1_000,
          proxyProtocol: [],
          health: { host: "127.0.0.1", port },
        },
      },
    });
  });
  after(() => server.close());

  it("kes server probe tells a server that is alive, and one that is ready", async () => {
    expect(await probe("--addr", addr)).to.deep.equal({ code: 0, stdout: "live\n", stderr: "" });
    expect(await probe("--addr", addr, "--ready")).to.deep.equal({ code: 0, stdout: "ready\n", stderr: "" });
  });

  it("leaves no record and no line", async () => {
    const before = server.stdout() + server.stderr();
    await probe("--addr", addr, "--ready");
    expect(server.stdout() + server.stderr()).to.equal(before);
  });

  it("a keystore that cannot be reached makes a server unready, not dead", async () => {
    keystore.isOut = true;
    try {
      // An answer holds for a second.
      const deadline = performance.now() + 5_000;
      let last = await probe("--addr", addr, "--ready");
      while (last.code === 0 && performance.now() < deadline) last = await probe("--addr", addr, "--ready");
      expect(last).to.deep.equal({ code: 1, stdout: "", stderr: "Error: the server is not ready\n" });
      expect((await probe("--addr", addr)).code).to.equal(0);
    } finally {
      keystore.isOut = false;
    }
  });

  it("says what is wrong where there is none, or something else", async () => {
    const free = await freePort();
    const none = await probe("--addr", `127.0.0.1:${free}`);
    expect(none.code).to.equal(1);
    expect(none.stderr).to.match(
      /^Error: no answer from the health listener at 127\.0\.0\.1:\d+: connection refused\n/,
    );
    expect(none.stderr).to.include("server.health.address");
    // The key API's own port speaks TLS, and says so.
    const other = await probe("--addr", `127.0.0.1:${server.port}`);
    expect(other.code).to.equal(1);
    expect(other.stderr).to.include("is no health listener: it answered 400");
  });

  it("waits as long as it was told", async () => {
    const silent: Server = createServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    const address = silent.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const { code, stderr } = await probe("--addr", `127.0.0.1:${port}`, "--timeout", "100ms");
    silent.close();
    expect(code).to.equal(1);
    expect(stderr).to.match(/^Error: no answer from the health listener at 127\.0\.0\.1:\d+: waited 100 ms/);
  });

  for (const args of [
    ["--addr", "localhost:1"],
    ["--addr", "1"],
    ["--timeout", "0s"],
    ["--timeout", "x"],
    ["x"],
  ]) {
    it(`refuses ${args.join(" ")}`, async () => {
      const { code, stdout, stderr } = await probe(...args);
      expect([code, stdout]).to.deep.equal([1, ""]);
      expect(stderr).to.match(/^Error: /);
    });
  }

  it("is gone when the server has stopped", async () => {
    const port = await freePort();
    const health = { host: "", port };
    const one = await startTestServer({
      config: { server: { watch: "off", http: testHttp, graceMs: 1_000, proxyProtocol: [], health } },
    });
    expect((await probe("--addr", `:${port}`)).code).to.equal(0);
    expect((await probe("--addr", `[::1]:${port}`)).code).to.equal(0);
    await one.close();
    expect((await probe("--addr", `:${port}`)).code).to.equal(1);
  });
});
