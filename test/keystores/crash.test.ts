import { expect } from "chai";
import { runCrashes } from "../../bench/crash/run.js";
import { scratchFolders } from "../support/keystore.js";

describe("kill -9 at random moments", function () {
  this.timeout(120_000);
  const scratch = scratchFolders();

  it("loses nothing that the fs keystore acknowledged (short form of `npm run crash`)", async () => {
    const report = await runCrashes(`${scratch()}/keys`, 15, Math.random);
    expect(report.violations).to.deep.equal([]);
    expect(report.rounds).to.equal(15);
    expect(report.acknowledged).to.be.greaterThan(50);
    expect(report.verified).to.be.greaterThan(40);
    expect(report.opened).to.be.greaterThan(10);
    expect(report.torn).to.equal(0);
    expect(report.leftoversAfterSweep).to.equal(0);
  });
});
