import { expect } from "chai";
import fc from "fast-check";
import { removedPaths, routes } from "../../../src/api/routes.js";
import { AuditLog } from "../../../src/audit/audit-log.js";
import { ErrorLog } from "../../../src/audit/error-log.js";
import { LogHub } from "../../../src/audit/hub.js";
import { Metrics } from "../../../src/metrics/metrics.js";
import { type Identity, identity, policyName } from "../../../src/names.js";
import { Directory } from "../../../src/policy/directory.js";
import type { Exchange } from "../../../src/server/exchange.js";
import { Pages } from "../../../src/server/pages.js";
import type { Peer } from "../../../src/server/peer.js";
import { type Permit, Permits } from "../../../src/server/permits.js";
import { Pipeline } from "../../../src/server/pipeline.js";
import { RouteTable } from "../../../src/server/route-table.js";
import type { ServerState } from "../../../src/server/state.js";
import { policyOf } from "../../support/rules.js";
import { startTestServer, type TestServer } from "../../support/test-server.js";

function idOf(digit: string): Identity {
  const made = identity(digit.repeat(64));
  if (made === undefined) throw new Error(`no identity: ${digit}`);
  return made;
}
const APP = idOf("b");
const OTHER = idOf("c");

interface Rules {
  readonly allow: readonly string[];
  readonly deny: readonly string[];
  readonly holder: Identity;
  readonly admin: Identity | undefined;
  readonly open: boolean;
}

