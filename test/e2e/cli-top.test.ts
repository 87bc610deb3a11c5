/** `kes top` and `kes metric` against a real server, in pipes and on a real terminal. */
import { expect } from "chai";
import { until } from "../support/child-process.js";
import { type CliRemote, startCliRemote, type Who } from "../support/cli-remote.js";
import { Screen } from "../support/screen.js";
import { Terminal, type TerminalOptions } from "../support/terminal.js";

describe("cli: top and metric", function () {
  this.timeout(60_000);
  let remote: CliRemote;
  let terminal: Terminal | undefined;
  before(async () => {
    remote = await startCliRemote();
    expect((await remote.kes(["key", "create", "my-key"])).code).to.equal(0);
  });
  after(async () => {
    terminal?.stop();
    await remote?.close();
  });

  /** Runs `kes …` in a pipe to its end, while requests of the app go on. */
  async function endless(args: readonly string[], as: Who = "admin") {
    let hasEnded = false;
    const ended = remote.kes(args, { as }).finally(() => {
      hasEnded = true;
    });
    await until("the end", async () => {
      await remote.kes(["key", "dek", "my-key"], { as: "app" });
      await remote.kes(["key", "dek", "forbidden"], { as: "app" });
      return hasEnded;
    });
    return ended;
  }

  describe("in a pipe", () => {
    it("metric prints one object a reading, with the members of KES's client", async () => {
      const { code, stdout, stderr } = await remote.kes(["metric", "--rate", "200ms", "--count", "2"]);
      expect({ code, stderr }).to.deep.equal({ code: 0, stderr: "" });
      const readings = stdout
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line));
      expect(readings).to.have.length(2);
      for (const reading of readings) {
        expect(Object.keys(reading)).to.deep.equal([
          ...["success", "error", "failure", "active"].map((name) => `kes_http_request_${name}`),
          ...["kes_log_audit_events", "kes_log_error_events", "kes_http_response_time"],
          ...["up_time", "num_cpu", "num_cpu_used", "num_threads"].map((name) => `kes_system_${name}`),
          ...["heap_used", "heap_objects", "stack_used"].map((name) => `kes_system_mem_${name}`),
        ]);
        expect(reading.kes_http_request_success).to.be.at.least(1);
        expect(reading.kes_http_response_time).to.have.property("10000000").that.is.a("number");
      }
      const [first = 0, second = 0] = readings.map(({ kes_system_up_time: ns }) => ns / 1e6);
      // The server rounds its figure to hundredths, and a busy machine shortens the pause between two answers.
      expect(second - first).to.be.within(1, 20_000);
    });

    it("top prints lines of key=value: all, by route, by identity", async () => {
      const { code, stdout, stderr } = await endless(["top", "--rate", "3s", "--count", "1"]);
      expect({ code, stderr }).to.deep.equal({ code: 0, stderr: "" });
      const [total = "", ...rows] = stdout.trimEnd().split("\n");
      expect(total).to.match(/^time=\S+Z servers=1\/1 requests=[\d.]+ 4xx=[\d.]+ 5xx=0 active=\d+ p50_ms=/);
      expect(total).to.match(/ cache_hits=[\d.]+ cache_misses=[\d.]+ keystore_ms=\d+ keystores_down=0$/);
      const generated = rows.find((row) => row.includes(" route=/v1/key/generate/ "));
      expect(generated).to.match(/ requests=0*\.?[\d.]*[1-9]/);
      expect(generated).to.match(/ 4xx=0*\.?[\d.]*[1-9]/);
      expect(rows.some((row) => row.includes(` identity=${remote.identities.app} `))).to.equal(true);
      // What it asks itself is not counted.
      expect(stdout).to.not.match(/route=\/v1\/(metrics|status|log)/);
    });

    it("says what it may not see; fails when that is everything", async () => {
      for (const command of ["top", "metric"]) {
        const { code, stdout, stderr } = await remote.kes([command], { as: "stranger" });
        expect({ code, stdout }).to.deep.equal({ code: 1, stdout: "" });
        expect(stderr).to.match(/^Error: not authorized: insufficient permissions\nkes: .*'\/v1\//);
      }
    });

    it("refuses rates and counts that are none", async () => {
      for (const [args, message] of [
        [["top", "--rate", "1x"], 'invalid argument "1x" for "--rate" flag: time: invalid duration "1x"'],
        [["top", "--rate", "1ms"], 'invalid argument "1ms" for "--rate" flag: shorter than 200ms'],
        [["metric", "--rate", "0"], 'invalid argument "0" for "--rate" flag: shorter than 100ms'],
        [["metric", "--rate", "25h"], 'invalid argument "25h" for "--rate" flag: longer than 24h'],
        [["metric", "-n", "0"], 'invalid argument "0" for "--count" flag: not a number above 0'],
      ] as const) {
        const { code, stderr } = await remote.kes(args);
        expect({ code, stderr }).to.deep.equal({ code: 1, stderr: `Error: ${message}\n` });
      }
    });
  });

  describe("on a terminal", () => {
    before(function () {
      terminal = Terminal.start(this);
    });

    async function play(
      line: string,
      { columns = 80, rows = 24, answers = [] }: Pick<TerminalOptions, "columns" | "rows" | "answers">,
    ) {
      if (terminal === undefined) throw new Error("no terminal");
      const env = { ...remote.env("admin"), PATH: `${remote.cli.bin}:${process.env.PATH ?? ""}` };
      const where = { cwd: remote.folder, env, columns, rows, answers };
      const { code, output } = await terminal.run(["sh", "-c", line], where);
      const screen = new Screen(columns, rows);
      screen.write(output);
      // What was to be seen just before the terminal was given back.
      const live = new Screen(columns, rows);
      live.write(output.slice(0, output.lastIndexOf("\x1b[?1049l")));
      return { code, output, screen, live: await live.lines() };
    }

    for (const [columns, rows] of [
      [80, 24],
      [140, 40],
    ] as const) {
      it(`top fills ${columns} by ${rows} and leaves the terminal as it was`, async () => {
        const answers = [{ to: "?\x1b[22m \x1b[2mhelp", type: "q" }];
        const { code, screen, live } = await play("kes top --rate 200ms; echo end $?", {
          columns,
          rows,
          answers,
        });
        expect(code).to.equal(0);
        expect(live[0])
          .to.match(/^kes top {2}127\.0\.0\.1:\d+/)
          .and.have.length(columns);
        expect(live[1]).to.match(/^Requests /);
        expect(live.at(-1)).to.equal("q quit   p pause   s sort: requests   ? help");
        expect(await screen.isAsFound()).to.equal(true);
        expect(await screen.lines()).to.include("end 0");
      });
    }

    it("top sorts, pauses, helps", async () => {
      const foot = (sort: string): string => `\x1b[2msort: ${sort}`;
      const { code, output } = await play("kes top --rate 200ms", {
        answers: [
          { to: foot("requests"), type: "s" },
          { to: foot("errors"), type: "s" },
          { to: foot("latency"), type: "p" },
          { to: "paused", type: "?" },
          { to: "this help, and back", type: "q" },
        ],
      });
      expect(code).to.equal(0);
      expect(output).to.include("go on");
    });

    it("gives the terminal back after Ctrl-C and after signals, with their exit codes", async () => {
      const typed = await play("kes top --rate 200ms; echo end $?", {
        answers: [{ to: "sort: requests", type: "\x03" }],
      });
      expect(await typed.screen.isAsFound()).to.equal(true);
      expect(await typed.screen.lines()).to.include("end 1");
      // Nothing but the picture tells that it runs, and that goes to the terminal: hence a pause before the signal.
      for (const [signal, ending] of [
        ["TERM", "end 143"],
        ["HUP", "end 129"],
        ["QUIT", "end 131"],
      ] as const) {
        const { screen } = await play(
          `kes top --rate 200ms & pid=$!; sleep 2; kill -${signal} $pid; wait $pid; echo end $?`,
          {},
        );
        expect(await screen.isAsFound(), signal).to.equal(true);
        expect((await screen.lines()).join("\n")).to.include(ending);
      }
    });

    it("comes back after Ctrl-Z", async () => {
      const { code, output, screen } = await play("kes top --rate 200ms", {
        answers: [
          { to: "sort: requests", type: "\x1a" },
          { to: "sort: requests", type: "q" },
        ],
      });
      expect(code).to.equal(0);
      expect(output.split("\x1b[?1049h")).to.have.length(3);
      expect(await screen.isAsFound()).to.equal(true);
    });

    it("shows an error on the terminal, not on a screen that is gone", async () => {
      const { code, screen } = await play(
        "MINIO_KES_CERT_FILE=stranger.crt MINIO_KES_KEY_FILE=stranger.key kes top",
        {},
      );
      expect(code).to.equal(1);
      expect(await screen.isAsFound()).to.equal(true);
      expect((await screen.lines()).join("\n")).to.include("Error: not authorized: insufficient permissions");
    });

    it("metric leaves its last table behind", async () => {
      const { code, screen } = await play("kes metric --rate 200ms", {
        answers: [{ to: "Log events", type: "q" }],
        rows: 40,
      });
      expect(code).to.equal(0);
      expect(await screen.isAsFound()).to.equal(true);
      const lines = await screen.lines();
      expect(lines[0]).to.match(/^127\.0\.0\.1:\d+$/);
      expect(lines.join("\n")).to.match(/^ {2}Requests +Count +Share +Rate$/m);
      expect(lines.join("\n")).to.match(/^ {2}Success +\d+ +[\d.]+% +/m);
    });
  });
});
