import { expect } from "chai";
import { barLine, withProgress } from "../../../../src/cli/keystore/progress.js";
import { captured } from "../../../support/captured-output.js";
import { ManualTicker, settled } from "../../../support/manual-ticker.js";

const options = (done: () => number, total: () => number | undefined) => ({
  label: "migrating",
  line: (count: number) => `Migrated ${String(count).padStart(6)} keys ...`,
  done,
  total,
});

describe("cli/keystore/progress", () => {
  it("prints KES's line each second in a pipe", async () => {
    const { context, stderr, stdout } = captured();
    const ticker = new ManualTicker();
    let done = 0;
    let finish = (): void => {};
    const work = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const shown = withProgress(
      context.output,
      ticker,
      options(
        () => done,
        () => 5,
      ),
      () => work,
    );
    await ticker.pass(999);
    expect(stderr()).to.equal("");
    done = 2;
    await ticker.pass(1);
    done = 4;
    await ticker.pass(1_000);
    finish();
    await shown;
    await settled();
    expect(stderr()).to.equal("Migrated      2 keys ...\nMigrated      4 keys ...\n");
    expect([stdout(), ticker.waiting]).to.deep.equal(["", 0]);
  });

  it("draws a line on a terminal and takes it away, also when the work fails", async () => {
    const { context, stderr } = captured({ isTTY: true });
    const ticker = new ManualTicker();
    let fail = (_: Error): void => {};
    const work = new Promise<void>((_, reject) => {
      fail = reject;
    });
    const shown = withProgress(
      context.output,
      ticker,
      options(
        () => 2,
        () => 4,
      ),
      () => work,
    ).catch(String);
    await ticker.pass(200);
    fail(new Error("no"));
    expect(await shown).to.equal("Error: no");
    expect(stderr()).to.equal(
      "\r\x1b[Kmigrating [########........]  50%  2 of 4 keys  10/s  1s left\r\x1b[K",
    );
  });

  it("shows nothing of what is done at once", async () => {
    const { context, stderr } = captured({ isTTY: true });
    await withProgress(
      context.output,
      new ManualTicker(),
      options(
        () => 0,
        () => 0,
      ),
      async () => {},
    );
    expect(stderr()).to.equal("");
  });

  it("fits into 79 columns, and needs no total", () => {
    expect(barLine("migrating", 99_999_999, 99_999_999, 10_000).length).to.be.at.most(79);
    expect(barLine("migrating", 1_234, undefined, 2)).to.equal("migrating  1234 keys  617/s");
    expect(barLine("migrating", 0, 0, 0)).to.match(/100%/);
  });
});
