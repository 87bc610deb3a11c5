import { expect } from "chai";
import { lintPattern } from "../../../src/policy/lint.js";
import type { PatternMeaning } from "../../../src/policy/pattern.js";
import { kesRoutes, removedPaths } from "../../support/configuration.js";

const api = { routes: kesRoutes, removedPaths };
const NAME_RULE = "(1 to 80 of 0-9 A-Z a-z _ -, '-' neither first nor last)";
const ORDINARY = "is an ordinary character here, only a '*' at the very end is special";

const olderForm = (today: string): string =>
  `paths of keys had no '/key' in KES and MinIO's documents until 2020; today it is '${today}'`;

const fine: Readonly<Record<PatternMeaning, readonly string[]>> = {
  current: [
    "*",
    "/*",
    "/v1/*",
    "/v1/key/*",
    "/v1/key*",
    "/v1/key/create/*",
    "/v1/key/create/my-*",
    "/v1/key/create/my-key",
    "/v1/key/create/_0",
    "/v1/key/list/",
    "/v1/key/list/*",
    "/v1/key/list/my-*",
    "/v1/key/list/my",
    // What clients send: the '*' of a pattern, and the token of a page after the first.
    "/v1/key/list/**",
    "/v1/key/list/my-**",
    "/v1/key/list/my-~*",
    "/v1/key/list/my-~a",
    "/v1/key/list/~*",
    "/v1/key/bulk/decrypt/*",
    "/v1/identity/self/describe",
    "/v1/identity/describe/*",
    "/v1/status",
    "/v1/status*",
    "/version",
    `/v1/key/create/${"a".repeat(80)}`,
    `/v1/key/create/${"a".repeat(79)}*`,
    `/v1/key/create/${"a".repeat(80)}*`,
  ],
  globs: [
    "/v1/key/*/my-app*",
    "/v1/*",
    "/v1/key/creat?/a",
    "/v1/key/[cd]*/*",
    "/v1/key/create/my-key",
    "/*/status",
    "/v1/key/list/",
    "/v1/key/list/[*]",
    "/v1/key/list/*~?",
    "/v1/key/create/[^.]",
  ],
};

