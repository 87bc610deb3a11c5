import { expect } from "chai";
import { exceeded, readBudget } from "../../bench/budget/budget.js";
import { measureBudget } from "../../bench/budget/measure.js";

// Rounds go on while something seems too dear, and a machine that is busy with other things makes them slow.
const TIMEOUT_MS = 600_000;
/** More than the budget allows, and more than what a figure differs from one run to the next. */
const SLOW_DOWN = 0.45;

describe("CPU time for a request", () => {
  const budget = readBudget();

  before(function () {
    if (process.versions.node.split(".")[0] === budget.node) return;
    console.log(`skipped: the budget of CPU time: it was set with Node.js ${budget.node}`);
    this.skip();
  });

  it("stays within its budget, over both engines and protocols", async () => {
    const { ratios } = await measureBudget({ isEnough: (found) => exceeded(budget, found).length === 0 });
    expect(Object.keys(ratios)).to.have.members(Object.keys(budget.ratios));
    expect(exceeded(budget, ratios)).to.deep.equal([]);
  }).timeout(TIMEOUT_MS);

  it("is noticed when it grows", async () => {
    const rows = /^node h2 generate$/;
    const usual = await measureBudget({ rows, maxRounds: 24 });
    const burnMicros = (usual.micros["node h2 generate"] ?? 0) * SLOW_DOWN;
    const slower = await measureBudget({ rows, burnMicros, maxRounds: 24 });
    expect(exceeded({ ...budget, ratios: usual.ratios }, slower.ratios)).to.have.lengthOf(1);
  }).timeout(TIMEOUT_MS);
});
