import { expect } from "chai";
import { runCrashes } from "../../../../bench/s3-crash/run.js";
import { scratchFolders } from "./support.js";

describe("kill -9 of a store at random moments", function () {
  this.timeout(240_000);
  const scratch = scratchFolders();

  it("loses nothing that was acknowledged (short form of `npm run s3:crash`)", async () => {
    let acknowledged = 0;
    // A busy machine gets little done between two kills: it goes on until there is something to prove.
    for (let batch = 0; batch < 6 && acknowledged <= 50; batch++) {
      const report = await runCrashes(scratch(), 5, Math.random);
      expect(report.violations).to.deep.equal([]);
      expect(report.kills).to.equal(5);
      acknowledged += report.acknowledged;
    }
    expect(acknowledged).to.be.greaterThan(50);
  });
});
