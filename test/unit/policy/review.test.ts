import { expect } from "chai";
import fc from "fast-check";
import { removedPaths, routes } from "../../../src/api/routes.js";
import { type Identity, identity, type PolicyName, policyName } from "../../../src/names.js";
import { Directory } from "../../../src/policy/directory.js";
import { lintPattern } from "../../../src/policy/lint.js";
import type { PatternMeaning } from "../../../src/policy/pattern.js";
import { reviewPolicy } from "../../../src/policy/review.js";
import type { PolicyApi } from "../../../src/policy/route-space.js";
import { explainRequest } from "../../../src/server/explanation.js";
import { argument, compiled, meaning, pattern, target } from "../../support/policy-space.js";

const api: PolicyApi = {
  routes: routes.map(({ path, argument: what, access, guardedBy }) => ({
    path,
    argument: what === "none" ? "none" : what === "pattern" ? "pattern" : "name",
    open: access !== "policy",
    ...(guardedBy === undefined ? {} : { guardedBy }),
  })),
  removedPaths,
};

interface Rules {
  readonly allow: readonly string[];
  readonly deny?: readonly string[];
  readonly meaning?: PatternMeaning;
  readonly name?: string;
}

/** `severity rule: message` of each finding. */
function review({ allow, deny = [], meaning: how = "current", name = "app" }: Rules): readonly string[] {
  const sources = (patterns: readonly string[], from: number) =>
    patterns.map((one, index) => ({ pattern: one, place: { file: "p.yml", line: from + index } }));
  const policy = { name, allow: sources(allow, 2), deny: sources(deny, 20), meaning: how };
  return reviewPolicy(policy, api).map(({ severity, rule, message }) => `${severity} ${rule}: ${message}`);
}

const USUAL = "/v1/key/generate/*, /v1/key/decrypt/*, /v1/key/create/*, /v1/key/describe/*, /v1/key/list/*";

