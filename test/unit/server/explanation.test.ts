import { expect } from "chai";
import fc from "fast-check";
import { type Identity, identity, type PolicyName, policyName } from "../../../src/names.js";
import { Directory } from "../../../src/policy/directory.js";
import type { PatternMeaning } from "../../../src/policy/pattern.js";
import type { Policy } from "../../../src/policy/policy.js";
import { type Change, explainRequest, narrowest, type Rulebook } from "../../../src/server/explanation.js";
import { inProcessPipeline } from "../../support/in-process-pipeline.js";
import { compiled, policy, target } from "../../support/policy-space.js";
import { startTestServer, type TestServer } from "../../support/test-server.js";

function checked<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("not a valid name");
  return value;
}
const idOf = (digit: string): Identity => checked(identity(digit.repeat(64)));
const [ADMIN, APP, STRANGER] = [idOf("a"), idOf("b"), idOf("c")];
const NAME: PolicyName = checked(policyName("my-app"));

function rulebook(
  rules: Policy,
  meaning: PatternMeaning = "current",
  open: readonly string[] = [],
): Rulebook {
  const policies = [{ name: NAME, policy: rules, identities: [APP] }];
  return {
    directory: new Directory({ admin: ADMIN, adminText: ADMIN, policies, createdAtMs: 0 }),
    openRoutes: new Set(open),
    meaningOf: () => meaning,
  };
}

const rules = (allow: readonly string[], deny: readonly string[] = []): Policy => {
  return { allow: compiled(allow, "current"), deny: compiled(deny, "current") };
};

function shown(change: Change): string {
  if (change.action === "add") return `add ${change.list} ${change.pattern}`;
  if (change.action === "remove") return `remove ${change.list} ${change.rule.pattern}`;
  return change.action === "close" ? `close ${change.route}` : `assign ${change.policies.join()}`;
}

/** `verdict reason; rules; changes`. */
function told(path: string, who: Identity, book: Rulebook): string {
  const { verdict, reason, rules, changes } = explainRequest(path, who, book);
  const deciding = rules.map(({ effect, rule, path: at }) => `${effect} ${rule.pattern} at ${at}`);
  return [`${verdict} ${reason}`, deciding.join(", "), changes.map(shown).join(", ")].join("; ");
}

describe("why a request is let in or refused", () => {
  const DECRYPT = "/v1/key/decrypt/k";
  const BULK = "/v1/key/bulk/decrypt/k";
  const TRACE = "/v1/log/audit/trace";
  const table: readonly (readonly [
    what: string,
    path: string,
    allow: string[],
    deny: string[],
    told: string,
  ])[] = [
    [
      "a rule allows it",
      DECRYPT,
      ["/v1/key/*"],
      [],
      `allowed allow-rule; allow /v1/key/* at ${DECRYPT}; add deny ${DECRYPT}`,
    ],
    ["no rule allows it", DECRYPT, ["/v1/key/decrypt/x"], [], `denied no-rule; ; add allow ${DECRYPT}`],
    [
      "a rule denies it",
      DECRYPT,
      ["*"],
      ["/v1/key/decrypt/*"],
      `denied deny-rule; deny /v1/key/decrypt/* at ${DECRYPT}; remove deny /v1/key/decrypt/*`,
    ],
    [
      "rules deny it and none allows it",
      DECRYPT,
      [],
      ["/v1/key/*", "*", "/v1/status"],
      `denied deny-rule; deny /v1/key/* at ${DECRYPT}, deny * at ${DECRYPT}; remove deny /v1/key/*, remove deny *, add allow ${DECRYPT}`,
    ],
    [
      "bulk: its own rule is not enough",
      BULK,
      ["/v1/key/bulk/*"],
      [],
      `denied no-rule; ; add allow ${DECRYPT}`,
    ],
    ["bulk: both are missing", BULK, [], [], `denied no-rule; ; add allow ${BULK}, add allow ${DECRYPT}`],
    [
      "bulk: both are there",
      BULK,
      [BULK, DECRYPT],
      [],
      `allowed allow-rule; allow ${BULK} at ${BULK}, allow ${DECRYPT} at ${DECRYPT}; add deny ${BULK}`,
    ],
    [
      "bulk: the single call is denied",
      BULK,
      ["*"],
      [DECRYPT],
      `denied deny-rule; deny ${DECRYPT} at ${DECRYPT}; remove deny ${DECRYPT}`,
    ],
    [
      "trace: the newer path is enough",
      TRACE,
      ["/v1/log/audit"],
      [],
      "allowed allow-rule; allow /v1/log/audit at /v1/log/audit; add deny /v1/log/audit/trace",
    ],
    ["trace: none is allowed", TRACE, [], [], `denied no-rule; ; add allow ${TRACE}`],
    [
      "trace: the newer path is denied",
      TRACE,
      [TRACE],
      ["/v1/log/audit"],
      "denied deny-rule; deny /v1/log/audit at /v1/log/audit; remove deny /v1/log/audit",
    ],
    ["no policy is asked", "/v1/identity/self/describe", [], ["*"], "allowed open-route; ; "],
    ["the route is open", "/version", [], ["*"], "allowed open-route; ; "],
    [
      "a listing",
      "/v1/key/list/my-*",
      ["/v1/key/list/a*"],
      [],
      "denied no-rule; ; add allow /v1/key/list/my-*",
    ],
    [
      "a listing without its slash",
      "/v1/key/list",
      ["/v1/key/list/*"],
      [],
      "allowed allow-rule; allow /v1/key/list/* at /v1/key/list/; add deny /v1/key/list/",
    ],
    [
      "a name that cannot be",
      "/v1/key/create/a.b",
      [],
      ["*"],
      "denied deny-rule; deny * at /v1/key/create/a.b; remove deny *",
    ],
    ["an unknown path", "/v1/nope", ["*"], [], "none no-route; ; "],
    ["a removed path", "/v1/enclave/create/x", ["*"], [], "none removed-route; ; "],
    ["a path that is none", "v1/status", ["*"], [], "none invalid-path; ; "],
  ];
  for (const [what, path, allow, deny, wanted] of table) {
    it(what, () => expect(told(path, APP, rulebook(rules(allow, deny)))).to.equal(wanted));
  }

  it("the admin, a stranger, an opened route", () => {
    const book = rulebook(rules(["/v1/status"], ["/v1/key/*"]), "current", ["/v1/ready"]);
    expect(told(DECRYPT, ADMIN, book)).to.equal("allowed admin; ; ");
    expect(told("/v1/status", STRANGER, book)).to.equal("denied no-policy; ; assign my-app");
    expect(told(DECRYPT, STRANGER, book)).to.equal("denied no-policy; ; assign ");
    expect(told("/v1/ready", STRANGER, book)).to.equal("allowed skip-auth; ; close /v1/ready");
  });

  it("tells that the argument is no name, and a redirect", () => {
    const book = rulebook(rules(["*"]));
    const odd = explainRequest("/v1/key/create/a.b", APP, book);
    expect(odd.verdict).to.equal("allowed");
    expect(odd.argumentFault).to.match(/^key name 'a\.b' is/);
    const sent = explainRequest("/v1//key/list?x", APP, book);
    expect([sent.isRedirected, sent.path]).to.deep.equal([true, "/v1/key/list/"]);
  });

  it("the narrowest pattern escapes what globs take for special", () => {
    expect(narrowest("/v1/key/list/a*", "globs")).to.equal("/v1/key/list/a\\*");
    expect(narrowest("/v1/key/list/a*", "current")).to.equal("/v1/key/list/a*");
  });
});