describe("permits", () => {
  let site: TestServer;
  before(async () => {
    site = await startTestServer();
  });
  after(() => site.close());

  function stateOf({ allow, deny, holder, admin, open }: Rules): ServerState {
    const name = policyName("my-app");
    if (name === undefined) throw new Error("no policy name");
    const directory = new Directory({
      admin,
      adminText: "",
      policies: [{ name, policy: policyOf(allow, deny), identities: [holder] }],
      createdAtMs: 0,
    });
    const { state } = site.server;
    const options = new Map(
      [...state.options].map(([path, each]) => [
        path,
        path === "/v1/status" ? { ...each, skipAuth: open } : each,
      ]),
    );
    return { ...state, options, services: { ...state.services, directory } };
  }

  /** Answers of a pipeline whose handlers do nothing, under whatever state is in force. */
  function pipeline(state: () => ServerState): (peer: Peer, method: string, target: string) => string {
    const silent = { write: () => undefined, flush: () => undefined };
    const off = { level: Number.POSITIVE_INFINITY, format: "text" } as const;
    const made = new Pipeline({
      table: new RouteTable(
        routes.map(({ body, ...route }) => ({
          ...route,
          handle: ({ argument, caller, query }) => ({ path: route.path, argument, caller, query }),
        })),
        removedPaths,
      ),
      state,
      metrics: new Metrics({
        errorEvents: () => 0,
        auditEvents: () => 0,
        firstExpiryMs: () => undefined,
        cache: () => undefined,
        startedAtMs: 0,
      }),
      auditLog: new AuditLog(silent, new LogHub(), off),
      errorLog: new ErrorLog(silent, new LogHub(), off),
      pages: new Pages({ version: "", commit: "" }),
      requestId: () => "",
    });
    return (peer, method, target) => {
      let answer = "";
      const exchange: Exchange = {
        ...{ peer, method, target, bodyless: true },
        header: () => [],
        readBody: () => undefined,
        onGone: () => undefined,
        finished: () => undefined,
        reply: (status, headers, body = "") => {
          answer = `${status} ${JSON.stringify(headers)} ${body}`;
        },
        stream: () => {
          throw new Error("no stream");
        },
      };
      made.serve(exchange);
      return answer;
    };
  }

  const patterns = fc.subarray([
    "/v1/key/generate/*",
    "/v1/key/decrypt/*",
    "/v1/key/decrypt/a",
    "/v1/key/bulk/decrypt/*",
    "/v1/key/*",
    "/v1/status",
    "/v1/log/audit",
    "/v1/log/audit/trace",
  ]);
  const rules = fc.record({
    allow: patterns,
    deny: fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, patterns),
    holder: fc.constantFrom(APP, APP, APP, OTHER),
    admin: fc.constantFrom(undefined, undefined, APP, OTHER),
    open: fc.boolean(),
  });
  const request = fc.record({
    who: fc.constantFrom("app", "app", "other", "nobody"),
    method: fc.constantFrom("PUT", "POST", "GET", "DELETE"),
    target: fc.constantFrom(
      ...["/v1/key/generate/a", "/v1/key/decrypt/a", "/v1/key/decrypt/b", "/v1/key/decrypt/%61"],
      ...[
        "/v1/key/decrypt/a?partial=true",
        "/v1/key/bulk/decrypt/a",
        "/v1/key/decrypt/-",
        "/v1/key/decrypt/",
      ],
      ...["/v1/status", "/v1/key//decrypt/a", "/v1/key/list/", "/v1/nowhere", "*"],
    ),
  });

  it("change no answer, whatever was asked before and however often the rules changed", () => {
    const step = fc.oneof({ weight: 1, arbitrary: rules }, { weight: 6, arbitrary: request });
    fc.assert(
      fc.property(rules, fc.array(step, { maxLength: 40 }), (first, steps) => {
        let state = stateOf(first);
        const peers: Readonly<Record<string, Peer>> = {
          app: { ip: "10.1.2.3", identity: APP },
          other: { ip: "10.1.2.4", identity: OTHER },
          nobody: { ip: "10.1.2.5", fault: "CERTIFICATE_REQUIRED" },
        };
        const kept = pipeline(() => state);
        for (const each of steps) {
          if ("allow" in each) {
            state = stateOf(each);
            continue;
          }
          const peer = peers[each.who];
          if (peer === undefined) throw new Error("no such peer");
          const fresh = pipeline(() => state)({ ...peer }, each.method, each.target);
          expect(kept(peer, each.method, each.target)).to.equal(fresh);
        }
      }),
      { numRuns: 300 },
    );
  });

  const permitOf = (argument: string): Permit => {
    const [route] = routes;
    if (route === undefined) throw new Error("no route");
    return {
      destination: { route, argument, path: `/${argument}` },
      caller: { identity: APP, admin: false },
      timeoutMs: 1,
    };
  };

  it("hold for one connection under one state", () => {
    const permits = new Permits();
    const { state } = site.server;
    const [one, two]: Peer[] = [
      { ip: "10.1.2.3", identity: APP },
      { ip: "10.1.2.3", identity: APP },
    ];
    if (one === undefined || two === undefined) throw new Error("no peers");
    permits.keep(one, "/a", state, permitOf("a"));
    expect(permits.find(one, "/a", state)).to.deep.equal(permitOf("a"));
    expect(permits.find(two, "/a", state)).to.equal(undefined);
    expect(permits.find(one, "/a", { ...state })).to.equal(undefined);
    // Not even when the old state came back.
    expect(permits.find(one, "/a", state)).to.equal(undefined);
  });

  it("are not kept behind a proxy, for a query, or for a target that is too long", () => {
    const permits = new Permits();
    const { state } = site.server;
    const peer: Peer = { ip: "10.1.2.3", identity: APP };
    const proxied: ServerState = {
      ...state,
      proxy: { identities: new Set(), certificateHeader: undefined, format: "auto", only: false },
    };
    const long = `/${"a".repeat(300)}`;
    permits.keep(peer, "/a", proxied, permitOf("a"));
    expect(permits.find(peer, "/a", proxied)).to.equal(undefined);
    for (const target of ["/a?x", long]) {
      permits.keep(peer, target, state, permitOf("a"));
      expect(permits.find(peer, target, state)).to.equal(undefined);
    }
  });

  it("are bounded, the oldest goes first", () => {
    const permits = new Permits();
    const { state } = site.server;
    const peer: Peer = { ip: "10.1.2.3", identity: APP };
    for (let i = 0; i < 5000; i++) permits.keep(peer, `/${i}`, state, permitOf(String(i)));
    const left = Array.from({ length: 5000 }, (_, i) => i).filter(
      (i) => permits.find(peer, `/${i}`, state) !== undefined,
    );
    expect(left).to.deep.equal(Array.from({ length: 32 }, (_, i) => 4968 + i));
  });
});
