import { expect } from "chai";
import type { CommandTable } from "../../../src/cli/commands.js";
import { nearest, nearestCommands } from "../../../src/cli/suggest.js";

const load = async () => {
  throw new Error("a suggestion loads no command");
};
const table: CommandTable = Object.fromEntries(
  ["key create", "key ls", "key rm", "key dek", "policy ls", "identity", "identity new", "status", "log"].map(
    (name) => [name, { summary: "", load }],
  ),
);

describe("cli/suggest", () => {
  const cases: readonly [word: string, group: string | undefined, near: readonly string[]][] = [
    ["kye", undefined, []],
    ["keys", undefined, ["kes key"]],
    ["stauts", undefined, ["kes status"]],
    ["stat", undefined, ["kes status"]],
    ["create", undefined, ["kes key create"]],
    ["ls", undefined, ["kes key ls", "kes policy ls"]],
    ["xyzzy", undefined, []],
    ["craete", "key", ["kes key create"]],
    ["delete", "key", ["kes key rm"]],
    ["list", "key", ["kes key ls"]],
    ["generate", "key", ["kes key dek"]],
    ["delete", "policy", []],
    ["constructor", "key", []],
    ["k".repeat(100_000), undefined, []],
  ];
  for (const [word, group, near] of cases) {
    it(`${group ?? "kes"} ${word.slice(0, 20)}: ${near.join(", ") || "nothing"}`, () => {
      expect(nearestCommands(word, table, group)).to.deep.equal(near);
    });
  }

  it("gives three at most, the nearest first", () => {
    const known = ["abcdxy", "abcdef1", "abcdez", "abcxyf", "zzz"];
    expect(nearest("abcdef", known)).to.deep.equal(["abcdef1", "abcdez", "abcdxy"]);
  });
});
