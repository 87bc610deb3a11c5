/** `kes log` against real servers, as scripts and people run it. */
import { expect } from "chai";
import { RunningProcess, type RunResult, until } from "../support/child-process.js";
import { type CliRemote, startCliRemote, type Who } from "../support/cli-remote.js";
import { Relay } from "../support/relay.js";

describe("cli: log", function () {
  this.timeout(60_000);
  let remote: CliRemote;
  const running: RunningProcess[] = [];
  before(async () => {
    remote = await startCliRemote();
  });
  afterEach(async () => {
    for (const one of running.splice(0)) await one.stop();
  });
  after(() => remote?.close());

  /** Runs `kes log …` until it shows the request that it made itself by connecting. */
  async function follow(args: readonly string[], env: Record<string, string> = {}): Promise<RunningProcess> {
    const log = await RunningProcess.start(
      [process.execPath, remote.cli.main, "log", ...args],
      async ({ stdout }) => stdout !== "",
      { cwd: remote.folder, env: remote.env("admin", env) },
    );
    running.push(log);
    return log;
  }

  /** Runs `kes log …` to its end, while `happen` happens again and again, so that there is something to tell. */
  async function endless(args: readonly string[], happen: () => Promise<void>): Promise<RunResult> {
    let hasEnded = false;
    const ended = remote.kes(["log", ...args]).finally(() => {
      hasEnded = true;
    });
    await until("the end of the log", async () => {
      await happen();
      return hasEnded;
    });
    return ended;
  }

  async function shows(log: RunningProcess, text: string | RegExp): Promise<void> {
    const found = (): boolean =>
      typeof text === "string" ? log.stdout.includes(text) : text.test(log.stdout);
    await until(`'${text}' in:\n${log.stdout}${log.stderr}`, async () => found(), 10_000);
  }

  const request = (as: Who, ...args: string[]) => remote.kes(args, { as });

  it("prints KES's header and a row for each request, refused ones too", async () => {
    const log = await follow([]);
    expect(log.stdout).to.match(/^Time {8}Status {4}Identity {16}IP {17}API {31}Latency\n/);
    await request("admin", "key", "create", "log-1");
    await request("stranger", "key", "create", "log-2");
    await shows(log, "log-2");
    const row = (who: Who, code: number, name: string): RegExp =>
      new RegExp(
        `^\\d\\d:\\d\\d:\\d\\d {4}${code} {7}${remote.identities[who].slice(0, 19)}… {4}127\\.0\\.0\\.1 {10}/v1/key/create/${name} +\\d[\\d.]*(µs|ms|s)$`,
        "m",
      );
    expect(log.stdout).to.match(row("admin", 200, "log-1"));
    expect(log.stdout).to.match(row("stranger", 403, "log-2"));
  });

  it("--json prints the events in the wire's form", async () => {
    const log = await follow(["--json"]);
    await request("admin", "key", "create", "log-3");
    await shows(log, "log-3");
    const events = log.stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    const event = events.find(({ request: { path } }) => path === "/v1/key/create/log-3");
    expect(event.time).to.match(/^\d{4}-\d\d-\d\dT.*Z$/);
    expect(event.request).to.include({ ip: "127.0.0.1", identity: remote.identities.admin });
    expect(event.response.code).to.equal(200);
    // Nanoseconds: a request over TLS takes more than a microsecond, and less than the test may.
    expect(event.response.time).to.be.within(1_000, 60e9);
  });

  it("shows what fits the filters alone, and ends after so many", async () => {
    const { code, stdout } = await endless(
      [
        ...["--json", "--count", "2", "--status", "4xx", "--path", "/v1/key/*"],
        ...["--identity", remote.identities.stranger.slice(0, 12)],
      ],
      async () => {
        await request("admin", "key", "info", "missing");
        await request("stranger", "status");
        await request("stranger", "key", "info", "any");
      },
    );
    expect(code).to.equal(0);
    const events = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(events).to.have.length(2);
    for (const { request: asked, response } of events) {
      expect(asked).to.include({ path: "/v1/key/describe/any", identity: remote.identities.stranger });
      expect(response.code).to.equal(403);
    }
  });

  it("ends at Ctrl-C with 1, and at a termination as shells have it, saying nothing", async () => {
    for (const [signal, code] of [
      ["SIGINT", 1],
      ["SIGTERM", 143],
    ] as const) {
      const log = await follow([]);
      log.signal(signal);
      expect(await log.ended).to.equal(code);
      expect(log.stderr).to.equal("");
    }
  });

  it("ends quietly when nobody reads any more", async () => {
    const log = await follow([]);
    log.closeOutput();
    await until("the end", async () => {
      await request("admin", "status");
      return log.hasEnded;
    });
    expect(await log.ended).to.equal(0);
  });

  it("notes a lost connection and makes it again", async () => {
    const relay = await Relay.to(remote.server.port);
    try {
      const log = await follow([], { MINIO_KES_SERVER: `127.0.0.1:${relay.port}` });
      relay.breakAll();
      await until("the connection to be back", async () => log.stderr.includes("connected again"));
      expect(log.stderr.split("\n")[0]).to.match(
        new RegExp(`^kes: 127\\.0\\.0\\.1:${relay.port}: log stream lost: .*; connecting again$`),
      );
      await request("admin", "key", "create", "log-4");
      await shows(log, "log-4");
    } finally {
      await relay.stop();
    }
  });

  it("merges several servers, each named", async () => {
    const relay = await Relay.to(remote.server.port);
    try {
      const servers = [remote.server.port, relay.port].map((port) => `127.0.0.1:${port}`);
      const log = await follow([], { MINIO_KES_SERVER: servers.join(",") });
      expect(log.stdout).to.match(/^Server +Time /);
      await until("both to be connected", async () => {
        await request("admin", "status");
        return servers.every((server) => new RegExp(`^${server} .* /v1/status `, "m").test(log.stdout));
      });
      const json = await follow(["--json"], { MINIO_KES_SERVER: servers.join(",") });
      await until("both in JSON", async () => {
        await request("admin", "status");
        return servers.every((server) => json.stdout.includes(`{"server":"${server}","time":`));
      });
    } finally {
      await relay.stop();
    }
  });

  it("follows the error log", async () => {
    const { code, stdout } = await endless(["--error", "--count", "1"], async () => {
      remote.server.server.errorLog.error("a disk is full\x1b[2J");
    });
    expect(code).to.equal(0);
    expect(stdout).to.match(/^time=\S+ level=ERROR msg="a disk is full\\x1b\[2J"\n$/);
  });

  it("says what is wrong with how it was called, and who may not look", async () => {
    const both = await remote.kes(["log", "--audit", "--error"]);
    expect(both.stderr).to.equal("Error: cannot display audit and error logs at the same time\n");
    const filtered = await remote.kes(["log", "--error", "--status", "4xx"]);
    expect(filtered.stderr).to.equal("Error: '--status' filters the audit log alone\n");
    const refused = await remote.kes(["log"], { as: "stranger" });
    expect({ code: refused.code, stdout: refused.stdout }).to.deep.equal({ code: 1, stdout: "" });
    expect(refused.stderr)
      .to.match(/^Error: not authorized: insufficient permissions\n/)
      .and.include("'/v1/log/audit'");
  });
});
