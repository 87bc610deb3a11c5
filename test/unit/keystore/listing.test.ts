import { expect } from "chai";
import fc from "fast-check";
import type { ListOptions } from "../../../src/keystore/contract.js";
import { decodePattern, encodeContinuation, PageSelection } from "../../../src/keystore/listing.js";
import { isName, patternPrefix } from "../../../src/names.js";
import { named } from "../../support/keystore.js";

const word = fc.stringMatching(/^[0-9A-Za-z_-]{1,6}$/);
const name = word.filter(isName);

function select(
  offered: readonly string[],
  options: ListOptions,
): { names: readonly string[]; more: boolean } {
  const selection = new PageSelection(options);
  for (const each of offered) selection.offer(each);
  return selection.page();
}

describe("PageSelection", () => {
  it("gives what sorting everything would give", () => {
    const query = fc.record({
      prefix: fc.stringMatching(/^[0-9A-Za-z_]{0,2}$/),
      after: fc.option(word, { nil: undefined }),
      limit: fc.integer({ min: 1, max: 12 }),
    });
    fc.assert(
      fc.property(fc.array(fc.oneof(name, word, fc.string())), query, (offered, { prefix, after, limit }) => {
        const all = [...new Set(offered)]
          .filter((each) => isName(each) && each.startsWith(prefix))
          .filter((each) => after === undefined || Buffer.compare(Buffer.from(each), Buffer.from(after)) > 0)
          .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
        const page = select(offered, after === undefined ? { prefix, limit } : { prefix, after, limit });
        expect(page).to.deep.equal({ names: all.slice(0, limit), more: all.length > limit });
      }),
    );
  });

  it("pages through everything once, whatever the limit", () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(name, { maxLength: 40 }),
        fc.integer({ min: 1, max: 45 }),
        (names, limit) => {
          const got: string[] = [];
          for (let after: string | undefined; ; after = got.at(-1)) {
            const page = select(
              names,
              after === undefined ? { prefix: "", limit } : { prefix: "", after, limit },
            );
            got.push(...page.names);
            if (!page.more) break;
          }
          expect(got).to.deep.equal([...names].sort());
        },
      ),
    );
  });

  it("holds no more than two pages of a million names", () => {
    const selection = new PageSelection({ prefix: "", limit: 100 });
    for (let i = 0; i < 1_000_000; i++) selection.offer(`k${(i * 7919) % 1_000_000}`);
    const before = process.memoryUsage().heapUsed;
    const { names, more } = selection.page();
    expect(names).to.have.length(100);
    expect(names.slice(0, 4)).to.deep.equal(["k0", "k1", "k10", "k100"]);
    expect(more).to.equal(true);
    expect(process.memoryUsage().heapUsed - before).to.be.lessThan(5e6);
  });

  it("refuses limits that are no counts", () => {
    for (const limit of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])
      expect(() => new PageSelection({ prefix: "", limit })).to.throw(RangeError);
  });
});

describe("continuation tokens", () => {
  it("carry prefix and last name there and back", () => {
    fc.assert(
      fc.property(name, fc.nat(), (last, cut) => {
        const prefix = last.slice(0, cut % (last.length + 1));
        const token = encodeContinuation(prefix, named(last));
        expect(decodePattern(token)).to.deep.equal({ prefix, after: last });
        expect(token.startsWith(prefix)).to.equal(true);
        expect(encodeURIComponent(token)).to.equal(token);
        expect(patternPrefix(token)).to.equal(undefined);
      }),
    );
  });

  const cases: readonly (readonly [text: string, expected: ReturnType<typeof decodePattern>])[] = [
    ["", { prefix: "" }],
    ["*", { prefix: "" }],
    ["my*", { prefix: "my" }],
    ["my-*", { prefix: "my-" }],
    ["my-key", { prefix: "my-key" }],
    ["~abc", { prefix: "", after: named("abc") }],
    ["my-~key", { prefix: "my-", after: named("my-key") }],
    ["my-key~", { prefix: "my-key", after: named("my-key") }],
    [`${"x".repeat(79)}~x`, { prefix: "x".repeat(79), after: named("x".repeat(80)) }],
    [`${"x".repeat(80)}~`, { prefix: "x".repeat(80), after: named("x".repeat(80)) }],
    ["my-", undefined],
    ["my-~", undefined],
    ["~", undefined],
    ["~~", undefined],
    ["a~b~c", undefined],
    ["-~a", undefined],
    ["~-a", undefined],
    ["a~b-", undefined],
    ["a~*", undefined],
    ["a*~b", undefined],
    ["_~", undefined],
    ["a~b/c", undefined],
    ["a~b.c", undefined],
    ["a~é", undefined],
    [`${"x".repeat(80)}~x`, undefined],
    [`~${"x".repeat(81)}`, undefined],
  ];
  for (const [text, expected] of cases)
    it(`reads '${text.slice(0, 20)}' (${text.length}) as ${JSON.stringify(expected)?.slice(0, 40)}`, () => {
      expect(decodePattern(text)).to.deep.equal(expected);
    });

  it("are not made of a name outside the listing", () => {
    expect(() => encodeContinuation("b", named("abc"))).to.throw(RangeError);
  });
});
