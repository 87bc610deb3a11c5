import { expect } from "chai";
import { Respawn } from "../../../../src/server/workers/respawn.js";

describe("replacing workers", () => {
  it("is done at once when one that served ends, however often", () => {
    const respawn = new Respawn();
    for (let i = 0; i < 20; i++) expect(respawn.endedAfter(respawn.steadyMs)).to.equal(0);
    expect(respawn.failing).to.equal(false);
    expect(respawn.ended).to.equal(20);
  });

  it("is slower each time when they end soon, up to half a minute, and makes the server unready", () => {
    const respawn = new Respawn();
    const delays = Array.from({ length: 12 }, (_, i) => respawn.endedAfter(i % 2 === 0 ? undefined : 10));
    expect(delays).to.deep.equal([
      0, 250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000, 30_000,
    ]);
    expect(respawn.failing).to.equal(true);
  });

  it("takes five such ends in a row for more than an accident", () => {
    const respawn = new Respawn();
    for (let i = 0; i < 4; i++) respawn.endedAfter(1);
    expect(respawn.failing).to.equal(false);
    respawn.endedAfter(1);
    expect(respawn.failing).to.equal(true);
  });

  it("begins anew when a worker stays", () => {
    const respawn = new Respawn();
    for (let i = 0; i < 6; i++) respawn.endedAfter(undefined);
    respawn.steady();
    expect(respawn.failing).to.equal(false);
    expect(respawn.endedAfter(undefined)).to.equal(0);
  });
});
