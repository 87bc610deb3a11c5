import { expect } from "chai";
import { inheritedSocket } from "../../../../src/cli/server/inherited-socket.js";

describe("cli/server/inherited-socket", () => {
  for (const [what, env, wanted] of [
    ["one for this process", { LISTEN_PID: "7", LISTEN_FDS: "1" }, 3],
    ["one for another process", { LISTEN_PID: "8", LISTEN_FDS: "1" }, undefined],
    ["one for nobody in particular", { LISTEN_FDS: "1" }, undefined],
    ["none", { LISTEN_PID: "7", LISTEN_FDS: "0" }, undefined],
    ["no number", { LISTEN_PID: "7", LISTEN_FDS: "x" }, undefined],
    ["nothing", {}, undefined],
  ] as const) {
    it(`takes ${what} for ${wanted ?? "no socket"}`, () => {
      expect(inheritedSocket(env, 7)).to.equal(wanted);
    });
  }

  it("refuses several", () => {
    const env = { LISTEN_PID: "7", LISTEN_FDS: "2" };
    expect(() => inheritedSocket(env, 7)).to.throw(/2 sockets were passed on/);
  });
});
