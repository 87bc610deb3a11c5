import { expect } from "chai";
import { commands } from "../../../src/cli/commands.js";
import { usageText } from "../../../src/cli/help.js";

const long = Array.from({ length: 30 }, (_, i) => `word${i}`).join(" ");
const load = async () => {
  throw new Error("help loads no command");
};

describe("cli/help", () => {
  it("shows every command of the table once, within 80 columns", () => {
    const lines = usageText(commands).split("\n");
    for (const name of Object.keys(commands)) {
      expect(lines.filter((line) => line.startsWith(`  ${name}  `)).length, name).to.equal(1);
    }
    expect(lines.filter((line) => line.length > 80)).to.deep.equal([]);
  });

  it("breaks long summaries between words and loses none", () => {
    const text = usageText({ "key create": { summary: long, load }, status: { summary: "Short", load } });
    expect(text.split("\n").filter((line) => line.length > 80)).to.deep.equal([]);
    expect(text.replace(/\s+/g, " ")).to.include(long);
  });

  it("has the same sections whatever the order of the table", () => {
    const table = {
      status: { summary: "S", load },
      unheard: { summary: "U", load },
      "key ls": { summary: "K", load },
    };
    expect(usageText(table).match(/^\S.*:$/gm)).to.deep.equal([
      "Usage:",
      "Keys:",
      "Running servers:",
      "This program:",
      "Options:",
    ]);
  });

  it("shows of a group what belongs to it", () => {
    const text = usageText(
      { "key ls": { summary: "One", load }, "policy ls": { summary: "Two", load } },
      "key",
    );
    expect(text).to.match(/^Usage:\n {2}kes key COMMAND/);
    expect(text).to.match(/^ {2}key ls +One$/m);
    expect(text).not.to.include("Two");
    expect(text).not.to.include("--version");
  });

  it("shows of a group that is a command, too, the other commands alone: its own help stands before", () => {
    const table = {
      identity: { summary: "One", load },
      "identity new": { summary: "Two", load },
      "key ls": { summary: "Three", load },
    };
    expect(usageText(table, "identity")).to.equal("Further commands:\n  identity new  Two\n");
  });
});
