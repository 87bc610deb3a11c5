import { expect } from "chai";
import { allNodes, asNodes, type Lookup } from "../../../../src/cli/remote/nodes.js";
import { parseEndpoints } from "../../../../src/client/endpoints.js";

const addresses: Readonly<Record<string, readonly string[]>> = {
  "one.test": ["10.0.0.1"],
  "three.test": ["10.0.0.1", "10.0.0.2", "fd00::3", "10.0.0.2"],
  localhost: ["127.0.0.1", "::1"],
  "a.localhost": ["127.0.0.1", "::1"],
};
const lookup: Lookup = async (host) => {
  const found = addresses[host];
  if (found === undefined) throw new Error("ENOTFOUND");
  return found;
};
const all = async (servers: string) => {
  const nodes = await allNodes(parseEndpoints(servers), lookup);
  return nodes.map(({ name, address, endpoint }) => [name, address, endpoint.host]);
};

describe("cli/remote/nodes", () => {
  it("makes a node of each address of a name, each once", async () => {
    expect(await all("three.test")).to.deep.equal([
      ["10.0.0.1:7373", "10.0.0.1", "three.test"],
      ["10.0.0.2:7373", "10.0.0.2", "three.test"],
      ["[fd00::3]:7373", "fd00::3", "three.test"],
    ]);
  });

  it("leaves alone a name with one address, an address, and a name of this machine", async () => {
    expect(await all("one.test:1,10.0.0.9,[::1]:2,localhost,a.localhost")).to.deep.equal([
      ["one.test:1", undefined, "one.test"],
      ["10.0.0.9:7373", undefined, "10.0.0.9"],
      ["[::1]:2", undefined, "::1"],
      ["localhost:7373", undefined, "localhost"],
      ["a.localhost:7373", undefined, "a.localhost"],
    ]);
  });

  it("counts once what is named twice, and apart what has another port or path", async () => {
    expect((await all("10.0.0.2,three.test")).map(([name]) => name)).to.deep.equal([
      ...["10.0.0.2:7373", "10.0.0.1:7373", "[fd00::3]:7373"],
    ]);
    expect(await all("three.test:1,three.test:2")).to.have.length(6);
    expect(await all("https://three.test/a,https://three.test/b")).to.have.length(6);
  });

  it("keeps a name that cannot be resolved, for its connection to tell why", async () => {
    expect(await all("none.test,one.test")).to.deep.equal([
      ["none.test:7373", undefined, "none.test"],
      ["one.test:7373", undefined, "one.test"],
    ]);
  });

  it("asks nobody unless every node is wanted", () => {
    expect(asNodes(parseEndpoints("three.test,[::1]")).map(({ name }) => name)).to.deep.equal([
      ...["three.test:7373", "[::1]:7373"],
    ]);
  });
});
