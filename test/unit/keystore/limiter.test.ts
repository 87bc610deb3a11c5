import { expect } from "chai";
import { Limiter } from "../../../src/keystore/limiter.js";
import { codeOf } from "../../support/keystore.js";

const turn = () => new Promise(setImmediate);

describe("Limiter", () => {
  it("runs so many at a time, in the order they came, and all in the end", async () => {
    const limiter = new Limiter(3, 100);
    const started: number[] = [];
    let running = 0;
    let most = 0;
    await Promise.all(
      Array.from({ length: 20 }, (_, task) =>
        limiter.run(async () => {
          started.push(task);
          most = Math.max(most, ++running);
          await turn();
          running--;
        }),
      ),
    );
    expect(most).to.equal(3);
    expect(started).to.deep.equal(Array.from({ length: 20 }, (_, task) => task));
  });

  it("gives a place back when a task fails", async () => {
    const limiter = new Limiter(1, 1);
    for (let i = 0; i < 3; i++) {
      const failed = await limiter.run(() => Promise.reject(new Error("x"))).catch(() => "failed");
      expect(failed).to.equal("failed");
    }
    expect(await limiter.run(async () => "done")).to.equal("done");
  });

  it("refuses when too many wait", async () => {
    const limiter = new Limiter(1, 2);
    let go = (): void => {};
    const hanging = new Promise<void>((resolve) => {
      go = resolve;
    });
    const first = limiter.run(() => hanging);
    const waiting = [limiter.run(turn), limiter.run(turn)];
    expect(await codeOf(limiter.run(turn))).to.equal("KEYSTORE_UNAVAILABLE");
    go();
    await Promise.all([first, ...waiting]);
    expect(await codeOf(limiter.run(turn))).to.equal("fulfilled");
  });

  it("tells when nothing runs", async () => {
    const limiter = new Limiter(1, 2);
    await limiter.idle();
    let done = 0;
    const task = async (): Promise<void> => {
      await turn();
      done++;
    };
    const tasks = [limiter.run(task), limiter.run(task)];
    await limiter.idle();
    expect(done).to.equal(2);
    await Promise.all(tasks);
  });
});
