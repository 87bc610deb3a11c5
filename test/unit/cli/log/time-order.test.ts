import { expect } from "chai";
import fc from "fast-check";
import { TimeOrder } from "../../../../src/cli/log/time-order.js";

/** A clock whose tasks run when time passes. */
class Clock {
  nowMs = 0;
  #tasks: { readonly atMs: number; readonly task: () => void }[] = [];
  now = (): number => this.nowMs;
  after = (ms: number, task: () => void): (() => void) => {
    const one = { atMs: this.nowMs + ms, task };
    this.#tasks.push(one);
    return () => {
      this.#tasks = this.#tasks.filter((other) => other !== one);
    };
  };
  get waiting(): number {
    return this.#tasks.length;
  }
  pass(ms: number): void {
    const endMs = this.nowMs + ms;
    for (;;) {
      const [next] = this.#tasks.filter(({ atMs }) => atMs <= endMs).sort((a, b) => a.atMs - b.atMs);
      if (next === undefined) break;
      this.#tasks = this.#tasks.filter((one) => one !== next);
      this.nowMs = next.atMs;
      next.task();
    }
    this.nowMs = endMs;
  }
}

function order(holdMs = 500) {
  const clock = new Clock();
  const seen: string[] = [];
  return { clock, seen, order: new TimeOrder<string>(holdMs, clock, (event) => seen.push(event)) };
}

describe("cli/log/time-order", () => {
  it("lets what happened before go first, although it came later", () => {
    const { clock, seen, order: events } = order();
    events.add("b", 20, 0);
    clock.pass(300);
    events.add("a", 10, 0);
    expect(seen).to.deep.equal([]);
    clock.pass(200);
    expect(seen).to.deep.equal(["a", "b"]);
  });

  it("holds nothing back for longer than it says", () => {
    const { clock, seen, order: events } = order();
    events.add("a", 10, 0);
    clock.pass(400);
    events.add("b", 20, 0);
    clock.pass(100);
    expect(seen).to.deep.equal(["a"]);
    clock.pass(500);
    expect(seen).to.deep.equal(["a", "b"]);
    expect(clock.waiting).to.equal(0);
  });

  it("keeps the order of one server within the same millisecond", () => {
    const { seen, order: events } = order();
    for (const event of ["a", "b", "c"]) events.add(event, 10, 0);
    events.flush();
    expect(seen).to.deep.equal(["a", "b", "c"]);
  });

  it("takes an event without time for one of this moment", () => {
    const { seen, order: events } = order();
    events.add("after", 30, 20);
    events.add("now", Number.NaN, 20);
    events.flush();
    expect(seen).to.deep.equal(["now", "after"]);
  });

  it("passes on at once what has nothing to be merged with", () => {
    const { clock, seen, order: events } = order(0);
    events.add("b", 20, 0);
    events.add("a", 10, 0);
    expect(seen).to.deep.equal(["b", "a"]);
    expect(clock.waiting).to.equal(0);
  });

  it("is bounded", () => {
    const { clock, seen, order: events } = order();
    for (let i = 0; i < 10_003; i++) events.add(`${i}`, i, 0);
    expect(seen).to.deep.equal(["0", "1", "2"]);
    events.flush();
    expect(seen).to.have.length(10_003);
    expect(clock.waiting).to.equal(0);
  });

  it("loses nothing, doubles nothing, and sorts whatever comes within the time", () => {
    const event = fc.record({ delayMs: fc.nat(400), waitMs: fc.nat(50) });
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), (events) => {
        const { clock, seen, order: merged } = order();
        const sent: string[] = [];
        for (const [i, { delayMs, waitMs }] of events.entries()) {
          clock.pass(waitMs);
          const timeMs = 1_000_000 + clock.nowMs - delayMs;
          sent.push(`${timeMs} ${i}`);
          merged.add(`${timeMs} ${i}`, timeMs, 0);
        }
        clock.pass(1_000);
        expect([...seen].sort()).to.deep.equal([...sent].sort());
        const times = seen.map((text) => Number(text.split(" ")[0]));
        expect(times).to.deep.equal([...times].sort((a, b) => a - b));
      }),
    );
  });
});
