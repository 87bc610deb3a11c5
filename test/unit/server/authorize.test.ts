import { expect } from "chai";
import fc from "fast-check";
import type { Route } from "../../../src/api/route.js";
import { routes } from "../../../src/api/routes.js";
import { KesError } from "../../../src/errors.js";
import { type Identity, identity, policyName } from "../../../src/names.js";
import { Directory } from "../../../src/policy/directory.js";
import type { CanonicalPath } from "../../../src/policy/policy.js";
import { authorize, identify } from "../../../src/server/authorize.js";
import { readTarget } from "../../../src/server/canonical-path.js";
import type { Peer } from "../../../src/server/peer.js";
import { policyOf } from "../../support/rules.js";

function idOf(digit: string): Identity {
  const made = identity(digit.repeat(64));
  if (made === undefined) throw new Error(`no identity: ${digit}`);
  return made;
}
const ADMIN = idOf("a");
const APP = idOf("b");
const STRANGER = idOf("c");

function directory(
  allow: readonly string[],
  deny: readonly string[] = [],
  admin: Identity | undefined = ADMIN,
) {
  const name = policyName("my-app");
  if (name === undefined) throw new Error("no policy name");
  const policies = [{ name, policy: policyOf(allow, deny), identities: [APP] }];
  return new Directory({ admin, adminText: admin ?? "disabled", policies, createdAtMs: 0 });
}

function routeAt(path: string): Route {
  const route = routes.find((each) => each.path === path);
  if (route === undefined) throw new Error(`no route ${path}`);
  return route;
}

function canonical(target: string): CanonicalPath {
  const read = readTarget(target);
  if (read.kind !== "path") throw new Error(`not a path: ${target}`);
  return read.path;
}

/** `ok`, or the code and reason of the refusal. */
function outcome(peer: Peer, path: string, argument: string, rules: Directory): string {
  try {
    authorize(peer, routeAt(path), canonical(path + argument), argument, rules);
    return "ok";
  } catch (error) {
    if (!(error instanceof KesError)) throw error;
    return error.cause instanceof Error ? `${error.code}: ${error.cause.message}` : error.code;
  }
}

const as = (who: Identity): Peer => ({ ip: "10.1.2.3", identity: who });
const REJECTED = "NOT_AUTHORIZED: access denied: rejected by policy 'my-app'";

