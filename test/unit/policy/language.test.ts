import { expect } from "chai";
import fc from "fast-check";
import { isName } from "../../../src/names.js";
import { GlobError } from "../../../src/policy/glob.js";
import { argumentPattern, covers, matchesSome, meets } from "../../../src/policy/language.js";
import { compilePattern, type PatternMeaning } from "../../../src/policy/pattern.js";
import type { PolicyRoute } from "../../../src/policy/route-space.js";

const ROUTE: PolicyRoute = { path: "/k/", argument: "name" };
const EXACT: PolicyRoute = { path: "/status", argument: "none" };
const LISTING: PolicyRoute = { path: "/l/", argument: "pattern" };

type Written = readonly [pattern: string, meaning: PatternMeaning];

function at(route: PolicyRoute, [pattern, meaning]: Written) {
  const found = argumentPattern(pattern, meaning, route);
  if (found === undefined) throw new Error(`'${pattern}' says nothing of ${route.path}`);
  return found;
}
const now = (pattern: string): Written => [pattern, "current"];
const glob = (pattern: string): Written => [pattern, "globs"];

describe("patterns as sets", () => {
  const covered: readonly (readonly [PolicyRoute, Written, Written[], boolean])[] = [
    [ROUTE, now("/k/a"), [now("/k/*")], true],
    [ROUTE, now("/k/a*"), [now("/k/*")], true],
    [ROUTE, now("/k/a*"), [now("*")], true],
    [ROUTE, now("/k/a*"), [now("/k/a")], false],
    [ROUTE, now("/k/*"), [now("/k/a*"), now("/k/b*")], false],
    [ROUTE, now("/k/a"), [now("/k/b"), now("/k/a")], true],
    [ROUTE, now("/k/a*"), [], false],
    [ROUTE, now("/k/*"), [glob("/k/*")], true],
    [ROUTE, now("/k/*"), [glob("/k/?*")], true],
    [ROUTE, glob("/k/[ab]"), [now("/k/a"), now("/k/b")], true],
    [ROUTE, glob("/k/[abc]"), [now("/k/a"), now("/k/b")], false],
    [ROUTE, glob("/*/a*b"), [glob("/k/a*")], true],
    [ROUTE, glob("/k/a*"), [glob("/k/a*b"), glob("/k/a*[^b]"), now("/k/a")], true],
    [EXACT, now("/status"), [now("/stat*")], true],
    [EXACT, now("/status*"), [now("/status")], true],
    [EXACT, now("/status"), [], false],
    [LISTING, now("/l/*"), [glob("/l/?*")], false],
    [LISTING, now("/l/*"), [glob("/l/?*"), now("/l/")], true],
  ];
  for (const [route, subject, others, wanted] of covered) {
    const by = others.map(([pattern]) => pattern).join(" and ");
    it(`${route.path}: '${subject[0]}' is ${wanted ? "" : "not "}covered by ${by || "nothing"}`, () => {
      expect(
        covers(
          route,
          at(route, subject),
          others.map((one) => at(route, one)),
        ),
      ).to.equal(wanted);
    });
  }

  const meeting: readonly (readonly [Written, Written, boolean])[] = [
    [now("/k/a*"), now("/k/ab*"), true],
    [now("/k/a*"), now("/k/b*"), false],
    [now("/k/ab"), glob("/k/*b"), true],
    [now("/k/ab"), glob("/k/*c"), false],
    [glob("/k/a*"), glob("/k/*b"), true],
  ];
  for (const [one, other, wanted] of meeting) {
    it(`'${one[0]}' and '${other[0]}' ${wanted ? "meet" : "do not meet"}`, () =>
      expect(meets(ROUTE, at(ROUTE, one), at(ROUTE, other))).to.equal(wanted));
  }

  it("know whether they match anything of a route", () => {
    expect(argumentPattern("/x/*", "current", ROUTE)).to.equal(undefined);
    expect(argumentPattern("", "current", ROUTE)).to.equal(undefined);
    expect(matchesSome(ROUTE, at(ROUTE, now("/k/")))).to.equal(false);
    expect(matchesSome(LISTING, at(LISTING, now("/l/")))).to.equal(true);
    expect(matchesSome(ROUTE, at(ROUTE, now("/k/a/b")))).to.equal(false);
    expect(() => argumentPattern("/k/[", "globs", ROUTE)).to.throw(GlobError);
  });

  it("answer in bounded time when the combinations explode, and then do not claim to cover", () => {
    // Whatever is longer than 16 has an 'a' or something else 17 characters before its end: all is covered. To know
    // it, each of the 2^16 ways in which the last 16 characters may be 'a' would have to be followed.
    const rest = "?".repeat(16);
    const short = Array.from({ length: 16 }, (_, index) => glob(`/k/${"?".repeat(index + 1)}`));
    const others = [...short, glob(`/k/*a${rest}`), glob(`/k/*[^a]${rest}`)].map((one) => at(ROUTE, one));
    const started = performance.now();
    expect(covers(ROUTE, at(ROUTE, now("/k/*")), others)).to.equal(false);
    expect(performance.now() - started).to.be.below(10_000);
  });

  it("agree with trying every short name", () => {
    const letters = ["a", "b", "c"];
    const names = [...letters];
    for (const name of names) if (name.length < 4) names.push(...letters.map((letter) => name + letter));
    const piece = fc.constantFrom("a", "b", "*", "?", "[ab]", "[^a]", "aa");
    const tail = fc.array(piece, { minLength: 1, maxLength: 3 }).map((all) => all.join(""));
    const written = fc.oneof(
      tail.map((text): Written => [`/k/${text}`, "globs"]),
      tail.map((text): Written => [`/k/${text.replace(/[*?[\]^]/g, "")}*`, "current"]),
      tail.map((text): Written => [`/k/${text.replace(/[*?[\]^]/g, "")}`, "current"]),
    );
    const seen = { covered: 0, not: 0 };
    fc.assert(
      fc.property(written, fc.array(written, { maxLength: 3 }), (subject, others) => {
        if (subject[0] === "/k/") return;
        const matches = ([pattern, meaning]: Written) => compilePattern(pattern, meaning).matches;
        const matchesSubject = matches(subject);
        const matchers = others.map(matches);
        const escapes = names.some(
          (name) =>
            isName(name) && matchesSubject(`/k/${name}`) && !matchers.some((hit) => hit(`/k/${name}`)),
        );
        const parts = others.map((one) => argumentPattern(one[0], one[1], ROUTE));
        const result = covers(
          ROUTE,
          at(ROUTE, subject),
          parts.filter((part) => part !== undefined),
        );
        if (result) expect(escapes).to.equal(false);
        seen[result ? "covered" : "not"] += 1;
        for (const [index, part] of parts.entries()) {
          const both = names.some((name) => matchesSubject(`/k/${name}`) && matchers[index]?.(`/k/${name}`));
          if (both && part !== undefined) expect(meets(ROUTE, at(ROUTE, subject), part)).to.equal(true);
        }
      }),
      { numRuns: 3000 },
    );
    expect(seen.covered).to.be.greaterThan(100);
    expect(seen.not).to.be.greaterThan(100);
  });
});
