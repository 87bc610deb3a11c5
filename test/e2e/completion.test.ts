/** The scripts of `kes completion`, and `kes --auto-completion`, in the shells that they are for. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { commands } from "../../src/cli/commands.js";
import { type CompletionModel, completionModel } from "../../src/cli/completion/model.js";
import { type BuiltCli, builtCli } from "../support/built-cli.js";
import { run, runOk } from "../support/child-process.js";
import { CleanUp } from "../support/clean-up.js";
import { requireService } from "../support/services/index.js";
import { Terminal } from "../support/terminal.js";

describe("completion", function () {
  this.timeout(60_000);
  const cleanUp = new CleanUp();
  let cli: BuiltCli;
  let dir: string;
  let path: string;
  let model: CompletionModel;
  let commandLines: string[];

  before(async () => {
    cli = await builtCli();
    dir = await mkdtemp(join(tmpdir(), "keswick-completion-"));
    cleanUp.add(() => rm(dir, { recursive: true, force: true }));
    path = `${cli.bin}:${process.env.PATH ?? ""}`;
    await writeFile(join(dir, "some file.pem"), "");
    for (const shell of ["bash", "zsh", "fish"]) {
      await writeFile(join(dir, shell), await runOk(["kes", "completion", shell], { env: { PATH: path } }));
    }
    model = await completionModel(commands);
    commandLines = Object.keys(commands);
  });
  after(() => cleanUp.run());

  it("is refused for another shell", async () => {
    const { code, stderr } = await run(["kes", "completion", "csh"], { env: { PATH: path } });
    expect([code, stderr.split("\n")[0]]).to.deep.equal([1, "Error: there is no completion for 'csh'"]);
  });

  /** A line typed up to its last word, and what must be offered for that word. */
  const cases: readonly [line: readonly string[], offers: readonly string[]][] = [
    [["serv"], ["server"]],
    [["--vers"], ["--version"]],
    [["server", "--che"], ["--check"]],
    [
      ["completion", ""],
      ["bash", "fish", "zsh"],
    ],
    [["completion", "z"], ["zsh"]],
    [["server", "--addr", ""], []],
    [["nonsense", ""], []],
  ];

  describe("in bash", () => {
    /** What the function offers, `FILES` where it leaves the word to bash's own completion of files. */
    async function offers(...words: string[]): Promise<string[]> {
      const script = [
        `. ${dir}/bash`,
        "rest=FILES",
        // The real one works during a completion alone.
        'compopt() { if [ "$*" = "+o default" ]; then rest=""; fi; }',
        'COMP_WORDS=(kes "$@"); COMP_CWORD=$#; _kes',
        `if [ "\${#COMPREPLY[@]}" = 0 ]; then echo "$rest"; else printf '%s\\n' "\${COMPREPLY[@]}"; fi`,
      ].join("\n");
      const out = await runOk(["bash", "-euc", script, "bash", ...words], { cwd: dir });
      return out.split("\n").filter(Boolean).sort();
    }

    it("is registered", async () => {
      expect(await runOk(["bash", "-c", `. ${dir}/bash; complete -p kes`])).to.equal(
        "complete -o default -F _kes kes\n",
      );
    });

    for (const [words, expected] of cases) {
      it(`offers ${expected.join(" ") || "nothing"} for kes ${words.join(" ")}`, async () => {
        expect(await offers(...words)).to.deep.equal(expected);
      });
    }

    it("offers every command, every flag of each, and files where they belong", async () => {
      expect(await offers("")).to.deep.equal(model.firstWords.map(({ word }) => word).sort());
      for (const [group, below] of model.groups) {
        const words = below.map(({ word }) => word).sort();
        expect(await offers(group, ""), group).to.include.members(words);
      }
      for (const { name, flags } of model.commands) {
        const typed = name.split(" ");
        expect(await offers(...typed, "--"), name).to.deep.equal(flags.map(({ long }) => `--${long}`).sort());
        for (const { long, value } of flags) {
          if (value === undefined) continue;
          const { place } = value;
          const expected =
            place.kind === "words" ? [...place.words].sort() : place.kind === "files" ? ["FILES"] : [];
          expect(await offers(...typed, `--${long}`, ""), `${name} --${long}`).to.deep.equal(expected);
          // `--flag=` arrives as two words, the last of them `=`.
          expect(await offers(...typed, `--${long}`, "="), `${name} --${long}=`).to.deep.equal(expected);
        }
      }
    });
  });

  describe("typed at a terminal", () => {
    let terminal: Terminal;
    before(function () {
      terminal = Terminal.start(this);
      cleanUp.add(async () => terminal.stop());
    });

    /** Types `line`, then the tab key, and runs the line that stands there then. @returns what it printed */
    async function typed(
      shell: readonly [string, ...string[]],
      setUp: string,
      line: string,
    ): Promise<string> {
      await writeFile(join(dir, "set-up"), `PS1='ready> '\n${setUp}\nkes() { echo "<<$*>>"; exit; }\n`);
      const { output } = await terminal.run(shell, {
        cwd: dir,
        env: { PATH: path, HOME: dir, INPUTRC: "/dev/null" },
        answers: [
          { to: "", type: `. ${dir}/set-up\n` },
          { to: "ready> ", type: `kes ${line}\t\n` },
        ],
      });
      return /<<(.*)>>\n/.exec(output)?.[1] ?? output;
    }

    const lines: readonly [line: string, completed: string][] = [
      ["serv", "server"],
      ["completion f", "completion fish"],
      ["server --conf", "server --config"],
      ["server --config some", "server --config some file.pem"],
    ];
    for (const [line, completed] of lines) {
      it(`bash completes kes ${line}`, async () => {
        const out = await typed(["bash", "--norc", "--noprofile", "-i"], `. ${dir}/bash`, line);
        expect(out.trim()).to.equal(completed);
      });

      it(`zsh completes kes ${line}`, async function () {
        requireService(this, "zsh");
        const setUp = `autoload -U compinit; compinit -u -d ${dir}/dump; . ${dir}/zsh`;
        expect((await typed(["zsh", "-f", "-i"], setUp, line)).trim()).to.equal(completed);
      });
    }

    it("bash completes by asking kes itself after kes --auto-completion", async () => {
      const env = { PATH: path, HOME: dir, SHELL: "/bin/bash" };
      await runOk(["kes", "--auto-completion"], { env });
      const setUp = `export SHELL=/bin/bash; . ${dir}/.bashrc`;
      const out = await typed(["bash", "--norc", "--noprofile", "-i"], setUp, "server --conf");
      expect(out.trim()).to.equal("server --config");
    });
  });

  describe("in zsh", () => {
    it("has no fault of syntax, as a file of fpath either", async function () {
      requireService(this, "zsh");
      await runOk(["zsh", "-f", "-n", join(dir, "zsh")]);
    });
  });

  describe("in fish", () => {
    async function offers(line: string): Promise<string[]> {
      const script = `source ${dir}/fish; complete -C '${line}'`;
      const out = await runOk(["fish", "--no-config", "-c", script], { cwd: dir, env: { HOME: dir } });
      return out
        .split("\n")
        .filter(Boolean)
        .map((row) => row.split("\t")[0] ?? "")
        .sort();
    }

    for (const [words, expected] of cases) {
      it(`offers ${expected.join(" ") || "nothing"} for kes ${words.join(" ")}`, async function () {
        requireService(this, "fish");
        expect(await offers(`kes ${words.join(" ")}`)).to.deep.equal(expected);
      });
    }

    it("offers every command and its flags", async function () {
      requireService(this, "fish");
      expect(await offers("kes ")).to.deep.equal(model.firstWords.map(({ word }) => word).sort());
      for (const name of commandLines) {
        const flags = model.commands.find((one) => one.name === name)?.flags ?? [];
        expect(await offers(`kes ${name} --`), name).to.deep.equal(
          flags.map(({ long }) => `--${long}`).sort(),
        );
      }
    });
  });
});
