import { expect } from "chai";
import { KesError } from "../../../src/errors.js";
import { type Job, Turns } from "../../../src/keys/turns.js";

/** Turns whose clock and event loop go on when the test says so. */
function bench() {
  let nowMs = 0;
  const soon: (() => void)[] = [];
  const turns = new Turns({ now: () => nowMs, soon: (callback) => void soon.push(callback) });
  return {
    turns,
    advance: (ms: number) => {
      nowMs += ms;
    },
    /** One round of the event loop. */
    async round() {
      for (const callback of soon.splice(0)) callback();
      for (let i = 0; i < 10; i++) await Promise.resolve();
    },
  };
}

const never = new AbortController().signal;
const codeOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => "done",
    (error: unknown) => (error instanceof KesError ? error.code : error),
  );

describe("Turns", () => {
  it("let two jobs work in turn, one in each round", async () => {
    const { turns, advance, round } = bench();
    const done: string[] = [];
    const work = (name: string): Promise<void> =>
      turns.run(1, never, async (job: Job) => {
        for (let i = 0; i < 6; i++) {
          if (job.isOver()) await job.turn();
          done.push(name);
          advance(0.5);
        }
      });
    const all = Promise.all([work("a"), work("b")]);
    const rounds: string[] = [];
    for (let i = 0; i < 6; i++) {
      await round();
      rounds.push(done.splice(0).join(""));
    }
    await all;
    expect(rounds).to.deep.equal(["aa", "bb", "aa", "bb", "aa", "bb"]);
  });

  it("end a job whose caller has gone, and let the next have its turn", async () => {
    const { turns, round } = bench();
    const caller = new AbortController();
    const gone = turns.run(1, caller.signal, (job) => job.turn());
    let isServed = false;
    const other = turns.run(1, never, async (job) => {
      await job.turn();
      isServed = true;
    });
    caller.abort();
    expect(await codeOf(gone)).to.equal("KEYSTORE_TIMEOUT");
    await round();
    await other;
    expect(isServed).to.equal(true);
    expect(await codeOf(turns.run(1, caller.signal, (job) => job.turn()))).to.equal("KEYSTORE_TIMEOUT");
  });

  it("refuse what would be too many jobs or too many bytes, until others have ended", async () => {
    const { turns, round } = bench();
    const wait = (bytes: number): Promise<void> => turns.run(bytes, never, (job) => job.turn());
    const jobs = Array.from({ length: 256 }, () => wait(1));
    expect(await codeOf(wait(1))).to.equal("OVERLOADED");
    for (let i = 0; i < 256; i++) await round();
    await Promise.all(jobs);
    const large = wait(40 * 1024 * 1024);
    expect(await codeOf(wait(40 * 1024 * 1024))).to.equal("OVERLOADED");
    await round();
    await large;
    const again = wait(40 * 1024 * 1024);
    await round();
    await again;
  });

  it("count a job that failed as ended", async () => {
    const { turns, round } = bench();
    for (let i = 0; i < 300; i++)
      expect(await codeOf(turns.run(1, never, () => Promise.reject(new KesError("INTERNAL"))))).to.equal(
        "INTERNAL",
      );
    const last = turns.run(1, never, (job) => job.turn());
    await round();
    await last;
  });
});
