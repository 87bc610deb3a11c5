import { expect } from "chai";
import { removedPaths, routes } from "../../../src/api/routes.js";
import { readTarget } from "../../../src/server/canonical-path.js";
import { RouteTable } from "../../../src/server/route-table.js";

const table = new RouteTable(routes, removedPaths);

/** `route <path> <argument>`, `redirect <path>`, `removed` or `unknown`. */
function find(target: string): string {
  const read = readTarget(target);
  if (read.kind !== "path") return read.kind;
  const match = table.find(read.path, read.raw);
  switch (match.kind) {
    case "route":
      return `route ${match.route.path} ${match.argument}`;
    case "redirect":
      return `redirect ${match.path}`;
    default:
      return match.kind;
  }
}

describe("RouteTable", () => {
  for (const route of routes) {
    const argument = route.argument === "none" ? "" : "my-key";
    it(`finds ${route.path}`, () => {
      expect(find(route.path + argument)).to.equal(`route ${route.path} ${argument}`);
      expect(find(`${route.path}${argument}?enclave=x`)).to.equal(`route ${route.path} ${argument}`);
      const escaped = `${route.path}${argument}`.replace(/[a-z]/g, (c) => `%${c.charCodeAt(0).toString(16)}`);
      expect(find(escaped)).to.equal(`route ${route.path} ${argument}`);
    });
    it(`does not find ${route.path} in other letters, or behind something`, () => {
      expect(find((route.path + argument).toUpperCase())).to.equal("unknown");
      expect(find(`/x${route.path}${argument}`)).to.equal("unknown");
    });
    if (route.argument === "none") {
      it(`does not find ${route.path} with a final slash or more behind it`, () => {
        for (const end of ["/", "/x", "x", "%2F", ".", ";", "%00", "%20"])
          expect(find(route.path + end), end).to.equal("unknown");
      });
    } else {
      it(`finds ${route.path} with an empty argument, and redirects without the slash`, () => {
        expect(find(route.path)).to.equal(`route ${route.path} `);
        expect(find(route.path.slice(0, -1))).to.equal(`redirect ${route.path}`);
      });
      it(`takes everything behind ${route.path} as the argument`, () => {
        expect(find(`${route.path}a/b`)).to.equal(`route ${route.path} a/b`);
        expect(find(`${route.path}a%2Fb`)).to.equal(`route ${route.path} a/b`);
        expect(find(`${route.path}a%252Fb`)).to.equal(`route ${route.path} a%2Fb`);
        expect(find(`${route.path}a/`)).to.equal(`route ${route.path} a/`);
      });
      it(`does not take an escaped slash for the last one of ${route.path}`, () => {
        expect(find(`${route.path.slice(0, -1)}%2Fmy-key`)).to.equal("unknown");
        expect(find(`/v1%2F${route.path.slice(4)}my-key`)).to.equal("unknown");
      });
    }
  }

  for (const path of [
    "/",
    "/v1",
    "/v1/",
    "/v1/key",
    "/v1/key/",
    "/v1/nope",
    "/v2/key/create/x",
    "/v1/key/nope/x",
  ]) {
    it(`${path} is unknown`, () => expect(find(path)).to.equal("unknown"));
  }
  for (const path of removedPaths) {
    it(`${path} was removed`, () => {
      expect(find(path)).to.equal("removed");
      if (path.endsWith("/")) expect(find(`${path}my-app`)).to.equal("removed");
    });
  }

  it("refuses a route whose path and argument disagree", () => {
    const [version] = routes;
    if (version === undefined) throw new Error("no routes");
    expect(() => new RouteTable([{ ...version, path: "/version/" }], [])).to.throw("if and only if");
    expect(() => new RouteTable([{ ...version, argument: "key-name" }], [])).to.throw("if and only if");
  });

  it("has no two routes of one path", () => {
    const paths = routes.map((route) => route.path);
    expect(new Set(paths).size).to.equal(paths.length);
  });
});
