import { expect } from "chai";
import { Faults } from "../../../src/config/faults.js";
import { entryOf, type TreeNode } from "../../../src/config/tree.js";
import { parseYaml } from "../../../src/config/yaml.js";
import { ConfigError } from "../../../src/errors.js";

/** The tree as plain data; scalars as text. */
function plain(node: TreeNode): unknown {
  if (node.kind === "scalar") return node.text;
  if (node.kind === "list") return node.items.map(plain);
  return Object.fromEntries([...node.entries].map(([key, entry]) => [key, plain(entry.node)]));
}

function parse(text: string): unknown {
  const faults = new Faults();
  const tree = parseYaml(text, "kes.yml", faults);
  faults.throwIfAny();
  return tree === undefined ? undefined : plain(tree);
}

function refusal(text: string): string {
  try {
    parse(text);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  throw new Error("the text was accepted");
}

describe("YAML", () => {
  it("keeps the text of scalars", () => {
    const text =
      "a: 7373\nb: on\nc: true\nd: 0x10\ne: 1.0\nf: 2025-01-01\ng: '  x '\nh: \"\\u0041\"\ni: |\n  l1\n  l2\n";
    expect(parse(text)).to.deep.equal({
      a: "7373",
      b: "on",
      c: "true",
      d: "0x10",
      e: "1.0",
      f: "2025-01-01",
      g: "  x ",
      h: "A",
      i: "l1\nl2\n",
    });
  });

  it("reads JSON", () =>
    expect(parse('{"a": ["b", {"c": null}]}')).to.deep.equal({ a: ["b", { c: "null" }] }));
  it("reads the first document alone", () =>
    expect(parse("a: 1\n---\n\tbroken: [\n")).to.deep.equal({ a: "1" }));
  it("reads CRLF", () => expect(parse("a: 1\r\nb: 2\r\n")).to.deep.equal({ a: "1", b: "2" }));

  it("follows aliases and merge keys", () => {
    const text = [
      "base: &base { a: 1, b: 2 }",
      "more: &more { b: 3, c: 4 }",
      "one: { <<: *base, b: 9 }",
      "two: { <<: [*base, *more] }",
      "list: &x [p]",
      "again: *x",
      "list2: &x [q]",
      "last: *x",
    ].join("\n");
    expect(parse(text)).to.deep.include({
      one: { a: "1", b: "9" },
      two: { a: "1", b: "2", c: "4" },
      again: ["p"],
      last: ["q"],
    });
  });

  it("takes a quoted << for a key", () => expect(parse('"<<": 1')).to.deep.equal({ "<<": "1" }));
  it("takes __proto__ for a key", () => {
    const tree = parseYaml("__proto__: { a: 1 }", "kes.yml", new Faults());
    expect(entryOf(tree, "__proto__")).to.not.equal(undefined);
    expect(({} as Record<string, unknown>).a).to.equal(undefined);
  });

  it("knows the place of each value", () => {
    const tree = parseYaml("a:\n  b: [x,\n    y]\n", "kes.yml", new Faults());
    const list = entryOf(entryOf(tree, "a")?.node, "b")?.node;
    const places = list?.kind === "list" ? list.items.map(({ place }) => [place.line, place.column]) : [];
    expect(places).to.deep.equal([
      [2, 7],
      [3, 5],
    ]);
  });

  const refused: readonly (readonly [string, string, string])[] = [
    ["nothing", "", "kes.yml: EOF: the file is empty or holds only comments"],
    ["comments", "# only\n# these\n", "kes.yml: EOF: the file is empty or holds only comments"],
    [
      "a tab as indentation",
      "a:\n\tb: 1\n",
      "kes.yml:2:1: invalid YAML: Tabs are not allowed as indentation; indent with blanks",
    ],
    ["a duplicate key", "s: 1\ns: 2\n", 'kes.yml:2:1: mapping key "s" already defined at line 1'],
    [
      "a duplicate key in braces",
      "a: {s: 1, s: 2}\n",
      'kes.yml:1:11: mapping key "s" already defined at line 1',
    ],
    ["an alias without anchor", "a: *b\n", "kes.yml:1:4: alias '*b' has no anchor before it"],
    ["an alias before its anchor", "a: *b\nc: &b 1\n", "kes.yml:1:4: alias '*b' has no anchor before it"],
    [
      "an alias inside its anchor",
      "a: &b [*b]\n",
      "kes.yml:1:8: alias '*b' refers to a value that contains it",
    ],
    ["a tag", "a: !!binary aGk=\n", "kes.yml:1:13: tag '!!binary' is not supported; remove it"],
    ["a list as key", "[a]: 1\n", "kes.yml:1:1: a key must be a single, non-empty text"],
    ["an empty key", ": 1\n", "kes.yml:1:1: a key must be a single, non-empty text"],
    ["a merge of text", "a: { <<: x }\n", "kes.yml:1:10: '<<' merges mappings only"],
    [
      "a reference in braces without quotes",
      `a: {b: \${X}}\n`,
      `kes.yml:1:9: invalid YAML: Unexpected flow-map-start at node end; within [ ] and { } write "\${NAME}" in quotes`,
    ],
  ];
  for (const [what, text, message] of refused) {
    it(`refuses ${what}`, () => expect(refusal(text).split("\n")[0]).to.equal(message));
  }

  it("refuses an unclosed quote with its place", () => {
    expect(refusal("a: 'x\n")).to.match(/^kes\.yml:2:1: invalid YAML: Missing closing 'quote; is a quote/);
  });
});

describe("YAML bounds", () => {
  const deep: readonly (readonly [string, string])[] = [
    ["brackets", `a: ${"[".repeat(100_000)}`],
    ["closed brackets", `a: ${"[".repeat(100_000)}${"]".repeat(100_000)}`],
    ["braces", `a: ${"{b: ".repeat(100_000)}`],
    ["dashes", "- ".repeat(100_000)],
    ["question marks", "? ".repeat(100_000)],
    ["indentation", Array.from({ length: 500 }, (_, depth) => `${" ".repeat(depth)}a:`).join("\n")],
  ];
  for (const [what, text] of deep) {
    it(`refuses 100,000 ${what} without falling over`, () => {
      expect(refusal(text)).to.match(/nested more than 32 levels deep/);
    });
  }

  it("takes 20 levels", () => {
    expect(parse(`a: ${"[".repeat(20)}x${"]".repeat(20)}`)).to.be.an("object");
  });

  it("refuses an alias bomb", () => {
    const levels = Array.from({ length: 9 }, (_, level) => {
      const below = level === 0 ? "x" : `*a${level - 1}`;
      return `a${level}: &a${level} [${Array(9).fill(below).join(", ")}]`;
    });
    const started = performance.now();
    expect(refusal(levels.join("\n"))).to.match(/more than 100000 values after its aliases are expanded/);
    expect(performance.now() - started).to.be.lessThan(5000);
  });

  it("tells the first few of many syntax errors", () => {
    expect(refusal('"'.repeat(2001)).split("\n").length).to.be.lessThan(7);
  });
});
