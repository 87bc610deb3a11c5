import { expect } from "chai";
import { commands } from "../../../../src/cli/commands.js";
import { packageInfo } from "../../../../src/cli/package-root.js";
import { run } from "../../../../src/cli/run.js";
import { captured } from "../../../support/captured-output.js";

describe("kes update", () => {
  for (const [argv, version] of [
    [[], "latest"],
    [["v2.0.1"], "2.0.1"],
    [["2025-03-12T09-35-18Z"], "2025-03-12T09-35-18Z"],
    [["1; rm -rf /"], "latest"],
    [["-k", "-d", "-o", "kes", "--os", "linux", "--arch", "arm64", "--minisign-key", "RW"], "latest"],
  ] as const) {
    it(`kes update ${argv.join(" ")}: exit 1, and how to come by ${version}`, async () => {
      const { context, stdout, stderr } = captured();
      expect(await run(["update", ...argv], commands, context)).to.equal(1);
      expect(stdout()).to.equal("");
      expect(stderr())
        .to.include(`Error: kes does not update itself; this is version ${packageInfo().version}\n`)
        .and.include(`npm install --global keswick@${version}\n`);
    });
  }
});
