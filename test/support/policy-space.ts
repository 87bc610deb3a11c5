/** Random patterns, policies and request targets that have something to do with each other. */
import fc from "fast-check";
import { removedPaths, routes } from "../../src/api/routes.js";
import { GlobError } from "../../src/policy/glob.js";
import { compilePattern, type PatternMeaning } from "../../src/policy/pattern.js";
import type { Policy, Rule } from "../../src/policy/policy.js";

const routePath = fc.constantFrom(...routes.map(({ path }) => path));
/** Few and short, so that patterns and targets meet. */
const name = fc.constantFrom("a", "ab", "a-b", "a-bc", "b", "my-key", "_0", "a".repeat(80));
const oddArgument = fc.constantFrom(
  "",
  "*",
  "a*",
  "a-*",
  "a~b",
  "~a",
  "-a",
  "_",
  "a.b",
  "a/b",
  "a".repeat(81),
  "☰",
);
export const argument = fc.oneof({ weight: 3, arbitrary: name }, { weight: 1, arbitrary: oddArgument });

const served = fc.tuple(routePath, argument).map(([path, tail]) => (path.endsWith("/") ? path + tail : path));

/** A target of a request: mostly a route's, now and then spelt oddly, slashless, removed or unknown. */
export const target = fc
  .tuple(
    fc.oneof(
      { weight: 12, arbitrary: served },
      { weight: 1, arbitrary: routePath.map((path) => path.replace(/\/$/, "")) },
      { weight: 1, arbitrary: fc.constantFrom(...removedPaths).map((path) => `${path}x`) },
      {
        weight: 1,
        arbitrary: fc.constantFrom("/v1", "/v1/nope/x", "/V1/key/create/a", "/v1/status/", "/v1/key/"),
      },
    ),
    fc.integer({ min: 0, max: 40 }),
    fc.nat(),
  )
  .map(([path, trick, at]) => twisted(path, trick, at));

function twisted(path: string, trick: number, at: number): string {
  const index = at % path.length;
  const encoded = encodeURI(path);
  if (trick === 0) return `${encoded}?enclave=a`;
  if (trick === 1) return encoded.replace("/v1/", "/v1//");
  if (trick === 2) return encoded.replace("/v1/", "/v1/./x/../");
  if (trick === 3) return `https://kes.example${encoded}`;
  if (trick === 4) return `${encoded}%zz`;
  if (trick < 12) {
    const hex = Buffer.from(path[index] ?? "", "utf8").toString("hex");
    return encodeURI(path.slice(0, index)) + hex.replace(/../g, "%$&") + encodeURI(path.slice(index + 1));
  }
  return encoded;
}

/** A pattern, mostly of the paths that {@link target} gives. */
export const pattern = fc
  .tuple(served, fc.integer({ min: 0, max: 13 }), fc.nat())
  .map(([path, shape, at]) => {
    const cut = at % (path.length + 1);
    if (shape < 4) return path;
    if (shape < 8) return `${path.slice(0, path.lastIndexOf("/") + 1)}*`;
    if (shape < 10) return `${path.slice(0, cut)}*`;
    if (shape === 10) return path.replace(/\/[a-z]+\//, "/*/");
    if (shape === 11) return `${path.slice(0, cut)}?${path.slice(cut + 1)}`;
    if (shape === 12) return `${path.slice(0, cut)}[a-m]${path.slice(cut + 1)}`;
    return ["*", "", "/v1/*", "/v1/key/*", "/v1/key/[", "/*/*/*/*", "/v1/*/*/a*"][at % 7] ?? "";
  });

export const meaning = fc.constantFrom<PatternMeaning>("current", "current", "globs");

/** Rules of patterns; those that are no glob are left out where globs are meant, as in KES they never match. */
export function compiled(patterns: readonly string[], how: PatternMeaning): readonly Rule[] {
  return patterns.flatMap((one) => {
    try {
      return [{ pattern: one, matches: compilePattern(one, how).matches }];
    } catch (error) {
      if (error instanceof GlobError) return [];
      throw error;
    }
  });
}

export interface RandomPolicy extends Policy {
  readonly meaning: PatternMeaning;
}

export const policy = fc
  .tuple(fc.array(pattern, { maxLength: 5 }), fc.array(pattern, { maxLength: 2 }), meaning)
  .map(([allow, deny, how]): RandomPolicy => {
    return { allow: compiled(allow, how), deny: compiled(deny, how), meaning: how };
  });
