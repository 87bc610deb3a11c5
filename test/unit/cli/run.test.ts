import { expect } from "chai";
import { type Command, CommandError, command } from "../../../src/cli/command.js";
import type { CommandTable } from "../../../src/cli/commands.js";
import { run } from "../../../src/cli/run.js";
import { ConfigError, KesError } from "../../../src/errors.js";
import { captured } from "../../support/captured-output.js";

/** Runs `argv` against a table of its own; what the command saw is in `seen`. */
async function play(argv: readonly string[], failure?: unknown) {
  const seen: unknown[] = [];
  const probe = (name: string): Command =>
    command({
      usage: `kes ${name} [-k] [--server ADDR] [WORD]...`,
      description: "A command for tests.",
      options: {
        insecure: { type: "boolean", short: "k", description: "Skip" },
        server: { type: "string", short: "s", value: "ADDR", description: "Server" },
        "api-key": { type: "string", description: "Secret" },
        ip: { type: "list", description: "Addresses" },
        old: { type: "boolean", description: "Gone", hidden: true },
      },
      args: [0, 2],
      async run(input) {
        if (failure !== undefined) throw failure;
        seen.push({ name, ...input });
        return name === "identity" ? 7 : undefined;
      },
    });
  const table: CommandTable = Object.fromEntries(
    ["key create", "key ls", "identity", "identity new"].map((name) => [
      name,
      { summary: `Does ${name}`, load: async () => probe(name) },
    ]),
  );
  const { context, stdout, stderr } = captured();
  const code = await run(argv, table, context);
  return { code, seen, out: stdout(), err: stderr() };
}

const none = { insecure: false, server: undefined, "api-key": undefined, ip: [], old: false };

describe("cli/run", () => {
  it("finds commands of one and of two words, the longer first", async () => {
    for (const [argv, name, args] of [
      [["key", "create", "a", "b"], "key create", ["a", "b"]],
      [["identity", "new", "x"], "identity new", ["x"]],
      [["identity", "x"], "identity", ["x"]],
      [["identity"], "identity", []],
    ] as const) {
      expect((await play(argv)).seen).to.deep.equal([{ name, args, options: none }]);
    }
    expect((await play(["identity"])).code).to.equal(7);
    expect((await play(["key", "ls"])).code).to.equal(0);
  });

  it("reads flags anywhere and in every form", async () => {
    const argv = [
      "key",
      "ls",
      "-k",
      "a",
      "--server=h:1",
      "--ip",
      "1,2",
      "--ip=3",
      "--api-key",
      "s",
      "--",
      "-k",
    ];
    const { seen } = await play(argv);
    const options = { insecure: true, server: "h:1", "api-key": "s", ip: ["1", "2", "3"], old: false };
    expect(seen).to.deep.equal([{ name: "key ls", args: ["a", "-k"], options }]);
  });

  it("reads short flags as KES's flag library does", async () => {
    for (const argv of [
      ["key", "ls", "-ks=h:1"],
      ["key", "ls", "-k=true", "-s=h:1"],
      ["key", "ls", "-ksh:1"],
    ]) {
      const { seen } = await play(argv);
      expect(seen).to.deep.equal([
        { name: "key ls", args: [], options: { ...none, insecure: true, server: "h:1" } },
      ]);
    }
  });

  it("shows nothing of a file's name that a terminal acts on", async () => {
    const failure = new CommandError("cannot read 'a\x1b[2J\x9b2J\u202eb'", {
      hints: ["look at 'a\x1b[2J'"],
    });
    const { err } = await play(["key", "ls"], failure);
    expect(err).to.equal("Error: cannot read 'a\\x1b[2J\\x9b2J\\u{202e}b'\nkes: look at 'a\\x1b[2J'\n");
  });

  const misuse: readonly [argv: readonly string[], error: string][] = [
    [["foo"], `"foo" is not a kes command. See 'kes --help'`],
    [["constructor"], `"constructor" is not a kes command. See 'kes --help'`],
    [["key", "foo"], `"foo" is not a key command. See 'kes key --help'`],
    [["--json"], "unknown flag: --json. See 'kes --help'"],
    [["key", "--json=1"], "unknown flag: --json. See 'kes key --help'"],
    [["key", "ls", "--x"], "unknown flag: --x. See 'kes key ls --help'"],
    [["key", "ls", "--x=1"], "unknown flag: --x. See 'kes key ls --help'"],
    [["key", "ls", "-kx"], "unknown shorthand flag: 'x' in -x. See 'kes key ls --help'"],
    [["key", "ls", "--server"], "flag needs an argument: --server. See 'kes key ls --help'"],
    [["key", "ls", "a", "b", "c"], "too many arguments. See 'kes key ls --help'"],
  ];
  for (const [argv, error] of misuse) {
    it(`kes ${argv.join(" ")}: exit 1, ${error}`, async () => {
      expect(await play(argv)).to.deep.equal({ code: 1, seen: [], out: "", err: `Error: ${error}\n` });
    });
  }

  it("shows usage on stderr with exit 2", async () => {
    for (const argv of [[], ["-h"], ["--help"], ["key"], ["key", "-h"], ["key", "ls", "--help"]]) {
      const { code, out, err } = await play(argv);
      expect([code, out], argv.join(" ")).to.deep.equal([2, ""]);
      expect(err).to.match(/^Usage:/);
    }
    expect((await play(["key"])).err)
      .to.include("key create")
      .and.not.include("identity");
    expect((await play(["key", "ls", "-h"])).err)
      .to.include("--server <ADDR>")
      .and.not.include("--old");
  });

  it("explains failures with exit 1, and shows a stack only for bugs", async () => {
    const config = new ConfigError([{ file: "a.yml", line: 2, message: "no" }]);
    const system = Object.assign(new Error("EACCES: permission denied"), { code: "EACCES", syscall: "open" });
    for (const [failure, text] of [
      [new CommandError("it failed"), "it failed"],
      [new KesError("KEY_EXISTS"), "key already exists"],
      [config, "a.yml:2: no"],
      [system, "EACCES: permission denied"],
    ] as const) {
      expect(await play(["key", "ls"], failure)).to.include({ code: 1, err: `Error: ${text}\n`, out: "" });
    }
    const bug = await play(["key", "ls"], new TypeError("oops"));
    expect(bug.code).to.equal(1);
    expect(bug.err).to.include("TypeError: oops\n    at ");
  });

  it("prints the version as four lines on stdout", async () => {
    for (const flag of ["-v", "--version"]) {
      const { code, out, err } = await play([flag]);
      expect([code, err]).to.deep.equal([0, ""]);
      expect(out.split("\n").map((line) => line.slice(0, 11))).to.deep.equal([
        "Version    ",
        "Runtime    ",
        "License    ",
        "Copyright  ",
        "",
      ]);
      expect(out).to.match(/^Version {4}\d+\.\d+\.\d+ +commit=(?:[0-9a-f]{40}|unknown)$/m);
      expect(out).to.include(`node${process.versions.node}`);
    }
  });
});
