import { expect } from "chai";
import { parseEndpoints } from "../../../src/client/endpoints.js";
import { KesError } from "../../../src/errors.js";

describe("addresses of key servers", () => {
  const good: readonly (readonly [string | readonly string[], ...string[]])[] = [
    ["127.0.0.1:7373", "https://127.0.0.1:7373"],
    ["kes.example.com", "https://kes.example.com:7373"],
    ["KES.Example.com", "https://kes.example.com:7373"],
    // With a scheme the port is the scheme's, as everywhere.
    ["https://kes.example.com", "https://kes.example.com"],
    ["http://kes.example.com", "https://kes.example.com"],
    ["HTTP://kes.example.com:7373", "https://kes.example.com:7373"],
    ["kes.example.com:443", "https://kes.example.com"],
    ["https://kes.example.com:443", "https://kes.example.com"],
    ["[::1]", "https://[::1]:7373"],
    ["[::1]:7000", "https://[::1]:7000"],
    ["https://lb.example.com/kes/", "https://lb.example.com/kes"],
    ["lb.example.com/kes", "https://lb.example.com:7373/kes"],
    [" a:1 ,, b:2,a:1 ", "https://a:1", "https://b:2"],
    [["a:1", "b:2,c:3"], "https://a:1", "https://b:2", "https://c:3"],
    ["https://kes{1...3}:7373", "https://kes1:7373", "https://kes2:7373", "https://kes3:7373"],
    ["kes{08...10}:1", "https://kes08:1", "https://kes09:1", "https://kes10:1"],
    ["h{a...c}:1", "https://ha:1", "https://hb:1", "https://hc:1"],
    [
      "https://kes{1...2}.z{1...2}:7373",
      "https://kes1.z1:7373",
      "https://kes1.z2:7373",
      "https://kes2.z1:7373",
      "https://kes2.z2:7373",
    ],
  ];
  for (const [given, ...urls] of good) {
    it(`reads ${JSON.stringify(given)}`, () => {
      expect(parseEndpoints(given).map(({ url }) => url)).to.deep.equal(urls);
    });
  }

  it("gives host, port and path apart", () => {
    expect(parseEndpoints("https://[2001:db8::1]/x/y")[0]).to.deep.equal({
      url: "https://[2001:db8::1]/x/y",
      origin: "https://[2001:db8::1]",
      host: "2001:db8::1",
      port: 443,
      authority: "[2001:db8::1]",
      prefix: "/x/y",
    });
  });

  const bad: readonly (readonly [string, RegExp])[] = [
    ["", /no address/],
    [" , ,", /no address/],
    ["https://", /'https:\/\/' is no address/],
    ["ftp://kes:1", /only https/],
    ["kes:99999", /'kes:99999' is no address/],
    ["kes:1?x=y", /more than host, port and path/],
    ["kes:1#x", /more than host, port and path/],
    ["kes{1..3}:1", /\{1\.\.\.4\}/],
    ["kes{3...1}:1", /empty or too long/],
    ["kes{0...999}:1", /empty or too long/],
    ["k{1...99}.{1...99}:1", /too many/],
    ["::1", /'::1' is no address/],
  ];
  for (const [given, message] of bad) {
    it(`refuses ${JSON.stringify(given)}`, () => {
      expect(() => parseEndpoints(given))
        .to.throw(KesError, message)
        .with.property("code", "CLIENT_OPTIONS_INVALID");
    });
  }

  it("never quotes a password", () => {
    for (const given of ["https://me:hunter2@kes:1", "me:hunter2@kes:99999"]) {
      expect(() => parseEndpoints(given))
        .to.throw(KesError)
        .with.property("message")
        .not.include("hunter2");
    }
  });

  it("says that none is given when a variable is not set", () => {
    const unset = JSON.parse("{}").url;
    for (const none of [unset, [unset], null]) {
      expect(() => parseEndpoints(none)).to.throw(KesError, "no address of a key server is given");
    }
  });
});
