/** `kes status --all` and `kes log --all`: every address behind a name is a node. */
import { expect } from "chai";
import { widthOf } from "../../src/cli/terminal/text.js";
import { freePort, RunningProcess, until } from "../support/child-process.js";
import { type CliRemote, startCliRemote } from "../support/cli-remote.js";
import { type FakeDns, fakeDns } from "../support/fake-dns.js";

describe("cli: all nodes behind a name", function () {
  this.timeout(60_000);
  let remote: CliRemote;
  let dns: FakeDns;
  let port: number;
  let env: Record<string, string>;
  before(async () => {
    // It answers at 127.0.0.1 and 127.0.0.2, and nothing does at ::1.
    remote = await startCliRemote({ config: { address: { host: "0.0.0.0", port: 0 } } });
    ({ port } = remote.server);
    dns = await fakeDns({ "kes.test": ["127.0.0.1", "127.0.0.2", "::1"], "two.test": ["127.0.0.2"] });
    env = { ...dns.env, MINIO_KES_SERVER: `kes.test:${port}` };
  });
  after(async () => {
    await remote?.close();
    await dns?.remove();
  });

  it("status has a row for each, and fails for the one that is down", async () => {
    const { code, stdout, stderr } = await remote.kes(["status", "--all"], { env });
    const lines = stdout.split("\n");
    expect(lines[0]).to.match(/^Node +Status +Version +Uptime +Latency +Heap +Keystore$/);
    const up = (address: string): RegExp =>
      new RegExp(`^${address}:${port} +up +0\\.0\\.0-test +\\d+s +(< 1|\\d+)ms +[\\d.]+MB +ok, `);
    expect(lines[1]).to.match(up("127\\.0\\.0\\.1"));
    expect(lines[2]).to.match(up("127\\.0\\.0\\.2"));
    expect(lines[3]).to.match(new RegExp(`^\\[::1\\]:${port} +down$`));
    expect(stdout).to.include(`\n\n[::1]:${port}: cannot reach key server https://kes.test:${port}: `);
    expect(stderr).to.match(new RegExp(`^Error: 1 of 3 servers failed to answer: \\[::1\\]:${port}\n`));
    expect(code).to.equal(1);
    for (const line of lines.slice(0, 4)) expect(widthOf(line)).to.be.at.most(80);
  });

  it("status --json has an object for each, with its name even if there is one", async () => {
    const several = await remote.kes(["status", "--all", "--json"], { env });
    const rows = several.stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(rows.map(({ server }) => server)).to.deep.equal(
      ["127.0.0.1", "127.0.0.2", "[::1]"].map((address) => `${address}:${port}`),
    );
    expect(rows[2]).to.have.all.keys("server", "error");
    const one = await remote.kes(["status", "--all", "--json", `127.0.0.1:${port}`]);
    expect(one.code).to.equal(0);
    expect(JSON.parse(one.stdout)).to.include({ server: `127.0.0.1:${port}`, version: "0.0.0-test" });
  });

  it("status shows a single node that is down and one that refuses", async () => {
    const dead = `127.0.0.1:${await freePort()}`;
    const down = await remote.kes(["status", "--all", dead]);
    expect(down.code).to.equal(1);
    expect(down.stdout).to.match(/^Node.*\n127\.0\.0\.1:\d+ +down\n\n127\.0\.0\.1:\d+: cannot reach/);
    const refused = await remote.kes(["status", "--all"], { as: "stranger" });
    expect(refused.code).to.equal(1);
    expect(refused.stdout).to.match(/ refused\n\n127\.0\.0\.1:\d+: not authorized/);
  });

  it("log merges all, names each, and goes on without the one that is down", async () => {
    const log = await RunningProcess.start(
      [process.execPath, remote.cli.main, "log", "--all", "--json"],
      async ({ stdout, stderr }) => stdout !== "" && stderr !== "",
      { cwd: remote.folder, env: remote.env("admin", env) },
    );
    try {
      const nodes = ["127.0.0.1", "127.0.0.2"].map((address) => `${address}:${port}`);
      await until("both to be followed", async () => {
        await remote.kes(["status"]);
        return nodes.every((node) => log.stdout.includes(`{"server":"${node}","time":`));
      });
      expect(log.stderr).to.match(
        new RegExp(
          `^kes: \\[::1\\]:${port}: down, and tried again now and then: cannot reach key server https://kes\\.test:${port}`,
        ),
      );
      const times = log.stdout
        .trimEnd()
        .split("\n")
        .map((line) => Date.parse(JSON.parse(line).time));
      expect(times).to.deep.equal([...times].sort((a, b) => a - b));
      log.signal("SIGINT");
      expect(await log.ended).to.equal(1);
    } finally {
      await log.stop();
    }
  });

  it("log fails when no node is up", async () => {
    const dead = [`127.0.0.1:${await freePort()}`, `127.0.0.2:${await freePort()}`];
    const several = await remote.kes(["log", "--all", "-s", dead.join(",")]);
    expect({ code: several.code, stdout: several.stdout }).to.deep.equal({ code: 1, stdout: "" });
    for (const server of dead) expect(several.stderr).to.include(`kes: ${server}: down`);
    const one = await remote.kes(["log", "--all", "-s", dead[0] ?? ""]);
    expect(one.code).to.equal(1);
    expect(one.stderr).to.match(/^Error: cannot reach key server/);
  });
});
