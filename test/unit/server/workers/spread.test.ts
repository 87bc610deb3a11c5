import { expect } from "chai";
import fc from "fast-check";
import { leastLoaded } from "../../../../src/server/workers/spread.js";

const worker = (open: number, responds = true) => ({ open, responds });

describe("the choice of a worker", () => {
  it("falls on the one with the fewest connections", () => {
    const workers = [worker(3), worker(1), worker(2)];
    expect(leastLoaded(workers, undefined)).to.equal(workers[1]);
  });

  it("goes round among equals", () => {
    const workers = [worker(0), worker(0), worker(0)];
    let last: (typeof workers)[number] | undefined;
    const order = Array.from({ length: 6 }, () => {
      last = leastLoaded(workers, last);
      return last && workers.indexOf(last);
    });
    expect(order).to.deep.equal([0, 1, 2, 0, 1, 2]);
  });

  it("passes over those that do not respond, unless none does", () => {
    const [hanging, busy] = [worker(0, false), worker(9)];
    expect(leastLoaded([hanging, busy], undefined)).to.equal(busy);
    expect(leastLoaded([hanging], undefined)).to.equal(hanging);
    expect(leastLoaded([], undefined)).to.equal(undefined);
  });

  it("leaves no two workers more than one connection apart, whatever closes meanwhile at all of them", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 0, max: 300 }), (count, connections) => {
        const workers = Array.from({ length: count }, () => ({ open: 0, responds: true }));
        let last: (typeof workers)[number] | undefined;
        for (let i = 0; i < connections; i++) {
          last = leastLoaded(workers, last);
          if (last !== undefined) last.open += 1;
        }
        const opens = workers.map(({ open }) => open);
        return Math.max(...opens) - Math.min(...opens) <= 1;
      }),
    );
  });
});
