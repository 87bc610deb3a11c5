import { expect } from "chai";
import { coalesced } from "../../../src/server/coalesce.js";

describe("calls made few", () => {
  function made() {
    const ends: { resolve: () => void; reject: (error: Error) => void }[] = [];
    const call = coalesced(() => new Promise((resolve, reject) => ends.push({ resolve, reject })));
    return { call, ends };
  }

  it("share the run after the one that is under way", async () => {
    const { call, ends } = made();
    const first = call();
    const others = [call(), call(), call()];
    expect(ends).to.have.length(1);
    ends[0]?.resolve();
    await first;
    await new Promise(setImmediate);
    expect(ends).to.have.length(2);
    const late = call();
    ends[1]?.resolve();
    await Promise.all(others);
    await new Promise(setImmediate);
    expect(ends).to.have.length(3);
    ends[2]?.resolve();
    await late;
  });

  it("are not held up by a run that fails", async () => {
    const { call, ends } = made();
    const first = call().catch((error: unknown) => String(error));
    const second = call().catch((error: unknown) => String(error));
    ends[0]?.reject(new Error("one"));
    expect(await first).to.equal("Error: one");
    await new Promise(setImmediate);
    ends[1]?.reject(new Error("two"));
    expect(await second).to.equal("Error: two");
    const third = call();
    ends[2]?.resolve();
    await third;
  });
});
