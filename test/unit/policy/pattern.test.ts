import { expect } from "chai";
import fc from "fast-check";
import { GlobError } from "../../../src/policy/glob.js";
import { compilePattern } from "../../../src/policy/pattern.js";
import { slowGlob } from "../../support/slow-glob.js";

type Row = readonly [pattern: string, matching: readonly string[], others: readonly string[]];

/** KES reference §6.3. */
const current: readonly Row[] = [
  [
    "/v1/key/create/my*",
    ["/v1/key/create/my", "/v1/key/create/my-key", "/v1/key/create/my/x"],
    ["/v1/key/create/your", "/v1/key/create/m", "/V1/key/create/my"],
  ],
  ["/v1/key/*", ["/v1/key/create/a", "/v1/key/"], ["/v1/policy/list/", "/v1/key"]],
  ["/v1/key/*/my-key", ["/v1/key/*/my-key"], ["/v1/key/create/my-key"]],
  ["/v1/status", ["/v1/status"], ["/v1/status/", "/v1/statu", "/v1/status2"]],
  ["/v1/key/list/*", ["/v1/key/list/", "/v1/key/list/abc"], ["/v1/key/list"]],
  ["*", ["/", "/v1/status", ""], []],
  ["", [], ["", "/", "/v1/status"]],
  ["/v1/key/create/?", ["/v1/key/create/?"], ["/v1/key/create/a"]],
  ["/v1/key/create/[ab]", ["/v1/key/create/[ab]"], ["/v1/key/create/a"]],
  ["/a**", ["/a*", "/a*b"], ["/a", "/ab"]],
  ["/a\\*", ["/a\\", "/a\\b"], ["/a*"]],
  ["__proto__", ["__proto__"], ["constructor"]],
];

const globs: readonly Row[] = [
  [
    "/v1/key/*/my-app*",
    ["/v1/key/create/my-app", "/v1/key/decrypt/my-app1"],
    ["/v1/key/a/b/my-app", "/v1/key/my-app"],
  ],
  ["/v1/key/create/a*", ["/v1/key/create/a", "/v1/key/create/abc"], ["/v1/key/create/a/b"]],
  ["/a?c", ["/abc", "/a*c", "/a\u{1F511}c"], ["/ac", "/a/c", "/abbc"]],
  ["/[a-c]", ["/a", "/b", "/c"], ["/d", "/-", "/ab", "/A"]],
  ["/[^a-c]", ["/d", "/-"], ["/a", "/"]],
  ["/[a\\-z]", ["/a", "/-", "/z"], ["/b"]],
  ["/[\\]x]", ["/]", "/x"], ["/\\"]],
  ["/a\\*", ["/a*"], ["/ab", "/a\\b"]],
  ["/**/x", ["/a/x", "//x"], ["/a/b/x"]],
  ["*", ["", "abc"], ["/", "a/b"]],
  ["", [""], ["/"]],
  ["/a*b*c", ["/abc", "/aXbYc", "/abbcc"], ["/ab/c", "/acb"]],
];

const malformed = ["/[", "/[a", "/[]", "/[]a]", "/[a-]", "/[-a]", "/[^]", "/[^", "/a\\", "/[a\\", "/[a-"];

describe("policy patterns", () => {
  for (const [meaning, rows] of [["current", current] as const, ["globs", globs] as const]) {
    for (const [pattern, matching, others] of rows) {
      it(`${meaning}: '${pattern}'`, () => {
        const { matches } = compilePattern(pattern, meaning);
        for (const path of matching) expect(matches(path), path).to.equal(true);
        for (const path of others) expect(matches(path), path).to.equal(false);
      });
    }
  }

  for (const pattern of malformed) {
    it(`globs: '${pattern}' is malformed`, () => {
      expect(() => compilePattern(pattern, "globs")).to.throw(GlobError);
      expect(() => compilePattern(pattern, "current")).to.not.throw();
    });
  }

  it("globs agree with a slow matcher", () => {
    const letter = fc.constantFrom("a", "b", "/", "-");
    const part = fc.oneof(
      { weight: 3, arbitrary: letter },
      fc.constantFrom("*", "?", "[ab]", "[^a]", "[a-c]", "[^/]", "\\*", "\\a"),
    );
    const pattern = fc.array(part, { maxLength: 7 }).map((parts) => parts.join(""));
    const path = fc
      .array(fc.oneof(letter, fc.constantFrom("c", "*")), { maxLength: 9 })
      .map((all) => all.join(""));
    let matched = 0;
    const check = (glob: string, text: string): void => {
      const fast = compilePattern(glob, "globs").matches(text);
      if (fast) matched += 1;
      expect(fast, `${glob} on ${text}`).to.equal(slowGlob(glob, text));
    };
    fc.assert(fc.property(pattern, path, check), { numRuns: 5000 });
    // Both answers must have been given often, or the law was tested on one of them.
    expect(matched).to.be.greaterThan(50);
  });

  it("globs stay quick where backtracking would not", () => {
    const { matches } = compilePattern(`/${"*a".repeat(60)}*b`, "globs");
    const started = performance.now();
    expect(matches(`/${"a".repeat(4000)}`)).to.equal(false);
    expect(performance.now() - started).to.be.lessThan(2000);
  });
});
