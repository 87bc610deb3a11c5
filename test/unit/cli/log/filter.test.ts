import { expect } from "chai";
import { eventFilter, type FilterOptions } from "../../../../src/cli/log/filter.js";
import type { AuditEvent } from "../../../../src/client/types.js";
import { UsageError } from "../../../../src/errors.js";

const ALICE = "a".repeat(64);

function event(code: number, path = "/v1/key/create/k", identity: string | undefined = ALICE): AuditEvent {
  return {
    time: "2026-01-02T03:04:05Z",
    request: { path, ...(identity === "" ? {} : { identity }) },
    response: { code, timeNs: 1 },
  };
}

const filterOf = (options: Partial<FilterOptions>) =>
  eventFilter({ identity: [], path: [], status: [], ...options });

describe("cli/log/filter", () => {
  const codes = [200, 301, 400, 403, 404, 499, 500, 503];
  const statuses: readonly (readonly [status: readonly string[], through: readonly number[]])[] = [
    [[], codes],
    [["403"], [403]],
    [["4xx"], [400, 403, 404, 499]],
    [
      ["4XX", "503"],
      [400, 403, 404, 499, 503],
    ],
    [[">=400"], [400, 403, 404, 499, 500, 503]],
    [[">499"], [500, 503]],
    [["<400"], [200, 301]],
    [["<=400"], [200, 301, 400]],
    [["!200"], [301, 400, 403, 404, 499, 500, 503]],
    [
      ["4xx", "!403", "!404"],
      [400, 499],
    ],
    [
      ["!2xx", "!3xx"],
      [400, 403, 404, 499, 500, 503],
    ],
    [["!>=400"], [200, 301]],
  ];
  for (const [status, through] of statuses) {
    it(`status ${status.join(" ") || "not given"}: ${through}`, () => {
      expect(codes.filter((code) => filterOf({ status })(event(code)))).to.deep.equal(through);
    });
  }

  it("takes path patterns as policies do: a trailing star is a prefix, any other star a character", () => {
    const passes = filterOf({ path: ["/v1/key/create/*", "/v1/status"] });
    expect(passes(event(200, "/v1/key/create/a/b"))).to.equal(true);
    expect(passes(event(200, "/v1/status"))).to.equal(true);
    expect(passes(event(200, "/v1/statuses"))).to.equal(false);
    expect(filterOf({ path: ["/v1/*/x"] })(event(200, "/v1/key/x"))).to.equal(false);
    expect(filterOf({ path: ["*"] })(event(200))).to.equal(true);
  });

  it("takes beginnings of identities, in any case, and 'none' for callers without", () => {
    expect(filterOf({ identity: ["AAA"] })(event(200))).to.equal(true);
    expect(filterOf({ identity: ["b"] })(event(200))).to.equal(false);
    expect(filterOf({ identity: ["none"] })(event(200))).to.equal(false);
    expect(filterOf({ identity: ["none"] })(event(200, "/", ""))).to.equal(true);
    expect(filterOf({ identity: ["aaa"] })(event(200, "/", ""))).to.equal(false);
  });

  it("asks an event to fit one of each kind", () => {
    const passes = filterOf({ identity: ["b", "a"], path: ["/v1/key/*"], status: ["2xx"] });
    expect(passes(event(200))).to.equal(true);
    expect(passes(event(404))).to.equal(false);
    expect(passes(event(200, "/version"))).to.equal(false);
  });

  const wrong: readonly Partial<FilterOptions>[] = [
    ...["", "99", "600", "4x", "2xxx", ">4xx", "=403", "!!200", "abc"].map((status) => ({
      status: [status],
    })),
    ...["", "xyz", "a b", "a".repeat(65)].map((identity) => ({ identity: [identity] })),
    ...["", "v1/key/create/*", `/${"x".repeat(1024)}`].map((path) => ({ path: [path] })),
  ];
  for (const options of wrong) {
    it(`refuses ${JSON.stringify(options).slice(0, 60)}`, () => {
      expect(() => filterOf(options)).to.throw(UsageError, /^invalid /);
    });
  }
});
