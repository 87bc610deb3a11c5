/** The documents of the command line are what its table makes, and the table is complete. */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { expect } from "chai";
import type { CommandInfo } from "../../src/cli/command.js";
import { commands } from "../../src/cli/commands.js";
import { run } from "../../src/cli/run.js";
import { captured } from "../support/captured-output.js";
import { parseMarkdown } from "../support/markdown.js";
import { requireService } from "../support/services/index.js";
import { parseSession } from "../support/session-file.js";
import { root } from "./cli-documents/facts.js";
import { cliDocuments } from "./cli-documents/files.js";

const reference: { commands: Record<string, string[]> } = JSON.parse(
  readFileSync(join(import.meta.dirname, "cli-documents/kes-flags.json"), "utf8"),
);
const document = readFileSync(join(root, "docs/cli.md"), "utf8");
const tables = parseMarkdown("docs/cli.md", document).tables;

describe("the documents of the command line", () => {
  it("are up to date (npm run docs:cli writes them)", async () => {
    for (const { file, text } of await cliDocuments()) {
      expect(readFileSync(file, "utf8"), relative(root, file)).to.equal(text);
    }
  });

  it("hold a manual page that groff takes without a warning", function () {
    const groff = requireService(this, "groff");
    const { status, stderr, stdout } = spawnSync(groff, ["-man", "-Tutf8", "-ww", join(root, "docs/kes.1")], {
      encoding: "utf8",
    });
    expect([status, stderr]).to.deep.equal([0, ""]);
    for (const name of Object.keys(commands)) expect(stdout).to.include(`kes ${name}`);
    // So that silence means something.
    const broken = spawnSync(groff, ["-man", "-Tutf8", "-ww"], { input: ".XX\n", encoding: "utf8" });
    expect(broken.stderr).to.include("XX");
  });
});

describe("the table of commands", () => {
  const infos = new Map<string, CommandInfo>();
  before(async () => {
    for (const [name, { load }] of Object.entries(commands)) infos.set(name, (await load()).info);
  });

  /** Every info that breaks a rule, with what breaks it. */
  function wrong(rule: (info: CommandInfo, name: string) => string | undefined): string[] {
    return [...infos].flatMap(([name, info]) => {
      const what = rule(info, name);
      return what === undefined ? [] : [`${name}: ${what}`];
    });
  }

  it("has a description and an example of every command, which begins with its name", () => {
    expect(
      wrong((info, name) => {
        if (!`${info.name} `.startsWith(`kes ${name} `)) return `is called ${info.name}`;
        if (!/^[A-Z].*\.$/s.test(info.description)) return "no sentence as description";
        if (info.examples.length === 0) return "no example";
        return info.examples.find((line) => !line.includes(`kes ${name}`));
      }),
    ).to.deep.equal([]);
  });

  it("describes every flag, in a line that does not end with a full stop", () => {
    expect(
      wrong(({ options }) => {
        const bad = Object.entries(options).find(
          ([, { description }]) => !/^[A-Z].*[^.]$/s.test(description),
        );
        return bad?.[0];
      }),
    ).to.deep.equal([]);
  });

  it("gives no letter to two flags of a command, and a name to every value", () => {
    expect(
      wrong(({ options }) => {
        const letters = Object.values(options).flatMap(({ short }) => short ?? []);
        if (new Set(letters).size < letters.length) return `letters ${letters.join(" ")}`;
        const unnamed = Object.entries(options).find(
          ([, { type, value, hidden }]) => type !== "boolean" && value === undefined && !hidden,
        );
        return unnamed?.[0];
      }),
    ).to.deep.equal([]);
  });

  it("has summaries of one line without full stop", () => {
    const bad = Object.entries(commands).filter(([, { summary }]) => !/^[A-Z][^\n]*[^.]$/.test(summary));
    expect(bad.map(([name]) => name)).to.deep.equal([]);
  });

  it("has help that fits into 80 columns, examples aside", async () => {
    const wide: string[] = [];
    for (const name of Object.keys(commands)) {
      const { context, stderr } = captured();
      expect(await run([...name.split(" "), "--help"], commands, context)).to.equal(2);
      const lines = stderr()
        .split("\n")
        .filter((line) => !line.startsWith("  $ "));
      wide.push(...lines.filter((line) => line.length > 80).map((line) => `${name}: ${line}`));
    }
    expect(wide).to.deep.equal([]);
  });

  for (const [name, flags] of Object.entries(reference.commands)) {
    it(`takes every flag that KES has: kes ${name} ${flags.join(" ")}`, () => {
      const options = Object.entries(infos.get(name)?.options ?? {});
      const taken = options.flatMap(([long, { short }]) => [`--${long}`, `-${short}`]);
      const missing = flags.filter((flag) => !taken.includes(flag));
      expect(infos.has(name)).to.equal(true);
      expect(missing).to.deep.equal([]);
    });
  }
});

describe("the comparison with KES in docs/cli.md", () => {
  const rows = [...(tables.get("kes-flags") ?? []), ...(tables.get("kes-output") ?? [])];
  const ids = rows.map(([id = ""]) => id.replaceAll("`", ""));

  it("has a row for every command of KES, with every flag", () => {
    const told = Object.fromEntries(
      (tables.get("kes-flags") ?? []).map(([, command = "", flags = ""]) => [
        command.replaceAll("`", "").replace(/^kes /, ""),
        [...flags.matchAll(/(?<![\w-])-{1,2}[a-z][a-z-]*/g)].map(([flag]) => flag).sort(),
      ]),
    );
    const expected = Object.entries(reference.commands).map(([name, flags]) => [name, [...flags].sort()]);
    expect(told).to.deep.equal(Object.fromEntries(expected));
  });

  it("says of each row 'same', or which defect of KES or which reason explains the difference", () => {
    const bad = rows.filter((cells) => !/^same(?:$|;)|\(#\d+\)|\(own\)/.test(cells.at(-1) ?? ""));
    expect(bad.map(([id]) => id)).to.deep.equal([]);
  });

  it("has a step of a session under test/cli/ for each row, and no step without its row", () => {
    const folder = join(root, "test/cli");
    const proved = readdirSync(folder)
      .filter((name) => name.endsWith(".txt"))
      .flatMap((name) => parseSession(name, readFileSync(join(folder, name), "utf8")))
      .flatMap(({ row }) => row ?? []);
    expect([...new Set(proved)].sort()).to.deep.equal(ids.sort());
    expect(new Set(ids).size).to.equal(ids.length);
  });
});
