import { expect } from "chai";
import { ConfigFolder, configText } from "../../support/configuration.js";

describe("the section cluster", () => {
  let folder: ConfigFolder;
  before(async () => {
    folder = await ConfigFolder.create();
  });
  after(() => folder.remove());

  const load = (more: string) => folder.load(configText(more));

  it("is absent without nodes", async () => {
    expect((await load("")).cluster).to.equal(undefined);
    expect((await load("cluster: { peers: [] }")).cluster).to.equal(undefined);
  });

  it("has nodes, each once, and the server's own certificate unless there is another", async () => {
    const { cluster, tls } = await load(
      "cluster: { peers: ['https://b:7373', 'https://c/', 'https://B:7373'] }",
    );
    expect(cluster).to.deep.equal({
      peers: ["https://b:7373", "https://c"],
      certFile: tls.certFile,
      keyFile: tls.keyFile,
    });
    const own = await load(
      "cluster: { peers: ['https://b:7373'], tls: { cert: node.crt, key: node.key, ca: ca } }",
    );
    expect(own.cluster?.certFile).to.match(/\/node\.crt$/);
    expect(own.cluster?.keyFile).to.match(/\/node\.key$/);
    expect(own.cluster?.caPath).to.match(/\/ca$/);
  });

  for (const wrong of [
    "http://b:7373",
    "b:7373",
    "https://user:secret@b:7373",
    "https://b:7373/path",
    "https://b:7373?x",
  ]) {
    it(`refuses ${wrong}, without quoting it`, async () => {
      const faults = (await folder.faults(configText(`cluster: { peers: ['${wrong}'] }`))).join("\n");
      expect(faults).to.contain("is no address of a node: write https://host:port").and.not.contain("secret");
    });
  }

  it("refuses half of a certificate, and too many nodes", async () => {
    const half = await folder.faults(
      configText("cluster: { peers: ['https://b:7373'], tls: { cert: node.crt } }"),
    );
    expect(half.join("\n")).to.contain("set both 'cert' and 'key', or neither");
    const many = Array.from({ length: 65 }, (_, i) => `'https://n${i}:7373'`).join(", ");
    expect((await folder.faults(configText(`cluster: { peers: [${many}] }`))).join("\n")).to.contain(
      "more than 64 nodes",
    );
  });
});
