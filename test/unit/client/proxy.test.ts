import { expect } from "chai";
import { parseEndpoints } from "../../../src/client/endpoints.js";
import { proxyFor } from "../../../src/client/proxy.js";
import { KesError } from "../../../src/errors.js";

const PROXY = "http://proxy.example.com:3128";

describe("the proxy", () => {
  const table: readonly (readonly [noProxy: string, endpoint: string, isProxied: boolean])[] = [
    ["", "kes.example.com", true],
    ["*", "kes.example.com", false],
    ["example.com", "kes.example.com", false],
    ["example.com", "example.com", false],
    ["example.com", "badexample.com", true],
    [".example.com", "kes.example.com", false],
    [".example.com", "example.com", true],
    ["*.example.com", "kes.example.com", false],
    ["EXAMPLE.COM", "Kes.Example.com", false],
    ["other.org, example.com", "kes.example.com", false],
    ["example.com:7373", "kes.example.com", false],
    ["example.com:7373", "kes.example.com:443", true],
    ["10.0.0.0/8", "10.1.2.3", false],
    ["10.0.0.0/8", "11.1.2.3", true],
    ["10.0.0.0/8", "kes10.example.com", true],
    ["10.1.2.3", "10.1.2.3", false],
    ["10.1.2.3", "10.1.2.30", true],
    ["1.2.3", "0.1.2.3", true],
    ["2001:db8::/32", "[2001:db8::5]", false],
    ["2001:db8::5", "[2001:db8::5]", false],
    ["[2001:db8::5]:7373", "[2001:db8::5]", false],
    ["10.0.0.0/99", "10.1.2.3", true],
    // This machine is never reached through a proxy.
    ["", "localhost", false],
    ["", "127.0.0.1", false],
    ["", "127.9.9.9", false],
    ["", "[::1]", false],
  ];
  for (const [noProxy, address, isProxied] of table) {
    it(`is ${isProxied ? "" : "not "}used for ${address} with NO_PROXY=${noProxy}`, () => {
      const [endpoint] = parseEndpoints(address);
      const environment = { HTTPS_PROXY: PROXY, NO_PROXY: noProxy };
      expect(proxyFor(endpoint, environment)?.href).to.equal(isProxied ? `${PROXY}/` : undefined);
    });
  }

  const [endpoint] = parseEndpoints("kes.example.com");

  it("may be named in lower case, and without scheme", () => {
    expect(proxyFor(endpoint, { https_proxy: "proxy:3128" })?.href).to.equal("http://proxy:3128/");
    expect(proxyFor(endpoint, { https_proxy: PROXY, no_proxy: "example.com" })).to.equal(undefined);
    expect(proxyFor(endpoint, { HTTPS_PROXY: "" })).to.equal(undefined);
    expect(proxyFor(endpoint, { HTTP_PROXY: PROXY })).to.equal(undefined);
  });

  it("must be one that can be used, and is not quoted otherwise", () => {
    for (const url of ["socks5://u:hunter2@proxy", "http://u:hunter2@:99999"]) {
      expect(() => proxyFor(endpoint, { HTTPS_PROXY: url }))
        .to.throw(KesError, /HTTPS_PROXY/)
        .with.property("message")
        .not.include("hunter2");
    }
  });
});
