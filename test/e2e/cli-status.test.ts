/** `kes status` as scripts and people run it: a process of its own, a real server. */
import { expect } from "chai";
import { widthOf } from "../../src/cli/terminal/text.js";
import { freePort } from "../support/child-process.js";
import { type CliRemote, startCliRemote } from "../support/cli-remote.js";
import { Terminal } from "../support/terminal.js";

describe("cli: status", function () {
  this.timeout(60_000);
  let remote: CliRemote;
  let server: string;
  let dead: string;
  before(async () => {
    remote = await startCliRemote({
      config: {
        certificates: [
          {
            ...{ use: "policy.minio", file: "client.crt", identity: "a".repeat(64) as never },
            notAfterMs: Date.now() + 3.5 * 86_400_000,
          },
        ],
      },
    });
    server = `127.0.0.1:${remote.server.port}`;
    dead = `127.0.0.1:${await freePort()}`;
  });
  after(() => remote?.close());

  it("prints KES's lines, in a pipe without colours", async () => {
    const { code, stdout, stderr } = await remote.kes(["status"]);
    expect({ code, stderr }).to.deep.equal({ code: 0, stderr: "" });
    const labels = stdout.split("\n").map((line) => line.slice(2, 13).trimEnd());
    expect(labels.slice(1)).to.deep.equal([
      ...["Version", "Uptime", "Latency", "OS", "CPUs", "Memory", "", "Keystore", "Certificate", ""],
    ]);
    expect(stdout).to.match(new RegExp(`^● ${server}\n {2}Version {5}0\\.0\\.0-test\n`));
    expect(stdout).to.match(/^ {2}Uptime {6}\d+ seconds?$/m);
    expect(stdout).to.match(/^ {2}Latency {5}(< 1|\d+)ms$/m);
    expect(stdout).to.match(/^ {2}OS {10}\w+\/\w+$/m);
    expect(stdout).to.match(/^ {2}Memory {6}Heap {2}\d+\.\dMB\n {14}Stack /m);
    expect(stdout).to.match(/^ {2}Keystore {4}ok, (< 1|\d+)ms$/m);
    expect(stdout).to.match(/^ {2}Certificate ends in 3d 1[12]h +\d{4}-\d\d-\d\d {2}policy\.minio a{64}$/m);
  });

  it("--json passes the server's members on", async () => {
    const { code, stdout } = await remote.kes(["status", "--json"]);
    expect(code).to.equal(0);
    expect(stdout).to.match(/^\{.*\}\n$/);
    expect(JSON.parse(stdout)).to.include.keys(
      ...["version", "os", "arch", "uptime", "num_cpu", "num_cpu_used", "mem_heap_used"],
      ...["mem_stack_used", "keystore_latency"],
    );
    expect(JSON.parse(stdout)).to.not.have.any.keys("keystore_unreachable", "keystore_unavailable", "server");
  });

  it("--api lists the routes, --api --json is their array", async () => {
    const table = await remote.kes(["status", "--api"]);
    expect(table.stdout).to.match(/^ {2}Method {2}API +Timeout$/m);
    expect(table.stdout).to.match(/^ {2}GET {5}\/v1\/log\/audit +Inf$/m);
    expect(table.stdout).to.match(/^ {2}PUT {5}\/v1\/key\/create\/ +15s$/m);
    const rows: unknown = JSON.parse((await remote.kes(["status", "--api", "--json"])).stdout);
    expect(rows).to.deep.include({ method: "GET", path: "/version", max_body: 0, timeout: 10 });
  });

  it("-s is one line, --color always colours it", async () => {
    expect((await remote.kes(["status", "-s"])).stdout).to.equal(`● ${server}\n`);
    const { stdout } = await remote.kes(["status", "--short", "--color", "always"]);
    expect(stdout).to.equal(`\x1b[32m●\x1b[39m \x1b[1m${server}\x1b[22m\n`);
  });

  it("shows every server, and fails when one of them is down", async () => {
    const { code, stdout, stderr } = await remote.kes(["status", server, dead]);
    expect(code).to.equal(1);
    expect(stdout)
      .to.include(`● ${server}\n  Version`)
      .and.include(`● ${dead} down\n  cannot reach key server`);
    expect(stderr).to.match(new RegExp(`^Error: 1 of 2 servers failed to answer: ${dead}\n`));
    const json = await remote.kes(["status", "--json", "--server", `${server},${dead}`]);
    expect(json.code).to.equal(1);
    const [first, second] = json.stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(first).to.include({ server, version: "0.0.0-test" });
    expect(second).to.have.all.keys("server", "error").and.include({ server: dead });
  });

  it("says why there is nothing to show", async () => {
    const down = await remote.kes(["status", dead]);
    expect({ code: down.code, stdout: down.stdout }).to.deep.equal({ code: 1, stdout: "" });
    expect(down.stderr).to.match(
      /^Error: cannot reach key server https:\/\/127\.0\.0\.1:\d+: connection refused/,
    );
    expect(down.stderr).to.include(`kes: the command line names https://${dead}: is that`);
    const refused = await remote.kes(["status"], { as: "stranger" });
    expect(refused.code).to.equal(1);
    expect(refused.stderr)
      .to.match(/^Error: not authorized: insufficient permissions\n/)
      .and.include("'/v1/status'")
      .and.include(remote.identities.stranger);
  });

  it("has colours on a terminal, and stays within its width", async function () {
    const terminal = Terminal.start(this);
    try {
      const env = remote.env("admin");
      const args = [process.execPath, remote.cli.main, "status", server, dead] as const;
      const { code, output } = await terminal.run(args, { cwd: remote.folder, env, columns: 60 });
      expect(code).to.equal(1);
      expect(output).to.include(`\x1b[32m●\x1b[39m \x1b[1m${server}`).and.include("\x1b[31mdown");
      const stdout = output.slice(0, output.indexOf("Error:"));
      for (const line of stdout.split("\n")) expect(widthOf(line), line).to.be.at.most(60);
      const plain = await terminal.run(args, { cwd: remote.folder, env: { ...env, NO_COLOR: "1" } });
      expect(plain.output).to.not.include("\x1b[");
    } finally {
      terminal.stop();
    }
  });
});
