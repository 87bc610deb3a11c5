/** Mocha's own spec report, and the counts in a file for the last line of the CI run. */
const { writeFileSync } = require("node:fs");
const Mocha = require("mocha");

const { EVENT_RUN_END } = Mocha.Runner.constants;

module.exports = class CiReporter extends Mocha.reporters.Dot {
  constructor(runner, options) {
    super(runner, options);
    runner.once(EVENT_RUN_END, () => {
      const { passes, failures, pending } = this.stats;
      const file = options?.reporterOption?.summary ?? options?.reporterOptions?.summary;
      if (file) writeFileSync(file, `passed=${passes}\nfailed=${failures}\nskipped=${pending}\n`);
    });
  }
};
