import { expect } from "chai";
import fc from "fast-check";
import { compilePolicy, type PolicySource } from "../../../src/policy/documents.js";
import type { PatternMeaning } from "../../../src/policy/pattern.js";
import { compilePattern } from "../../../src/policy/pattern.js";
import { allows, type CanonicalPath, type Policy, verdict } from "../../../src/policy/policy.js";
import { kesRoutes, removedPaths } from "../../support/configuration.js";

const api = { routes: kesRoutes, removedPaths };

function policyOf(
  allow: readonly string[],
  deny: readonly string[],
  meaning: PatternMeaning = "current",
): Policy {
  const rules = (patterns: readonly string[]) => patterns.map((pattern) => ({ pattern }));
  const source: PolicySource = { allow: rules(allow), deny: rules(deny), meaning };
  const { policy, findings } = compilePolicy(source, api);
  expect(findings).to.deep.equal([]);
  return policy;
}

// The tests stand in for the one function that makes canonical paths.
const at = (path: string): CanonicalPath => path as CanonicalPath;

describe("policies", () => {
  it("decide as the reference says", () => {
    const policy = policyOf(["/v1/key/create/my*", "/v1/key/create/your*"], ["/v1/key/create/my-key*"]);
    expect(allows(policy, at("/v1/key/create/my-key"))).to.equal(false);
    expect(allows(policy, at("/v1/key/create/my-key1"))).to.equal(false);
    expect(allows(policy, at("/v1/key/create/my-minio-key"))).to.equal(true);
    expect(allows(policy, at("/v1/key/create/your-minio-key"))).to.equal(true);
  });

  it("without rules refuse everything", () => {
    const policy = policyOf([], []);
    for (const { path } of kesRoutes) expect(verdict(policy, at(path))).to.equal("none");
  });

  it("with deny rules alone refuse everything", () => {
    const policy = policyOf([], ["/v1/key/*"]);
    expect(verdict(policy, at("/v1/key/create/a"))).to.equal("deny");
    expect(verdict(policy, at("/v1/status"))).to.equal("none");
  });

  it("say which rule they mean and where it stands", () => {
    const place = { file: "p.yml", line: 7 };
    const { policy } = compilePolicy(
      { allow: [{ pattern: "/v1/status", place }], deny: [], meaning: "current" },
      api,
    );
    expect(policy.allow[0]).to.deep.include({ pattern: "/v1/status", place });
  });

  const segment = fc.constantFrom("create", "decrypt", "list", "my", "my-key", "your", "a", "*", "my*", "");
  const pattern = fc.array(segment, { minLength: 1, maxLength: 4 }).map((all) => `/${all.join("/")}`);
  const patterns = fc.array(fc.oneof(pattern, fc.constantFrom("*", "/*", "/create/*")), { maxLength: 5 });
  const path = fc.array(segment, { minLength: 1, maxLength: 4 }).map((all) => `/${all.join("/")}`);
  const meaning = fc.constantFrom<PatternMeaning>("current", "globs");

  it("let deny win, whatever is allowed and in whatever order", () => {
    const seen = { allow: 0, deny: 0, none: 0 };
    fc.assert(
      fc.property(patterns, patterns, path, meaning, (allow, deny, text, how) => {
        const rules = (all: readonly string[]) =>
          all.map((one) => ({ pattern: one, ...compilePattern(one, how) }));
        const policy = { allow: rules(allow), deny: rules(deny) };
        const denied = policy.deny.some((rule) => rule.matches(text));
        const allowed = policy.allow.some((rule) => rule.matches(text));
        expect(allows(policy, at(text))).to.equal(allowed && !denied);
        // Whatever else is allowed, and in any order, a denied path stays denied.
        const more = { allow: [...rules(["*", text]), ...policy.allow], deny: [...policy.deny].reverse() };
        if (denied) expect(allows(more, at(text))).to.equal(false);
        seen[verdict(policy, at(text))] += 1;
      }),
      { numRuns: 3000 },
    );
    for (const [what, times] of Object.entries(seen)) expect(times, what).to.be.greaterThan(30);
  });
});
