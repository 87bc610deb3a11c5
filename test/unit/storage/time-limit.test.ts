import { EventEmitter, getEventListeners } from "node:events";
import { expect } from "chai";
import { withinTime } from "../../../src/storage/time-limit.js";

describe("a limit of time", () => {
  const never = (signal: AbortSignal): Promise<never> =>
    new Promise((_, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    });
  const failureOf = (work: Promise<unknown>): Promise<unknown> =>
    work.then(
      () => expect.fail("it ended well"),
      (error: unknown) => error,
    );

  it("gives what the work gives", async () => {
    expect(await withinTime(60_000, undefined, async ({ aborted }) => aborted)).to.equal(false);
  });

  it("ends the work when the time is over", async () => {
    const { signal } = new AbortController();
    expect(await failureOf(withinTime(1, signal, never))).to.have.property("name", "TimeoutError");
    expect(getEventListeners(signal, "abort")).to.have.length(0);
  });

  it("ends the work with the caller's reason, also when it was given before", async () => {
    const controller = new AbortController();
    const reason = new Error("gone");
    const running = failureOf(withinTime(60_000, controller.signal, never));
    controller.abort(reason);
    expect(await running).to.equal(reason);
    const late = withinTime(60_000, controller.signal, async (signal) => signal.throwIfAborted());
    expect(await failureOf(late)).to.equal(reason);
  });

  it("leaves nothing at a signal that lives longer, whatever becomes of the work", async () => {
    const { signal } = new AbortController();
    EventEmitter.setMaxListeners(100, signal);
    const listeners = (): number => getEventListeners(signal, "abort").length;
    let most = 0;
    await Promise.all(
      Array.from({ length: 50 }, (_, i) =>
        withinTime(60_000, signal, async () => {
          most = Math.max(most, listeners());
          if (i % 2 === 0) throw new Error("failed");
        }).catch(() => undefined),
      ),
    );
    // That listeners are counted at all.
    expect(most).to.be.greaterThan(0);
    expect(listeners()).to.equal(0);
  });
});
