import { expect } from "chai";
import { AnswerLine } from "../../../src/cli/answer-line.js";

/** What a line makes of chunks; `echo` is what the terminal shows. */
function typed(...chunks: (string | Buffer)[]) {
  let echo = "";
  const line = new AnswerLine((text) => {
    echo += text;
  });
  for (const chunk of chunks) {
    const { outcome, rest } = line.feed(Buffer.from(chunk));
    if (outcome !== undefined) return { text: line.text, echo, outcome, rest: rest.toString() };
  }
  return { text: line.text, echo, outcome: undefined, rest: "" };
}

const BYTES = Buffer.from("pässwörd 鍵🔑\r");

describe("cli/answer-line", () => {
  it("puts characters together wherever they were cut", () => {
    for (let cut = 0; cut <= BYTES.length; cut++) {
      const { text, outcome } = typed(BYTES.subarray(0, cut), BYTES.subarray(cut));
      expect([text, outcome], `cut at ${cut}`).to.deep.equal(["pässwörd 鍵🔑", "given"]);
    }
    const single = typed(...[...BYTES].map((byte) => Buffer.of(byte)));
    expect(single).to.include({ text: "pässwörd 鍵🔑", echo: "pässwörd 鍵🔑" });
  });

  const cases: readonly [
    what: string,
    input: string,
    text: string,
    outcome: string | undefined,
    rest: string,
  ][] = [
    ["an empty line", "\r", "", "given", ""],
    ["a line feed", "a\nb", "a", "given", "b"],
    ["a pasted line end of two characters", "a\r\nb", "a", "given", "b"],
    ["what is typed ahead", "a\rbc\r", "a", "given", "bc\r"],
    ["no end", "abc", "abc", undefined, ""],
    ["backspace", "abx\u007fc\bd\r", "abd", "given", ""],
    ["backspace over a character of four bytes", "a🔑\u007f\r", "a", "given", ""],
    ["backspace on nothing", "\u007f\u007fa\r", "a", "given", ""],
    ["Ctrl-U", "abc\u0015d\r", "d", "given", ""],
    ["Ctrl-C", "abc\u0003d", "abc", "ended", "d"],
    ["Ctrl-D on an empty line", "\u0004", "", "ended", ""],
    ["Ctrl-D elsewhere", "a\u0004b\r", "ab", "given", ""],
    ["other control characters", "a\u0001\u0000\tb\u0085\r", "ab", "given", ""],
    ["arrow keys", "a\u001b[Ab\u001bOPc\u001b[1;5Cd\u001b[3~e\r", "abcde", "given", ""],
    ["Alt and a letter", "a\u001bbc\r", "ac", "given", ""],
  ];
  for (const [what, input, text, outcome, rest] of cases) {
    it(`${what}, whole and byte by byte`, () => {
      expect(typed(input)).to.include({ text, outcome, rest });
      const single = typed(...[...Buffer.from(input)].map((byte) => Buffer.of(byte)));
      expect(single).to.include({ text, outcome });
    });
  }

  it("shows what was typed and erases what was erased", () => {
    expect(typed("ab\u007fc\u0015d\r").echo).to.equal("ab\b \bc\b \b\b \bd");
  });

  it("drops what is longer than an answer", () => {
    expect(typed(`${"x".repeat(5_000)}\r`).text).to.equal("x".repeat(1024));
  });
});
