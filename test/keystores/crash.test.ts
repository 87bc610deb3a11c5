import { expect } from "chai";
import { runCrashes } from "../../bench/crash/run.js";
import { scratchFolders } from "../support/keystore.js";

describe("kill -9 at random moments", function () {
  this.timeout(120_000);
  const scratch = scratchFolders();

  it("loses nothing that the fs keystore acknowledged (short form of `npm run crash`)", async () => {
    const proved = { acknowledged: 0, verified: 0, opened: 0 };
    // A busy machine gets little done between two kills: it goes on until there is something to prove.
    for (let batch = 0; batch < 6 && (proved.acknowledged <= 50 || proved.opened <= 10); batch++) {
      const report = await runCrashes(`${scratch()}/keys`, 15, Math.random);
      expect(report.violations).to.deep.equal([]);
      expect(report.rounds).to.equal(15);
      expect(report.torn).to.equal(0);
      expect(report.leftoversAfterSweep).to.equal(0);
      proved.acknowledged += report.acknowledged;
      proved.verified += report.verified;
      proved.opened += report.opened;
    }
    expect(proved.acknowledged).to.be.greaterThan(50);
    expect(proved.verified).to.be.greaterThan(40);
    expect(proved.opened).to.be.greaterThan(10);
  });
});
