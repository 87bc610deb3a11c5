import { expect } from "chai";
import { command } from "../../../../src/cli/command.js";
import type { CommandTable } from "../../../../src/cli/commands.js";
import { candidatesOf, wordsOf } from "../../../../src/cli/completion/candidates.js";
import { run } from "../../../../src/cli/run.js";
import { captured } from "../../../support/captured-output.js";

const entry = (usage: string) => ({
  summary: "",
  load: async () =>
    command({
      usage,
      description: "",
      options: {
        color: { type: "string", value: "WHEN", choices: ["auto", "always", "never"], description: "" },
        ca: { type: "string", value: "PATH", description: "" },
        server: { type: "list", short: "s", value: "HOST", description: "" },
        json: { type: "boolean", description: "" },
        enclave: { type: "string", description: "", hidden: true },
      },
      args: [0, 9],
      run: async () => {
        throw new Error("completion runs no command");
      },
    }),
});
const table: CommandTable = {
  "key create": entry("kes key create [-s HOST] NAME..."),
  "key ls": entry("kes key ls [PATTERN]"),
  identity: entry("kes identity [FILE]"),
  "identity new": entry("kes identity new"),
  completion: entry("kes completion bash|zsh"),
  help: entry("kes help [COMMAND]..."),
};
const flags = ["--color", "--ca", "--server", "--json", "--help"];

describe("cli/completion/candidates", () => {
  const cases: readonly [line: string, candidates: readonly string[]][] = [
    ["kes ", ["key", "identity", "completion", "help"]],
    ["kes", ["key", "identity", "completion", "help"]],
    ["kes k", ["key"]],
    ["kes -", ["--help", "--version", "--auto-completion"]],
    ["kes key ", ["create", "ls"]],
    ["kes key c", ["create"]],
    ["kes key -", ["--help"]],
    ["kes key create ", []],
    ["kes key create -", flags],
    ["kes key create my-key --j", ["--json"]],
    ["kes key create --json -", ["--color", "--ca", "--server", "--help"]],
    ["kes key create --server a -", ["--color", "--ca", "--server", "--json", "--help"]],
    ["kes key create --color ", ["auto", "always", "never"]],
    ["kes key create --color a", ["auto", "always"]],
    ["kes key create --color=al", ["always"]],
    ["kes key create --ca ", []],
    ["kes key create -s -", []],
    ["kes identity ", ["new"]],
    ["kes identity n", ["new"]],
    ["kes identity --js", ["--json"]],
    ["kes identity new x ", []],
    ["kes completion z", ["zsh"]],
    ["kes help k", ["key"]],
    ["kes help key cr", ["create"]],
    ["kes constructor ", []],
    ["kes nonsense -", []],
    ['kes key create "my key" --j', ["--json"]],
    ["kes key create my\\ key --j", ["--json"]],
  ];
  for (const [line, candidates] of cases) {
    it(`${line}| → ${candidates.join(" ") || "nothing"}`, async () => {
      expect(await candidatesOf(wordsOf({ COMP_LINE: line }), table)).to.deep.equal(candidates);
    });
  }

  it("reads the line up to the cursor", () => {
    expect(wordsOf({ COMP_LINE: "kes key create --json", COMP_POINT: "9" })).to.deep.equal({
      before: ["key"],
      current: "c",
    });
    expect(wordsOf({ COMP_LINE: "kes key", COMP_POINT: "nonsense" }).current).to.equal("key");
  });

  it("answers in the place of any command, in bash and zsh only", async () => {
    const ask = async (env: Record<string, string>) => {
      const { context, stdout, stderr } = captured({ env });
      const code = await run(["key", "create"], { help: entry("kes help") }, context);
      return [code, stdout(), stderr().split("\n")[0]];
    };
    const answer = [0, "help\n", ""];
    expect(await ask({ COMP_LINE: "kes h", SHELL: "/bin/bash" })).to.deep.equal(answer);
    expect(await ask({ COMP_LINE: "kes h", SHELL: "/usr/bin/zsh" })).to.deep.equal(answer);
    const usual = [1, "", `Error: "key" is not a kes command. See 'kes --help'`];
    expect(await ask({ COMP_LINE: "kes h", SHELL: "/usr/bin/fish" })).to.deep.equal(usual);
    expect(await ask({ SHELL: "/bin/bash" })).to.deep.equal(usual);
  });
});
