import { expect } from "chai";
import { Pace } from "../../../../src/server/http2/pace.js";

describe("http2: pace of answers", () => {
  /** A client's requests, `sizes` of them turn by turn. @returns writes, and how many waited for the end of a turn */
  function drive(pace: Pace, sizes: readonly number[]): { writes: number; waited: number } {
    const seen = { writes: 0, waited: 0 };
    for (const size of sizes) {
      let isWaiting = false;
      for (let i = 0; i < size; i++) {
        if (pace.waits()) {
          pace.read();
          isWaiting = true;
        } else {
          pace.answered();
          seen.writes++;
        }
      }
      if (!isWaiting) continue;
      pace.gathered();
      seen.writes++;
      seen.waited++;
    }
    return seen;
  }
  const turns = (count: number, size: number): number[] => Array<number>(count).fill(size);

  it("stops waiting for a client that asks one at a time, and looks again at 2 of 66 answers", () => {
    expect(drive(new Pace(), turns(16, 1))).to.deep.equal({ writes: 16, waited: 16 });
    const { writes, waited } = drive(new Pace(), turns(16 + 66 * 10, 1));
    expect({ writes, waited }).to.deep.equal({ writes: 16 + 66 * 10, waited: 16 + 20 });
  });

  it("gathers the answers of a client with many requests, however many there are", () => {
    expect(drive(new Pace(), turns(1_000, 16))).to.deep.equal({ writes: 1_000, waited: 1_000 });
    expect(drive(new Pace(), turns(1_000, 2))).to.deep.equal({ writes: 1_000, waited: 1_000 });
  });

  it("gathers again soon after a client that asked one at a time begins with many, however many", () => {
    for (let size = 2; size <= 200; size++) {
      const pace = new Pace();
      drive(pace, turns(17, 1));
      const { writes } = drive(pace, turns(1_000, size));
      expect(writes, `${size} at a time`).to.be.below(1_000 + 64);
    }
  });

  it("takes nothing from turns in which nothing was read", () => {
    const pace = new Pace();
    for (let i = 0; i < 100; i++) pace.gathered();
    expect(pace.waits()).to.equal(true);
  });
});