describe("policies looked at as a whole", () => {
  const table: readonly (readonly [what: string, rules: Rules, findings: readonly string[]])[] = [
    [
      "a policy without faults",
      { allow: ["/v1/key/create/a*", "/v1/status"], deny: ["/v1/key/create/ab*"] },
      [],
    ],
    [
      "no allow rule",
      { allow: [], deny: ["/v1/key/*"] },
      ["warning allows-nothing: the policy has no allow rule, so it refuses everything"],
    ],
    [
      "allow shadowed by one deny",
      { allow: ["/v1/key/create/ab*", "/v1/status"], deny: ["/v1/key/create/a*"] },
      [
        "warning shadowed-by-deny: allow '/v1/key/create/ab*' has no effect: deny '/v1/key/create/a*' (line 20) refuses all of it",
      ],
    ],
    [
      "allow shadowed by two denies together",
      {
        allow: ["/v1/key/list/*", "/v1/api"],
        deny: ["/v1/key/list/", "/v1/key/list/[^/]*"],
        meaning: "globs",
      },
      ["warning shadowed-by-deny: allow '/v1/key/list/*' has no effect: the deny rules refuse all of it"],
    ],
    [
      "bulk shadowed by a deny of the single call",
      { allow: ["/v1/key/bulk/decrypt/a*", "/v1/key/generate/a"], deny: ["/v1/key/decrypt/*"] },
      [
        "warning shadowed-by-deny: allow '/v1/key/bulk/decrypt/a*' has no effect: deny '/v1/key/decrypt/*' (line 20) refuses all of it",
      ],
    ],
    [
      "a deny that leaves something",
      { allow: ["/v1/key/create/a*"], deny: ["/v1/key/create/ab*", "/v1/key/create/a-*"] },
      [],
    ],
    ["log streams under their older path", { allow: ["/v1/log/audit"], deny: ["/v1/log/audit/trace"] }, []],
    [
      "bulk without the single call",
      { allow: ["/v1/key/bulk/decrypt/a*", "/v1/key/decrypt/b*"] },
      [
        "warning needs-other-rule: allow '/v1/key/bulk/decrypt/a*' has no effect without a rule that allows the same for /v1/key/decrypt/",
      ],
    ],
    ["bulk with some of the single calls", { allow: ["/v1/key/bulk/decrypt/a*", "/v1/key/decrypt/ab"] }, []],
    [
      "the same rule twice",
      { allow: ["/v1/status", "/v1/api", "/v1/status"] },
      ["note repeated: '/v1/status' stands in the list already (line 2)"],
    ],
    [
      "a rule within another",
      {
        allow: ["/v1/key/create/ab", "/v1/key/create/a*"],
        deny: ["/v1/key/create/a-*", "/v1/key/create/a-b"],
      },
      [
        "note repeated: '/v1/key/create/ab' adds nothing to '/v1/key/create/a*' (line 3)",
        "note repeated: '/v1/key/create/a-b' adds nothing to '/v1/key/create/a-*' (line 20)",
      ],
    ],
    [
      "equal, but not in letters: the later one",
      { allow: ["/v1/status*", "/v1/status"] },
      ["note repeated: '/v1/status' adds nothing to '/v1/status*' (line 2)"],
    ],
    [
      "deny of what asks no policy",
      { allow: ["/v1/status"], deny: ["/version", "/v1/identity/self/*"] },
      [
        "warning cannot-deny: deny '/version' has no effect: /version asks no policy",
        "warning cannot-deny: deny '/v1/identity/self/*' has no effect: /v1/identity/self/describe asks no policy",
      ],
    ],
    [
      "every key operation",
      { allow: ["/v1/key/*"] },
      [
        `warning wider-than-minio: allow '/v1/key/*' is wider than MinIO needs: no MinIO calls /v1/key/import/, /v1/key/delete/ and /v1/key/encrypt/; write ${USUAL} instead`,
        "note meaning-changed: before October 2023 '*' ended at the next '/': '/v1/key/*' is wider today, then it matched nothing",
      ],
    ],
    [
      "everything",
      { allow: ["*"] },
      [
        `warning wider-than-minio: allow '*' is wider than MinIO needs: no MinIO calls /v1/key/import/, /v1/key/delete/, /v1/key/encrypt/, /v1/log/error, …; write ${USUAL}, /v1/status, /v1/api instead`,
        "note meaning-changed: before October 2023 '*' ended at the next '/': '*' is wider today, then it matched nothing",
      ],
    ],
    [
      "wide, but denied again",
      { allow: ["/v1/key/*"], deny: ["/v1/key/import/*", "/v1/key/delete/*", "/v1/key/encrypt/*"] },
      [
        "note meaning-changed: before October 2023 '*' ended at the next '/': '/v1/key/*' is wider today, then it matched nothing",
      ],
    ],
    [
      "wide as a glob",
      { allow: ["/v1/key/*/my-app*"], meaning: "globs" },
      [
        `warning wider-than-minio: allow '/v1/key/*/my-app*' is wider than MinIO needs: no MinIO calls /v1/key/import/, /v1/key/delete/ and /v1/key/encrypt/; write ${USUAL.replaceAll("*", "my-app*")} instead`,
      ],
    ],
    [
      "a power that MinIO has no use for",
      { allow: ["/v1/key/delete/a*"], name: "minio-prod" },
      [
        "warning wider-than-minio: allow '/v1/key/delete/a*' is wider than MinIO needs: no MinIO calls /v1/key/delete/; remove it",
      ],
    ],
    ["the same power for somebody else", { allow: ["/v1/key/delete/a*", "/v1/log/*"], name: "operator" }, []],
    [
      "wider than before",
      { allow: ["/v1/*"], deny: ["/v1/key/import/*", "/v1/key/delete/*", "/v1/key/encrypt/*", "/v1/log/*"] },
      [
        "note meaning-changed: before October 2023 '*' ended at the next '/': '/v1/*' is wider today, then it matched only /v1/ready, /v1/status, /v1/metrics and /v1/api",
      ],
    ],
    [
      "what lint has said already",
      { allow: ["/v1/create/*", "/v1/policy/write/*", "/v1/key/["], meaning: "globs" },
      [],
    ],
  ];
  it("more rules than can be compared", () => {
    const allow = Array.from({ length: 2001 }, (_, index) => `/v1/key/create/k${index}`);
    expect(review({ allow })).to.deep.equal([
      "note not-compared: the policy has more than 2000 rules; they are not compared with each other",
    ]);
  });

  it("ends soon, however much there is to compare", () => {
    const glob = (index: number): string =>
      `/v1/key/create/*${"ab?c"[index % 4]}*${"xyz"[index % 3]}*${index}*`;
    const rules = Array.from({ length: 500 }, (_, index) => glob(index));
    const before = process.cpuUsage();
    review({ allow: rules, deny: rules.map((one) => one.slice(0, -1)), meaning: "globs" });
    // The process's own time, for the machine may have other work.
    expect(process.cpuUsage(before).user / 1000).to.be.below(15_000);
  }).timeout(90_000);

  for (const [what, rules, findings] of table) {
    it(what, () => expect(review(rules)).to.deep.equal(findings));
  }
});

