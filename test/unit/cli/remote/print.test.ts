import { expect } from "chai";
import { formatDate, printJson, printNames, printValues } from "../../../../src/cli/remote/print.js";
import { styleOf } from "../../../../src/cli/style.js";
import { captured } from "../../../support/captured-output.js";

const UNDERLINED = "\x1b[4mKey\x1b[24m";

function names(
  list: readonly string[],
  options: { json?: boolean; isTTY?: boolean; color?: string },
): string {
  const { context, stdout, stderr } = captured({ isTTY: options.isTTY ?? false });
  const { output } = context;
  printNames(output, styleOf(output, options.color), "Key", list, options.json ?? false);
  expect(stderr()).to.equal("");
  return stdout();
}

describe("cli/remote/print", () => {
  it("prints names below a header, and nothing for none", () => {
    expect(names(["a", "b"], {})).to.equal("Key\na\nb\n");
    expect(names(["a", "b"], { isTTY: true })).to.equal(`${UNDERLINED}\na\nb\n`);
    expect(names(["a"], { color: "ALWAYS" })).to.equal(`${UNDERLINED}\na\n`);
    expect(names(["a"], { color: "never", isTTY: true })).to.equal("Key\na\n");
    expect(names([], { isTTY: true })).to.equal("");
  });

  it("prints names as an array and nothing else", () => {
    expect(names(["a", "b"], { json: true })).to.equal('["a","b"]\n');
    expect(names(["a", "b"], { json: true, isTTY: true, color: "always" })).to.equal('["a","b"]\n');
    expect(names([], { json: true })).to.equal("[]\n");
  });

  it("prints values as one JSON object without line end, and labelled on a terminal", () => {
    const [pipe, terminal] = [captured(), captured({ isTTY: true })];
    const values = { plaintext: "AA==", ciphertext: "BB==" };
    printValues(pipe.context.output, values);
    printValues(terminal.context.output, values);
    expect(pipe.stdout()).to.equal('{"plaintext":"AA==","ciphertext":"BB=="}');
    expect(terminal.stdout()).to.equal("\nplaintext:  AA==\nciphertext: BB==\n");
    printValues(terminal.context.output, { hmac: "CC==" });
    expect(terminal.stdout()).to.match(/\n\nhmac: CC==\n$/);
  });

  it("prints JSON on one line, indented on a terminal", () => {
    const [pipe, terminal] = [captured(), captured({ isTTY: true })];
    printJson(pipe.context.output, { a: 1, b: "x" });
    printJson(terminal.context.output, { a: 1, b: "x" });
    expect(pipe.stdout()).to.equal('{"a":1,"b":"x"}\n');
    expect(terminal.stdout()).to.equal('{\n  "a": 1,\n  "b": "x"\n}\n');
  });

  it("prints dates in the zone that they were sent in", () => {
    expect(formatDate("2024-01-12T10:39:20.886816Z")).to.equal("2024-01-12 10:39:20");
    expect(formatDate("2024-01-12T10:39:20+05:30")).to.equal("2024-01-12 10:39:20");
    expect(formatDate("0001-01-01T00:00:00Z")).to.equal("0001-01-01 00:00:00");
    expect(formatDate("")).to.equal("");
  });
});