describe("authorize", () => {
  it("lets the admin do everything, whatever policies say", () => {
    const rules = directory([], ["*"]);
    for (const { path, argument } of routes)
      expect(outcome(as(ADMIN), path, argument === "none" ? "" : "x", rules), path).to.equal("ok");
  });

  it("refuses who is in no policy", () => {
    expect(outcome(as(STRANGER), "/v1/status", "", directory(["*"]))).to.equal(
      "NOT_AUTHORIZED: access denied: identity not found",
    );
  });

  it("names the fault of a connection without identity", () => {
    const rules = directory(["*"]);
    const required = { ip: "", fault: "CERTIFICATE_REQUIRED" } as const;
    const ambiguous = { ip: "", fault: "CERTIFICATE_AMBIGUOUS" } as const;
    expect(outcome(required, "/v1/status", "", rules)).to.equal("CERTIFICATE_REQUIRED");
    expect(outcome(ambiguous, "/v1/status", "", rules)).to.equal("CERTIFICATE_AMBIGUOUS");
    expect(outcome({ ip: "" }, "/v1/status", "", rules)).to.equal("CERTIFICATE_REQUIRED");
  });

  it("takes nobody without identity for a switched-off admin", () => {
    const rules = directory([], [], undefined);
    expect(outcome({ ip: "" }, "/v1/status", "", rules)).to.equal("CERTIFICATE_REQUIRED");
    expect(identify({ ip: "" }, rules)).to.deep.equal({ identity: undefined, admin: false });
  });

  it("identifies without refusing anybody", () => {
    const rules = directory([]);
    expect(identify(as(ADMIN), rules)).to.deep.equal({ identity: ADMIN, admin: true });
    expect(identify(as(STRANGER), rules)).to.deep.equal({ identity: STRANGER, admin: false });
  });

  it("says how an allowed caller is known", () => {
    const rules = directory(["/v1/status"]);
    const path = canonical("/v1/status");
    expect(authorize(as(APP), routeAt("/v1/status"), path, "", rules)).to.deep.equal({
      identity: APP,
      admin: false,
    });
    expect(authorize(as(ADMIN), routeAt("/v1/status"), path, "", rules).admin).to.equal(true);
  });

  const table: readonly (readonly [
    path: string,
    argument: string,
    allow: string[],
    deny: string[],
    outcome: string,
  ])[] = [
    // The reference's own example (§6.3).
    ["/v1/key/create/", "my-key", ["/v1/key/create/my*"], ["/v1/key/create/my-key*"], REJECTED],
    ["/v1/key/create/", "my-key1", ["/v1/key/create/my*"], ["/v1/key/create/my-key*"], REJECTED],
    ["/v1/key/create/", "my-minio-key", ["/v1/key/create/my*"], ["/v1/key/create/my-key*"], "ok"],
    ["/v1/key/create/", "x", [], [], REJECTED],
    ["/v1/key/create/", "x", [""], [], REJECTED],
    ["/v1/key/create/", "x", ["*"], [], "ok"],
    ["/v1/key/create/", "x", ["*"], ["*"], REJECTED],
    ["/v1/key/create/", "x", ["/v1/key/create/x"], [], "ok"],
    ["/v1/key/create/", "xy", ["/v1/key/create/x"], [], REJECTED],
    ["/v1/key/create/", "X", ["/v1/key/create/x"], [], REJECTED],
    ["/v1/status", "", ["/v1/status"], [], "ok"],
    ["/v1/status", "", ["/v1/status/"], [], REJECTED],
    ["/v1/key/list/", "", ["/v1/key/list/*"], [], "ok"],
    ["/v1/key/list/", "my-*", ["/v1/key/list/my-*"], [], "ok"],
    ["/v1/key/list/", "*", ["/v1/key/list/my-*"], [], REJECTED],
    // A page after the first: the token begins with the prefix, so the same rule lets it through.
    ["/v1/key/list/", "my-~abc", ["/v1/key/list/my-*"], [], "ok"],
    // Bulk needs both its own path and that of the single call, and is denied with either.
    ["/v1/key/bulk/decrypt/", "x", ["/v1/key/bulk/decrypt/*"], [], REJECTED],
    ["/v1/key/bulk/decrypt/", "x", ["/v1/key/decrypt/*"], [], REJECTED],
    ["/v1/key/bulk/decrypt/", "x", ["/v1/key/decrypt/*", "/v1/key/bulk/decrypt/x"], [], "ok"],
    ["/v1/key/bulk/decrypt/", "x", ["/v1/key/*"], [], "ok"],
    ["/v1/key/bulk/decrypt/", "x", ["/v1/key/*"], ["/v1/key/decrypt/x*"], REJECTED],
    ["/v1/key/bulk/decrypt/", "x", ["/v1/key/*"], ["/v1/key/bulk/*"], REJECTED],
    ["/v1/key/bulk/decrypt/", "y", ["/v1/key/*"], ["/v1/key/decrypt/x*"], "ok"],
    ["/v1/key/bulk/generate/", "x", ["/v1/key/*"], ["/v1/key/generate/x"], REJECTED],
    ["/v1/key/bulk/generate/", "x", ["/v1/key/*"], ["/v1/key/decrypt/x"], "ok"],
    // The older log paths go with the newer ones, but never past a deny.
    ["/v1/log/audit/trace", "", ["/v1/log/audit"], [], "ok"],
    ["/v1/log/audit/trace", "", ["/v1/log/audit/trace"], [], "ok"],
    ["/v1/log/audit/trace", "", ["/v1/log/error"], [], REJECTED],
    ["/v1/log/audit/trace", "", ["*"], ["/v1/log/audit"], REJECTED],
    ["/v1/log/audit/trace", "", ["*"], ["/v1/log/audit/trace"], REJECTED],
    ["/v1/log/error/trace", "", ["/v1/log/*"], ["/v1/log/error"], REJECTED],
  ];
  for (const [path, argument, allow, deny, wanted] of table) {
    it(`${path}${argument} with allow [${allow}] and deny [${deny}]: ${wanted === "ok" ? "let in" : "refused"}`, () =>
      expect(outcome(as(APP), path, argument, directory(allow, deny))).to.equal(wanted));
  }

  it("lets nothing past a deny rule, however it is spelt and whatever allow says", () => {
    const decrypt = routeAt("/v1/key/decrypt/");
    const spelt = fc
      .array(fc.tuple(fc.constantFrom(..."secret-1"), fc.integer({ min: 0, max: 2 })), { minLength: 1 })
      .map((letters) =>
        letters
          .map(([c, how]) => {
            const hex = c.charCodeAt(0).toString(16);
            return how === 0 ? c : `%${how === 1 ? hex : hex.toUpperCase()}`;
          })
          .join(""),
      );
    const rules = directory(["*", "/v1/key/*"], ["/v1/key/decrypt/*"]);
    fc.assert(
      fc.property(spelt, (argument) => {
        const read = readTarget(`/v1/key/decrypt/${argument}`);
        if (read.kind !== "path") throw new Error(`not a path: ${argument}`);
        const decoded = read.path.slice("/v1/key/decrypt/".length);
        expect(() => authorize(as(APP), decrypt, read.path, decoded, rules)).to.throw(KesError);
      }),
    );
  });
});