describe("explanations and the server", function () {
  this.timeout(120_000);
  let site: TestServer;
  before(async () => {
    site = await startTestServer({ keepLogs: false });
  });
  after(() => site.close());

  const who = fc.constantFrom(APP, APP, APP, APP, ADMIN, STRANGER);
  const open = fc.subarray(["/version", "/v1/ready", "/v1/status", "/v1/metrics", "/v1/api"], {
    maxLength: 2,
  });

  it("agree on 100,000 random policies and paths, and the changes turn the verdict round", () => {
    const ask = inProcessPipeline(site);
    const seen = new Map<string, number>();
    fc.assert(
      fc.property(policy, target, who, open, (rules, path, identity, openRoutes) => {
        const book = rulebook(rules, rules.meaning, openRoutes);
        const explained = explainRequest(path, identity, book);
        expect(explained.verdict, path).to.equal(ask(path, identity, book));
        count(seen, `${explained.verdict} ${explained.reason}`);
        if (explained.policy === undefined || explained.argumentFault !== undefined) return;
        const changed = rulebook(apply(rules, explained.changes), rules.meaning, openRoutes);
        const wanted = explained.verdict === "allowed" ? "denied" : "allowed";
        expect(ask(path, identity, changed), `${path} after ${explained.changes.map(shown)}`).to.equal(
          wanted,
        );
      }),
      { numRuns: 100_000 },
    );
    for (const [what, least] of Object.entries(EXPECTED))
      expect(seen.get(what), what).to.be.greaterThan(least);
  });
});

/** Each kind of answer is met so often at least. */
const EXPECTED = {
  "allowed admin": 5000,
  "allowed allow-rule": 3000,
  "allowed open-route": 1000,
  "allowed skip-auth": 300,
  "denied deny-rule": 3000,
  "denied no-policy": 3000,
  "denied no-rule": 10000,
  "none no-route": 1000,
  "none removed-route": 1000,
  "none invalid-path": 500,
};

function count(seen: Map<string, number>, what: string): void {
  seen.set(what, (seen.get(what) ?? 0) + 1);
}

function apply(rules: Policy & { readonly meaning: PatternMeaning }, changes: readonly Change[]): Policy {
  let { allow, deny } = rules;
  for (const change of changes) {
    if (change.action === "remove") deny = deny.filter((rule) => rule !== change.rule);
    else if (change.action === "add") {
      const added = compiled([change.pattern], rules.meaning);
      if (change.list === "allow") allow = [...allow, ...added];
      else deny = [...deny, ...added];
    }
  }
  return { allow, deny };
}
