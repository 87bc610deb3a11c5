import { expect } from "chai";
import { compare, parseSession, type Step, visibleText } from "../support/session-file.js";

const steps = (...lines: string[]): Step[] => parseSession("a.txt", lines.join("\n"));
/** Whether `actual` on standard output is what `lines` expect. */
function matches(lines: readonly string[], actual: string, variables: Record<string, string> = {}): boolean {
  const [step] = steps("$ x", ...lines);
  return compare(step?.expected ?? [], actual, variables).matches;
}

describe("session files", () => {
  it("hold commands with what they print and how they end", () => {
    const [first, second] = steps(
      "# A comment.",
      "# [row-1] Another.",
      "$ one",
      "> two",
      "out",
      "",
      "more",
      "! err",
      "!",
      "? 2",
      "",
      "# [row-2]",
      "@terminal",
      "$ three",
      "@pipe",
      "\\$ out",
      "< Really? [y/N] yes",
      "",
    );
    expect(first).to.deep.equal({
      line: 3,
      command: "one\ntwo",
      row: "row-1",
      code: 2,
      answers: [],
      expected: [
        { stream: "stdout", text: "out" },
        { stream: "stdout", text: "" },
        { stream: "stdout", text: "more" },
        { stream: "stderr", text: "err" },
        { stream: "stderr", text: "" },
      ],
    });
    expect(second).to.deep.equal({
      line: 14,
      command: "three",
      row: "row-2",
      only: "terminal",
      code: 0,
      answers: [{ to: "Really? [y/N]", type: "yes\r" }],
      expected: [{ stream: "stdout", text: "$ out", only: "pipe" }],
    });
  });

  it("are refused where they cannot be read", () => {
    expect(() => steps("out before any command")).to.throw("a.txt:1");
    expect(() => steps("$ x", "<dat>")).to.throw("a.txt:2: there is no placeholder <dat>");
  });

  const cases: readonly [lines: readonly string[], actual: string, ok: boolean][] = [
    [[], "", true],
    [[], "x\n", false],
    [["a"], "a\n", true],
    [["a"], "a", false],
    [["a"], "ab\n", false],
    [["a"], "a\nb\n", false],
    [["a", "\\c"], "a", true],
    [["a", "\\c"], "a\n", false],
    [["a.c*"], "a.c*\n", true],
    [["a.c*"], "abcc\n", false],
    [["<date>"], "2026-01-02 03:04:05\n", true],
    [["<date>"], "2026-01-02T03:04:05\n", false],
    [["at <date>!"], "at 2026-01-02 03:04:05!\n", true],
    [["<identity>"], `${"ab".repeat(32)}\n`, true],
    [["<identity>"], `${"ab".repeat(31)}\n`, false],
    [["<identity>"], `${"AB".repeat(32)}\n`, false],
    [["<base64>"], "YWI=\n", true],
    [["<base64>"], "YWI\n", false],
    [["a<*>b"], "a x b\n", true],
    [["a<*>b"], "a\nb\n", false],
    [["a< >b"], "a   b\n", true],
    [["a< >b"], "ab\n", false],
    [["a", "<...>", "b"], "a\nb\n", true],
    [["a", "<...>", "b"], "a\nx\ny\nb\n", true],
    [["a", "<...>", "b"], "a\nx\ny\nc\n", false],
    [["<...>", "\\c"], "no line end", true],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: what a session holds
    [["${known}"], "value\n", true],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: what a session holds
    [["${unknown}"], "value\n", false],
    [["<HOST>"], "<HOST>\n", true],
  ];
  for (const [lines, actual, ok] of cases) {
    it(`${JSON.stringify(lines)} ${ok ? "matches" : "does not match"} ${JSON.stringify(actual)}`, () => {
      expect(matches(lines, actual, { known: "value" })).to.equal(ok);
    });
  }

  it("keep what placeholders with a name stood for", () => {
    const [step] = steps("$ x", "a <base64=sealed> <number=n>");
    const { kept } = compare(step?.expected ?? [], "a YWI= 12\n", {});
    expect(kept).to.deep.equal({ sealed: "YWI=", n: "12" });
  });

  it("show of a difference only what differs", () => {
    const [step] = steps("$ x", "at <number>", "other");
    expect(compare(step?.expected ?? [], "at 7\nelse\n", {}).shown).to.equal("at 7\nother\n");
  });

  it("see of a terminal what stays there", () => {
    expect(visibleText("\u001b[4mKey\u001b[24m\r\n10 %\r100 %\r\n".replaceAll("\r\n", "\n"))).to.equal(
      "Key\n100 %\n",
    );
  });
});
