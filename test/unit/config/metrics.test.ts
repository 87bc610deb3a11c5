import { expect } from "chai";
import { ConfigFolder, configText } from "../../support/configuration.js";

describe("the section metrics", () => {
  let folder: ConfigFolder;
  before(async () => {
    folder = await ConfigFolder.create();
  });
  after(() => folder.remove());

  const limits = async (more: string) => (await folder.load(configText(more))).metrics;

  it("has usual numbers", async () => {
    expect(await limits("")).to.deep.equal({ maxKeys: 100, maxIdentities: 100 });
  });

  it("takes numbers from 0 to 10000", async () => {
    const text = "metrics: { max_keys: 0, max_identities: 10000 }";
    expect(await limits(text)).to.deep.equal({ maxKeys: 0, maxIdentities: 10_000 });
  });

  for (const wrong of ["-1", "10001", "1.5", "many", "1e3"]) {
    it(`refuses ${wrong}`, async () => {
      const faults = await folder.faults(configText(`metrics: { max_keys: ${wrong} }`));
      expect(faults.join("\n")).to.contain(`metrics.max_keys: '${wrong}' is no number from 0 to 10000`);
    });
  }
});
