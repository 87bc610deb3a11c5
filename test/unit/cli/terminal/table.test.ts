import { expect } from "chai";
import { type Column, tableLines } from "../../../../src/cli/terminal/table.js";
import { widthOf } from "../../../../src/cli/terminal/text.js";

const columns: readonly Column[] = [
  { title: "NAME", shrink: "end", minWidth: 6 },
  { title: "PATH", shrink: "middle", minWidth: 8 },
  { title: "N", align: "right" },
  { title: "MORE", align: "right", dropOrder: 1 },
];
const rows = [
  ["short", "/v1/key/create/a", "7", "1"],
  ["a-name-that-is-long", "/v1/key/generate/some-other-key", "1234", "22"],
];

describe("cli/terminal/table", () => {
  it("gives each column the width of its longest cell when there is room", () => {
    expect(tableLines(columns, rows, 200)).to.deep.equal([
      "NAME                 PATH                                N  MORE",
      "short                /v1/key/create/a                    7     1",
      "a-name-that-is-long  /v1/key/generate/some-other-key  1234    22",
    ]);
    expect(tableLines(columns, rows, Number.POSITIVE_INFINITY)).to.deep.equal(tableLines(columns, rows, 200));
  });

  it("never exceeds the width while columns can shrink, and never cuts a figure", () => {
    for (let width = 24; width < 70; width++) {
      const lines = tableLines(columns, rows, width);
      expect(Math.max(...lines.map(widthOf)), `${width}`).to.be.at.most(width);
      expect(lines[2]).to.include("1234");
    }
  });

  it("drops columns when even the narrowest does not fit", () => {
    const [heading] = tableLines(columns, rows, 23);
    expect(heading).to.not.include("MORE");
    expect(tableLines(columns, rows, 40)[0]).to.include("MORE");
  });

  it("fills the room up to a limit", () => {
    const filled: Column[] = [
      { title: "A", shrink: "end", fill: 20 },
      { title: "B", align: "right" },
    ];
    expect(tableLines(filled, [["x", "1"]], 15)[1]).to.equal(`x${" ".repeat(13)}1`);
    expect(tableLines(filled, [["x", "1"]], 100)[1]).to.equal(`x${" ".repeat(21)}1`);
  });

  it("styles a cell after it was cut, so that no sequence is cut in two", () => {
    const red = (text: string): string => `\x1b[31m${text}\x1b[39m`;
    const [, row] = tableLines(columns, [[{ text: "a-name-that-is-long", style: red }, "/x", "1", "2"]], 28);
    expect(row?.startsWith("\x1b[31ma-name")).to.equal(true);
    expect(row).to.include("…\x1b[39m");
    expect(widthOf(row ?? "")).to.equal(28);
  });

  it("has a heading even without rows", () => {
    expect(tableLines(columns, [], 80)).to.deep.equal(["NAME  PATH  N  MORE"]);
  });
});