function checked<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("not a valid name");
  return value;
}
const APP: Identity = checked(identity("b".repeat(64)));
const NAME: PolicyName = checked(policyName("app"));

describe("what a review says has no effect", function () {
  this.timeout(120_000);

  /** Requests that a pattern was written for, as well as any others. */
  const aimed = fc.tuple(fc.nat(), argument).map(([index, tail]) => (patterns: readonly string[]): string => {
    const one = patterns[index % Math.max(1, patterns.length)] ?? "/v1/status";
    const filled = one.replace(/^\*$/, "/v1/status").replace(/\*$/, tail).replaceAll("*", "create");
    return encodeURI(filled.replace(/\[a-m\]|\?/g, "a"));
  });
  const requests = fc.array(
    fc.oneof(
      aimed,
      target.map((text) => () => text),
    ),
    { minLength: 12, maxLength: 12 },
  );
  const sources = (most: number) =>
    fc.array(pattern, { maxLength: most }).map((all) => all.map((one) => ({ pattern: one })));

  it("has none: no random request is answered otherwise without it", () => {
    const seen = new Map<string, number>();
    let compared = 0;
    fc.assert(
      fc.property(sources(5), sources(4), meaning, requests, (allow, deny, how, wanted) => {
        const all = [...allow, ...deny];
        const verdictOf = (path: string, without?: object): string => {
          const rules = (list: readonly { pattern: string }[]) =>
            compiled(
              list.filter((one) => one !== without).map((one) => one.pattern),
              how,
            );
          const policies = [
            { name: NAME, policy: { allow: rules(allow), deny: rules(deny) }, identities: [APP] },
          ];
          const directory = new Directory({ admin: undefined, adminText: "", policies, createdAtMs: 0 });
          const book = { directory, openRoutes: new Set<string>(), meaningOf: () => how };
          const { verdict, argumentFault } = explainRequest(path, APP, book);
          // A request that is refused for its argument whatever the policy says is no effect of a rule.
          return argumentFault === undefined ? verdict : "refused";
        };
        const idle = [
          ...all.flatMap((source) => {
            const dead = lintPattern(source.pattern, how, api);
            return dead === undefined ? [] : [{ rule: "dead", source }];
          }),
          ...reviewPolicy({ name: "app", allow, deny, meaning: how }, api).filter(({ rule }) =>
            IDLE.has(rule),
          ),
        ];
        for (const { rule, source } of idle) {
          seen.set(rule, (seen.get(rule) ?? 0) + 1);
          for (const make of wanted) {
            const path = make([source?.pattern ?? "", ...all.map((one) => one.pattern)]);
            compared += 1;
            expect(verdictOf(path, source), `${rule} ${source?.pattern}: ${path}`).to.equal(verdictOf(path));
          }
        }
      }),
      { numRuns: 2000 },
    );
    for (const rule of ["dead", ...IDLE]) expect(seen.get(rule), rule).to.be.greaterThan(20);
    expect(compared).to.be.greaterThan(15_000);
  });
});

/** Findings that say: it could as well be left out. */
const IDLE: ReadonlySet<string> = new Set([
  "shadowed-by-deny",
  "needs-other-rule",
  "cannot-deny",
  "repeated",
]);