const errors: readonly (readonly [PatternMeaning, string, string])[] = [
  ["current", "", "an empty pattern never matches; remove it"],
  ["current", "/v1/key/lst/*", "the API has no such path; did you mean '/v1/key/list/*'?"],
  ["current", "/v1/key/list", "the API has no such path; did you mean '/v1/key/list/*'?"],
  ["current", "/v1/key/create", "the API has no such path; did you mean '/v1/key/create/*'?"],
  [
    "current",
    "/v1/key/create/",
    "it names nothing after '/v1/key/create/'; did you mean '/v1/key/create/*'?",
  ],
  ["current", "/v1/status/", "the API has no such path; did you mean '/v1/status'?"],
  ["current", "/v1/status/*", "the API has no such path; did you mean '/v1/status'?"],
  ["current", "/v1/statu", "the API has no such path; did you mean '/v1/status'?"],
  ["current", "v1/key/decrypt/*", "the API has no such path; did you mean '/v1/key/decrypt/*'?"],
  ["current", "/V1/key/create/*", "the API has no such path; did you mean '/v1/key/create/*'?"],
  ["current", "/v1/create/*", olderForm("/v1/key/create/*")],
  ["current", "/v1/generate/my-key", olderForm("/v1/key/generate/my-key")],
  ["current", "/v1/list", olderForm("/v1/key/list/*")],
  ["current", "/v1/decrypt*", olderForm("/v1/key/decrypt*")],
  ["current", "/v1/key/create/my.key", `'my.key' is no valid name ${NAME_RULE}`],
  ["current", "/v1/key/create/a/b", `'a/b' is no valid name ${NAME_RULE}`],
  ["current", "/v1/key/create/a/*", `'a/' is no valid name ${NAME_RULE}`],
  ["current", "/v1/key/create/-a*", `'-a' is no valid name ${NAME_RULE}`],
  ["current", "/v1/key/create/_", `'_' is no valid name ${NAME_RULE}`],
  ["current", "/v1/key/create/%61", `'%61' is no valid name ${NAME_RULE}`],
  ["current", `/v1/key/create/${"a".repeat(81)}`, `'${"a".repeat(81)}' is no valid name ${NAME_RULE}`],
  ["current", `/v1/key/create/${"a".repeat(81)}*`, `'${"a".repeat(81)}' is no valid name ${NAME_RULE}`],
  ["current", "/v1/key/list/a~b~*", `'a~b~' is no valid name ${NAME_RULE}`],
  ["current", "/v1/key/create/a~*", `'a~' is no valid name ${NAME_RULE}`],
  ["current", "/v1/key/list/my-", `'my-' is no valid name ${NAME_RULE}`],
  ["current", "/v1/key/**", "one '*' is enough; write '/v1/key/*'"],
  [
    "current",
    "/v1/key/*/my-app*",
    `'*' ${ORDINARY}. Write one rule for each path (in the older meaning it covers /v1/key/create/, /v1/key/import/, ` +
      "/v1/key/describe/, /v1/key/delete/, …), or add 'compat: globs' to the policy for the meaning before October 2023",
  ],
  ["current", "/v1/status?", `'?' ${ORDINARY}`],
  ["current", "/v1/key/create/[ab", `'[' ${ORDINARY}`],
  [
    "current",
    "/v1/key/create/[ab]",
    `'[' ${ORDINARY}. Write one rule for each path (in the older meaning it covers /v1/key/create/), ` +
      "or add 'compat: globs' to the policy for the meaning before October 2023",
  ],
  ["current", `\${PATTERN}`, "environment variables are not looked up in patterns"],
  ["globs", "/v1/key/*", "the API has no such path; did you mean '/v1/key/*/*'?"],
  ["globs", "*", "the API has no such path; did you mean '/*'?"],
  ["globs", "/v1/key/create/?.x", `'?.x' is no valid name ${NAME_RULE}`],
  ["globs", `/v1/key/create/${"?".repeat(81)}`, `'${"?".repeat(81)}' is no valid name ${NAME_RULE}`],
];

describe("patterns that can never match", () => {
  for (const meaning of ["current", "globs"] as const) {
    for (const pattern of fine[meaning]) {
      it(`${meaning}: '${pattern.slice(0, 40)}' can`, () => {
        expect(lintPattern(pattern, meaning, api)).to.equal(undefined);
      });
    }
  }

  for (const [meaning, pattern, reason] of errors) {
    it(`${meaning}: '${pattern.slice(0, 40)}' cannot`, () => {
      const message = pattern === "" ? reason : `pattern '${pattern}' can never match: ${reason}`;
      expect(lintPattern(pattern, meaning, api)).to.deep.equal({ severity: "error", message });
    });
  }

  it("globs: a malformed pattern cannot", () => {
    expect(lintPattern("/v1/[", "globs", api)?.message).to.equal(
      "pattern '/v1/[' has a '[' without its ']', so it can never match",
    );
  });

  it("an over-long pattern cannot, and is not shown", () => {
    const { message = "" } = lintPattern(`/v1/${"a".repeat(2000)}`, "current", api) ?? {};
    expect(message).to.equal("a pattern of more than 1024 characters can never match");
  });

  for (const pattern of [
    "/v1/policy/write/my-policy",
    "/v1/policy/write/*",
    "/v1/policy/write",
    "/v1/enclave/create/x",
  ]) {
    it(`'${pattern}' was removed: a warning`, () => {
      expect(lintPattern(pattern, "current", api)).to.deep.equal({
        severity: "warning",
        message: `'${pattern}': this part of the API was removed and answers 501; remove the rule`,
      });
    });
  }

  it("an API without routes has no suggestions, and no crash", () => {
    const nothing = { routes: [], removedPaths: [] };
    expect(lintPattern("/v1/status", "current", nothing)?.message).to.match(/the API has no such path$/);
  });
});
